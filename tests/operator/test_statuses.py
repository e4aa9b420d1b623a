"""The status of an OpJob: valid in every phase, stable where nothing changes, and small however large the run is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kedge.core import plan
from kedge.core.events import Begin, Cancel, Ended, Tick
from kedge.core.graph import OpGraph
from kedge.core.ids import StepKey
from kedge.core.protocol import Failure, Outcome, OutcomeStatus
from kedge.core.run import Run
from kedge.core.settings import RunSettings
from kedge.core.state import Step, StepState
from kedge.core.status import OpJobStatus, Phase
from kedge_operator import statuses
from kedge_operator.labels import Reason
from kedge_operator.statuses import Condition, Facts

NOW = 1_795_635_310.0
CHAIN: list[dict[str, Any]] = [{"name": "one"}, {"name": "two", "inputs": {"x": {"from": "one"}}}]
FAN: list[dict[str, Any]] = [
    {"name": "parts", "outputs": [{"name": "result", "dynamic": True}]},
    {"name": "size", "inputs": {"x": {"map": "parts"}}},
]


def run_of(ops: list[dict[str, Any]], **settings: Any) -> Run:
    found = Run(plan.build(OpGraph.from_json(ops)), RunSettings(**settings))
    found.apply(Begin(NOW))
    return found


def end(run: Run, step: str, failure: Failure | None = None, keys: list[str] | None = None) -> None:
    given: dict[str, Any] = {"result": {"metadata": {}} if keys is None else dict.fromkeys(keys)}
    status = OutcomeStatus.SUCCEEDED if failure is None else OutcomeStatus.FAILED
    run.apply(Ended(Outcome(StepKey.parse(step), 1, status, given if failure is None else {}, failure), NOW))


def failed(run: Run) -> dict[str, list[Step]]:
    """Failed steps by op, as the actor keeps them."""
    found: dict[str, list[Step]] = {}
    for step in run.state.steps.values():
        if step.state is StepState.FAILED:
            found.setdefault(step.key.op, []).append(step)
    return found


def status_of(run: Run | None, facts: Facts) -> dict[str, Any]:
    """A status that is valid, and as small as it always is."""
    found = statuses.of(run, facts, NOW + 5)
    OpJobStatus.model_validate(found)
    assert len(json.dumps(found, ensure_ascii=False).encode()) < 100_000
    return found


def ended(
    ops: list[dict[str, Any]] = CHAIN, *outcomes: tuple[str, Failure | None], **settings: Any
) -> tuple[Run, Facts]:
    run = run_of(ops, **settings)
    for step, failure in outcomes:
        end(run, step, failure)
    return run, Facts(1, planned=Condition(True, Reason.PLANNED), began=NOW, ended=NOW + 3, failed=failed(run))


def refused() -> tuple[None, Facts]:
    wrong = Condition(False, Reason.PLAN_REFUSED, "a\nb")
    return None, Facts(1, planned=wrong, began=NOW, ended=NOW, ending=(Reason.PLAN_REFUSED, "a\nb"))


def cancelled() -> tuple[Run, Facts]:
    run = run_of(CHAIN)
    run.apply(Cancel(NOW))
    end(run, "one")
    return run, Facts(1, planned=Condition(True, Reason.PLANNED), began=NOW, ended=NOW)


def out_of_time() -> tuple[Run, Facts]:
    run = run_of(CHAIN, deadline=10)
    run.apply(Tick(NOW + 11))
    end(run, "one", Failure("ValueError", "no"))
    return run, Facts(1, planned=Condition(True, Reason.PLANNED), began=NOW, ended=NOW, failed=failed(run))


SITUATIONS: dict[str, tuple[Any, Phase, str, dict[str, str]]] = {
    "nothing known yet": (lambda: (None, Facts()), Phase.PENDING, Reason.PLANNING, {}),
    "its store is away": (
        lambda: (None, Facts(waits=(Reason.STORE_AWAY, "no answer"))),
        Phase.PENDING,
        Reason.STORE_AWAY,
        {},
    ),
    "refused": (refused, Phase.FAILED, Reason.PLAN_REFUSED, {"Planned": "False", "Failed": "True"}),
    "cancelled before it was planned": (
        lambda: (None, Facts(ending=(Reason.CANCELLED, "cancelled"), ended=NOW)),
        Phase.CANCELLED,
        Reason.CANCELLED,
        {"Failed": "True"},
    ),
    "running": (
        lambda: (run_of(CHAIN), Facts(1, planned=Condition(True, Reason.PLANNED), began=NOW)),
        Phase.RUNNING,
        Reason.RUNNING,
        {"Planned": "True"},
    ),
    "waiting for quota": (
        lambda: (run_of(CHAIN), Facts(waits=(Reason.QUOTA, "pods=0"))),
        Phase.RUNNING,
        Reason.QUOTA,
        {},
    ),
    "suspended": (
        lambda: (run_of(CHAIN), Facts(suspended=True)),
        Phase.SUSPENDED,
        Reason.SUSPENDED,
        {"Suspended": "True"},
    ),
    "all well": (
        lambda: ended(CHAIN, ("one", None), ("two", None)),
        Phase.SUCCEEDED,
        Reason.SUCCEEDED,
        {"Planned": "True", "Complete": "True"},
    ),
    "a step failed": (
        lambda: ended(CHAIN, ("one", Failure("ValueError", "no"))),
        Phase.FAILED,
        Reason.STEPS_FAILED,
        {"Planned": "True", "Failed": "True"},
    ),
    "cancelled": (cancelled, Phase.CANCELLED, Reason.CANCELLED, {"Planned": "True", "Failed": "True"}),
    "out of time": (out_of_time, Phase.FAILED, Reason.DEADLINE, {"Planned": "True", "Failed": "True"}),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_situation_has_its_phase_reason_and_conditions(situation: str) -> None:
    make, phase, reason, conditions = SITUATIONS[situation]
    found = status_of(*make())
    assert (found["phase"], found["reason"]) == (phase.value, reason)
    assert {one["type"]: one["status"] for one in found["conditions"]} == conditions


def test_every_phase_is_shown_here() -> None:
    assert {phase for _, phase, _, _ in SITUATIONS.values()} == set(Phase)


def test_a_deadline_is_told_before_the_steps_that_it_ended() -> None:
    assert (
        status_of(*out_of_time())["message"]
        == "activeDeadlineSeconds (10) are over; 1 step failed; one: ValueError: no"
    )


def test_steps_are_counted_by_state_and_by_op() -> None:
    found = status_of(*ended(CHAIN, ("one", Failure("ValueError", "no"))))
    assert found["progress"] == "2/2"
    counts = {"total": 2, "waiting": 0, "running": 0, "succeeded": 0, "failed": 1, "skipped": 1, "cancelled": 0}
    assert found["steps"] == {**counts, "cached": 0, "retries": 0}
    one, two = found["ops"]
    assert (one["failed"], one["failedKeys"], one["message"]) == (1, ["one"], "one: ValueError: no")
    assert (two["skipped"], "message" in two) == (1, False)


# -- conditions -------------------------------------------------------------------------------------------------


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    facts = Facts(1, suspended=True, planned=Condition(True, Reason.PLANNED))
    run = run_of(CHAIN)
    first = statuses.of(run, facts, NOW)["conditions"]
    facts.generation = 2
    second = statuses.of(run, facts, NOW + 60)["conditions"]
    assert [one["lastTransitionTime"] for one in second] == [one["lastTransitionTime"] for one in first]
    assert {one["observedGeneration"] for one in second} == {2}
    facts.suspended = False
    times = {one["type"]: one["lastTransitionTime"] for one in statuses.of(run, facts, NOW + 120)["conditions"]}
    assert times["Planned"] == first[0]["lastTransitionTime"]
    assert times["Suspended"] == statuses.time_text(NOW + 120)


def test_conditions_of_an_earlier_operator_keep_their_times() -> None:
    before = {"type": "Planned", "status": "True", "reason": "Planned", "lastTransitionTime": "2020-01-01T00:00:00Z"}
    facts = Facts(planned=Condition(True, Reason.PLANNED), conditions=[before])
    assert statuses.of(run_of(CHAIN), facts, NOW)["conditions"][0]["lastTransitionTime"] == "2020-01-01T00:00:00Z"


def test_a_condition_without_a_time_gets_one() -> None:
    facts = Facts(planned=Condition(True, Reason.PLANNED), conditions=[{"type": "Planned", "status": "True"}])
    assert status_of(run_of(CHAIN), facts)["conditions"][0]["lastTransitionTime"] == statuses.time_text(NOW + 5)


def test_a_status_that_is_final_is_known_by_its_conditions() -> None:
    assert statuses.is_final(status_of(*refused()))
    assert not statuses.is_final(status_of(run_of(CHAIN), Facts(planned=Condition(True, Reason.PLANNED))))
    for wrong in (None, {}, {"conditions": "x"}, {"conditions": ["x", {"type": ["Complete"]}]}):
        assert not statuses.is_final(wrong)


# -- large runs -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large() -> tuple[Run, Facts]:
    """50,000 clones, of which 300 have failed, with a lot to say."""
    run = run_of(FAN, max_concurrent=50_000)
    end(run, "parts", keys=[f"k{i}" for i in range(50_000)])
    for i in range(300):
        end(run, f"size[k{i}]", Failure("ValueError", "no " * 20_000))
    return run, Facts(1, planned=Condition(True, Reason.PLANNED), began=NOW, failed=failed(run))


def test_the_status_of_50_000_clones_is_small(large: tuple[Run, Facts]) -> None:
    found = status_of(*large)
    size = found["ops"][1]
    assert (size["steps"], size["failed"], size["running"]) == (50_000, 300, 49_700)
    assert size["failedKeys"] == [f"size[k{i}]" for i in range(20)]
    assert size["message"].startswith("size[k0]: ValueError: no no")
    assert len(size["message"].encode()) <= 2_000


class Uncounted(dict[StepKey, Step]):
    """Steps that may be counted, and not looked at one by one."""

    def __iter__(self) -> Iterator[StepKey]:
        raise AssertionError("a status looks at all steps")

    def values(self) -> Any:
        return iter(self)

    def items(self) -> Any:
        return iter(self)


def test_a_status_is_computed_without_looking_at_the_steps(large: tuple[Run, Facts], monkeypatch: Any) -> None:
    run, facts = large
    monkeypatch.setattr(run.state, "steps", Uncounted(run.state.steps))
    assert statuses.of(run, facts, NOW)["steps"]["total"] == 50_001


def many(count: int, length: int = 8) -> list[dict[str, Any]]:
    return [{"name": f"op{i}".ljust(length, "x")} for i in range(count)]


def test_of_many_ops_those_that_failed_or_run_are_shown_in_the_order_of_the_graph() -> None:
    ops = many(1_000)
    run = run_of(ops, max_concurrent=10)
    for i in range(500):
        end(run, ops[i]["name"], Failure("ValueError", "no") if i == 100 else None)
    found = status_of(run, Facts(failed=failed(run)))["ops"]
    assert len(found) == statuses.OPS_SHOWN
    names = [one["name"] for one in found]
    assert ops[100]["name"] in names
    assert {ops[i]["name"] for i in range(500, 510)} <= set(names)
    order = [one["name"] for one in ops]
    assert names == sorted(names, key=order.index)


@pytest.mark.parametrize("length", [8, 190])
@pytest.mark.parametrize("count", [1, 20, 300, 1_000])
@pytest.mark.parametrize("text", ["no ", "é", "🦆", '"\\', "\0\x1b", "\udcff"])
def test_whatever_ops_say_when_they_fail_the_status_is_small(text: str, count: int, length: int) -> None:
    ops = many(count, length)
    run, facts = ended(ops, *((one["name"], Failure("ValueError", text * 9_000)) for one in ops), max_concurrent=count)
    found = status_of(run, facts)
    assert found["phase"] == "Failed"
    assert all(one["failedKeys"] and one["message"] for one in found["ops"])


def test_keys_of_any_length_find_room() -> None:
    run = run_of(FAN, max_concurrent=100)
    keys = [f"{'k' * 3_000}{i}" for i in range(30)]
    end(run, "parts", keys=keys)
    for key in keys:
        end(run, f"size[{key}]", Failure("ValueError", "no"))
    (size,) = [one for one in status_of(run, Facts(failed=failed(run)))["ops"] if one["failed"]]
    assert size["failedKeys"]


def test_what_a_step_said_in_lines_is_told_on_one() -> None:
    told = "error in config for x\n    ops:a: unknown field 'b'\n    ops:c:\n  missing. \n\nSee the page\n"
    found = status_of(*ended(CHAIN, ("one", Failure("ValueError", told))))
    assert found["ops"][0]["message"] == (
        "one: ValueError: error in config for x; ops:a: unknown field 'b'; ops:c: missing. See the page"
    )


def test_one_of_something_is_no_plural() -> None:
    assert [statuses.counted(number, "step") for number in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]


def test_a_refusal_lists_many_faults() -> None:
    text = "\n".join(f"op{i}: unknown input" for i in range(10_000))
    facts = Facts(planned=Condition(False, Reason.PLAN_REFUSED, text), ending=(Reason.PLAN_REFUSED, text), ended=NOW)
    planned = status_of(None, facts)["conditions"][0]
    assert planned["message"].count("\n") > 500
    assert planned["message"].endswith("…")


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcdef", 5, "ab…"),
        ("éé", 4, "éé"),
        ("ééé", 5, "é…"),
        ("a\nb\tc\0", 9, "a\nb\tc "),
        ("a\x1b[2J\x9b2J", 9, "a [2J 2J"),
        ("\udc80", 9, "?"),
    ],
)
def test_text_is_cut_between_characters(text: str, most: int, expected: str) -> None:
    assert statuses.cut(text, most) == expected
