"""I/O managers: how a step's outputs are stored and its inputs loaded, and the contexts they are given.

The base class and contexts stand here, so that a definition can name them; Kedge's own managers are in `kedge.io`.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kedge.core.errors import DagsterInvalidInvocationError
from kedge.definitions.config import Field
from kedge.definitions.resources import InitResourceContext, ResourceDefinition


class IOManager(ABC):
    """Stores what steps give and loads what they read."""

    @abstractmethod
    def load_input(self, context: InputContext) -> Any:
        """The value of one source. Called once for each member of a list."""

    @abstractmethod
    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store one output (one value of a dynamic output)."""


class InputManager(ABC):
    """Loads an input, and stores nothing."""

    @abstractmethod
    def load_input(self, context: InputContext) -> Any:
        """The value of the input."""


class OutputContext:
    """What `handle_output` knows: which output of which step of which run, and where it may note metadata.

    `record` is Kedge's own: what a store-backed manager says of the stored value, for the outcome.
    """

    __slots__ = (
        "_metadata",
        "attempt",
        "dagster_type",
        "definition_metadata",
        "io",
        "log",
        "mapping_key",
        "metadata",
        "name",
        "op_def",
        "output_metadata",
        "record",
        "resource_config",
        "resources",
        "run_id",
        "step",
        "version",
    )

    def __init__(
        self,
        *,
        step: Any = None,
        name: str = "result",
        run_id: str | None = None,
        mapping_key: str | None = None,
        attempt: int = 1,
        op_def: Any = None,
        dagster_type: Any = None,
        definition_metadata: Mapping[str, Any] | None = None,
        output_metadata: Mapping[str, Any] | None = None,
        resources: Any = None,
        resource_config: Any = None,
        log: Any = None,
        io: Any = None,
    ) -> None:
        self.step = step
        self.name = name
        self.run_id = run_id
        self.mapping_key = mapping_key
        self.attempt = attempt
        self.op_def = op_def
        self.dagster_type = dagster_type
        self.definition_metadata = definition_metadata or {}
        self.metadata = self.definition_metadata
        self.output_metadata = output_metadata or {}
        self.resources = resources
        self.resource_config = resource_config
        self.log = log
        self.io = io
        self.record: Mapping[str, Any] | None = None
        self.version: str | None = None
        self._metadata: dict[str, Any] | None = None

    @property
    def step_key(self) -> str:
        return str(self.step)

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Note metadata about the stored value; a reader finds it on `upstream_output`."""
        self._metadata = {**(self._metadata or {}), **metadata}

    @property
    def added_metadata(self) -> Mapping[str, Any]:
        """What `add_output_metadata` noted."""
        return self._metadata or {}

    @property
    def has_asset_key(self) -> bool:
        return False

    @property
    def has_partition_key(self) -> bool:
        return False

    def get_identifier(self) -> list[str]:
        """Run, step, output (and mapping key): a name for the value that is unique among all runs."""
        found = [str(self.run_id), self.step_key, self.name]
        return [*found, self.mapping_key] if self.mapping_key is not None else found

    def get_run_scoped_output_identifier(self) -> list[str]:
        """The same; values of a run live under its id."""
        return self.get_identifier()


class InputContext:
    """What `load_input` knows: which input of which step, and all about the output that feeds it."""

    __slots__ = (
        "_metadata",
        "config",
        "dagster_type",
        "definition_metadata",
        "io",
        "log",
        "metadata",
        "name",
        "op_def",
        "record",
        "resource_config",
        "resources",
        "run_id",
        "step",
        "upstream_output",
    )

    def __init__(
        self,
        *,
        step: Any = None,
        name: str = "input",
        run_id: str | None = None,
        op_def: Any = None,
        dagster_type: Any = None,
        definition_metadata: Mapping[str, Any] | None = None,
        upstream_output: OutputContext | None = None,
        config: Any = None,
        resources: Any = None,
        resource_config: Any = None,
        log: Any = None,
        io: Any = None,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        self.step = step
        self.name = name
        self.run_id = run_id
        self.op_def = op_def
        self.dagster_type = dagster_type
        self.definition_metadata = definition_metadata or {}
        self.metadata = self.definition_metadata
        self.upstream_output = upstream_output
        self.config = config
        self.resources = resources
        self.resource_config = resource_config
        self.log = log
        self.io = io
        self.record = record
        self._metadata: dict[str, Any] | None = None

    @property
    def step_key(self) -> str:
        return str(self.step)

    @property
    def has_input_name(self) -> bool:
        return bool(self.name)

    @property
    def has_asset_key(self) -> bool:
        return False

    @property
    def has_partition_key(self) -> bool:
        return False

    def add_input_metadata(self, metadata: Mapping[str, Any], description: str | None = None) -> None:
        """Note metadata about what was loaded."""
        self._metadata = {**(self._metadata or {}), **metadata}

    def get_identifier(self) -> list[str]:
        """The identifier of the output that is read. Raises DagsterInvalidInvocationError without one."""
        if self.upstream_output is None:
            raise DagsterInvalidInvocationError(f"input {self.name} reads no output, so it has no identifier")
        return self.upstream_output.get_identifier()


class IOManagerDefinition(ResourceDefinition):
    """A resource that is an I/O manager."""

    @staticmethod
    def hardcoded_io_manager(value: IOManager, description: str | None = None) -> IOManagerDefinition:
        """The definition of a manager that is already there."""
        return IOManagerDefinition(lambda context: value, description=description)


def io_manager(
    config_schema: Any = None,
    description: str | None = None,
    output_config_schema: Any = None,
    input_config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    version: str | None = None,
) -> Any:
    """Make an I/O manager of a function that returns one."""
    if callable(config_schema) and not isinstance(config_schema, type | Field):
        return IOManagerDefinition(config_schema, description=config_schema.__doc__)

    def decorate(fn: Callable[..., Any]) -> IOManagerDefinition:
        return IOManagerDefinition(fn, config_schema, description or fn.__doc__, required_resource_keys, version)

    return decorate


class _FunctionInputManager(InputManager):
    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn
        self._takes_context = bool(inspect.signature(fn).parameters)

    def load_input(self, context: InputContext) -> Any:
        found = self._fn(context) if self._takes_context else self._fn()
        return found.load_input(context) if isinstance(found, InputManager) else found


def input_manager(
    config_schema: Any = None,
    description: str | None = None,
    input_config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    version: str | None = None,
) -> Any:
    """Make an input manager of a function that loads the input."""

    def decorate(fn: Callable[..., Any]) -> ResourceDefinition:
        def make(context: InitResourceContext) -> InputManager:
            return _FunctionInputManager(fn)

        return ResourceDefinition(make, config_schema, description or fn.__doc__, required_resource_keys, version)

    if callable(config_schema) and not isinstance(config_schema, type | Field):
        fn, config_schema = config_schema, None
        return decorate(fn)
    return decorate


def build_output_context(step_key: str | None = None, name: str | None = None, **rest: Any) -> OutputContext:
    """An OutputContext for a test of an I/O manager."""
    from kedge.core.ids import StepKey

    rest.pop("asset_key", None)
    metadata = rest.pop("metadata", None) or rest.pop("definition_metadata", None)
    resources = rest.pop("resources", None)
    from kedge.definitions.resources import Resources

    return OutputContext(
        step=StepKey.parse(step_key or "none"),
        name=name or "result",
        definition_metadata=metadata,
        resources=Resources(resources or {}),
        **rest,
    )


def build_input_context(
    name: str | None = None, upstream_output: OutputContext | None = None, **rest: Any
) -> InputContext:
    """An InputContext for a test of an I/O manager."""
    from kedge.definitions.resources import Resources

    rest.pop("asset_key", None)
    metadata = rest.pop("metadata", None) or rest.pop("definition_metadata", None)
    resources = rest.pop("resources", None)
    return InputContext(
        name=name or "input",
        upstream_output=upstream_output,
        definition_metadata=metadata,
        resources=Resources(resources or {}),
        **rest,
    )
