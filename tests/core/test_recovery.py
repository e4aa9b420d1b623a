"""A run taken up again (records, live attempts), and a re-execution of an earlier one (inherited, selected)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from core_play import Play, build, collects, dynamic, failed, lost, maps, op, reads, start, succeeded

from kedge.core.actions import Finish, RunStatus, Start, Stop, StopReason, Wake
from kedge.core.events import Begin, Cancel, Ended, Lost, Tick
from kedge.core.graph import OpGraph
from kedge.core.ids import StepKey
from kedge.core.protocol import Outcome, Times
from kedge.core.run import History, Run
from kedge.core.selection import select_steps
from kedge.core.settings import RunSettings

NUMS = [dynamic("nums"), maps("work", "nums"), reads("echo", "work"), collects("merge", "echo")]
A = StepKey("a")


def records(*outcomes: Outcome) -> dict[StepKey, list[Outcome]]:
    found: dict[StepKey, list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(one.step, []).append(one)
    return found


def live(*attempts: str) -> frozenset[tuple[StepKey, int]]:
    pairs = (text.partition("#") for text in attempts)
    return frozenset((StepKey.parse(step), int(attempt or 1)) for step, _, attempt in pairs)


def inherit(outcomes: Iterable[Outcome]) -> dict[StepKey, Outcome]:
    return {one.step: one for one in outcomes}


# -- taken up again -------------------------------------------------------------------------------------------------


def test_a_run_goes_on_where_records_and_live_attempts_say_it_is() -> None:
    history = History(
        records=records(succeeded("nums", result=["k1", "k2", "k3"]), succeeded("work[k1]", result=True)),
        live=live("work[k2]"),
    )
    run = start(NUMS, history=history, max_concurrent=3)
    assert run.starts == ["work[k3]", "echo[k1]"] or run.starts == ["echo[k1]", "work[k3]"]
    assert run.run.running == 3
    run.apply(Ended(succeeded("work[k2]", result=True), 0.0))
    assert run.go().run.status is RunStatus.SUCCEEDED
    assert run.inputs["merge"] == {"x": ["echo[k1]", "echo[k2]", "echo[k3]"]}


def test_a_run_that_had_ended_ends_again_at_once() -> None:
    run = start([op("a"), reads("b", "a")], history=History(records(succeeded("a", result=True), failed("b"))))
    assert (run.starts, run.finishes) == ([], [RunStatus.FAILED])


def test_live_attempts_count_against_the_limits_even_beyond_them() -> None:
    run = start([op(name) for name in "abcd"], history=History(live=live("a", "b", "c")), max_concurrent=2)
    assert (run.starts, run.run.running) == ([], 3)
    run.apply(Ended(succeeded("a", result=True), 0.0))
    assert run.starts == []
    run.apply(Ended(succeeded("b", result=True), 0.0))
    assert run.starts == ["d"]


def test_budgets_are_counted_again_from_the_records() -> None:
    ops = [op("a", retryPolicy={"maxRetries": 2})]
    run = start(ops, history=History(records(failed("a", 1), lost("a", 2), failed("a", 3))))
    assert run.starts == ["a#4"]
    step = run.run.state.steps[A]
    assert (step.retries, step.losses, run.run.retries) == (2, 1, 3)


def test_an_attempt_that_runs_is_waited_for_though_its_delay_is_not_over() -> None:
    ops = [op("a", retryPolicy={"maxRetries": 2, "delaySeconds": 60})]
    run = start(ops, history=History(records(failed("a", 1)), live("a#2")))
    assert (run.starts, run.wakes, run.states) == ([], [], {"a": "running"})


def test_a_delay_is_counted_from_the_end_of_the_attempt_and_not_from_the_restart() -> None:
    ops = [op("a", retryPolicy={"maxRetries": 2, "delaySeconds": 60})]
    ended = replace(failed("a", 1), times=Times(1000.0, ended=1010.0))
    run = Run(build(ops), history=History(records(ended)))
    assert run.apply(Begin(1030.0)) == [Wake(1070.0)]
    again = Run(build(ops), history=History(records(ended)))
    assert again.apply(Begin(1071.0)) == [Start(A, 2, 1)]


def test_a_worker_with_a_fast_clock_cannot_put_its_retry_off() -> None:
    ops = [op("a", retryPolicy={"maxRetries": 1, "delaySeconds": 60})]
    ended = replace(failed("a", 1), times=Times(0.0, ended=9e9))
    assert Run(build(ops), history=History(records(ended))).apply(Begin(1000.0)) == [Wake(1060.0)]


def test_a_doubled_record_does_not_cut_a_delay_short() -> None:
    ops = [op("a", retryPolicy={"maxRetries": 2, "delaySeconds": 60})]
    run = start(ops, history=History(records(failed("a", 1), failed("a", 1))))
    assert (run.starts, run.states) == ([], {"a": "delayed"})


def test_a_later_attempt_that_lives_is_not_joined_by_an_earlier_one() -> None:
    run = start([op("a"), reads("b", "a")], history=History(live=live("a#2")))
    assert (run.starts, run.states["a"], run.run.state.steps[A].attempt) == ([], "running", 2)
    assert run.apply(Ended(succeeded("a", 2, result=True), 0.0)) == [Start(StepKey("b"), 1, 0)]


def test_a_live_attempt_lost_before_its_step_is_known_to_run_is_made_again() -> None:
    run = start([op("a"), reads("b", "a")], history=History(live=live("a", "b")))
    run.apply(Lost(StepKey("b"), 1, "deleted", 0.0))
    assert run.apply(Ended(succeeded("a", result=True), 0.0)) == [Start(StepKey("b"), 2, 0)]


def test_records_of_thousands_of_attempts_need_no_deep_stack() -> None:
    attempts = [failed("a", n) for n in range(1, 5001)]
    run = start([op("a", retryPolicy={"maxRetries": 10_000})], history=History(records(*attempts)))
    assert run.starts == ["a#5001"]


def test_malformed_records_fail_their_step_and_no_other() -> None:
    run = start([op("a"), op("b")], history=History(records(succeeded("a", nonsense=True))))
    assert run.states == {"a": "failed", "b": "running"}


@pytest.mark.parametrize("order", ["cancel first", "begin first"])
def test_a_cancelled_run_taken_up_again_stops_what_still_lives(order: str) -> None:
    ops = [op("a"), reads("b", "a"), reads("c", "b"), op("d")]
    history = History(records(succeeded("a", result=True)), live("b"))
    run = Play(Run(build(ops), RunSettings(max_concurrent=1), history))
    for event in (Cancel(0.0), Begin(0.0)) if order == "cancel first" else (Begin(0.0), Cancel(0.0)):
        run.apply(event)
    assert (run.starts, run.stops, run.finishes) == ([], ["b"], [])
    assert run.apply(Lost(StepKey("b"), 1, "stopped", 0.0)) == [Finish(RunStatus.CANCELLED)]
    assert run.states == {"a": "succeeded", "b": "cancelled", "c": "untouched", "d": "cancelled"}


def test_with_fail_fast_what_lives_below_a_recorded_success_is_stopped_too() -> None:
    ops = [op("bad"), op("a"), reads("b", "a")]
    history = History(records(failed("bad"), succeeded("a", result=True)), live("b"))
    run = Run(build(ops), RunSettings(fail_fast=True), history)
    assert run.apply(Begin(0.0)) == [Stop(StepKey("b"), 1, StopReason.FAIL_FAST)]
    assert run.state.steps[A].state.value == "succeeded"


def test_a_retry_that_had_succeeded_stands_though_the_run_was_cancelled_later() -> None:
    ops = [op("a", retryPolicy={"maxRetries": 1})]
    run = Play(Run(build(ops), history=History(records(failed("a", 1), succeeded("a", 2, result=True)))))
    run.apply(Cancel(0.0))
    run.begin()
    assert run.states == {"a": "succeeded"}


def test_a_deadline_counts_from_the_first_begin() -> None:
    run = Run(build([op("a")]), RunSettings(deadline=100), History(live=live("a")))
    assert run.apply(Begin(1000.0)) == [Wake(1100.0)]
    assert run.apply(Tick(5000.0)) == [Stop(A, 1, StopReason.DEADLINE)]


# -- re-execution ---------------------------------------------------------------------------------------------------


def test_from_failure_only_what_failed_and_what_was_not_run_starts() -> None:
    first = start(NUMS)
    outcomes = [
        succeeded("nums", result=["k1", "k2"]),
        succeeded("work[k2]", result=True),
        succeeded("echo[k2]", result=True),
    ]
    for one in (*outcomes, failed("work[k1]")):
        first.apply(Ended(one, 0.0))
    assert first.run.status is RunStatus.FAILED
    again = start(NUMS, history=History(inherited=inherit(outcomes))).go()
    assert again.starts == ["work[k1]", "echo[k1]", "merge"]
    assert again.inputs["merge"] == {"x": ["echo[k1]", "echo[k2]"]}
    assert again.run.status is RunStatus.SUCCEEDED
    assert {str(key) for key, step in again.run.state.steps.items() if step.cached} == {"nums", "work[k2]", "echo[k2]"}


def test_skips_are_decided_again_from_the_old_outputs() -> None:
    ops = [op("a", outputs=[{"name": "result", "required": False}]), reads("b", "a")]
    run = start(ops, history=History(inherited=inherit([succeeded("a")])))
    assert run.states == {"a": "succeeded", "b": "skipped"}
    assert run.finishes == [RunStatus.SUCCEEDED]


def test_selected_steps_run_again_though_they_had_succeeded_and_others_are_inherited_or_left_out() -> None:
    graph = OpGraph.from_json([*NUMS, op("other")])
    old = [succeeded("nums", result=["k1", "k2"])]
    old += [succeeded(f"{name}[{key}]", result=True) for name in ("work", "echo") for key in ("k1", "k2")]
    history = History(inherited=inherit(old), selected=select_steps(graph, ["echo[k2]*"]))
    run = start(graph.to_json(), history=history).go()
    assert run.starts == ["echo[k2]", "merge"]
    assert run.states["other"] == "untouched"
    assert run.run.status is RunStatus.SUCCEEDED


def test_an_inherited_outcome_that_no_longer_fits_is_run_again() -> None:
    run = start([op("a")], history=History(inherited=inherit([succeeded("a", gone=True)])))
    assert run.starts == ["a"]


def test_a_failure_is_never_inherited() -> None:
    run = start([op("a")], history=History(inherited=inherit([failed("a")])))
    assert run.starts == ["a"]


def test_a_re_execution_can_itself_be_taken_up_again() -> None:
    old = [succeeded("nums", result=["k1", "k2"]), succeeded("work[k2]", result=True)]
    history = History(records(succeeded("work[k1]", result=True)), live("echo[k1]"), inherit(old))
    assert start(NUMS, history=history).starts == ["echo[k2]"]
