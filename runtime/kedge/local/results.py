"""What a run gives back: its values, its events, and how each step ended.

One class for what all results have in common; where the values come from is what differs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kedge.core.actions import RunStatus
from kedge.core.errors import DagsterError, DagsterInvalidInvocationError, DagsterInvariantViolationError
from kedge.core.ids import StepKey
from kedge.core.protocol import Outcome
from kedge.core.run import History, Run
from kedge.core.state import Step, StepState
from kedge.definitions.compose import NodeSource
from kedge.definitions.dagster_runs import DagsterRun, DagsterRunStatus
from kedge.definitions.graphs import GraphDefinition
from kedge.worker.program import Program
from kedge.worker.step import Values

if TYPE_CHECKING:
    from kedge.definitions.events import DagsterEvent, StepFailureData
    from kedge.definitions.handles import NodeHandle

DAGSTER_STATUS: Mapping[str, DagsterRunStatus] = {
    RunStatus.SUCCEEDED: DagsterRunStatus.SUCCESS,
    RunStatus.FAILED: DagsterRunStatus.FAILURE,
    RunStatus.CANCELLED: DagsterRunStatus.CANCELED,
}
"""How a run that has ended stands, in Dagster's words."""
_TOUCHED = (StepState.SUCCEEDED, StepState.FAILED, StepState.SKIPPED)


class ExecutionResult(ABC):
    """The result of a run. Events are made when they are asked for."""

    def __init__(self, program: Program, run: Run, outcomes: Sequence[Outcome], history: History | None = None) -> None:
        self._program = program
        self._run = run
        self._outcomes = outcomes
        self._history = history
        self._events: list[DagsterEvent] | None = None

    @property
    def success(self) -> bool:
        """Whether no step failed."""
        return self._run.status is RunStatus.SUCCEEDED

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._program.run.run_id

    @property
    def job_def(self) -> Any:
        """The job that was run."""
        return self._program.job

    @property
    def dagster_run(self) -> DagsterRun:
        """The run, as it ended."""
        return self._program.run.with_status(DAGSTER_STATUS.get(self._run.status, DagsterRunStatus.STARTED))

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """How each attempt ended, in the order in which they did."""
        return self._outcomes

    @property
    def run(self) -> Run:
        """The final state of the run, as the core keeps it."""
        return self._run

    # -- values -----------------------------------------------------------------------------------------------

    @abstractmethod
    def _has_value(self, step: Step, output: str) -> bool:
        """Whether the step gave a value for this output."""

    @abstractmethod
    def _value(self, step: Step, output: str) -> Any:
        """That value; of a dynamic output a dict by mapping key."""

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
        if self._program.bound(op).outputs[output].dagster_type.is_nothing and self.is_node_success(op):
            return None
        steps = [step for step in self._run.state.steps_of(op) if self._has_value(step, output)]
        if not steps:
            raise DagsterInvariantViolationError(
                f"Did not find result {output!r} in {node_str!r}: the step has not given it"
            )
        if not node.axes:
            return self._value(steps[0], output)
        return {
            (step.key.keys[0] if len(step.key.keys) == 1 else step.key.keys): self._value(step, output)
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

    def asset_value(self, asset_key: Any) -> Any:
        """Kedge has no software-defined assets: raises DagsterInvalidInvocationError."""
        raise DagsterInvalidInvocationError(
            f"asset_value({asset_key!r}): Kedge has no software-defined assets; use output_for_node"
        )

    def _trace(self, node: str, output: str) -> tuple[str, str]:
        """Follow a nested graph's output to the op that gives it."""
        graph: Any = self._program.job.graph
        path: list[str] = []
        for part in node.split("."):
            if not isinstance(graph, GraphDefinition) or part not in graph.node_dict:
                return node, output
            graph = graph.node_dict[part].definition
            path.append(part)
        while isinstance(graph, GraphDefinition):
            source: NodeSource | None = graph.output_sources.get(output)
            if source is None:
                raise DagsterInvariantViolationError(f"graph {node} has no output {output!r}")
            graph, output = graph.node_dict[source.node].definition, source.output
            path.append(source.node)
        return ".".join(path), output

    # -- steps ------------------------------------------------------------------------------------------------

    def is_node_success(self, node_str: str) -> bool:
        """Whether a step of the node succeeded in this run."""
        return any(step.state is StepState.SUCCEEDED for step in self._steps(node_str))

    def is_node_failed(self, node_str: str) -> bool:
        """Whether a step of the node failed."""
        return any(step.state is StepState.FAILED for step in self._steps(node_str))

    def is_node_skipped(self, node_str: str) -> bool:
        """Whether a step of the node was skipped."""
        return any(step.state is StepState.SKIPPED for step in self._steps(node_str))

    def is_node_untouched(self, node_str: str) -> bool:
        """Whether nothing happened to the node: a source of it failed, or it was not selected."""
        return not any(step.state in _TOUCHED or step.attempt > 1 for step in self._steps(node_str))

    def retry_attempts_for_node(self, node_str: str) -> int:
        """How many retries the node's steps made."""
        return sum(step.retries for step in self._steps(node_str))

    def _steps(self, node: str) -> list[Step]:
        """The node's steps, without those that a re-execution took over; memoized ones are steps of this run."""
        below = node + "."
        named = [s for s in self._run.state.steps.values() if s.key.op == node or s.key.op.startswith(below)]
        if not any(step.cached for step in named):
            return named
        own = {outcome.step for outcome in self._outcomes}
        return [step for step in named if not step.cached or step.key in own]

    # -- events -----------------------------------------------------------------------------------------------

    @property
    def all_events(self) -> Sequence[DagsterEvent]:
        """Everything that happened, in order."""
        if self._events is None:
            from kedge.local.events import RunTeller

            definitions = {name: op.definition for name, op in self._program.job.ops.items()}
            run = self.dagster_run
            self._events = list(RunTeller(self._run, self._outcomes, run, definitions, self._history).tell())
        return self._events

    @property
    def all_node_events(self) -> Sequence[DagsterEvent]:
        """What happened in steps, node by node."""
        return [event for name in self._program.job.graph.node_dict for event in self.events_for_node(name)]

    def events_for_node(self, node_name: str) -> Sequence[DagsterEvent]:
        """What happened in one node's steps; what hooks did is not among it."""
        from kedge.definitions.handles import NodeHandle

        return self.compute_events_for_handle(NodeHandle.from_string(node_name))

    def compute_events_for_handle(self, handle: NodeHandle) -> Sequence[DagsterEvent]:
        """What happened in the steps of a node, given by its handle."""

        def is_of_node(event: DagsterEvent) -> bool:
            own = event.node_handle
            return event.is_step_event and own is not None and own.is_or_descends_from(handle)

        return self.filter_events(is_of_node)

    def filter_events(self, event_filter: Callable[[DagsterEvent], bool]) -> Sequence[DagsterEvent]:
        """The events that pass a test."""
        return [event for event in self.all_events if event_filter(event)]

    def _of_kind(self, kind: str, node: str | None = None) -> list[DagsterEvent]:
        found = self.all_events if node is None else self.events_for_node(node)
        return [event for event in found if event.event_type_value == kind]

    def get_step_success_events(self) -> Sequence[DagsterEvent]:
        """The successes of steps."""
        return self._of_kind("STEP_SUCCESS")

    def get_step_failure_events(self) -> Sequence[DagsterEvent]:
        """The failures of steps, those that were tried again not counted."""
        return self._of_kind("STEP_FAILURE")

    def get_step_skipped_events(self) -> Sequence[DagsterEvent]:
        """The skips of steps."""
        return self._of_kind("STEP_SKIPPED")

    def get_failed_step_keys(self) -> set[str]:
        """The keys of the steps that failed."""
        return {str(step.key) for step in self._run.state.steps.values() if step.state is StepState.FAILED}

    def get_run_success_event(self) -> DagsterEvent:
        """That the run succeeded. Raises DagsterError when it did not."""
        return self._one("PIPELINE_SUCCESS")

    def get_run_failure_event(self) -> DagsterEvent:
        """That the run failed. Raises DagsterError when it did not."""
        return self._one("PIPELINE_FAILURE")

    def _one(self, kind: str) -> DagsterEvent:
        found = self._of_kind(kind)
        if not found:
            raise DagsterError(f"run {self.run_id} has no event {kind}; it ended as {self.dagster_run.status.value}")
        return found[0]

    def get_asset_materialization_events(self) -> Sequence[DagsterEvent]:
        """What ops said that they wrote."""
        return self._of_kind("ASSET_MATERIALIZATION")

    def get_asset_observation_events(self) -> Sequence[DagsterEvent]:
        """What ops said that they saw."""
        return self._of_kind("ASSET_OBSERVATION")

    def get_asset_materialization_planned_events(self) -> Sequence[DagsterEvent]:
        """Kedge plans no assets: none."""
        return []

    def get_asset_check_evaluations(self) -> Sequence[Any]:
        """Kedge has no asset checks: none."""
        return []

    def asset_materializations_for_node(self, node_name: str) -> Sequence[Any]:
        """What one node said that it wrote."""
        return [event.materialization for event in self._of_kind("ASSET_MATERIALIZATION", node_name)]

    def asset_observations_for_node(self, node_name: str) -> Sequence[Any]:
        """What one node said that it saw."""
        return [one.asset_observation_data.asset_observation for one in self._of_kind("ASSET_OBSERVATION", node_name)]

    def expectation_results_for_node(self, node_str: str) -> Sequence[Any]:
        """What one node said that it checked."""
        found = self._of_kind("STEP_EXPECTATION_RESULT", node_str)
        return [event.step_expectation_result_data.expectation_result for event in found]

    def failure_data_for_node(self, node_str: str) -> StepFailureData | None:
        """Why the node failed; None when it did not."""
        found = self._of_kind("STEP_FAILURE", node_str)
        return found[0].step_failure_data if found else None


class ExecuteInProcessResult(ExecutionResult):
    """The result of `execute_in_process`. Values are those that the ops gave, whatever stored them."""

    def __init__(
        self, program: Program, run: Run, outcomes: Sequence[Outcome], values: Mapping[StepKey, Values]
    ) -> None:
        super().__init__(program, run, outcomes)
        self._values = values

    def _has_value(self, step: Step, output: str) -> bool:
        return output in self._values.get(step.key, {})

    def _value(self, step: Step, output: str) -> Any:
        return self._values[step.key][output]
