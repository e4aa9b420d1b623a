"""retainValues: UntilConsumed. A value goes when its last reader is done, once; results stay."""

from __future__ import annotations

from typing import Any

from core_play import LOST, collects, dynamic, fails, joins, maps, op, play, reads, start, succeeded

from kedge.core.ids import StepKey
from kedge.core.run import History
from kedge.core.settings import Retain

CONSUMED = {"retain": Retain.UNTIL_CONSUMED}


def test_values_stay_unless_told_otherwise() -> None:
    assert play([op("a"), reads("b", "a")]).discards == []
    assert play([op("a"), reads("b", "a")], retain=Retain.UNTIL_FINISHED).discards == []


def test_a_value_goes_when_its_last_reader_has_ended_and_results_stay() -> None:
    run = start([op("a"), reads("b", "a"), reads("c", "a"), joins("d", "a", "b")], **CONSUMED)
    run.end("a")
    run.end("b")
    run.end("c")
    assert run.discards == []
    run.end("d")
    assert run.discards == ["b", "a"] or run.discards == ["a", "b"]


def test_a_reader_that_failed_keeps_its_inputs() -> None:
    assert play([op("a"), reads("b", "a"), reads("c", "a")], {"b": fails()}, **CONSUMED).discards == []
    assert play([op("a"), reads("b", "a"), reads("c", "b")], {"b": fails()}, **CONSUMED).discards == []


def test_an_attempt_that_is_retried_keeps_its_inputs_until_the_last() -> None:
    run = start([op("a"), reads("b", "a", retryPolicy={"maxRetries": 1})], **CONSUMED)
    run.end("a")
    run.end("b", fails())
    run.end("b", LOST)
    assert run.discards == []
    run.end("b")
    assert run.discards == ["a"]


def test_a_skipped_reader_lets_go() -> None:
    fork = op("fork", outputs=[{"name": "x", "required": False}])
    done = play(
        [fork, op("a"), op("b", inputs={"x": {"from": "fork.x"}, "y": {"from": "a"}})], {"fork": {}}, **CONSUMED
    )
    assert done.discards == ["a"]


BATCHES: list[dict[str, Any]] = [
    dynamic("batches"),
    maps("load", "batches"),
    reads("clean", "load", priority=1),
    collects("report", "clean", priority=2),
]


def test_a_batch_goes_as_soon_as_it_was_consumed() -> None:
    run = start(BATCHES, max_concurrent=1, **CONSUMED)
    for step in ("batches", "load[k1]", "clean[k1]"):
        run.end(step)
    assert run.discards == ["batches:k1", "load[k1]"]
    run.go()
    assert run.discards == ["batches:k1", "load[k1]", "batches:k2", "load[k2]", "clean[k1]", "clean[k2]"]


def test_a_value_broadcast_into_clones_goes_when_all_have_ended() -> None:
    ops = [op("base"), dynamic("nums"), op("work", inputs={"x": {"map": "nums"}, "y": {"from": "base"}})]
    run = start(ops, **CONSUMED)
    for step in ("base", "nums", "work[k1]"):
        run.end(step)
    assert run.discards == ["nums:k1"]
    run.end("work[k2]")
    assert run.discards == ["nums:k1", "nums:k2", "base"]


def test_a_value_broadcast_into_no_clones_goes_too_also_when_they_were_known_before_it() -> None:
    ops = [op("base"), dynamic("nums"), op("work", inputs={"x": {"map": "nums"}, "y": {"from": "base"}})]
    for first, second in (("base", "nums"), ("nums", "base")):
        run = start(ops, {"nums": {"result": []}}, **CONSUMED)
        run.end(first)
        run.end(second)
        assert run.discards == ["base"]


def test_one_failed_clone_keeps_what_was_broadcast_and_its_own_element() -> None:
    ops = [op("base"), dynamic("nums"), op("work", inputs={"x": {"map": "nums"}, "y": {"from": "base"}})]
    assert play(ops, {"work[k1]": fails()}, **CONSUMED).discards == ["nums:k2"]


def test_what_was_inherited_belongs_to_the_earlier_run_and_stays() -> None:
    history = History(inherited={StepKey("a"): succeeded("a", result=True)})
    assert play([op("a"), reads("b", "a"), reads("c", "b")], history=history, **CONSUMED).discards == ["b"]
