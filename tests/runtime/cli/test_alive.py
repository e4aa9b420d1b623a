"""How much data of a run was alive when, worked out from its records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kedge.cli.alive import alive_over_time
from kedge.core.document import PlanDocument
from kedge.core.graph import OpGraph
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.protocol import Outcome, OutcomeStatus, Times
from kedge.io.stores import Store, open_store
from kedge.local import runs

GRAPH = OpGraph.from_json(
    [
        {"name": "numbers", "outputs": [{"name": "result", "dynamic": True}]},
        {"name": "double", "inputs": {"x": {"map": "numbers"}}},
        {"name": "total", "inputs": {"xs": {"collect": "double"}}},
    ]
)


def value(size: int) -> dict[str, Any]:
    """An output's record, as far as its size is asked."""
    return {"value": {"size": size}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with the records of one run: two clones, each of whose values is read once."""
    found = open_store(f"file://{tmp_path}/store")
    paths = runs.create(found, PlanDocument("01234567", "sizes", GRAPH, "x:y"), "x:y")
    record(found, paths, "numbers", 1.0, {"result": {"a": value(10), "b": value(20)}})
    record(found, paths, "double[a]", 2.0, {"result": value(100)})
    record(found, paths, "double[b]", 3.0, {"result": value(200)})
    record(found, paths, "total", 4.0, {"result": value(1000)})
    return found


def record(store: Store, paths: RunPaths, step: str, ended: float, outputs: dict[str, Any]) -> None:
    key = StepKey.parse(step)
    outcome = Outcome(key, 1, OutcomeStatus.SUCCEEDED, outputs, None, Times(ended, ended=ended))
    store.put(paths.outcome(key, 1), outcome.to_bytes())


def sizes(store: Store) -> list[int]:
    """How many bytes were alive after each record."""
    return [size for _, size in alive_over_time(store, runs.find(store, "latest"))][1:]


def test_a_value_is_alive_until_its_last_reader_has_ended(store: Store) -> None:
    assert sizes(store) == [30, 120, 300, 0]


def test_records_of_what_the_run_does_not_have_count_not(store: Store) -> None:
    paths = runs.find(store, "latest").paths
    record(store, paths, "stranger", 2.5, {"result": value(5)})
    record(store, paths, "double[c]", 3.5, {"result": value(5)})
    assert sizes(store) == [30, 120, 300, 0]
