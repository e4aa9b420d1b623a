"""One suite for every engine: the same job gives the same steps, values and order, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kedge.core.settings import Retain

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


def test_config_mapped_by_a_graph_reaches_the_op(engine: Engine) -> None:
    seen = engine("mapped_config", {"ops": {"mapped_number": {"config": {"half": 4}}}})
    assert seen.values["add_one"] == 9


def test_config_mapped_by_a_job_reaches_the_op(engine: Engine) -> None:
    assert engine("mapped_job_config", {"n": 4}).values["add_one"] == 5


def test_each_partition_has_its_config_and_its_tags(engine: Engine) -> None:
    values = [engine("partitioned", partition_key=key).values for key in ("a", "bb")]
    assert values == [{"number": 1, "partition": "a a"}, {"number": 2, "partition": "bb bb"}]


def test_a_graph_out_of_dependencies_maps_and_collects(engine: Engine) -> None:
    seen = engine("by_dependencies")
    assert seen.values["total"] == 9
    assert {"up[k1]", "up[k2]", "up[k3]"} <= set(seen.states)


def test_config_feeds_the_input_of_a_nested_graph(engine: Engine) -> None:
    assert engine("graph_input", {"ops": {"passes": {"inputs": {"x": {"value": 4}}}}}).values["passes.add_one"] == 5


def test_retries_can_be_switched_off_for_a_run(engine: Engine) -> None:
    assert engine("keeps_failing").retries == 3
    seen = engine("keeps_failing", retries=False)
    assert (seen.status, seen.retries) == ("Failed", 0)


def test_failure_hooks_run_at_the_last_attempt_that_this_run_makes(engine: Engine) -> None:
    assert engine("keeps_failing").hooks == ["never_well 4"]
    assert engine("keeps_failing", retries=False).hooks == ["never_well 1"]


SCALED = {f"plus_one[n{i}]" for i in range(3)} | {"each", "scale"}


def memoized(engine: Engine, by: int = 10, **settings: Any) -> Any:
    seen = engine("memoized", {"ops": {"scale": {"config": {"by": by}}}}, **settings)
    assert seen.values["sum_each_time"] == 6 * by + 3
    return seen


def test_a_memoized_step_takes_over_what_an_earlier_run_gave(engine: Engine) -> None:
    assert memoized(engine).cached == set()
    again = memoized(engine)
    assert again.cached == SCALED | {"fetch"}
    assert set(again.states.values()) == {"succeeded"}
    assert memoized(engine).cached == again.cached, "what was taken over can be taken over again"


def test_a_step_runs_again_when_its_config_or_what_it_reads_has_changed(engine: Engine) -> None:
    memoized(engine, by=10)
    assert memoized(engine, by=20).cached == {"fetch"}


def test_without_the_cache_memoized_steps_run_and_are_kept_for_others(engine: Engine) -> None:
    memoized(engine)
    assert memoized(engine, cache=False).cached == set()
    assert memoized(engine).cached == SCALED | {"fetch"}


def test_a_run_that_deletes_what_it_has_consumed_leaves_what_it_took_over(engine: Engine) -> None:
    first = memoized(engine)
    assert memoized(engine, retain=Retain.UNTIL_CONSUMED).cached == first.states.keys() - {"sum_each_time"}
    assert memoized(engine).cached == first.states.keys() - {"sum_each_time"}


def test_values_that_are_to_be_deleted_are_not_left_for_others(engine: Engine) -> None:
    memoized(engine, retain=Retain.UNTIL_CONSUMED)
    assert memoized(engine).cached == set()
