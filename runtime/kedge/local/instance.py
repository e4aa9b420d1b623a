"""`DagsterInstance`: where runs are kept and read back. Its store is the one that `kedge` commands use.

Runs across processes are in the store while they run. A run in this process is known to its instance at once, and is
written to the store when it has ended, if the instance outlives the process.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kedge.core.actions import RunStatus
from kedge.core.errors import (
    DagsterInvalidInvocationError,
    DagsterInvalidPropertyError,
    DagsterRunAlreadyExists,
    DagsterRunNotFoundError,
)
from kedge.core.layout import RunPaths
from kedge.definitions.dagster_runs import DagsterRun, DagsterRunStatus

if TYPE_CHECKING:
    from kedge.definitions.events import DagsterEvent, DagsterEventType
    from kedge.io.stores import Store
    from kedge.local.memory_cache import MemoryCache
    from kedge.local.results import ExecutionResult
    from kedge.local.run_records import DagsterRunStatsSnapshot, EventLogEntry, RunRecord, RunsFilter
    from kedge.local.runs import RunEntry

_ASSETS = "Kedge has no catalogue of assets; materializations stand among the events of their run"
_REFUSED = {
    "schedule": "schedules",
    "sensor": "sensors",
    "backfill": "backfills",
    "daemon": "a daemon",
    "dynamic_partition": "partitions that come and go",
    "add_run_tags": "tags of a run that change once it has started",
}


class _Kept:
    """A run of this process. `result` gives its result, as long as somebody holds it."""

    def __init__(self, run: DagsterRun, created: float) -> None:
        self.run = run
        self.created = created
        self.ended: float | None = None
        self.result: Callable[[], ExecutionResult | None] = lambda: None

    @property
    def record(self) -> RunRecord:
        from kedge.local.run_records import RunRecord

        return RunRecord(self.run, self.created, self.created, self.ended)

    @property
    def events(self) -> Sequence[DagsterEvent]:
        result = self.result()
        return [] if result is None else result.all_events


class DagsterInstance:
    """Where runs are kept. Made by `ephemeral`, `local_temp`, `get` or `instance_for_test`.

    What Dagster's instance has for schedules, sensors and assets raises DagsterInvalidPropertyError and says why.
    """

    def __init__(self, store_url: str | None = None) -> None:
        self._url = store_url
        self._remove: Callable[[], Any] | None = None
        self._kept: dict[str, _Kept] = {}

    @staticmethod
    def ephemeral(tempdir: str | None = None, preload: Any = None, settings: Any = None) -> DagsterInstance:
        """An instance that is gone when nothing holds it any more. `preload` and `settings` have no meaning here."""
        if preload or settings:
            raise DagsterInvalidInvocationError("DagsterInstance.ephemeral: Kedge takes no preload and no settings")
        return DagsterInstance()

    @staticmethod
    def local_temp(tempdir: str | None = None, overrides: Mapping[str, Any] | None = None) -> DagsterInstance:
        """An instance that keeps its runs in a folder; without one, in a folder that goes with it."""
        _check_overrides(overrides)
        found = DagsterInstance()
        found._url = f"file://{os.path.abspath(tempdir) if tempdir is not None else found._temporary()}/store"
        return found

    @staticmethod
    def get() -> DagsterInstance:
        """The instance of this machine: `$KEDGE_HOME` and `$KEDGE_STORE`, as `kedge runs` shows it."""
        from kedge.local.home import default_store

        return DagsterInstance(default_store())

    def __getattr__(self, name: str) -> Any:
        if "asset" in name or "materialization" in name:
            raise DagsterInvalidPropertyError(f"instance.{name}: {_ASSETS}")
        for word, what in _REFUSED.items():
            if word in name:
                raise DagsterInvalidPropertyError(f"instance.{name}: Kedge has no {what}")
        raise AttributeError(f"the instance has no {name!r}")

    # -- the instance -----------------------------------------------------------------------------------------

    @property
    def is_ephemeral(self) -> bool:
        """Whether its runs are gone with it."""
        return self._url is None

    @property
    def is_persistent(self) -> bool:
        """Whether its runs outlive it."""
        return self._url is not None

    @cached_property
    def store(self) -> Store:
        """The store of its runs; that of an ephemeral instance is a folder that goes with it."""
        from kedge.io.stores import open_store

        if self._url is None:
            return open_store(f"file://{self._temporary()}/store")
        return open_store(self._url)

    @cached_property
    def memoized(self) -> MemoryCache:
        """What memoized steps of runs in this process have given."""
        from kedge.local.memory_cache import MemoryCache

        return MemoryCache()

    @property
    def _has_store(self) -> bool:
        return self._url is not None or "store" in self.__dict__

    def dispose(self) -> None:
        """Remove what goes with the instance."""
        if self._remove is not None:
            self._remove()
        self._kept.clear()

    def _temporary(self) -> str:
        """A folder that goes with the instance."""
        import shutil
        import tempfile

        folder = tempfile.mkdtemp(prefix="kedge-instance-")
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def __enter__(self) -> DagsterInstance:
        return self

    def __exit__(self, *exc: object) -> None:
        self.dispose()

    # -- reading ----------------------------------------------------------------------------------------------

    def get_run_records(
        self,
        filters: RunsFilter | None = None,
        limit: int | None = None,
        order_by: str | None = None,
        ascending: bool = False,
        cursor: str | None = None,
        bucket_by: Any = None,
    ) -> Sequence[RunRecord]:
        """The records of the runs that fit, the newest first. `cursor` is the id of the run before the first."""
        if order_by is not None or bucket_by is not None:
            raise DagsterInvalidInvocationError("get_run_records: runs come by their creation; sort what you get")
        from kedge.local.run_records import RunsFilter

        wanted = filters or RunsFilter()
        found = sorted(self._records(), key=lambda one: one.created, reverse=not ascending)
        if cursor is not None:
            ids = [one.dagster_run.run_id for one in found]
            found = found[ids.index(cursor) + 1 :] if cursor in ids else []
        return [one for one in found if wanted.takes(one)][:limit]

    def get_runs(
        self,
        filters: RunsFilter | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        bucket_by: Any = None,
        ascending: bool = False,
    ) -> Sequence[DagsterRun]:
        """The runs that fit, the newest first."""
        found = self.get_run_records(filters, limit, None, ascending, cursor, bucket_by)
        return [one.dagster_run for one in found]

    def get_run_ids(self, filters: RunsFilter | None = None, limit: int | None = None) -> Sequence[str]:
        """The ids of the runs that fit, the newest first."""
        return [run.run_id for run in self.get_runs(filters, limit=limit)]

    def get_runs_count(self, filters: RunsFilter | None = None) -> int:
        """How many runs fit."""
        return len(self.get_run_records(filters))

    def get_run_by_id(self, run_id: str) -> DagsterRun | None:
        """One run; None when there is none of that id."""
        found = self.get_run_record_by_id(run_id)
        return None if found is None else found.dagster_run

    def get_run_record_by_id(self, run_id: str) -> RunRecord | None:
        """The record of one run; None when there is none of that id."""
        if run_id in self._kept:
            return self._kept[run_id].record
        entry = self._entry(run_id)
        if entry is None:
            return None
        from kedge.local.run_records import stored_record

        return stored_record(self.store, entry)

    def has_run(self, run_id: str) -> bool:
        """Whether there is a run of that id."""
        return run_id in self._kept or self._entry(run_id) is not None

    def get_run_stats(self, run_id: str) -> DagsterRunStatsSnapshot:
        """How many steps of a run did what. Raises DagsterRunNotFoundError."""
        from kedge.local.run_records import stats_of

        return stats_of(self._need(run_id), self._events(run_id))

    def all_logs(
        self, run_id: str, of_type: DagsterEventType | set[DagsterEventType] | None = None
    ) -> Sequence[EventLogEntry]:
        """The events of a run, in order, of one kind or several. Empty when there is no such run."""
        record = self.get_run_record_by_id(run_id)
        if record is None:
            return []
        from kedge.local.run_records import entries_of

        kinds = None if of_type is None else of_type if isinstance(of_type, set | frozenset) else {of_type}
        found = entries_of(run_id, self._events(run_id), record.created)
        return [one for one in found if kinds is None or one.dagster_event_type in kinds]

    def _need(self, run_id: str) -> RunRecord:
        found = self.get_run_record_by_id(run_id)
        if found is None:
            raise DagsterRunNotFoundError(f"the instance has no run {run_id}", invalid_run_id=run_id)
        return found

    def _events(self, run_id: str) -> Sequence[DagsterEvent]:
        kept = self._kept.get(run_id)
        if kept is not None:
            return kept.events
        entry = self._entry(run_id)
        if entry is None:
            return []
        from kedge.local.run_records import stored_events

        return stored_events(self.store, entry)

    def _records(self) -> Iterator[RunRecord]:
        yield from (one.record for one in self._kept.values())
        if self._has_store:
            from kedge.local.run_records import stored_record
            from kedge.local.runs import catalogue

            for entry in catalogue(self.store):
                if entry.run_id not in self._kept:
                    yield stored_record(self.store, entry)

    def _entry(self, run_id: str) -> RunEntry | None:
        if not self._has_store:
            return None
        from kedge.local.runs import catalogue

        return next((entry for entry in catalogue(self.store) if entry.run_id == run_id), None)

    # -- writing ----------------------------------------------------------------------------------------------

    def delete_run(self, run_id: str) -> None:
        """Remove a run, with its values. Raises DagsterRunNotFoundError."""
        self._need(run_id)
        self._kept.pop(run_id, None)
        entry = self._entry(run_id)
        if entry is not None:
            self.store.delete([info.path for info in self.store.list(entry.paths.prefix)])

    def begin(self, run: DagsterRun) -> None:
        """Note that a run starts in this process. Raises DagsterRunAlreadyExists."""
        if self.has_run(run.run_id):
            raise DagsterRunAlreadyExists(f"the instance has a run {run.run_id} already; give another run_id")
        self._kept[run.run_id] = _Kept(run, time.time())

    def end(self, result: ExecutionResult, *, hold: bool) -> None:
        """Note how a run of this process ended, and write it to the store of a persistent instance.

        Without `hold` its events can be read as long as somebody else holds the result.
        """
        kept = self._kept[result.run_id]
        run = result.dagster_run
        kept.run = run if run.is_finished else run.with_status(DagsterRunStatus.FAILURE)
        kept.ended = time.time()
        kept.result = (lambda: result) if hold else weakref.ref(result)
        if self.is_persistent:
            _write(self.store, kept, result)

    def __repr__(self) -> str:
        return f"<instance {self._url or 'of this process'}>"


def _check_overrides(overrides: Mapping[str, Any] | None) -> None:
    if overrides:
        raise DagsterInvalidInvocationError(
            f"overrides {sorted(overrides)}: Kedge's instance has no parts to choose; set $KEDGE_HOME or $KEDGE_STORE"
        )


@contextlib.contextmanager
def instance_for_test(
    overrides: Mapping[str, Any] | None = None,
    set_dagster_home: bool = True,
    temp_dir: str | None = None,
    synchronous_run_coordinator: bool = False,
    synchronous_run_launcher: bool = False,
) -> Iterator[DagsterInstance]:
    """An instance in a folder of its own; in the block, `DagsterInstance.get()` and `kedge` find it, too.

    Kedge has no coordinators and launchers of runs: the last two have no meaning here.
    """
    _check_overrides(overrides)
    with contextlib.ExitStack() as stack:
        if temp_dir is None:
            from tempfile import TemporaryDirectory

            temp_dir = stack.enter_context(TemporaryDirectory(prefix="kedge-instance-", ignore_cleanup_errors=True))
        home = os.path.abspath(temp_dir)
        os.makedirs(home, exist_ok=True)
        if set_dagster_home:
            stack.enter_context(_environment({"KEDGE_HOME": home, "KEDGE_STORE": None}))
        yield DagsterInstance(f"file://{home}/store")


@contextlib.contextmanager
def _environment(values: Mapping[str, str | None]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _write(store: Store, kept: _Kept, result: ExecutionResult) -> None:
    """Write a run of this process, its values not included, so that others can read how it went."""
    from kedge.core.document import PlanDocument
    from kedge.engine.records import write_result
    from kedge.local.reconstruct import target_of
    from kedge.local.runs import IN_PROCESS, NAMESPACE

    run, job = kept.run, result.job_def
    document = PlanDocument(
        run.run_id,
        run.job_name,
        result.run.plan.graph,
        target_of(job),
        None,
        _plain(run.run_config),
        tags=dict(run.tags),
        op_selection=tuple(job.op_selection),
        settings=replace(result.run.settings, run_id=run.run_id),
    )
    paths = RunPaths.of(NAMESPACE, run.job_name.replace("_", "-"), run.run_id.replace("-", ""))
    head = {"runId": run.run_id, "job": run.job_name, "target": IN_PROCESS, "created": kept.created}
    store.put(paths.plan, document.to_bytes())
    store.put(paths.run, json.dumps(head).encode())
    for outcome in result.outcomes:
        store.put(paths.outcome(outcome.step, outcome.attempt), outcome.to_bytes())
    status = RunStatus.SUCCEEDED if run.is_success else RunStatus.FAILED
    assert kept.ended is not None
    write_result(store, paths, result.run, status, kept.ended)


def _plain(config: Any) -> Any:
    """A run config as JSON data; what JSON does not know is shown as text."""
    return json.loads(json.dumps(config, default=_plain_value))


def _plain_value(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)
