"""What an op may yield, return or raise, besides plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from kedge.core.errors import DagsterInvalidDefinitionError, KedgeError
from kedge.core.graph import DEFAULT_OUTPUT
from kedge.core.ids import is_mapping_key

T = TypeVar("T")


class Nothing:
    """The type of an input or output that carries order and no data."""


class Output(Generic[T]):
    """A value for one output of an op, with metadata."""

    __slots__ = ("data_version", "metadata", "output_name", "tags", "value")

    def __init__(
        self,
        value: T,
        output_name: str | None = DEFAULT_OUTPUT,
        metadata: Mapping[str, Any] | None = None,
        data_version: Any = None,
        *,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.value = value
        self.output_name = output_name or DEFAULT_OUTPUT
        self.metadata = dict(metadata or {})
        self.data_version = data_version
        self.tags = dict(tags or {})

    def __eq__(self, other: object) -> bool:
        return (
            type(other) is type(self)
            and isinstance(other, Output)
            and (self.value, self.output_name, self.metadata) == (other.value, other.output_name, other.metadata)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r}, output_name={self.output_name!r})"


class DynamicOutput(Generic[T]):
    """One of the values of a dynamic output, named by its mapping key.

    Raises DagsterInvalidDefinitionError for a key other than letters, digits and underscores.
    """

    __slots__ = ("mapping_key", "metadata", "output_name", "value")

    def __init__(
        self,
        value: T,
        mapping_key: str,
        output_name: str | None = DEFAULT_OUTPUT,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(mapping_key, str) or not is_mapping_key(mapping_key):
            raise DagsterInvalidDefinitionError(
                f"{str(mapping_key)[:80]!r} can't be a mapping key: use letters, digits and underscores only"
            )
        self.value = value
        self.mapping_key = mapping_key
        self.output_name = output_name or DEFAULT_OUTPUT
        self.metadata = dict(metadata or {})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DynamicOutput) and (
            (self.value, self.mapping_key, self.output_name) == (other.value, other.mapping_key, other.output_name)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"DynamicOutput({self.value!r}, mapping_key={self.mapping_key!r}, output_name={self.output_name!r})"


@dataclass(frozen=True)
class AssetMaterialization:
    """A record that an op wrote something outside Kedge. Kept in the outcome; Kedge has no asset catalogue."""

    asset_key: Any
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    partition: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AssetObservation:
    """A record that an op looked at something outside Kedge."""

    asset_key: Any
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    partition: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExpectationResult:
    """A record that an op checked something. Whether it succeeded does not change the step's outcome."""

    success: bool
    label: str | None = None
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Failure(KedgeError):
    """Raise it to fail a step with a description and metadata; `allow_retries=False` makes it final."""

    def __init__(
        self,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        allow_retries: bool | None = None,
    ) -> None:
        super().__init__(description or "Failure")
        self.description = description
        self.metadata = dict(metadata or {})
        self.allow_retries = True if allow_retries is None else allow_retries


class RetryRequested(KedgeError):
    """Raise it to have the step tried again, at most `max_retries` times, after `seconds_to_wait`."""

    def __init__(self, max_retries: int | None = 1, seconds_to_wait: float | None = None) -> None:
        super().__init__(f"retry requested, at most {max_retries} time(s)")
        self.max_retries = 1 if max_retries is None else max_retries
        self.seconds_to_wait = seconds_to_wait


LOGGED = (AssetMaterialization, AssetObservation, ExpectationResult)
"""What may be yielded between outputs; it goes into the outcome's events."""


def describe_event(event: Any) -> dict[str, Any]:
    """A logged value as plain data for the outcome record; metadata that isn't JSON is shown as text."""
    found: dict[str, Any] = {"kind": type(event).__name__}
    for name in ("asset_key", "label", "success", "description", "partition", "metadata"):
        value = getattr(event, name, None)
        if value not in (None, {}):
            found[name] = plain(value)
    return found


def plain(value: Any) -> Any:
    """`value` as JSON data: what JSON knows stays, anything else becomes text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(one) for one in value]
    inner = getattr(value, "value", None)
    return plain(inner) if inner is not None and type(value).__module__.startswith("kedge.") else str(value)
