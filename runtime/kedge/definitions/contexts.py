"""What an op knows while it runs: its config, resources, log, run, step and attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from kedge.core.errors import CheckError, DagsterInvalidPropertyError, DagsterInvariantViolationError
from kedge.core.graph import PARTITION_TAG
from kedge.definitions.values import LOGGED

if TYPE_CHECKING:
    from kedge.definitions.dagster_runs import DagsterRun
    from kedge.definitions.handles import NodeHandle
    from kedge.definitions.hooks import OpUse
    from kedge.definitions.logs import DagsterLogManager
    from kedge.definitions.ops import OpDefinition

_ASSETS = "Kedge has no software-defined assets; log an AssetMaterialization instead"
_RANGES = "Kedge runs one partition at a time; use context.partition_key"
_REFUSED = {
    "pdb": "a step may run in a process without a terminal; run the job with execute_in_process and use breakpoint()",
    "file_manager": "Kedge has no file manager; give the value out, and the I/O manager stores it",
    "repository_def": "Kedge has no repositories",
    "partition_key_range": _RANGES,
    "partition_time_window": "Kedge has no partitions by time; read the window off context.partition_key",
    "multi_partition_key": "Kedge has no partitions of several dimensions; read them off context.partition_key",
    "assets_def": _ASSETS,
    "load_asset_value": _ASSETS,
    "output_for_asset_key": _ASSETS,
    "get_asset_provenance": _ASSETS,
    "set_data_version": _ASSETS,
    "add_asset_metadata": _ASSETS,
    "consume_events": "events stand in the result of the run: result.events_for_node(...)",
}


class OpExecutionContext:
    """The context of one attempt of one step. Made cheaply: what is rarely asked for is made when asked.

    What Dagster's context has and Kedge's can't have raises DagsterInvalidPropertyError and says why.
    """

    __slots__ = (
        "_log",
        "_op_def",
        "_resources",
        "_run",
        "_typed_stream",
        "attempt",
        "bound_config",
        "events",
        "output_metadata",
        "program",
        "records",
        "retry_number",
        "step",
    )
    running: ClassVar[OpExecutionContext | None] = None

    def __init__(
        self,
        step: Any,
        op_def: Any,
        op_config: Any,
        resources: Any,
        run: DagsterRun,
        retry_number: int = 0,
        program: Any = None,
        attempt: int = 1,
    ) -> None:
        self.step = step
        self._op_def = op_def
        self.bound_config = op_config
        self._resources = resources
        self._run = run
        self.retry_number = retry_number
        self.program = program
        self.attempt = attempt
        self.events: list[dict[str, Any]] | None = None
        self.output_metadata: dict[tuple[str, str | None], dict[str, Any]] | None = None
        self.records: Mapping[str, Any] = {}
        self._log: DagsterLogManager | None = None
        self._typed_stream: str | bool = False

    @staticmethod
    def get() -> OpExecutionContext:
        """The context of the op that runs now. Raises DagsterInvariantViolationError outside of one."""
        found = OpExecutionContext.running
        if found is None:
            raise DagsterInvariantViolationError("no op runs here, so there is no context; pass one on")
        return found

    def __getattr__(self, name: str) -> Any:
        why = _REFUSED.get(name) or (_ASSETS if name.startswith("asset_") else None)
        if why is None:
            raise AttributeError(f"the context of an op has no {name!r}")
        raise DagsterInvalidPropertyError(f"context.{name}: {why}")

    # -- the run ----------------------------------------------------------------------------------------------

    @property
    def resources(self) -> Any:
        """The resources that the op declared, by attribute."""
        return self._resources

    @resources.setter
    def resources(self, found: Any) -> None:
        self._resources = found

    @property
    def log(self) -> DagsterLogManager:
        """The step's logger."""
        if self._log is None:
            from kedge.definitions.logs import logger_of

            self._log = logger_of(self)
        return self._log

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._run.run_id

    @property
    def run(self) -> DagsterRun:
        """The run."""
        return self._run

    @property
    def dagster_run(self) -> DagsterRun:
        """The run."""
        return self.run

    @property
    def job_def(self) -> Any:
        """The job that runs."""
        return self.program.job

    @property
    def job_name(self) -> str:
        """The job's name."""
        return self.run.job_name

    @property
    def run_config(self) -> Mapping[str, Any]:
        """The run config that was given, over the job's own."""
        return self.run.run_config

    @property
    def run_tags(self) -> Mapping[str, str]:
        """The tags of the run."""
        return self._run.tags

    def has_tag(self, key: str) -> bool:
        """Whether the run has this tag."""
        return key in self._run.tags

    def get_tag(self, key: str) -> str | None:
        """The run's tag, or None."""
        return self._run.tags.get(key)

    @property
    def instance(self) -> Any:
        """The instance that keeps the run. Raises DagsterInvalidPropertyError in a step process, which has none."""
        found = self.program.instance
        if found is None:
            raise DagsterInvalidPropertyError(
                "context.instance: a step in a process of its own does not see the records of runs, which the engine "
                "keeps. Use context.run, or read them from outside with DagsterInstance.get()"
            )
        return found

    @property
    def location_name(self) -> None:
        """Kedge has no code locations."""
        return None

    @property
    def step_launcher(self) -> None:
        """Kedge's engines start steps."""
        return None

    # -- partitions -------------------------------------------------------------------------------------------

    @property
    def has_partition_key(self) -> bool:
        """Whether the run is for one partition."""
        return PARTITION_TAG in self._run.tags

    @property
    def has_partitions(self) -> bool:
        """Whether the run is for one partition."""
        return self.has_partition_key

    @property
    def has_partition_key_range(self) -> bool:
        """Whether the run is for several partitions: never."""
        return False

    @property
    def partition_key(self) -> str:
        """The run's partition. Raises DagsterInvariantViolationError when it has none."""
        if not self.has_partition_key:
            raise DagsterInvariantViolationError("this run has no partition; start it with a partition key")
        return self._run.tags[PARTITION_TAG]

    @property
    def partition_keys(self) -> list[str]:
        """The run's partition, in a list. Raises DagsterInvariantViolationError when it has none."""
        return [self.partition_key]

    # -- the op -----------------------------------------------------------------------------------------------

    @property
    def op_def(self) -> OpDefinition:
        """The op's definition."""
        found: OpDefinition = self._op_def
        return found

    @property
    def op_config(self) -> Any:
        """The op's config as plain data, defaults filled in; None when there is none."""
        return plain_config(self.bound_config)

    @property
    def op_handle(self) -> NodeHandle:
        """The op's place in the job."""
        from kedge.definitions.handles import NodeHandle

        return NodeHandle.from_string(self.step.op)

    @property
    def node_handle(self) -> NodeHandle:
        """The op's place in the job."""
        return self.op_handle

    @property
    def op(self) -> OpUse:
        """The use of the op: its name there, its definition and its tags."""
        from kedge.definitions.hooks import OpUse

        return OpUse(self.op_handle.name, self.op_def, self.program.bound(self.step.op).flat.tags)

    @property
    def alias(self) -> str:
        """The op's name in its graph."""
        return self.op_handle.name

    def describe_op(self) -> str:
        """The op in words, for a message."""
        return f'op "{self.step.op}"'

    @property
    def op_execution_context(self) -> OpExecutionContext:
        """This context."""
        return self

    def get_step_execution_context(self) -> OpExecutionContext:
        """This context; Dagster keeps a second one behind it."""
        return self

    @property
    def step_key(self) -> str:
        """The step's key: the op's name, and the keys of the maps around it."""
        return str(self.step)

    def get_mapping_key(self) -> str | None:
        """The key of the innermost map above this step; None outside of a map."""
        return self.step.keys[-1] if self.step.keys else None

    @property
    def mapping_keys(self) -> tuple[str, ...]:
        """All keys above this step, outermost first."""
        return tuple(self.step.keys)

    @property
    def is_subset(self) -> bool:
        """Whether only some of the outputs are to be made: never, for an op."""
        return False

    @property
    def selected_output_names(self) -> Any:
        """The outputs that are to be made: all."""
        return self.op_def.outputs.keys()

    @property
    def has_assets_def(self) -> bool:
        """Whether the op belongs to an asset: never."""
        return False

    @property
    def selected_asset_keys(self) -> set[Any]:
        """Kedge has no software-defined assets."""
        return set()

    @property
    def selected_asset_check_keys(self) -> set[Any]:
        """Kedge has no software-defined assets."""
        return set()

    # -- what it says -----------------------------------------------------------------------------------------

    def log_event(self, event: Any, storing: bool = False) -> None:
        """Note a materialization, an observation or an expectation in the step's outcome. Raises CheckError.

        `storing` says that an I/O manager notes it, while it stores an output.
        """
        check_event(event)
        from kedge.definitions.wire import encode_event

        self.note(encode_event(event, self.outputs_given, storing))

    def note(self, told: dict[str, Any]) -> None:
        """Keep plain data for the outcome's events."""
        if self.events is None:
            self.events = []
        self.events.append(told)

    def has_events(self) -> bool:
        """Whether anything was noted so far."""
        return bool(self.events)

    @property
    def outputs_given(self) -> int:
        """How many outputs the op has given so far; each value of a dynamic one counts."""
        return sum(len(one) if self.op_def.outputs[name].is_dynamic else 1 for name, one in self.records.items())

    def has_seen_output(self, output_name: str, mapping_key: str | None = None) -> bool:
        """Whether the op has given this output already."""
        found = output_name in self.records
        return found and mapping_key in self.records[output_name] if mapping_key else found

    def add_output_metadata(
        self, metadata: Mapping[str, Any], output_name: str | None = None, mapping_key: str | None = None
    ) -> None:
        """Note metadata about an output, before it is given.

        Raises DagsterInvariantViolationError for an output that does not exist or was given already, and for a
        dynamic one without `mapping_key`.
        """
        name = output_to_note(self, output_name, mapping_key)
        if self.output_metadata is None:
            self.output_metadata = {}
        self.output_metadata.setdefault((name, mapping_key), {}).update(metadata)

    def get_output_metadata(self, output_name: str, mapping_key: str | None = None) -> Mapping[str, Any] | None:
        """What `add_output_metadata` noted about an output."""
        return (self.output_metadata or {}).get((output_name, mapping_key), {})

    @property
    def requires_typed_event_stream(self) -> bool:
        """Whether the op has to give each output as an Output."""
        return self._typed_stream is not False

    @property
    def typed_event_stream_error_message(self) -> str | None:
        """What to say when it does not."""
        return self._typed_stream if isinstance(self._typed_stream, str) else None

    def set_requires_typed_event_stream(self, *, error_message: str | None = None) -> None:
        """From now on what the op returns counts as it is: None is no output. `error_message` is added to the error."""
        self._typed_stream = error_message or True


def plain_config(config: Any) -> Any:
    """A config as plain data: a model as a dict of its fields."""
    if not hasattr(config, "model_dump"):
        return config
    from kedge.definitions.models import values_of

    return values_of(config)


def check_event(event: Any) -> None:
    """Raise CheckError for what can't be logged as an event."""
    if not isinstance(event, LOGGED):
        names = ", ".join(kind.__name__ for kind in LOGGED)
        raise CheckError(f"log_event takes {names}, not {event!r}; outputs are returned or yielded")


def output_to_note(context: Any, output_name: str | None, mapping_key: str | None) -> str:
    """The name of the output that `add_output_metadata` means, if it may be noted about now."""
    op = context.op_def
    if output_name is None and len(op.outputs) != 1:
        raise DagsterInvariantViolationError(f"op {op.name} has {len(op.outputs)} outputs; give output_name")
    name = output_name or next(iter(op.outputs))
    if name not in op.outputs:
        known = ", ".join(op.outputs) or "none"
        raise DagsterInvariantViolationError(f"op {op.name} has no output {name!r}; it has {known}")
    if op.outputs[name].is_dynamic and not mapping_key:
        raise DagsterInvariantViolationError(f"op {op.name}: output {name!r} is dynamic; give mapping_key, too")
    if context.has_seen_output(name, mapping_key):
        what = f"output {name!r}" + (f" with mapping key {mapping_key!r}" if mapping_key else "")
        raise DagsterInvariantViolationError(
            f"op {op.name} has given {what} already; note metadata before, or give it as Output(..., metadata=...)"
        )
    return name
