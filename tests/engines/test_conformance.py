"""One suite for every engine: the same job gives the same steps, values and order, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Engine = Callable[..., Any]


@pytest.mark.parametrize(
    ("job", "step", "value"),
    [
        ("diamond", "total", 4),
        ("nested_graph", "add_two.add_one_2", 3),
        ("mapped", "total", 12),
        ("map_in_map", "as_list", [[31, 32, 33], [11], [21, 22]]),
        ("collect_twice", "as_list", [[31, 32, 33], [11], [21, 22]]),
        ("empty_fan_out", "total", 0),
        ("collected_itself", "as_list", [3, 1, 2]),
        ("broadcast", "sum_all", 9),
        ("configured", "total", 12),
        ("lazy_collect", "lazily", 9),
        ("order_alone", "afterwards", "after"),
        ("retried", "total", 3),
    ],
)
def test_a_job_gives_its_value(engine: Engine, job: str, step: str, value: Any) -> None:
    seen = engine(job)
    assert seen.status == "Succeeded"
    assert seen.values[step] == value


def test_clones_are_named_by_their_keys_to_any_depth(engine: Engine) -> None:
    states = engine("map_in_map").states
    assert "add_one[k3,n2]" in states
    assert {key for key in states if key.startswith("up_to")} == {"up_to[k3]", "up_to[k1]", "up_to[k2]"}


def test_an_output_not_given_skips_its_readers_and_a_list_drops_it(engine: Engine) -> None:
    seen = engine("branches")
    assert seen.status == "Succeeded"
    assert seen.states["on_low"] == "succeeded"
    assert seen.states["on_high"] == seen.states["b"] == "skipped"
    assert seen.values["as_list"] == [2]


def test_a_failure_blocks_what_depends_on_it_and_nothing_else(engine: Engine) -> None:
    seen = engine("one_branch_fails")
    assert seen.status == "Failed"
    assert seen.states == {"one": "succeeded", "boom": "failed", "never": "untouched", "goes_on": "succeeded"}
    assert seen.errors == {"boom": "ValueError"}


def test_one_failed_clone_leaves_its_siblings_running_and_the_collect_untouched(engine: Engine) -> None:
    seen = engine("one_clone_fails")
    assert seen.states["odd_only[k2]"] == "failed"
    assert seen.states["add_one[k2]"] == "untouched"
    assert seen.states["add_one[k3]"] == seen.states["add_one[k1]"] == "succeeded"
    assert seen.states["total"] == "untouched"


def test_retries_by_policy_and_by_request_are_counted(engine: Engine) -> None:
    seen = engine("retried")
    assert seen.retries == 3
    assert seen.values["third_time"] == 2
    assert seen.values["asks_again"] == 1


def test_a_value_of_the_wrong_type_fails_the_step_that_gave_it(engine: Engine) -> None:
    seen = engine("wrong_output_type")
    assert seen.errors == {"wrong_type": "DagsterTypeCheckDidNotPass"}
    assert seen.states["add_one"] == "untouched"


def test_rising_priorities_run_each_batch_end_to_end(engine: Engine) -> None:
    started = [key for key in engine("depth_first").started if "[" in key]
    assert started == [f"{op}[{key}]" for key in ("k3", "k1", "k2") for op in ("extract", "transform", "load")]


def test_without_priorities_clones_go_stage_by_stage(engine: Engine) -> None:
    started = [key for key in engine("mapped").started if "[" in key]
    assert started == [f"{op}[{key}]" for op in ("add_one", "add_one_2") for key in ("k3", "k1", "k2")]


def test_fail_fast_stops_what_has_not_started(engine: Engine) -> None:
    seen = engine("one_branch_fails", fail_fast=True)
    assert seen.status == "Failed"
    assert seen.states["goes_on"] == "cancelled"
