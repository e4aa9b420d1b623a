"""What plan pods leave is read within bounds: an operator goes through it for all runs at once."""

from __future__ import annotations

import json
from typing import Any

from kedge.core.layout import RunPaths
from kedge.core.planning import Planned
from kedge.core.protocol import MOST_PLANNED
from kedge.io.stores import open_store
from kedge_operator.planning import stored_plan

PATHS = RunPaths("runs/team/sizes-01234567")


def left(values: int, name: str) -> Planned:
    """What an operator reads of a plan whose one op has a config of so many values."""
    op: dict[str, Any] = {"name": "one", "config": [0] * values}
    store = open_store(f"memory://{name}")
    store.put(PATHS.planned(1), json.dumps({"version": 1, "attempt": 1, "spec": {"ops": [op]}}).encode())
    found, _ = stored_plan(store, PATHS)
    assert found is not None
    return found


def test_a_plan_of_more_values_than_are_read_is_a_fault() -> None:
    assert not left(MOST_PLANNED - 10, "most").errors
    (fault,) = left(MOST_PLANNED, "more").errors
    assert f"no more than {MOST_PLANNED} are read" in fault.message
