"""What an op knows while it runs: its config, resources, log, run, step and attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kedge.core.errors import DagsterInvariantViolationError
from kedge.definitions.values import describe_event

if TYPE_CHECKING:
    from kedge.definitions.logs import StepLogger


class RunView:
    """The run that a step belongs to: id, job name, tags, config."""

    __slots__ = ("job_name", "run_config", "run_id", "tags")

    def __init__(self, run_id: str, job_name: str, tags: Mapping[str, str], run_config: Mapping[str, Any]) -> None:
        self.run_id = run_id
        self.job_name = job_name
        self.tags = tags
        self.run_config = run_config


class OpExecutionContext:
    """The context of one attempt of one step. Made cheaply: what is rarely asked for is made when asked."""

    __slots__ = (
        "_log",
        "attempt",
        "events",
        "job_def",
        "op_config",
        "op_def",
        "output_metadata",
        "resources",
        "retry_number",
        "run",
        "step",
    )

    def __init__(
        self,
        step: Any,
        op_def: Any,
        op_config: Any,
        resources: Any,
        run: RunView,
        retry_number: int = 0,
        job_def: Any = None,
        attempt: int = 1,
    ) -> None:
        self.step = step
        self.op_def = op_def
        self.op_config = op_config
        self.resources = resources
        self.run = run
        self.retry_number = retry_number
        self.job_def = job_def
        self.attempt = attempt
        self.events: list[dict[str, Any]] | None = None
        self.output_metadata: dict[tuple[str, str | None], dict[str, Any]] | None = None
        self._log: StepLogger | None = None

    @property
    def log(self) -> Any:
        """The step's logger."""
        if self._log is None:
            from kedge.definitions.logs import StepLogger

            self._log = StepLogger(self.run.run_id, self.step)
        return self._log

    @property
    def run_id(self) -> str:
        return self.run.run_id

    @property
    def job_name(self) -> str:
        return self.run.job_name

    @property
    def dagster_run(self) -> RunView:
        return self.run

    @property
    def run_config(self) -> Mapping[str, Any]:
        return self.run.run_config

    @property
    def run_tags(self) -> Mapping[str, str]:
        return self.run.tags

    def has_tag(self, key: str) -> bool:
        """Whether the run has this tag."""
        return key in self.run.tags

    def get_tag(self, key: str) -> str | None:
        """The run's tag, or None."""
        return self.run.tags.get(key)

    @property
    def op_handle(self) -> str:
        """The op's flat name in the job."""
        return str(self.step.op)

    @property
    def step_key(self) -> str:
        return str(self.step)

    def get_step_execution_context(self) -> OpExecutionContext:
        """This context; Dagster keeps a second one behind it."""
        return self

    @property
    def has_partition_key(self) -> bool:
        return "dagster/partition" in self.run.tags

    @property
    def partition_key(self) -> str:
        """The run's partition. Raises DagsterInvariantViolationError when it has none."""
        if not self.has_partition_key:
            raise DagsterInvariantViolationError("this run has no partition; start it with a partition key")
        return self.run.tags["dagster/partition"]

    def get_mapping_key(self) -> str | None:
        """The key of the innermost map above this step; None outside of a map."""
        return self.step.keys[-1] if self.step.keys else None

    @property
    def mapping_keys(self) -> tuple[str, ...]:
        """All keys above this step, outermost first."""
        return tuple(self.step.keys)

    def log_event(self, event: Any) -> None:
        """Note a materialization, an observation or an expectation in the step's outcome."""
        if self.events is None:
            self.events = []
        self.events.append(describe_event(event))

    def add_output_metadata(
        self, metadata: Mapping[str, Any], output_name: str | None = None, mapping_key: str | None = None
    ) -> None:
        """Note metadata about an output. Raises DagsterInvariantViolationError for one that does not exist."""
        names = list(self.op_def.outputs)
        if output_name is None and len(names) != 1:
            raise DagsterInvariantViolationError(f"op {self.op_def.name} has {len(names)} outputs; give output_name")
        name = output_name or names[0]
        if name not in self.op_def.outputs:
            raise DagsterInvariantViolationError(f"op {self.op_def.name} has no output {name!r}")
        if self.output_metadata is None:
            self.output_metadata = {}
        self.output_metadata.setdefault((name, mapping_key), {}).update(metadata)
