"""What an instance tells of a run: its record, its log entries, its counts; and which runs a filter means."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kedge.core.document import PlanDocument
from kedge.definitions.dagster_runs import DagsterRun, DagsterRunStatus
from kedge.definitions.events import DagsterEvent, DagsterEventType
from kedge.engine import records
from kedge.io.stores import Store
from kedge.local.events import RunTeller
from kedge.local.results import DAGSTER_STATUS
from kedge.local.runs import RunEntry


@dataclass(frozen=True)
class RunsFilter:
    """Which runs: all that fit every condition that is given. Times are datetimes with a time zone."""

    run_ids: Sequence[str] | None = None
    job_name: str | None = None
    statuses: Sequence[DagsterRunStatus] | None = None
    tags: Mapping[str, str | Sequence[str]] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None

    def takes(self, record: RunRecord) -> bool:
        """Whether a run fits."""
        run = record.dagster_run
        return (
            (self.run_ids is None or run.run_id in self.run_ids)
            and (self.job_name is None or run.job_name == self.job_name)
            and (not self.statuses or run.status in self.statuses)
            and all(_is_tagged(run.tags.get(key), wanted) for key, wanted in (self.tags or {}).items())
            and _is_between(record.created, self.created_after, self.created_before)
            and _is_between(record.end_time or record.created, self.updated_after, self.updated_before)
        )


def _is_tagged(value: str | None, wanted: str | Sequence[str]) -> bool:
    return value == wanted if isinstance(wanted, str) else value in wanted


def _is_between(at: float, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or at > after.timestamp()) and (before is None or at < before.timestamp())


@dataclass(frozen=True)
class RunRecord:
    """A run with its times, in seconds since the epoch."""

    dagster_run: DagsterRun
    created: float
    start_time: float | None = None
    end_time: float | None = None

    @property
    def create_timestamp(self) -> datetime:
        """When it was created."""
        return _moment(self.created)

    @property
    def update_timestamp(self) -> datetime:
        """When it last changed."""
        return _moment(self.end_time or self.start_time or self.created)


def _moment(seconds: float) -> datetime:
    from datetime import UTC

    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True)
class DagsterRunStatsSnapshot:
    """How many steps of a run did what. Times in seconds since the epoch."""

    run_id: str
    steps_succeeded: int
    steps_failed: int
    materializations: int
    expectations: int
    start_time: float | None = None
    end_time: float | None = None


@dataclass(frozen=True)
class EventLogEntry:
    """An event with its time and its place. What ops wrote to their log is not among the entries: `kedge logs`."""

    dagster_event: DagsterEvent
    run_id: str
    timestamp: float

    @property
    def user_message(self) -> str:
        """The event's message."""
        return self.dagster_event.message

    message = user_message

    @property
    def level(self) -> int:
        """A level of the standard library's logging."""
        return logging.ERROR if self.dagster_event.is_failure else logging.DEBUG

    @property
    def step_key(self) -> str | None:
        """The step."""
        return self.dagster_event.step_key

    @property
    def job_name(self) -> str:
        """The job."""
        return self.dagster_event.job_name

    @property
    def dagster_event_type(self) -> DagsterEventType:
        """The event's kind."""
        return self.dagster_event.event_type

    @property
    def is_dagster_event(self) -> bool:
        """Always: there are no other entries."""
        return True

    def get_dagster_event(self) -> DagsterEvent:
        """The event."""
        return self.dagster_event


def entries_of(run_id: str, events: Sequence[DagsterEvent], at: float) -> list[EventLogEntry]:
    """Log entries for events. An event without a time of its own has that of the one before."""
    found = []
    for event in events:
        at = event.timestamp if event.timestamp is not None else at
        found.append(EventLogEntry(event, run_id, at))
    return found


def stats_of(record: RunRecord, events: Sequence[DagsterEvent]) -> DagsterRunStatsSnapshot:
    """The counts of a run."""
    kinds = [event.event_type_value for event in events]
    names = ("STEP_SUCCESS", "STEP_FAILURE", "ASSET_MATERIALIZATION", "STEP_EXPECTATION_RESULT")
    succeeded, failed, written, checked = (kinds.count(name) for name in names)
    run_id = record.dagster_run.run_id
    return DagsterRunStatsSnapshot(run_id, succeeded, failed, written, checked, record.start_time, record.end_time)


def stored_record(store: Store, entry: RunEntry) -> RunRecord:
    """The record of a run in the store."""
    return _record_of(records.read_document(store, entry.paths), entry)


def _record_of(document: PlanDocument, entry: RunEntry) -> RunRecord:
    status = DAGSTER_STATUS.get(entry.status, DagsterRunStatus.STARTED)
    again = document.reexecute
    run = DagsterRun(
        document.job,
        document.run_id,
        document.run_config,
        list(document.op_selection) or None,
        None if again is None or again.steps is None else list(again.steps),
        status,
        document.tags,
    )
    return RunRecord(run, entry.created, entry.created, entry.ended)


def stored_events(store: Store, entry: RunEntry) -> list[DagsterEvent]:
    """The events of a run in the store, as far as its records tell. The job's code adds the types of its values."""
    document, run, outcomes = records.replay(store, entry.paths)
    in_order = sorted(
        (one for found in outcomes.values() for one in found),
        key=lambda one: (one.times.ended or one.times.started) if one.times is not None else 0.0,
    )
    history = records.history_of(store, entry.paths, document)
    dagster_run = _record_of(document, entry).dagster_run
    return list(RunTeller(run, in_order, dagster_run, _definitions(document), history).tell())


def _definitions(document: Any) -> Mapping[str, Any]:
    from kedge.core.errors import KedgeError
    from kedge.worker.loading import job_of

    try:
        return {name: op.definition for name, op in job_of(document).ops.items()}
    except KedgeError:
        return {}
