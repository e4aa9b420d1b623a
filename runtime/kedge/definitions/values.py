"""What an op may yield, return or raise, besides plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from kedge.core.errors import DagsterInvalidDefinitionError, KedgeError, ParameterCheckError
from kedge.core.graph import DEFAULT_OUTPUT
from kedge.core.ids import is_mapping_key

T = TypeVar("T")


class Nothing:
    """The type of an input or output that carries order and no data."""


def _name_of(output: str | None) -> str:
    if isinstance(output, str | None):
        return output or DEFAULT_OUTPUT
    raise ParameterCheckError(f"output_name must be a str, not {output!r}")


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
        self.output_name = _name_of(output_name)
        self.metadata = _metadata_of(metadata)
        self.data_version = data_version
        self.tags = _tags_of(tags)

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
        if not isinstance(mapping_key, str):
            raise ParameterCheckError(f"DynamicOutput: mapping_key must be a str, not {mapping_key!r}")
        if not is_mapping_key(mapping_key):
            raise DagsterInvalidDefinitionError(
                f"{str(mapping_key)[:80]!r} can't be a mapping key: use letters, digits and underscores only"
            )
        self.value = value
        self.mapping_key = mapping_key
        self.output_name = _name_of(output_name)
        self.metadata = _metadata_of(metadata)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DynamicOutput) and (
            (self.value, self.mapping_key, self.output_name, self.metadata)
            == (other.value, other.mapping_key, other.output_name, other.metadata)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"DynamicOutput({self.value!r}, mapping_key={self.mapping_key!r}, output_name={self.output_name!r})"


@dataclass(frozen=True)
class _AboutAnAsset:
    """What materializations and observations have in common.

    `asset_key` may be given as a string, whose slashes part the name, or as a sequence of strings. Raises
    ParameterCheckError for another, and DagsterInvalidMetadata for metadata of no known kind.
    """

    asset_key: Any
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    partition: str | None = None
    tags: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        from kedge.definitions import checks
        from kedge.definitions.assets import AssetKey

        object.__setattr__(self, "asset_key", AssetKey.from_coerced(self.asset_key))
        object.__setattr__(self, "metadata", _metadata_of(self.metadata))
        checks.of_type(self.description, str, "description", optional=True)
        checks.of_type(self.partition, str, "partition", optional=True)
        if self.tags is not None:
            object.__setattr__(self, "tags", checks.string_tags(self.tags))

    @property
    def label(self) -> str:
        """The asset's name in one piece."""
        return " ".join(self.asset_key.path)


@dataclass(frozen=True)
class AssetMaterialization(_AboutAnAsset):
    """A record that an op wrote something outside Kedge. Kept in the outcome; Kedge has no asset catalogue."""

    @staticmethod
    def file(path: str, description: str | None = None, asset_key: Any = None) -> AssetMaterialization:
        """The record of a file: named after its path, with the path as metadata."""
        from kedge.definitions.metadata import MetadataValue

        return AssetMaterialization(asset_key or path, description, {"path": MetadataValue.path(path)})


@dataclass(frozen=True)
class AssetObservation(_AboutAnAsset):
    """A record that an op looked at something outside Kedge."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "tags", self.tags or {})


@dataclass(frozen=True)
class ExpectationResult:
    """A record that an op checked something. Whether it succeeded does not change the step's outcome."""

    success: bool
    label: str | None = None
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from kedge.definitions import checks

        checks.of_type(self.success, bool, "success")
        object.__setattr__(self, "label", checks.of_type(self.label or "result", str, "label"))
        checks.of_type(self.description, str, "description", optional=True)
        object.__setattr__(self, "metadata", _metadata_of(self.metadata))


class Failure(KedgeError):
    """Raise it to fail a step with a description and metadata; `allow_retries=False` makes it final."""

    def __init__(
        self,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        allow_retries: bool | None = None,
    ) -> None:
        if not isinstance(description, str | None):
            raise ParameterCheckError(f"Failure: the description must be a str, not {description!r}")
        super().__init__(description)
        self.description = description
        self.metadata = _metadata_of(metadata)
        self.allow_retries = True if allow_retries is None else allow_retries


class RetryRequested(KedgeError):
    """Raise it to have the step tried again, at most `max_retries` times, after `seconds_to_wait`."""

    def __init__(self, max_retries: int | None = 1, seconds_to_wait: float | None = None) -> None:
        if not isinstance(max_retries, int):
            raise ParameterCheckError(f"RetryRequested: max_retries must be an int, not {max_retries!r}")
        if not isinstance(seconds_to_wait, int | float | None):
            raise ParameterCheckError(f"RetryRequested: seconds_to_wait must be a number, not {seconds_to_wait!r}")
        super().__init__(f"retry requested, at most {max_retries} time(s)")
        self.max_retries = max_retries
        self.seconds_to_wait = seconds_to_wait

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.max_retries, self.seconds_to_wait)


LOGGED = (AssetMaterialization, AssetObservation, ExpectationResult)
"""What may be yielded between outputs; it goes into the outcome's events."""


def _metadata_of(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Metadata with each value given its kind; most ops give none, and pay nothing."""
    if not given and (given is None or isinstance(given, Mapping)):
        return {}
    from kedge.definitions.metadata import normalize_metadata

    return normalize_metadata(given)


def _tags_of(given: Mapping[str, str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    from kedge.definitions import checks

    return checks.string_tags(given)
