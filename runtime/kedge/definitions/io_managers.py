"""I/O managers: how a step's outputs are stored and its inputs loaded.

The base classes and definitions stand here; the contexts they are given in `io_contexts`; Kedge's own managers in
`kedge.io`.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from kedge.definitions.config import Field, field_of
from kedge.definitions.resources import (
    InitResourceContext,
    ResourceDefinition,
    check_resource_fn,
    is_function,
)

if TYPE_CHECKING:
    from kedge.definitions.io_contexts import InputContext, OutputContext


class InputManager(ABC):
    """Loads an input, and stores nothing."""

    @abstractmethod
    def load_input(self, context: InputContext) -> Any:
        """The value of the input."""


class IOManager(InputManager):
    """Stores what steps give and loads what they read."""

    @abstractmethod
    def load_input(self, context: InputContext) -> Any:
        """The value of one source. Called once for each member of a list."""

    @abstractmethod
    def handle_output(self, context: OutputContext, obj: Any) -> Any:
        """Store one output (one value of a dynamic output).

        May be a generator that yields AssetMaterializations, and dicts of metadata about what was stored.
        """


class InputManagerDefinition(ResourceDefinition):
    """A resource that loads inputs. `input_config_schema` is what a run config may give for such an input."""

    def __init__(
        self,
        resource_fn: Callable[..., Any],
        config_schema: Any = None,
        description: str | None = None,
        input_config_schema: Any = None,
        required_resource_keys: Iterable[str] | None = None,
        version: str | None = None,
    ) -> None:
        super().__init__(resource_fn, config_schema, description, required_resource_keys, version)
        self.input_config_field: Field | None = field_of(input_config_schema)

    @property
    def input_config_schema(self) -> Field | None:
        """The schema of the config of an input, as a field."""
        return self.input_config_field

    def _like(self, fn: Callable[..., Any], schema: Any, description: str | None) -> ResourceDefinition:
        return InputManagerDefinition(
            fn, schema, description, self.input_config_field, self.required_resource_keys, self.version
        )


class IOManagerDefinition(ResourceDefinition):
    """A resource that is an I/O manager.

    `output_config_schema` is what a run config gives for each output that it stores
    (`ops: {name: {outputs: {result: ...}}}`), `input_config_schema` for each unconnected input that it loads.
    """

    def __init__(
        self,
        resource_fn: Callable[..., Any],
        config_schema: Any = None,
        description: str | None = None,
        required_resource_keys: Iterable[str] | None = None,
        version: str | None = None,
        input_config_schema: Any = None,
        output_config_schema: Any = None,
    ) -> None:
        super().__init__(resource_fn, config_schema, description, required_resource_keys, version)
        self.input_config_field: Field | None = field_of(input_config_schema)
        self.output_config_field: Field | None = field_of(output_config_schema)

    @property
    def input_config_schema(self) -> Field | None:
        """The schema of the config of an input, as a field."""
        return self.input_config_field

    @property
    def output_config_schema(self) -> Field | None:
        """The schema of the config of an output, as a field."""
        return self.output_config_field

    def _like(self, fn: Callable[..., Any], schema: Any, description: str | None) -> ResourceDefinition:
        return IOManagerDefinition(
            fn,
            schema,
            description,
            self.required_resource_keys,
            self.version,
            self.input_config_field,
            self.output_config_field,
        )

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
    """Make an I/O manager of a function that returns (or yields) one."""
    if is_function(config_schema):
        return IOManagerDefinition(check_resource_fn(config_schema), description=inspect.getdoc(config_schema))

    def decorate(fn: Callable[..., Any]) -> IOManagerDefinition:
        return IOManagerDefinition(
            check_resource_fn(fn),
            config_schema,
            description or inspect.getdoc(fn),
            required_resource_keys,
            version,
            input_config_schema,
            output_config_schema,
        )

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

    def decorate(fn: Callable[..., Any]) -> InputManagerDefinition:
        def make(context: InitResourceContext) -> InputManager:
            return _FunctionInputManager(fn)

        schema = None if is_function(config_schema) else config_schema
        text = description or inspect.getdoc(fn)
        return InputManagerDefinition(make, schema, text, input_config_schema, required_resource_keys, version)

    return decorate(config_schema) if is_function(config_schema) else decorate
