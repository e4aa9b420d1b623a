"""Runs on this machine: making one, listing them, finding one by name."""

from __future__ import annotations

import json
import platform
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kedge.core.document import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG, PlanDocument, Reexecution
from kedge.core.errors import KedgeError, ProtocolError
from kedge.core.layout import RUNS, RunPaths
from kedge.core.protocol import UNREADABLE, text_in, time_in
from kedge.engine.records import NoSuchRun, read_document, read_json_at
from kedge.io.errors import ObjectMissing
from kedge.io.stores import Store
from kedge.local.home import engine_of, home, identity, known_identity
from kedge.worker.documents import document_of, executor_settings, narrowed

__all__ = [
    "ELSEWHERE",
    "IN_PROCESS",
    "NAMESPACE",
    "RunEntry",
    "again",
    "catalogue",
    "create",
    "document_of",
    "executor_settings",
    "find",
    "narrowed",
    "take_over",
]

NAMESPACE = "local"
_MOST_STEPS = 1_000_000_000
ELSEWHERE = "Elsewhere"
IN_PROCESS = "in process"
"""What stands for the target of a run that `execute_in_process` made."""


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run in the catalogue. Times in seconds since the epoch.

    `status` is Running, Interrupted or final; or Elsewhere: it has not ended, and whether it runs is known at `host`
    alone, a machine and the home there.
    """

    name: str
    paths: RunPaths
    run_id: str
    job: str
    target: str
    status: str
    created: float
    ended: float | None
    steps: Mapping[str, int]
    host: str = ""

    def refuse_elsewhere(self) -> None:
        """Raises KedgeError for a run that may be running elsewhere, saying what to do."""
        if self.status == ELSEWHERE:
            raise KedgeError(
                f"{self.name} was begun at {self.host or 'another machine'}, and whether it still runs is known there "
                f"alone\n  if it does not, go on with it here: kedge resume {self.name} --take-over"
            )


def create(store: Store, document: PlanDocument, target: str, locked: bool = True) -> RunPaths:
    """Write a new run's plan and its entry in the catalogue. `locked`: its engine holds a lock in this home."""
    paths = RunPaths.of(NAMESPACE, document.job.replace("_", "-"), document.run_id.replace("-", ""))
    entry = {"runId": document.run_id, "job": document.job, "target": target, "created": time.time()}
    if locked:
        entry |= _here()
    store.put(paths.plan, document.to_bytes())
    store.put(paths.run, json.dumps(entry).encode())
    return paths


def take_over(store: Store, entry: RunEntry) -> RunEntry:
    """Make a run that was begun elsewhere one of this home, where it counts as interrupted."""
    head = {**read_json_at(store, entry.paths.run), **_here()}
    store.put(entry.paths.run, json.dumps(head).encode())
    return replace(entry, status="Interrupted", host=head["host"])


def _here() -> dict[str, str]:
    """Where the lock of a run is that is begun now."""
    return {"home": identity(), "host": f"{platform.node()}:{home()}"}


def again(store: Store, entry: RunEntry, steps: tuple[str, ...] | None) -> PlanDocument:
    """The document of a run that re-executes `entry`: from failure (None), or these steps.

    Raises KedgeError when there is nothing to re-execute.
    """
    if entry.target == IN_PROCESS:
        raise KedgeError(f"{entry.name} ran in process, where values are not kept; start it anew")
    if entry.status == "Running":
        raise KedgeError(f"{entry.name} is Running; wait for its end, or stop it with kedge cancel")
    entry.refuse_elsewhere()
    if steps is None and entry.status == "Succeeded":
        raise KedgeError(f"{entry.name} succeeded, so there is no failure to go on from; name steps to run them again")
    document = read_document(store, entry.paths)
    run_id = str(uuid.uuid4())
    settings = replace(document.settings, run_id=run_id)
    tags = {**document.tags, PARENT_RUN_ID_TAG: entry.run_id}
    tags.setdefault(ROOT_RUN_ID_TAG, entry.run_id)
    return replace(
        document, run_id=run_id, settings=settings, tags=tags, reexecute=Reexecution(entry.paths.prefix, steps)
    )


def catalogue(store: Store) -> list[RunEntry]:
    """All runs in the store, the newest first."""
    found = []
    for folder in store.list_folders(f"{RUNS}/{NAMESPACE}"):
        try:
            found.append(_entry(store, RunPaths(folder.rstrip("/"))))
        except (ObjectMissing, ProtocolError, *UNREADABLE):
            continue  # a run that is being created, or a folder that is not ours
    return sorted(found, key=lambda entry: entry.created, reverse=True)


def find(store: Store, name: str) -> RunEntry:
    """The run of that name, of that id, or with a name or id that starts so; `latest` is the newest.

    Raises NoSuchRun when there is none, or more than one.
    """
    entries = catalogue(store)
    if name == "latest" and entries:
        return entries[0]
    exact = [entry for entry in entries if name in (entry.name, entry.run_id)]
    found = exact or [entry for entry in entries if entry.name.startswith(name) or entry.run_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(entry.name for entry in found[:5])
        raise NoSuchRun(f"{name!r} could be {len(found)} runs ({some}, ...); write more of it")
    raise NoSuchRun(f"there is no run {name!r} in {store.url}; `kedge runs` lists them")


def _entry(store: Store, paths: RunPaths) -> RunEntry:
    head = read_json_at(store, paths.run)
    name = paths.prefix.rpartition("/")[2]
    alive = engine_of(head["runId"]) is not None
    result: Mapping[str, Any] = {}
    if not alive:
        try:
            result = read_json_at(store, paths.result)
        except ObjectMissing:
            result = {"status": "Interrupted" if head.get("home") in (None, known_identity()) else ELSEWHERE}
    return RunEntry(
        name,
        paths,
        text_in(head["runId"]),
        text_in(head["job"]),
        text_in(head["target"]),
        text_in(result.get("status", "Running")),
        time_in(head["created"]),
        None if result.get("ended") is None else time_in(result["ended"]),
        {text_in(state): _count(count) for state, count in result.get("steps", {}).items()},
        text_in(head.get("host", "")),
    )


def _count(found: Any) -> int:
    if not isinstance(found, int) or not 0 <= found < _MOST_STEPS:
        raise ValueError(f"{str(found)[:20]} is no number of steps")
    return found
