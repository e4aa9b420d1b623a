"""`execute_job`: a job run in the store of an instance, in local processes or, if its executor says so, in this one.

Its values lie in the store afterwards, so that a later run can take them over.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kedge.core.actions import RunStatus
from kedge.core.document import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG, PlanDocument
from kedge.core.errors import (
    CheckError,
    DagsterInvalidInvocationError,
    DagsterInvariantViolationError,
    DagsterSubprocessError,
    KedgeError,
)
from kedge.core.layout import RunPaths
from kedge.core.protocol import Outcome, SourceRef
from kedge.core.run import History, Run
from kedge.core.state import Step
from kedge.definitions import checks
from kedge.definitions.jobs import JobDefinition
from kedge.definitions.names import normalize_tags
from kedge.definitions.run_config import plain_run_config
from kedge.engine import records
from kedge.io.managers import StepStore, StoreIOManager
from kedge.io.stores import Store
from kedge.local import runs
from kedge.local.home import engine_lock, is_default_store
from kedge.local.inprocess import Execution
from kedge.local.instance import DagsterInstance
from kedge.local.processes import ProcessEngine, Quiet
from kedge.local.reconstruct import ReconstructableJob
from kedge.local.results import ExecutionResult
from kedge.worker.endings import Ending
from kedge.worker.loading import program_of
from kedge.worker.program import Program
from kedge.worker.records import write
from kedge.worker.step import StepEnvironment, load_value


@dataclass(frozen=True)
class ReexecutionOptions:
    """Which run to execute again. Without a selection all of it; `from_failure` makes those that go on from there."""

    parent_run_id: str
    step_selection: Sequence[str] = ()
    resume: bool = False

    @staticmethod
    def from_failure(run_id: str, instance: DagsterInstance) -> ReexecutionOptions:
        """The steps that failed and those that did not run; what succeeded keeps its outputs."""
        checks.of_type(instance, DagsterInstance, "instance")
        return ReexecutionOptions(run_id, resume=True)


class JobExecutionResult(ExecutionResult):
    """The result of `execute_job`. As a context manager it loads values, through the job's I/O managers."""

    def __init__(
        self,
        program: Program,
        run: Run,
        outcomes: Sequence[Outcome],
        place: StepStore,
        history: History | None = None,
    ) -> None:
        super().__init__(program, run, outcomes, history)
        self._place = place
        self._env: StepEnvironment | None = None

    def __enter__(self) -> JobExecutionResult:
        self._env = StepEnvironment(self._program, self._program.scope(), io=self._place)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._env is not None:
            self._env.scope.close()
        self._env = None

    def output_for_node(self, node_str: str, output_name: str = "result") -> Any:
        """The value of one output, loaded. Raises DagsterInvariantViolationError outside of a `with` block."""
        if self._env is None:
            raise DagsterInvariantViolationError(
                "the values of execute_job are loaded when asked for: write `with execute_job(...) as result:`"
            )
        return super().output_for_node(node_str, output_name)

    def _has_value(self, step: Step, output: str) -> bool:
        kind = self._program.bound(step.key.op).outputs[output].dagster_type
        return step.outputs is not None and output in step.outputs and not kind.is_nothing

    def _value(self, step: Step, output: str) -> Any:
        assert step.outputs is not None
        assert self._env is not None
        record = step.outputs[output]
        if not self._program.bound(step.key.op).outputs[output].is_dynamic:
            return load_value(self._env, SourceRef(step.key, output, None, record))
        return {key: load_value(self._env, SourceRef(step.key, output, key, one)) for key, one in record.items()}


def execute_job(
    job: ReconstructableJob,
    instance: DagsterInstance,
    run_config: Any = None,
    tags: Mapping[str, Any] | None = None,
    raise_on_error: bool = False,
    op_selection: Sequence[str] | None = None,
    reexecution_options: ReexecutionOptions | None = None,
    asset_selection: Any = None,
) -> JobExecutionResult:
    """Run a job and keep it in the instance. Steps run in local processes; with `in_process_executor`, in this one.

    With `raise_on_error` a failure raises: the user's own exception from this process, DagsterSubprocessError from
    others. Raises DagsterInvalidConfigError before any step for a config that does not fit, and
    DagsterInvariantViolationError for a selection of ops together with a re-execution.
    """
    checks.of_type(job, ReconstructableJob, "job")
    checks.of_type(instance, DagsterInstance, "instance")
    if asset_selection is not None:
        raise DagsterInvalidInvocationError("execute_job: Kedge has no software-defined assets; give op_selection")
    if op_selection and reexecution_options is not None:
        raise DagsterInvariantViolationError(
            "execute_job: give op_selection or reexecution_options; a re-execution selects steps with step_selection"
        )
    definition = job.get_definition()
    if op_selection:
        definition = definition.get_subset(list(op_selection))
    document = _document(job, definition, instance, run_config, normalize_tags(tags), reexecution_options)
    return _Launch(instance.store, document, definition, raise_on_error).run(job.target)


def _document(
    job: ReconstructableJob,
    definition: JobDefinition,
    instance: DagsterInstance,
    run_config: Any,
    tags: Mapping[str, str],
    options: ReexecutionOptions | None,
) -> PlanDocument:
    if options is None:
        return runs.document_of(definition, job.target, run_config, tags=tags)
    entry = _parent(instance, options)
    given = plain_run_config(run_config) or records.read_document(instance.store, entry.paths).run_config
    if not options.resume and not options.step_selection:
        parent = instance.get_run_by_id(entry.run_id)
        root = (parent.root_run_id if parent is not None else None) or entry.run_id
        related = {PARENT_RUN_ID_TAG: entry.run_id, ROOT_RUN_ID_TAG: root}
        return runs.document_of(definition, job.target, given, tags={**related, **tags})
    again = runs.again(instance.store, entry, tuple(options.step_selection) or None)
    runs.executor_settings(definition, given)  # the config is checked before anything is written
    return replace(again, entrypoint=job.target, run_config=dict(given), tags={**again.tags, **tags})


def _parent(instance: DagsterInstance, options: ReexecutionOptions) -> runs.RunEntry:
    try:
        return runs.find(instance.store, options.parent_run_id)
    except KedgeError as error:
        raise CheckError(
            f"there is no run {options.parent_run_id} to execute again. Those of execute_in_process keep no values; "
            "use execute_job for runs that are to be taken up"
        ) from error


class _Launch:
    """One call of `execute_job`."""

    def __init__(self, store: Store, document: PlanDocument, definition: JobDefinition, raise_on_error: bool) -> None:
        self._store = store
        self._document = document
        self._definition = definition
        self._raise = raise_on_error

    def run(self, target: str) -> JobExecutionResult:
        store, document = self._store, self._document
        program = program_of(document, StoreIOManager(), self._definition)
        asked = runs.executor_settings(self._definition, document.run_config)
        locked = is_default_store(store.url)
        paths = runs.create(store, document, target, locked)
        place = StepStore(store, paths, document.settings.allow_pickle)
        history = records.history_of(store, paths, document)
        # whoever lists the runs of this machine sees by the lock that this one is alive
        with engine_lock(document.run_id) if locked else contextlib.nullcontext():
            how = self._in_process if asked.in_process else self._in_processes
            run, outcomes = how(program, place, history, paths)
        return JobExecutionResult(program, run, outcomes, place, history)

    def _in_process(
        self, program: Program, place: StepStore, history: History, paths: RunPaths
    ) -> tuple[Run, Sequence[Outcome]]:
        settings = replace(self._document.settings, max_concurrent=1, fail_fast=self._raise)
        run = Run(records.plan_of(self._document), settings, history)
        execution = Execution(program, run, self._raise, place, lambda one: self._write(paths, one))
        try:
            execution.run()
        finally:
            status = run.status if run.finished else RunStatus.FAILED
            records.write_result(self._store, paths, run, status, time.time())
        return run, execution.outcomes

    def _write(self, paths: RunPaths, outcome: Outcome) -> None:
        what = f"step {outcome.step}, attempt {outcome.attempt}"
        write(self._store, paths.outcome(outcome.step, outcome.attempt), outcome.to_bytes(), what, Ending())

    def _in_processes(
        self, program: Program, place: StepStore, history: History, paths: RunPaths
    ) -> tuple[Run, Sequence[Outcome]]:
        seen = _Outcomes()
        engine = ProcessEngine(self._store, paths, self._document, seen)
        engine.run()
        if self._raise and engine.state.status is not RunStatus.SUCCEEDED:
            raise self._error(engine.state)
        return engine.state, seen.outcomes

    def _error(self, run: Run) -> DagsterSubprocessError:
        from kedge.worker.telling import error_info

        failed = [(step.key, step.failure) for step in run.state.steps.values() if step.failure is not None]
        lines = "".join(f"\n    {key}: {failure.error}: {failure.message}" for key, failure in failed)
        infos = [error_info(failure) for _, failure in failed]
        what = f"run {self._document.run_id} of {self._document.job} {run.status.value.lower()}"
        return DagsterSubprocessError(f"{what}{lines}", subprocess_error_infos=infos)


class _Outcomes(Quiet):
    """Keeps what ends, in its order."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def ended(self, run: Run, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
