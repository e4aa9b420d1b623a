"""Which ready step starts, and when: priorities, limits, pauses."""

from __future__ import annotations

from typing import Any

import pytest
from core_play import collects, dynamic, fails, maps, op, play, reads, start

from kedge.core.actions import RunStatus
from kedge.core.events import Cancel, Resize, Resume, Suspend
from kedge.core.plan import TagLimit


def test_higher_priorities_start_first_as_integers_and_ties_go_by_definition() -> None:
    ops = [op("a"), op("b", priority=9), op("c", priority=10), op("d", priority=-1), op("e"), op("f", priority=9)]
    assert play(ops, max_concurrent=1).starts == ["c", "b", "f", "a", "e", "d"]


def test_a_step_made_ready_overtakes_those_that_wait_with_lower_priority() -> None:
    ops = [op("a", priority=5), op("b"), op("c"), reads("urgent", "a", priority=1)]
    assert play(ops, max_concurrent=1).starts == ["a", "urgent", "b", "c"]


def test_dependencies_come_before_priorities() -> None:
    assert play([op("low", priority=-5), reads("high", "low", priority=99)], max_concurrent=1).starts == ["low", "high"]


def _batches(*priorities: int) -> list[dict[str, Any]]:
    x, y, z = priorities
    return [
        dynamic("batches"),
        maps("load", "batches", priority=x),
        reads("clean", "load", priority=y),
        reads("save", "clean", priority=z),
        collects("report", "save"),
    ]


def test_without_priorities_clones_go_stage_by_stage() -> None:
    assert play(_batches(0, 0, 0), max_concurrent=1).starts[1:] == [
        "load[k1]", "load[k2]", "clean[k1]", "clean[k2]", "save[k1]", "save[k2]", "report",
    ]  # fmt: skip


def test_with_rising_priorities_each_batch_runs_end_to_end() -> None:
    assert play(_batches(1, 2, 3), max_concurrent=1).starts[1:] == [
        "load[k1]", "clean[k1]", "save[k1]", "load[k2]", "clean[k2]", "save[k2]", "report",
    ]  # fmt: skip


def test_clones_of_one_priority_start_in_the_order_of_their_keys() -> None:
    keys = [f"k{i}" for i in (10, 9, 11, 1, 2)]
    done = play([dynamic("d"), maps("m", "d")], {"d": {"result": keys}}, max_concurrent=2)
    assert done.starts[1:] == [f"m[{key}]" for key in keys]


def test_no_more_than_max_concurrent_are_unfinished_and_a_free_slot_is_filled_at_once() -> None:
    run = start([op(name) for name in "abcde"], max_concurrent=2)
    assert run.starts == ["a", "b"]
    run.end("b")
    assert run.starts == ["a", "b", "c"]
    assert run.run.running == 2


def test_without_a_limit_everything_ready_starts() -> None:
    assert len(start([op(f"o{i}") for i in range(50)], max_concurrent=None).starts) == 50


POOLED = [op("a1", pool="a"), op("a2", pool="a"), op("b1", pool="b"), op("b2", pool="b"), op("free")]


@pytest.mark.parametrize(
    ("limits", "first"),
    [
        ([], ["a1", "a2", "b1", "b2", "free"]),
        ([TagLimit("pool", 1)], ["a1", "free"]),
        ([TagLimit("pool", 3)], ["a1", "a2", "b1", "free"]),
        ([TagLimit("pool", 1, value="a")], ["a1", "b1", "b2", "free"]),
        ([TagLimit("pool", 1, each_value=True)], ["a1", "b1", "free"]),
        ([TagLimit("pool", 3), TagLimit("pool", 1, value="b")], ["a1", "a2", "b1", "free"]),
        ([TagLimit("other", 1)], ["a1", "a2", "b1", "b2", "free"]),
    ],
)
def test_tag_limits(limits: list[TagLimit], first: list[str]) -> None:
    assert start(POOLED, limits=limits).starts == first


def test_a_full_limit_holds_back_its_own_steps_only_whatever_their_priority() -> None:
    ops = [op("a1", pool="a"), op("a2", pool="a", priority=9), op("a3", pool="a", priority=8), op("z", priority=-9)]
    run = start(ops, limits=[TagLimit("pool", 1)])
    assert run.starts == ["a2", "z"]
    run.end("a2")
    assert run.starts == ["a2", "z", "a3"]


def test_a_wider_limit_starts_more_and_a_narrower_one_stops_nothing() -> None:
    run = start([op(name) for name in "abcdef"], max_concurrent=1)
    run.apply(Resize(3, 0.0))
    assert run.starts == ["a", "b", "c"]
    run.apply(Resize(1, 0.0))
    run.end("a")
    run.end("b")
    assert (run.starts, run.stops) == (["a", "b", "c"], [])
    run.end("c")
    assert run.starts[3:] == ["d"]
    run.apply(Resize(None, 0.0))
    assert run.starts[4:] == ["e", "f"]


def test_a_suspended_run_starts_nothing_and_lets_what_runs_end() -> None:
    run = start([op("a"), reads("b", "a"), op("c")], max_concurrent=1)
    run.apply(Suspend(0.0))
    run.end("a")
    assert run.starts == ["a"]
    assert run.run.status is RunStatus.SUSPENDED
    run.apply(Resume(0.0))
    assert run.starts == ["a", "b"]
    assert run.go().run.status is RunStatus.SUCCEEDED


def test_a_run_suspended_before_it_begins_starts_when_resumed() -> None:
    run = start([op("a")])
    again = type(run)(type(run.run)(run.run.plan))
    again.apply(Suspend(0.0))
    again.begin()
    assert again.starts == []
    again.apply(Resume(0.0))
    assert again.starts == ["a"]


def test_a_run_whose_last_step_ends_while_suspended_ends() -> None:
    run = start([op("a")])
    run.apply(Suspend(0.0))
    run.end("a")
    assert run.finishes == [RunStatus.SUCCEEDED]


def test_a_suspended_run_can_be_cancelled() -> None:
    run = start([op("a"), op("b")], max_concurrent=1)
    run.apply(Suspend(0.0))
    run.apply(Cancel(0.0))
    run.end("a", "lost")
    assert run.finishes == [RunStatus.CANCELLED]


def test_a_retry_keeps_the_steps_place_in_line() -> None:
    ops = [op("a", priority=1, retryPolicy={"maxRetries": 1}), op("b"), op("c", priority=2)]
    assert play(ops, {"a": [fails(), None]}, max_concurrent=1).starts == ["c", "a", "a#2", "b"]


def test_an_empty_job_succeeds_at_once() -> None:
    assert start([]).finishes == [RunStatus.SUCCEEDED]
