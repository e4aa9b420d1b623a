"""`fs_io_manager` in process: values really go through a store, and nothing is left behind."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

import kedge as dg
from kedge.core.settings import RunSettings
from kedge.local.inprocess import execute


@dg.op
def give() -> list[int]:
    return [1, 2]


@dg.op
def unpicklable() -> Any:
    return lambda: None


@dg.op
def length(values: Any) -> int:
    return len(values)


def test_values_pass_through_a_store_that_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    @dg.job(resource_defs={"io_manager": dg.fs_io_manager})
    def stored() -> None:
        length(give())

    assert stored.execute_in_process().output_for_node("length") == 2
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_cannot_be_stored_fails_the_step_that_gave_it() -> None:
    @dg.job(resource_defs={"io_manager": dg.fs_io_manager})
    def stored() -> None:
        length(unpicklable())

    result = stored.execute_in_process(raise_on_error=False)
    assert result.is_node_failed("unpicklable")
    assert result.is_node_untouched("length")


def test_a_run_in_process_without_pickles_stores_what_needs_none() -> None:
    @dg.op
    def give_a_set() -> set[int]:
        return {1}

    @dg.job(resource_defs={"io_manager": dg.fs_io_manager})
    def stored() -> None:
        length(give())
        length.alias("other")(give_a_set())

    result = execute(stored, raise_on_error=False, settings=RunSettings(allow_pickle=False))
    assert result.output_for_node("length") == 2
    assert result.get_failed_step_keys() == {"give_a_set"}
