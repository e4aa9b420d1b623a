"""What a run in this process gives back: its values, its events, and how each step ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kedge.core import errors
from kedge.core.actions import RunStatus
from kedge.core.errors import DagsterInvariantViolationError
from kedge.core.ids import StepKey
from kedge.core.protocol import Failure, Outcome, OutcomeStatus
from kedge.core.run import Run
from kedge.core.state import Step, StepState
from kedge.definitions.compose import NodeSource
from kedge.definitions.graphs import GraphDefinition
from kedge.worker.program import Program
from kedge.worker.step import Values

T = TypeVar("T")


@dataclass(frozen=True)
class ErrorInfo:
    """An error as an event shows it."""

    cls_name: str
    message: str
    stack: str = ""
    cause: ErrorInfo | None = None


@dataclass(frozen=True)
class UserFailureData:
    """What a `Failure` raised by the op says."""

    description: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class StepFailureData:
    """Why a step failed; `user_failure_data` when the op raised a `Failure`."""

    error: ErrorInfo
    user_failure_data: UserFailureData | None = None


@dataclass(frozen=True)
class StepOutputData:
    """Which output a STEP_OUTPUT event tells of."""

    output_name: str
    mapping_key: str | None = None


@dataclass(frozen=True)
class Event:
    """One thing that happened. Names of kinds are Dagster's: STEP_START, STEP_OUTPUT, STEP_SUCCESS, ..."""

    event_type_value: str
    step_key: str | None = None
    node_name: str | None = None
    event_specific_data: Any = None
    message: str = ""

    @property
    def event_type(self) -> str:
        return self.event_type_value

    @property
    def is_step_event(self) -> bool:
        return self.step_key is not None

    @property
    def is_failure(self) -> bool:
        return self.event_type_value in ("STEP_FAILURE", "RUN_FAILURE")

    @property
    def is_step_success(self) -> bool:
        return self.event_type_value == "STEP_SUCCESS"

    @property
    def is_step_failure(self) -> bool:
        return self.event_type_value == "STEP_FAILURE"

    @property
    def is_step_skipped(self) -> bool:
        return self.event_type_value == "STEP_SKIPPED"

    @property
    def is_successful_output(self) -> bool:
        return self.event_type_value == "STEP_OUTPUT"

    @property
    def step_output_data(self) -> StepOutputData:
        """Raises DagsterInvariantViolationError for an event of another kind."""
        return self._data_of("STEP_OUTPUT", StepOutputData)

    @property
    def step_failure_data(self) -> StepFailureData:
        """Raises DagsterInvariantViolationError for an event of another kind."""
        return self._data_of("STEP_FAILURE", StepFailureData)

    def _data_of(self, kind: str, form: type[T]) -> T:
        if self.event_type_value != kind or not isinstance(self.event_specific_data, form):
            raise DagsterInvariantViolationError(f"this event is a {self.event_type_value}, not a {kind}")
        return self.event_specific_data


class ExecuteInProcessResult:
    """The result of `execute_in_process`."""

    def __init__(
        self, program: Program, run: Run, outcomes: Sequence[Outcome], values: Mapping[StepKey, Values]
    ) -> None:
        self._program = program
        self._run = run
        self._outcomes = outcomes
        self._values = values
        self._events: list[Event] | None = None

    @property
    def success(self) -> bool:
        """Whether no step failed."""
        return self._run.status is RunStatus.SUCCEEDED

    @property
    def run_id(self) -> str:
        return self._program.run.run_id

    @property
    def job_def(self) -> Any:
        return self._program.job

    @property
    def dagster_run(self) -> Any:
        return self._program.run

    @property
    def run(self) -> Run:
        """The final state of the run, as the core keeps it."""
        return self._run

    # -- values -----------------------------------------------------------------------------------------------

    def output_for_node(self, node_str: str, output_name: str = "result") -> Any:
        """The value of one output; of a mapped op a dict by mapping key (by a tuple of keys below two maps).

        Raises DagsterInvariantViolationError when the node or output does not exist or gave no value.
        """
        op, output = self._trace(node_str, output_name)
        node = self._run.plan.by_name.get(op)
        if node is None:
            raise DagsterInvariantViolationError(f"{self._program.job.name} has no node named {node_str!r}")
        if node.op.output(output) is None:
            raise DagsterInvariantViolationError(f"{node_str} has no output {output!r}")
        steps = [step for step in self._run.state.steps_of(op) if output in self._values.get(step.key, {})]
        if not steps:
            raise DagsterInvariantViolationError(
                f"Did not find result {output!r} in {node_str!r}: the step has not given it"
            )
        if not node.axes:
            return self._values[steps[0].key][output]
        return {
            (step.key.keys[0] if len(step.key.keys) == 1 else step.key.keys): self._values[step.key][output]
            for step in steps
        }

    def output_value(self, output_name: str = "result") -> Any:
        """The value of an output of the job's own graph. Raises DagsterInvariantViolationError without one."""
        source = self._program.job.graph.output_sources.get(output_name)
        if source is None:
            raise DagsterInvariantViolationError(
                f"job {self._program.job.name} has no output {output_name!r}; return it from the graph"
            )
        return self.output_for_node(source.node, source.output)

    def _trace(self, node: str, output: str) -> tuple[str, str]:
        """Follow a nested graph's output to the op that gives it."""
        graph: Any = self._program.job.graph
        path: list[str] = []
        for part in node.split("."):
            if not isinstance(graph, GraphDefinition) or part not in graph.nodes:
                return node, output
            graph = graph.nodes[part].definition
            path.append(part)
        while isinstance(graph, GraphDefinition):
            source: NodeSource | None = graph.output_sources.get(output)
            if source is None:
                raise DagsterInvariantViolationError(f"graph {node} has no output {output!r}")
            graph, output = graph.nodes[source.node].definition, source.output
            path.append(source.node)
        return ".".join(path), output

    # -- steps ------------------------------------------------------------------------------------------------

    def is_node_success(self, node_str: str) -> bool:
        """Whether the node ran and all its steps succeeded."""
        steps = self._steps(node_str)
        return bool(steps) and all(step.state is StepState.SUCCEEDED for step in steps)

    def is_node_failed(self, node_str: str) -> bool:
        """Whether a step of the node failed."""
        return any(step.state is StepState.FAILED for step in self._steps(node_str))

    def is_node_skipped(self, node_str: str) -> bool:
        """Whether the node was skipped."""
        return any(step.state is StepState.SKIPPED for step in self._steps(node_str))

    def is_node_untouched(self, node_str: str) -> bool:
        """Whether the node never ran because a source of it failed."""
        return all(step.state in (StepState.UNTOUCHED, StepState.WAITING) for step in self._steps(node_str))

    def retry_attempts_for_node(self, node_str: str) -> int:
        """How many retries the node's steps made."""
        return sum(step.retries for step in self._steps(node_str))

    def _steps(self, node: str) -> list[Step]:
        steps = self._run.state.steps.values()
        return [step for step in steps if step.key.op == node or step.key.op.startswith(node + ".")]

    # -- events -----------------------------------------------------------------------------------------------

    @property
    def all_events(self) -> Sequence[Event]:
        """Everything that happened, in order."""
        if self._events is None:
            self._events = list(self._tell())
        return self._events

    @property
    def all_node_events(self) -> Sequence[Event]:
        return [event for event in self.all_events if event.is_step_event]

    def events_for_node(self, node_name: str) -> Sequence[Event]:
        """The events of one node's steps."""
        return [event for event in self.all_events if event.node_name == node_name]

    def filter_events(self, event_filter: Callable[[Event], bool]) -> Sequence[Event]:
        """The events that pass a test."""
        return [event for event in self.all_events if event_filter(event)]

    def get_step_success_events(self) -> Sequence[Event]:
        return self.filter_events(lambda event: event.is_step_success)

    def get_failed_step_keys(self) -> Any:
        return {event.step_key for event in self.all_events if event.is_step_failure}

    def _tell(self) -> list[Event]:
        found = [Event("RUN_START")]
        for outcome in self._outcomes:
            found += self._tell_step(outcome)
        for step in self._run.state.steps.values():
            if step.state is StepState.SKIPPED:
                found.append(_event("STEP_SKIPPED", step.key))
        found.append(Event("RUN_SUCCESS" if self.success else "RUN_FAILURE"))
        return found

    def _tell_step(self, outcome: Outcome) -> list[Event]:
        key = outcome.step
        found = [_event("STEP_START" if outcome.attempt == 1 else "STEP_RESTARTED", key)]
        found += [_event(_LOGGED.get(one["kind"], one["kind"]), key, one) for one in outcome.events]
        if outcome.status is OutcomeStatus.SUCCEEDED:
            found += self._tell_outputs(outcome)
            found.append(_event("STEP_SUCCESS", key))
        elif self._run.state.steps[key].attempt == outcome.attempt:
            data = _failure_data(outcome.failure) if outcome.failure is not None else None
            found.append(_event("STEP_FAILURE", key, data, data.error.message if data is not None else ""))
        else:
            found.append(_event("STEP_UP_FOR_RETRY", key))
        return found

    def _tell_outputs(self, outcome: Outcome) -> Iterator[Event]:
        op = self._run.plan.by_name[outcome.step.op].op
        for name, record in outcome.outputs.items():
            spec = op.output(name)
            keys = record if spec is not None and spec.dynamic else (None,)
            for key in keys:
                yield _event("STEP_OUTPUT", outcome.step, StepOutputData(name, key))


_LOGGED = {
    "AssetMaterialization": "ASSET_MATERIALIZATION",
    "AssetObservation": "ASSET_OBSERVATION",
    "ExpectationResult": "STEP_EXPECTATION_RESULT",
}


def _event(kind: str, key: StepKey, data: Any = None, message: str = "") -> Event:
    return Event(kind, str(key), key.op.rpartition(".")[2], data, message)


def _failure_data(failure: Failure) -> StepFailureData:
    """As Dagster shows it: what user code raised stands as the cause of an error that says so."""
    error = _error_info(failure)
    if failure.error == "Failure":
        return StepFailureData(error, UserFailureData(failure.message, failure.metadata))
    if failure.error == "RetryRequested" or hasattr(errors, failure.error):
        return StepFailureData(error)
    return StepFailureData(
        ErrorInfo("DagsterExecutionStepExecutionError", f"user code raised: {error.message}", "", error)
    )


def _error_info(failure: Failure) -> ErrorInfo:
    cause = None if failure.cause is None else _error_info(failure.cause)
    return ErrorInfo(failure.error, failure.message, failure.stack, cause)
