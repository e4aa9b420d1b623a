"""Declarations of inputs and outputs: In, Out, DynamicOut, GraphIn, GraphOut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kedge.core.errors import DagsterInvalidDefinitionError
from kedge.definitions import types
from kedge.definitions.types import DagsterType


class _NoValue:
    """Stands for "no value given", where None is one."""

    def __repr__(self) -> str:
        return "<no value>"

    def __reduce__(self) -> str:
        return "NO_VALUE"


NO_VALUE = _NoValue()


@dataclass(frozen=True)
class In:
    """An input of an op. The type is taken from the annotation unless given here.

    `asset_key` and `asset_partitions` are Dagster's and refused: there are no assets to read.
    """

    dagster_type: Any = NO_VALUE
    description: str | None = None
    default_value: Any = NO_VALUE
    metadata: Mapping[str, Any] | None = None
    asset_key: Any = None
    asset_partitions: Any = None
    input_manager_key: str | None = None


@dataclass(frozen=True)
class Out:
    """An output of an op. `is_required=False`: the op may not yield it, and what reads it is then skipped."""

    dagster_type: Any = NO_VALUE
    description: str | None = None
    is_required: bool = True
    io_manager_key: str | None = None
    metadata: Mapping[str, Any] | None = None
    code_version: str | None = None

    @property
    def is_dynamic(self) -> bool:
        """Whether it has any number of values."""
        return False


@dataclass(frozen=True)
class DynamicOut(Out):
    """An output with any number of values, each under a mapping key."""

    @property
    def is_dynamic(self) -> bool:
        """Whether it has any number of values."""
        return True


@dataclass(frozen=True)
class GraphIn:
    """An input of a graph."""

    description: str | None = None


@dataclass(frozen=True)
class GraphOut:
    """An output of a graph."""

    description: str | None = None


class InputDefinition(NamedTuple):
    """An input as the op has it: name, type, default, and how it is loaded."""

    name: str
    dagster_type: DagsterType
    default_value: Any
    metadata: Mapping[str, Any]
    input_manager_key: str | None
    description: str | None

    @property
    def has_default_value(self) -> bool:
        return self.default_value is not NO_VALUE


class OutputDefinition(NamedTuple):
    """An output as the op has it."""

    name: str
    dagster_type: DagsterType
    is_dynamic: bool
    is_required: bool
    io_manager_key: str
    metadata: Mapping[str, Any]
    description: str | None
    code_version: str | None


DEFAULT_IO_MANAGER = "io_manager"


def _resolve(kind: Any) -> DagsterType:
    return types.ANY if kind is NO_VALUE else types.resolve(type(None) if kind is None else kind)


def input_of(name: str, declared: In | None, annotation: Any, default: Any) -> InputDefinition:
    """Join the declaration, the annotation and the default of one parameter; the declaration wins."""
    declared = declared or In()
    if declared.asset_key is not None or declared.asset_partitions is not None:
        raise DagsterInvalidDefinitionError(
            f"input {name!r}: Kedge has no assets, so In takes no asset_key or asset_partitions; leave them away, and "
            "yield an AssetObservation to say what was read"
        )
    kind = annotation if declared.dagster_type is NO_VALUE else declared.dagster_type
    value = default if declared.default_value is NO_VALUE else declared.default_value
    resolved = _resolve(kind)
    if value is not NO_VALUE and resolved in types.SCALARS and not resolved.type_check(None, value).success:
        raise DagsterInvalidDefinitionError(
            f"input {name!r}: its default {value!r} is not of its type {resolved.display_name}; "
            "change one of them, or annotate it with `| None`"
        )
    return InputDefinition(
        name, resolved, value, dict(declared.metadata or {}), declared.input_manager_key, declared.description
    )


def output_of(name: str, declared: Out, annotation: Any) -> OutputDefinition:
    """Join the declaration and the annotation of one output; the declaration wins."""
    kind = annotation if declared.dagster_type is NO_VALUE else declared.dagster_type
    return OutputDefinition(
        name,
        _resolve(kind),
        declared.is_dynamic,
        declared.is_required,
        declared.io_manager_key or DEFAULT_IO_MANAGER,
        dict(declared.metadata or {}),
        declared.description,
        declared.code_version,
    )


class ConfiguredInput:
    """The value of an input that a loader makes out of `config`, where the step runs; see `type_loaders`."""

    __slots__ = ("config", "loader")

    def __init__(self, loader: Any, config: Any) -> None:
        self.loader = loader
        self.config = config

    def load(self, context: Any, select: Any, what: str) -> Any:
        """The value. `select` gives resources by key. Raises DagsterTypeLoadingError when the loader raises."""
        from kedge.definitions import type_loaders

        return type_loaders.load(self, context, select, what)
