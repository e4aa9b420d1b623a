"""Running a job in this process: for unit tests and notebooks. One step at a time, in the order of the core."""

from __future__ import annotations

import heapq
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kedge.core.actions import Action, Discard, Finish, Start, Stop, Wake
from kedge.core.bindings import bind
from kedge.core.errors import CheckError, DagsterResourceFunctionError
from kedge.core.events import Begin, Ended, Tick
from kedge.core.layout import RunPaths
from kedge.core.protocol import Outcome, OutcomeStatus, Times
from kedge.core.run import Run
from kedge.core.settings import RunSettings
from kedge.definitions.jobs import JobDefinition
from kedge.io.in_memory import InMemoryIOManager
from kedge.io.stores import at_once
from kedge.local.results import ExecuteInProcessResult
from kedge.worker.failures import user_exception
from kedge.worker.program import Program
from kedge.worker.step import StepEnvironment, run_step

if TYPE_CHECKING:
    from kedge.engine.memoization import Memoization

__all__ = ["ExecuteInProcessResult", "execute"]


def execute(
    job: JobDefinition,
    *,
    run_config: Any = None,
    raise_on_error: bool = True,
    run_id: str | None = None,
    input_values: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    settings: RunSettings | None = None,
    instance: Any = None,
) -> ExecuteInProcessResult:
    """Run `job` here and return its result; `instance` keeps the run.

    Raises DagsterInvalidConfigError before any step when the config does not fit, with `raise_on_error` the user's own
    exception at the first failure, and DagsterRunAlreadyExists for a run id that the instance has.
    """
    run_id = _checked_id(run_id) if run_id is not None else str(uuid.uuid4())
    all_tags = {**job.run_tags, **(tags or {})}
    config = job.resolve_config(run_config, input_values, check_executor=False)
    settings = settings or RunSettings(
        run_id=run_id, max_concurrent=1, retry=job.op_retry_policy, fail_fast=raise_on_error
    )
    program = Program(job, config, run_id, all_tags, InMemoryIOManager(), job.op_graph, settings)
    keeper = Keeper(program, instance)
    execution = Execution(program, Run(job.plan(), settings), raise_on_error)
    try:
        execution.run()
    finally:
        result = execution.result()
        keeper.end(result)
    return result


class Keeper:
    """Notes one run in its instance; without one, in one that is made if a step asks for it."""

    def __init__(self, program: Program, given: Any) -> None:
        self._program = program
        self._given = given
        self._made: Any = None
        program.make_instance = self._begin
        if given is not None:
            _ = program.instance

    def _begin(self) -> Any:
        if self._given is None:
            from kedge.local.instance import DagsterInstance

            self._made = DagsterInstance.ephemeral()
        else:
            self._made = self._given
        self._made.begin(self._program.run)
        return self._made

    def end(self, result: ExecuteInProcessResult) -> None:
        """Note how it ended."""
        if self._made is not None:
            self._made.end(result, hold=self._given is not None)


def _checked_id(run_id: str) -> str:
    """A run id that was given: a UUID, as those are that Kedge makes. Raises CheckError for another."""
    try:
        uuid.UUID(run_id)
    except (ValueError, AttributeError):
        raise CheckError(f"run_id must be a UUID such as {uuid.uuid4()}, not {run_id!r}") from None
    return run_id


class _ScratchStore:
    """The store of a run in this process, for a job that asks for `fs_io_manager`; made when first used."""

    paths = RunPaths("runs/in-process/run")

    def __init__(self, allow_pickle: bool) -> None:
        self.allow_pickle = allow_pickle

    patiently = staticmethod(at_once)

    @cached_property
    def store(self) -> Any:
        import tempfile

        from kedge.io.stores import open_store

        self._folder = tempfile.mkdtemp(prefix="kedge-")
        return open_store(f"file://{self._folder}")

    def close(self) -> None:
        """Remove what was stored."""
        if "store" in self.__dict__:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)


class Execution:
    """One run in this process. Values stay in memory, or with `place` (a StepStore) go into a store.

    `on_outcome` is told of each attempt that has ended.
    """

    def __init__(
        self,
        program: Program,
        run: Run,
        raise_on_error: bool,
        place: Any = None,
        on_outcome: Callable[[Outcome], None] | None = None,
    ) -> None:
        self._run = run
        self._program = program
        self._raise = raise_on_error
        self._io = place or _ScratchStore(program.settings.allow_pickle)
        self._env = StepEnvironment(program, program.scope(), memory=None if place else {}, io=self._io)
        self._outcomes: list[Outcome] = []
        self._memo = _memo_of(program, run, self._env)
        self._on_outcome = on_outcome
        self._wakes: list[float] = []

    def run(self) -> None:
        """Run to the end. Raises the user's own exception at the first failure, if that was asked for."""
        with self._program.logging():
            self._run_all()

    def result(self) -> ExecuteInProcessResult:
        """How far it came."""
        return ExecuteInProcessResult(self._program, self._run, self._outcomes, self._env.memory or {})

    @property
    def outcomes(self) -> list[Outcome]:
        """How each attempt ended, in the order in which they did."""
        return self._outcomes

    def _run_all(self) -> None:
        run, clock = self._run, self._env.clock
        try:
            self._start_resources()
            actions: deque[Action] = deque(run.apply(Begin(clock())))
            while not run.finished:
                if actions:
                    actions.extend(self._carry_out(actions.popleft()))
                else:
                    actions.extend(self._wait())
        finally:
            self._env.scope.close()
            if isinstance(self._io, _ScratchStore):
                self._io.close()

    def _start_resources(self) -> None:
        """Start what the steps need. One that fails fails the steps that need it, unless the run is to raise."""
        for key in sorted(self._program.job.required_resource_keys):
            try:
                self._env.scope.get(key)
            except DagsterResourceFunctionError:
                if self._raise:
                    raise

    def _carry_out(self, action: Action) -> list[Action]:
        if isinstance(action, Start):
            return self._step(action)
        if isinstance(action, Wake):
            heapq.heappush(self._wakes, action.at)
        elif isinstance(action, Discard):
            self._forget(action)
        else:
            assert isinstance(action, Finish | Stop)
        return []

    def _step(self, start: Start) -> list[Action]:
        run, env = self._run, self._env
        inputs = bind(run.state, run.state.steps[start.step])
        outcome = None
        if self._memo is not None:
            now = env.clock()
            outcome = self._memo.take_over(start.step, start.attempt, inputs, Times(now, ended=now))
        if outcome is None:
            outcome = run_step(env, start.step, start.attempt, start.retries, inputs)
            if self._memo is not None:
                self._memo.keep(outcome)
        self._outcomes.append(outcome)
        if self._on_outcome is not None:
            self._on_outcome(outcome)
        actions = run.apply(Ended(outcome, env.clock()))
        if outcome.status is OutcomeStatus.FAILED and self._raise:
            self._raise_if_final(start, outcome)
        return actions

    def _raise_if_final(self, start: Start, outcome: Outcome) -> None:
        step = self._run.state.steps[start.step]
        error = self._env.last_error
        if step.failure is None or error is None:
            return
        if outcome.failure is not None and outcome.failure.error == "DagsterMaxRetriesExceededError":
            from kedge.core.errors import DagsterMaxRetriesExceededError

            raise DagsterMaxRetriesExceededError(outcome.failure.message) from user_exception(error)
        raise user_exception(error)

    def _wait(self) -> list[Action]:
        """Nothing can be done now: sleep until the next delayed retry is due."""
        due = heapq.heappop(self._wakes)
        time.sleep(max(0.0, due - self._env.clock()))
        return self._run.apply(Tick(max(due, self._env.clock())))

    def _forget(self, action: Discard) -> None:
        if self._env.memory is None:
            return
        for source in action.values:
            values = self._env.memory[source.step]
            if source.mapping_key is None:
                values.pop(source.output, None)
            else:
                values[source.output].pop(source.mapping_key, None)


def _memo_of(program: Program, run: Run, env: StepEnvironment) -> Memoization | None:
    """What memoizes the steps of a run; None when no op is."""
    if not run.plan.graph.is_memoized:
        return None
    from kedge.local.memory_cache import memoization_of

    return memoization_of(program, run, env)
