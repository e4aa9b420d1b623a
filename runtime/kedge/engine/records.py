"""Reading a run back from its store: its document, its outcomes, and the state that follows from them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kedge.core.actions import RunStatus
from kedge.core.document import PlanDocument
from kedge.core.errors import KedgeError, ProtocolError, VersionMismatch
from kedge.core.events import Begin
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.plan import Plan, build
from kedge.core.protocol import MOST_BYTES, MOST_VALUES, Failure, Outcome, OutcomeStatus, count_from_1, read_json
from kedge.core.run import History, Run
from kedge.core.selection import select_steps
from kedge.core.settings import Retain
from kedge.io.errors import ObjectMissing, ObjectTooLarge, StoreError, StoreUnavailable
from kedge.io.stores import ObjectInfo, Store

_log = logging.getLogger("kedge.engine")


class NoSuchRun(KedgeError):
    """A run that is not in the store."""


def read_document(store: Store, paths: RunPaths) -> PlanDocument:
    """The plan document. Raises NoSuchRun when the store has none."""
    try:
        return PlanDocument.from_bytes(store.get(paths.plan, most=MOST_BYTES))
    except ObjectMissing:
        raise NoSuchRun(f"there is no run {paths.prefix} in {store.url}") from None


def read_json_at(store: Store, path: str, most: int = MOST_VALUES) -> Mapping[str, Any]:
    """The object in a JSON file of a run, of so many values at most.

    Raises ObjectMissing, and ProtocolError for what is none or is too large.
    """
    try:
        found = read_json(store.get(path, most=MOST_BYTES), path, most)
    except ObjectTooLarge as error:
        raise ProtocolError(str(error)) from error
    if not isinstance(found, Mapping):
        raise ProtocolError(f"{path} holds no object")
    return found


def read_outcomes(store: Store, paths: RunPaths) -> dict[StepKey, list[Outcome]]:
    """All outcome records by step, in the order of their attempts. One that can't be read counts as lost."""
    found: dict[StepKey, list[Outcome]] = {}
    infos = sorted(store.list(paths.outcomes.rstrip("/")))
    for batch in _batches(infos):
        for path, data in zip(batch, _contents(store, batch), strict=True):
            outcome = parse_record(path, data)
            if outcome is not None:
                found.setdefault(outcome.step, []).append(outcome)
    for records in found.values():
        records.sort(key=lambda one: one.attempt)
    return found


def _batches(infos: Sequence[ObjectInfo]) -> Iterator[list[str]]:
    """Their paths, as many at a time as may be held in memory before they are parsed."""
    batch: list[str] = []
    room = MOST_BYTES
    for info in infos:
        if batch and info.size > room:
            yield batch
            batch, room = [], MOST_BYTES
        batch.append(info.path)
        room -= min(info.size, MOST_BYTES)  # a larger one is not read
    if batch:
        yield batch


def _contents(store: Store, batch: Sequence[str]) -> Sequence[bytes | None]:
    """The bytes of some records; None for one that is too large."""
    try:
        return store.get_many(batch, most=MOST_BYTES)
    except ObjectTooLarge:
        return [_content(store, path) for path in batch]


def _content(store: Store, path: str) -> bytes | None:
    try:
        return store.get(path, most=MOST_BYTES)
    except ObjectTooLarge:
        return None


def read_record(store: Store, path: str, step: StepKey, attempt: int) -> Outcome:
    """The record of an attempt; see `parse_record`. Raises ObjectMissing."""
    return parse_record(path, _content(store, path)) or unreadable(step, attempt, "it is none")


def parse_record(path: str, data: bytes | None) -> Outcome | None:
    """The outcome in a record; `data` None: it is too large.

    One that can't be read counts as lost; one of another version as failed, because another attempt would leave the
    like. None when its path is no record's either.
    """
    cause: ProtocolError
    segment, name = path.split("/")[-2:]
    try:
        if data is None:
            raise ProtocolError(f"it has more than {MOST_BYTES} bytes")
        outcome = Outcome.from_json(read_json(data, "it"))
        if [outcome.step.segment, f"{outcome.attempt}.json"] != [segment, name]:
            raise ProtocolError(f"it speaks of {str(outcome.step)[:200]}, attempt {outcome.attempt}")
        return outcome
    except ProtocolError as error:
        cause = error
    _log.warning("%s can't be read: %s", path, cause)
    try:
        step, attempt = StepKey.parse(segment), count_from_1(name.removesuffix(".json"))
    except (ValueError, ProtocolError):
        return None
    if isinstance(cause, VersionMismatch):
        failure = Failure(VersionMismatch.__name__, str(cause), retryable=False)
        return Outcome(step, attempt, OutcomeStatus.FAILED, {}, failure)
    return unreadable(step, attempt, str(cause))


def unreadable(step: StepKey, attempt: int, cause: str) -> Outcome:
    """What stands for a record that can't be read."""
    failure = Failure("ProtocolError", f"its record can't be read: {cause[:500]}")
    return Outcome(step, attempt, OutcomeStatus.LOST, {}, failure)


def successes(store: Store, paths: RunPaths) -> dict[StepKey, Outcome]:
    """The outcome of every step that succeeded in a run, those it took over from earlier runs included.

    Raises ProtocolError where these are none of its namespace, or take over from each other.
    """
    found: dict[StepKey, Outcome] = {}
    for place, document in reversed(_lineage(store, paths)):
        if document.reexecute is not None:
            found = keep_inherited(document, found)
        for step, records in read_outcomes(store, place).items():
            if records[-1].status is OutcomeStatus.SUCCEEDED:
                found[step] = records[-1]
    return found


def _lineage(store: Store, paths: RunPaths) -> list[tuple[RunPaths, PlanDocument]]:
    """A run, the one that it takes over from, the one before that, and so on."""
    found: list[tuple[RunPaths, PlanDocument]] = []
    seen: set[str] = set()
    place: RunPaths | None = paths
    while place is not None:
        if place.prefix in seen:
            raise ProtocolError(f"{place.prefix} takes over from itself; its plan was changed in the store")
        seen.add(place.prefix)
        document = read_document(store, place)
        found.append((place, document))
        place = None if document.reexecute is None else place.other(document.reexecute.prefix)
    return found


def keep_inherited(document: PlanDocument, inherited: Mapping[StepKey, Outcome]) -> dict[StepKey, Outcome]:
    """What a re-execution takes over: all that succeeded, or with a selection, what was not selected."""
    again = document.reexecute
    assert again is not None
    if again.steps is None:
        return dict(inherited)
    selected = select_steps(document.graph, again.steps)
    return {step: outcome for step, outcome in inherited.items() if not selected(step)}


def history_of(store: Store, paths: RunPaths, document: PlanDocument) -> History:
    """All that is known of a run before its engine starts or takes it up again.

    Raises KedgeError when it re-executes a run of another namespace or graph, or clones that there never were.
    """
    records = read_outcomes(store, paths)
    again = document.reexecute
    if again is None:
        return History(records)
    parent = paths.other(again.prefix)
    before = read_document(store, parent)
    if before.graph.digest != document.graph.digest:
        raise KedgeError(f"{again.prefix} ran another graph, so its values can't be taken over. Start a new run")
    inherited = keep_inherited(document, successes(store, parent))
    selected = select_steps(document.graph, again.steps) if again.steps is not None else None
    if again.steps is not None:
        _check_clones(document, again.steps, store, parent)
    return History(records, inherited=inherited, selected=selected)


def _check_clones(document: PlanDocument, steps: Sequence[str], store: Store, parent: RunPaths) -> None:
    """A selection names clones by the keys of the run before; one that there was not would run nothing at all."""
    named = [clause for clause in steps if "[" in clause]
    if not named:
        return
    known = {*read_outcomes(store, parent), *successes(store, parent)}
    for clause in named:
        selected = select_steps(document.graph, [clause])
        if not any(selected(step) for step in known):
            raise KedgeError(f"{parent.prefix} had no step {clause}; `kedge steps` lists those that it had")


def write_result(store: Store, paths: RunPaths, run: Run, status: RunStatus, ended: float) -> None:
    """Write down how a run ended. `ended` is in seconds since the epoch."""
    counts = {state.value: count for state, count in run.state.counts.items() if count}
    result = {"status": status.value, "ended": ended, "steps": counts, "retries": run.retries}
    store.put(paths.result, json.dumps(result).encode())


def close_run(store: Store, paths: RunPaths, run: Run, ended: float) -> None:
    """What every engine does when a run has ended: let go of values that were kept until then, and write the result.

    A store that refuses to delete changes nothing of how it ended. Raises StoreUnavailable, and what a write raises.
    """
    if run.status is RunStatus.SUCCEEDED and run.settings.retain is Retain.UNTIL_FINISHED:
        try:
            store.delete([info.path for info in store.list(f"{paths.prefix}/values")])
        except StoreUnavailable:
            raise
        except StoreError as error:
            _log.warning("the values of %s could not be deleted: %s", paths.prefix, error)
    write_result(store, paths, run, run.status, ended)


def plan_of(document: PlanDocument) -> Plan:
    """The plan of a document."""
    return build(document.graph, document.tag_limits)


def replay(store: Store, paths: RunPaths) -> tuple[PlanDocument, Run, dict[StepKey, list[Outcome]]]:
    """A run as its records tell it, without an engine: for `kedge steps` and the charts."""
    document = read_document(store, paths)
    history = history_of(store, paths, document)
    run = Run(plan_of(document), document.settings, history)
    run.apply(Begin(0.0))
    return document, run, dict(history.records)  # type: ignore[arg-type]
