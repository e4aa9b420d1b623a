"""Resources, I/O managers, loaders and hooks: the same on every engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Engine = Callable[..., Any]


def test_a_manager_of_the_user_s_stores_and_loads_with_what_it_noted(engine: Engine, tmp_path: Path) -> None:
    config = {"resources": {"files": {"config": {"base": str(tmp_path / "files")}}}}
    seen = engine("io_jobs:through_files", config)
    assert seen.values["told"] == ["abc", 5, "words", None]
    assert seen.values["each"] == [["x", 3, "letters", "x"], ["y", 3, "letters", "y"]]
    assert len(list((tmp_path / "files").rglob("*.json"))) == 3


def test_files_of_a_path_manager_go_into_the_run_s_store(engine: Engine) -> None:
    assert engine("io_jobs:files_in_the_run_s_store").values["told"] == ["abc", ".json"]


def test_config_of_an_output_reaches_its_manager_and_the_reader_s(engine: Engine) -> None:
    seen = engine("io_jobs:config_of_outputs", {"ops": {"words": {"outputs": {"out": {"table": "t"}}}}})
    assert seen.values["told"] == ["p_t", "t", "words", "out"]


def test_inputs_are_made_of_config_by_managers_and_loaders_where_the_step_runs(engine: Engine) -> None:
    seen = engine("io_jobs:inputs_out_of_config", {"ops": {"loaded": {"inputs": {"x": {"n": 5}, "y": {"n": 2}}}}})
    assert seen.values["loaded"] == [15, 20]
    seen = engine("io_jobs:inputs_out_of_config", {"ops": {"loaded": {"inputs": {"x": {"n": 50}, "y": {"n": 2}}}}})
    assert seen.errors == {"loaded": "DagsterTypeCheckDidNotPass"}


def test_values_in_memory_are_there_or_the_reader_fails(engine: Engine) -> None:
    seen = engine("io_jobs:kept_in_memory")
    assert seen.errors in ({}, {"told": "DagsterExecutionLoadInputError"})


def test_nested_resources_and_models_are_made_of_config(engine: Engine) -> None:
    config = {
        "ops": {"calls": {"config": {"pet": {"cat": {"meows": 2}}, "names": {"a": 1}}}},
        "resources": {"client": {"config": {"url": "u"}}, "api": {"config": {"token": "over"}}},
    }
    assert engine("io_jobs:nested_resources", config).values["calls"] == ["u/3?over", "cat", 2, {"a": 1}]


def test_a_resource_that_can_not_start_fails_the_steps_that_need_it(engine: Engine) -> None:
    seen = engine("io_jobs:resource_that_fails")
    assert seen.errors == {"needs_it": "DagsterResourceFunctionError"}
    assert seen.states["told"] == "untouched"
    assert seen.values["goes_on"] == 1


def test_an_error_in_a_teardown_is_logged_and_changes_nothing(engine: Engine) -> None:
    seen = engine("io_jobs:resource_with_a_bad_teardown")
    assert seen.status == "Succeeded"
    assert seen.values["told"] == 1


def test_hooks_see_events_and_values(engine: Engine) -> None:
    seen = engine("io_jobs:hooked")
    assert sorted(seen.hooks) == ["fails 1", "one 1"]  # for `two` one hook has nothing to do, and one raises
    assert seen.states == {"one": "succeeded", "two": "succeeded", "fails": "failed"}
