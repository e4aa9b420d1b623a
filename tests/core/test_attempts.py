"""Attempts: retries and their delays, losses, late and malformed outcomes, and how a run is stopped."""

from __future__ import annotations

from typing import Any

import pytest
from core_play import (
    LOST,
    Play,
    asks_retry,
    build,
    collects,
    dynamic,
    failed,
    fails,
    lost,
    maps,
    op,
    play,
    reads,
    start,
    succeeded,
)

from kedge.core.actions import Finish, RunStatus, Start, Stop, StopReason, Wake
from kedge.core.events import Begin, Cancel, Ended, Lost, Tick
from kedge.core.graph import OpGraph, OpNode
from kedge.core.ids import StepKey
from kedge.core.plan import build as lay_out
from kedge.core.protocol import Outcome, OutcomeStatus
from kedge.core.retry import Backoff, RetryPolicy
from kedge.core.run import Run

A = StepKey("a")


# -- retries --------------------------------------------------------------------------------------------------------


def test_a_policy_retries_that_many_times_with_its_delays() -> None:
    policy = {"maxRetries": 3, "delaySeconds": 10, "backoff": "Exponential"}
    run = start([op("a", retryPolicy=policy)], {"a": fails()})
    waits = []
    while not run.run.finished:
        began = run.now
        run.end("a")
        if run.wakes:
            run.now = run.wakes.pop()
            waits.append(run.now - began)
            run.apply(Tick(run.now))
    assert waits == [10, 30, 70]
    assert run.starts == ["a", "a#2", "a#3", "a#4"]
    assert run.states == {"a": "failed"}


def test_other_steps_run_while_one_waits_for_its_delay() -> None:
    ops = [op("a", retryPolicy={"maxRetries": 1, "delaySeconds": 60}), op("b"), op("c")]
    done = play(ops, {"a": [fails(), None]}, max_concurrent=1)
    assert done.starts == ["a", "b", "c", "a#2"]
    assert done.now == 60
    assert done.run.status is RunStatus.SUCCEEDED


def test_a_tick_before_its_time_starts_nothing() -> None:
    run = start([op("a", retryPolicy={"maxRetries": 1, "delaySeconds": 60})], {"a": fails()})
    assert run.end("a") == [Wake(60.0)]
    assert run.run.state.steps[A].due == 60
    assert run.apply(Tick(59.9)) == []
    assert run.apply(Tick(60.0)) == [Start(A, 2, 1)]
    assert run.run.state.steps[A].due is None


def test_the_ops_policy_beats_the_jobs() -> None:
    job = RetryPolicy(3)
    assert play([op("a"), op("b", retryPolicy={"maxRetries": 0})], {"a": fails(), "b": fails()}, retry=job).starts == [
        "a", "b", "a#2", "a#3", "a#4",
    ]  # fmt: skip


def test_a_failure_that_allows_no_retries_is_final() -> None:
    done = play([op("a", retryPolicy={"maxRetries": 5})], {"a": fails(retryable=False)})
    assert done.starts == ["a"]


@pytest.mark.parametrize(("most", "attempts"), [(0, 1), (1, 2), (2, 3)])
def test_a_requested_retry_has_its_own_limit_and_needs_no_policy(most: int, attempts: int) -> None:
    assert len(play([op("a")], {"a": asks_retry(most)}).starts) == attempts


def test_a_requested_retry_waits_as_long_as_it_asked() -> None:
    run = start([op("a")], {"a": asks_retry(1, delay=7)})
    assert run.end("a") == [Wake(7.0)]


def test_a_retried_run_counts_its_retries() -> None:
    done = play([op("a"), op("b")], {"a": [asks_retry(1), None], "b": [LOST, None]})
    assert done.run.retries == 2
    assert [done.run.state.steps[StepKey(name)].retries for name in "ab"] == [1, 0]


# -- lost attempts --------------------------------------------------------------------------------------------------


def test_a_lost_attempt_is_retried_at_once_and_the_ops_own_retries_are_untouched() -> None:
    ops = [op("a", retryPolicy={"maxRetries": 1, "delaySeconds": 9})]
    run = start(ops)
    assert run.end("a", LOST) == [Start(A, 2, 0)]
    assert run.end("a", fails()) == [Wake(9.0)]
    run.apply(Tick(9.0))
    assert run.end("a", LOST) == [Start(A, 4, 1)]
    assert run.go().states == {"a": "succeeded"}


@pytest.mark.parametrize("budget", [0, 1, 3])
def test_losses_beyond_their_budget_fail_the_step_with_the_cause(budget: int) -> None:
    done = play([op("a")], {"a": LOST}, infrastructure_retries=budget)
    assert len(done.starts) == budget + 1
    failure = done.run.state.steps[A].failure
    assert failure is not None
    assert "evicted" in failure.message
    assert done.states == {"a": "failed"}


def test_a_loss_that_was_recorded_counts_like_one_that_was_seen() -> None:
    run = start([op("a")], infrastructure_retries=1)
    assert run.apply(Ended(lost("a"), 0.0)) == [Start(A, 2, 0)]
    run.apply(Ended(lost("a", 2), 0.0))
    assert run.states == {"a": "failed"}


# -- late, doubled, early and malformed -----------------------------------------------------------------------------


def _retried() -> Play:
    run = start([op("a", retryPolicy={"maxRetries": 1}), reads("b", "a")])
    run.end("a", fails())
    return run


@pytest.mark.parametrize(
    "event",
    [
        Ended(failed("a", 1), 1.0),
        Ended(succeeded("a", 1, result=True), 1.0),
        Lost(A, 1, "deleted", 1.0),
        Lost(A, 3, "deleted", 1.0),
        Ended(succeeded("nobody", 1), 1.0),
        Ended(succeeded("a[k]", 1), 1.0),
        Lost(StepKey("nobody"), 1, "deleted", 1.0),
    ],
)
def test_late_and_strange_reports_change_nothing(event: Any) -> None:
    run = _retried()
    assert run.apply(event) == []
    assert run.states == {"a": "running", "b": "waiting"}
    assert run.run.state.steps[A].attempt == 2
    assert run.go().run.status is RunStatus.SUCCEEDED


def test_a_doubled_outcome_says_nothing_new() -> None:
    run = start([op("a"), reads("b", "a")])
    event = Ended(succeeded("a", result=True), 0.0)
    assert run.apply(event) == [Start(StepKey("b"), 1, 0)]
    assert run.apply(event) == []
    assert run.apply(Ended(failed("a", 2), 0.0)) == []


def test_nothing_happens_after_the_end() -> None:
    done = play([op("a")])
    for event in (Ended(failed("a", 2), 9.0), Lost(A, 1, "x", 9.0), Cancel(9.0), Tick(9.0), Begin(9.0)):
        assert done.apply(event) == []
    assert done.finishes == [RunStatus.SUCCEEDED]


@pytest.mark.parametrize("result", ["early", "failed", "lost"])
def test_an_outcome_read_before_its_source_is_kept_until_its_turn(result: str) -> None:
    run = start([op("a"), reads("b", "a", retryPolicy={"maxRetries": 1})])
    outcome = {"early": succeeded("b", result=True), "failed": failed("b"), "lost": lost("b")}[result]
    assert run.apply(Ended(outcome, 0.0)) == []
    assert run.states["b"] == "waiting"
    actions = run.end("a")
    if result == "early":
        assert actions == [Finish(RunStatus.SUCCEEDED)]
    else:
        assert actions == [Start(StepKey("b"), 2, 1 if result == "failed" else 0)]


def test_an_outcome_of_a_clone_read_before_its_fan_out_is_kept_too() -> None:
    run = start([dynamic("nums"), maps("work", "nums"), collects("all", "work")])
    run.apply(Ended(succeeded("work[k2]", result=True), 0.0))
    run.end("nums")
    assert run.starts == ["nums", "work[k1]"]
    assert run.go().inputs["all"] == {"x": ["work[k1]", "work[k2]"]}


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (succeeded("a", other=True), "'other' that the op does not have"),
        (Outcome(A, 1, OutcomeStatus.SUCCEEDED, {"many": [1]}), "lists no keys"),
        (Outcome(A, 1, OutcomeStatus.SUCCEEDED, {"many": {"a/b": {}}}), "'a/b' is no mapping key"),
    ],
)
def test_a_success_with_outputs_that_cannot_be_fails_the_step_for_good(outcome: Outcome, says: str) -> None:
    ops = [op("a", outputs=[{"name": "many", "dynamic": True}], retryPolicy={"maxRetries": 3}), maps("b", "a.many")]
    run = start(ops)
    run.apply(Ended(outcome, 0.0))
    failure = run.run.state.steps[A].failure
    assert run.states == {"a": "failed"}
    assert failure is not None
    assert says in failure.message
    assert run.finishes == [RunStatus.FAILED]


def test_a_failed_outcome_without_a_reason_is_a_failure() -> None:
    run = start([op("a")])
    run.apply(Ended(Outcome(A, 1, OutcomeStatus.FAILED), 0.0))
    assert run.states == {"a": "failed"}


# -- stopping -------------------------------------------------------------------------------------------------------


def test_cancel_stops_what_runs_cancels_what_waits_for_a_slot_and_leaves_the_rest_untouched() -> None:
    run = start([op("a"), op("b"), op("c"), reads("d", "c"), reads("e", "a")], max_concurrent=2)
    assert run.apply(Cancel(0.0)) == [Stop(A, 1, StopReason.CANCELLED), Stop(StepKey("b"), 1, StopReason.CANCELLED)]
    assert run.apply(Cancel(0.0)) == []
    run.end("a", LOST)
    assert run.finishes == []
    run.end("b")
    assert run.states == {"a": "cancelled", "b": "succeeded", "c": "cancelled", "d": "untouched", "e": "untouched"}
    assert run.finishes == [RunStatus.CANCELLED]


def test_a_step_that_could_start_only_after_the_cancel_is_cancelled() -> None:
    run = start([op("a"), reads("b", "a"), reads("c", "b")])
    run.apply(Cancel(0.0))
    run.end("a")
    assert run.states == {"a": "succeeded", "b": "cancelled", "c": "untouched"}


def test_a_delayed_retry_is_cancelled() -> None:
    run = start([op("a", retryPolicy={"maxRetries": 1, "delaySeconds": 60})], {"a": fails()})
    run.end("a")
    run.apply(Cancel(1.0))
    assert (run.states, run.finishes) == ({"a": "cancelled"}, [RunStatus.CANCELLED])


def test_nothing_is_retried_once_a_run_is_being_stopped() -> None:
    run = start([op("a", retryPolicy={"maxRetries": 5}), op("b")])
    run.apply(Cancel(0.0))
    run.end("a", fails())
    run.end("b", fails())
    assert run.states == {"a": "cancelled", "b": "failed"}


def test_a_run_cancelled_before_it_begins_starts_nothing() -> None:
    run = Play(Run(build([op("a"), reads("b", "a")])))
    run.apply(Cancel(0.0))
    run.begin()
    assert (run.starts, run.finishes) == ([], [RunStatus.CANCELLED])
    assert run.states == {"a": "cancelled", "b": "untouched"}


def test_fail_fast_stops_the_rest_at_the_first_failure_for_good() -> None:
    ops = [op("a", retryPolicy={"maxRetries": 1}), op("b"), op("c"), reads("d", "b")]
    run = start(ops, max_concurrent=2, fail_fast=True)
    run.end("a", fails())
    assert run.stops == []
    run.end("a", fails())
    assert run.stops == ["b"]
    run.end("b")
    assert run.states == {"a": "failed", "b": "succeeded", "c": "cancelled", "d": "cancelled"}
    assert run.finishes == [RunStatus.FAILED]


def test_a_deadline_stops_the_run() -> None:
    run = Play(Run(build([op("a"), reads("b", "a")])))
    run.run.settings = type(run.run.settings)(deadline=100)
    run.now = 1000.0
    assert run.apply(Begin(1000.0)) == [Wake(1100.0), Start(A, 1, 0)]
    assert run.apply(Tick(1099.0)) == []
    assert run.apply(Tick(1100.0)) == [Stop(A, 1, StopReason.DEADLINE)]
    run.end("a", LOST)
    assert run.finishes == [RunStatus.FAILED]


def test_a_run_begins_once() -> None:
    run = start([op("a")])
    assert run.apply(Begin(5.0)) == []


def test_thousands_of_retries_need_no_deep_stack() -> None:
    graph = OpGraph((OpNode("a", retry=RetryPolicy(5000, 1.0, Backoff.EXPONENTIAL)),))
    run = Run(lay_out(graph))
    run.apply(Begin(0.0))
    now = 0.0
    for attempt in range(1, 5001):
        (wake,) = run.apply(Ended(failed("a", attempt), now))
        assert isinstance(wake, Wake)
        now = wake.at
        run.apply(Tick(now))
    assert run.state.steps[A].retries == 5000
