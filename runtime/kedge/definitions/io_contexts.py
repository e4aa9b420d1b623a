"""What I/O managers are told: which output of which step is stored, which input is loaded.

In a run most of it comes from the step's own context, when it is asked for. `io_builders` makes them for tests; what
was not given then raises DagsterInvariantViolationError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kedge.core.errors import CheckError, DagsterInvalidMetadata, DagsterInvariantViolationError

_ASSETS = "Kedge has no software-defined assets and no partitions of them; a run's partition is context.partition_key"


class _Given:
    """An attribute that was given to the context. Raises DagsterInvariantViolationError when it was not."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.slot = f"_{name}"

    def __get__(self, context: Any, owner: type | None = None) -> Any:
        if context is None:
            return self
        found = getattr(context, self.slot)
        if found is None:
            raise DagsterInvariantViolationError(
                f"{type(context).__name__}.{self.name}: there is none here; a test gives it to {context.builder}()"
            )
        return found


class IOContext:
    """What the contexts of inputs and of outputs have in common."""

    __slots__ = (
        "_asset_key",
        "_dagster_type",
        "_held",
        "_job_name",
        "_log",
        "_name",
        "_noted",
        "_op_def",
        "_partition_key",
        "_step",
        "_step_context",
        "_step_key",
        "config",
        "definition_metadata",
        "instance",
        "io",
        "record",
        "resource_config",
    )
    builder = ""

    def __init__(
        self,
        *,
        step: Any = None,
        step_key: str | None = None,
        name: str | None = None,
        job_name: str | None = None,
        op_def: Any = None,
        config: Any = None,
        definition_metadata: Mapping[str, Any] | None = None,
        dagster_type: Any = None,
        log_manager: Any = None,
        resource_config: Any = None,
        resources: Any = None,
        step_context: Any = None,
        asset_key: Any = None,
        partition_key: str | None = None,
        instance: Any = None,
        metadata: Mapping[str, Any] | None = None,
        io: Any = None,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        self._step = step
        self._step_key = step_key
        self._name = name
        self._job_name = job_name
        self._op_def = op_def
        self.config = config
        self.definition_metadata: Mapping[str, Any] = definition_metadata or metadata or {}
        self._dagster_type = dagster_type
        self._log = log_manager
        self.resource_config = resource_config
        self._held = resources
        self._step_context = step_context
        self._asset_key = asset_key
        self._partition_key = partition_key
        self.instance = instance
        self.io = io
        self.record = record
        self._noted: dict[str, Any] | None = None

    name = _Given("The name of the input or output.")
    job_name = _Given("The job's name.")
    op_def = _Given("The definition of the op.")
    dagster_type = _Given("The type of the value.")
    step_context = _Given("The context of the step that runs.")
    asset_key = _Given("The asset key that a test gave; outputs of ops have none.")

    @property
    def step(self) -> Any:
        """The step, as Kedge names it: its op and the keys of the maps around it."""
        if self._step is None and self._step_key is not None:
            from kedge.core.ids import StepKey

            self._step = StepKey.parse(self._step_key)
        return self._step

    @property
    def step_key(self) -> str:
        """The step's key. Raises DagsterInvariantViolationError when it was not given."""
        if self._step_key is None:
            if self._step is None:
                raise DagsterInvariantViolationError(
                    f"{type(self).__name__}.step_key: there is none here; a test gives it to {self.builder}()"
                )
            self._step_key = str(self._step)
        return self._step_key

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The same as `definition_metadata`: what In or Out were given."""
        return self.definition_metadata

    @property
    def log(self) -> Any:
        """The step's logger."""
        if self._step_context is not None:
            return self._step_context.log
        if self._log is None:
            from kedge.definitions.logs import DagsterLogManager

            self._log = DagsterLogManager(None, self._step_key or "io")
        return self._log

    @property
    def resources(self) -> Any:
        """The resources that the manager's definition asked for."""
        held = self._held
        return held.get() if hasattr(held, "definitions") else held

    @property
    def has_asset_key(self) -> bool:
        """Whether a test gave an asset key."""
        return self._asset_key is not None

    @property
    def has_asset_partitions(self) -> bool:
        """Whether it belongs to a partitioned asset: never."""
        return False

    @property
    def has_partition_key(self) -> bool:
        """Whether the run is for one partition."""
        return self._partition() is not None

    @property
    def partition_key(self) -> str:
        """The run's partition. Raises CheckError when it has none."""
        found = self._partition()
        if found is None:
            raise CheckError("the run has no partition; ask has_partition_key first, or start it with a partition key")
        return found

    def _partition(self) -> str | None:
        if self._partition_key is None and self._step_context is not None and self._step_context.has_partition_key:
            self._partition_key = self._step_context.partition_key
        return self._partition_key

    def get_asset_identifier(self) -> list[str]:
        """The parts of the asset key that a test gave."""
        key = list(self.asset_key.path)
        return [*key, self.partition_key] if self.has_partition_key else key

    def __getattr__(self, name: str) -> Any:
        if name.startswith("asset_"):
            raise DagsterInvariantViolationError(f"{type(self).__name__}.{name}: {_ASSETS}")
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def __enter__(self) -> Any:
        if hasattr(self._held, "enter"):
            self._held.enter()
        return self

    def __exit__(self, *error: object) -> None:
        if hasattr(self._held, "close"):
            self._held.close()

    def _note(self, metadata: Mapping[str, Any]) -> None:
        from kedge.definitions.metadata import normalize_metadata

        self._noted = {**(self._noted or {}), **normalize_metadata(metadata)}

    def consume_logged_metadata(self) -> Mapping[str, Any]:
        """The metadata that was noted since the last call."""
        found, self._noted = self._noted or {}, None
        return found


class OutputContext(IOContext):
    """What `handle_output` knows: which output of which step of which run, and where it may note metadata.

    `record` is Kedge's own: what a store-backed manager says of the stored value, for the outcome. `version` is the
    output's version where versions are kept.
    """

    __slots__ = ("_events", "_output_metadata", "_run_id", "attempt", "mapping_key", "version")
    builder = "build_output_context"

    def __init__(
        self,
        *,
        run_id: str | None = None,
        mapping_key: str | None = None,
        version: str | None = None,
        output_metadata: Mapping[str, Any] | None = None,
        attempt: int = 1,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self._run_id = run_id
        self.mapping_key = mapping_key
        self.version = version
        self._output_metadata = output_metadata
        self.attempt = attempt
        self._events: list[Any] | None = None

    run_id = _Given("The id of the run that made the output.")

    @property
    def output_metadata(self) -> Mapping[str, Any]:
        """The metadata that the op gave with the output; on `upstream_output`, what its I/O manager noted as well."""
        if self._output_metadata is None and self.record:
            from kedge.definitions.wire import decode_metadata

            noted = {**(self.record.get("metadata") or {}), **(self.record.get("handled") or {})}
            self._output_metadata = decode_metadata(noted)
        return self._output_metadata or {}

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Note metadata about the stored value; a reader finds it on `upstream_output`.

        Raises DagsterInvalidMetadata for a key that was noted before, and for a value that can't be metadata.
        """
        twice = sorted(set(metadata) & set(self._noted or ()))
        if twice:
            raise DagsterInvalidMetadata(f"output {self._name}: metadata {', '.join(twice)} is noted already")
        self._note(metadata)

    def get_logged_metadata(self) -> Mapping[str, Any]:
        """The metadata that was noted."""
        return self._noted or {}

    def log_event(self, event: Any) -> None:
        """Note a materialization or an observation. Raises CheckError for anything else."""
        from kedge.definitions.values import AssetMaterialization, AssetObservation

        if not isinstance(event, AssetMaterialization | AssetObservation):
            raise CheckError(f"log_event takes an AssetMaterialization or an AssetObservation, not {event!r}")
        self._events = [*(self._events or ()), event]
        if self._step_context is not None:
            self._step_context.log_event(event, storing=True)

    def get_logged_events(self) -> list[Any]:
        """What `log_event` noted."""
        return list(self._events or ())

    def consume_events(self) -> Iterator[Any]:
        """What `log_event` noted, and forget it."""
        found, self._events = self._events or [], None
        yield from found

    def get_identifier(self) -> list[str]:
        """Run, step, output (and mapping key): a name for the value that is unique among all runs.

        With a version, a name that is the same in each run with that version.
        """
        if self.version is not None:
            if self.mapping_key is not None:
                raise CheckError(f"output {self.name} of {self.step_key}: a dynamic output can't have a version")
            return ["versioned_outputs", self.version, self.step_key, self.name]
        found = [self.run_id, self.step_key, self.name]
        return [*found, self.mapping_key] if self.mapping_key is not None else found

    def get_output_identifier(self) -> list[str]:
        """The same as `get_identifier`."""
        return self.get_identifier()

    def get_run_scoped_output_identifier(self) -> list[str]:
        """The identifier with the run's id, whether there is a version or not."""
        found = [self.run_id, self.step_key, self.name]
        return [*found, self.mapping_key] if self.mapping_key is not None else found


class InputContext(IOContext):
    """What `load_input` knows: which input of which step, and all about the output that feeds it.

    `upstream_output` is None for an input that nothing feeds.
    """

    __slots__ = ("upstream_output",)
    builder = "build_input_context"

    def __init__(self, *, upstream_output: OutputContext | None = None, **rest: Any) -> None:
        super().__init__(**rest)
        self.upstream_output = upstream_output

    @property
    def has_input_name(self) -> bool:
        """Whether it is an input of an op."""
        return self._name is not None

    def add_input_metadata(self, metadata: Mapping[str, Any], description: str | None = None) -> None:
        """Note metadata about what was loaded. Raises DagsterInvalidMetadata for what can't be metadata."""
        self._note(metadata)

    def consume_events(self) -> Iterator[Any]:
        """Nothing: loading notes no events."""
        return iter(())

    def get_identifier(self) -> list[str]:
        """The identifier of the output that is read. Raises DagsterInvariantViolationError without one."""
        if self.upstream_output is None:
            raise DagsterInvariantViolationError(
                f"input {self._name} reads no output, so it has no identifier; ask upstream_output first"
            )
        return self.upstream_output.get_identifier()
