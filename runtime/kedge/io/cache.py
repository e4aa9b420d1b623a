"""The cache of memoized steps: which run's outputs stand for a cache key. Objects in the store, and nothing else.

An entry points to values of an earlier run. It counts only while all of them are still there, so that removing a run
removes nothing that is believed to exist.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kedge.core.errors import ProtocolError
from kedge.core.graph import OpNode
from kedge.core.ids import StepKey
from kedge.core.layout import CACHE, RUNS, RunPaths
from kedge.core.memo import can_be_kept, records_of
from kedge.core.protocol import (
    MOST_BYTES,
    PROTOCOL_VERSION,
    UNREADABLE,
    Outcome,
    OutcomeStatus,
    check_outputs,
    check_version,
    read_json,
    text_in,
)
from kedge.io.errors import ObjectMissing, ObjectTooLarge
from kedge.io.stores import Store


@dataclass(frozen=True, slots=True)
class Cached:
    """Outputs that a step can take over, and the run (its place in the store) that made them."""

    outputs: Mapping[str, Any]
    run: str


class ResultCache:
    """The cache of one namespace of a store."""

    def __init__(self, store: Store, namespace: str) -> None:
        self._store = store
        self._folder = f"{CACHE}/{namespace}"
        self._paths = RunPaths(f"{RUNS}/{namespace}/cache")

    def find(self, key: str, step: StepKey, node: OpNode) -> Cached | None:
        """What stands for a key, if all its values are there. An entry that can't be read counts as none."""
        try:
            data = read_json(self._store.get(f"{self._folder}/{key}.json", most=MOST_BYTES), "cache entry")
            check_version(data, "cache entry")
            found = Cached(data["outputs"], text_in(data["run"]))
            sizes = {record["value"]["path"]: record["value"]["size"] for record in self._records(found, step, node)}
        except (ObjectMissing, ObjectTooLarge, ProtocolError, *UNREADABLE):
            return None
        return found if self._are_there(sizes) else None

    def keep(self, key: str, outcome: Outcome, node: OpNode, run: str) -> None:
        """Let later steps with this key take over the outputs of a success, where they can."""
        if _fault_in(outcome, node) is None and can_be_kept(outcome, node):
            entry = {"version": PROTOCOL_VERSION, "step": str(outcome.step), "run": run, "outputs": outcome.outputs}
            self._store.put(f"{self._folder}/{key}.json", json.dumps(entry, separators=(",", ":")).encode())

    def _records(self, found: Cached, step: StepKey, node: OpNode) -> list[Mapping[str, Any]]:
        as_outcome = Outcome(step, 1, OutcomeStatus.SUCCEEDED, found.outputs)
        fault = _fault_in(as_outcome, node)
        if fault is not None or any(out.required and out.name not in found.outputs for out in node.outputs):
            raise ProtocolError(fault or "an output is missing")
        return [record for record in records_of(found.outputs, node) if record is not None]

    def _are_there(self, sizes: Mapping[str, int]) -> bool:
        """Whether the values are in runs of this namespace, and have not gone.

        One listing for each folder: a fan-out has thousands of values in one.
        """
        if not all(map(self._paths.may_read, sizes)):
            return False
        folders = {path.rpartition("/")[0] for path in sizes}
        there = {info.path: info.size for folder in folders for info in self._store.list(folder)}
        return all(there.get(path) == size for path, size in sizes.items())


def _fault_in(outcome: Outcome, node: OpNode) -> str | None:
    """What is wrong with the outputs of an outcome of this op, or None."""
    return check_outputs(outcome, {out.name: out.dynamic for out in node.outputs})
