"""Metadata: what an op says of a value, a run or a failure, each entry of a kind that a reader can show.

`normalize_metadata` gives raw values their kind, as Dagster does (`_core/definitions/metadata`). The classes stand for
kinds; `kedge.definitions.wire` knows how they travel.
"""

from __future__ import annotations

import json
import os
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

from kedge.core.errors import CheckError, DagsterInvalidMetadata, ParameterCheckError
from kedge.definitions import checks
from kedge.definitions.assets import AssetKey

if TYPE_CHECKING:
    from kedge.definitions import tables

T = TypeVar("T")
_Float: TypeAlias = float
_Int: TypeAlias = int
_Bool: TypeAlias = bool


class MetadataValue(ABC, Generic[T]):
    """One entry of metadata. `value` is what it holds; the static methods make one of each kind.

    They raise ParameterCheckError for a value of another type, and DagsterInvalidMetadata for JSON that is none.
    """

    @property
    def value(self) -> T:
        """What the entry holds."""
        raise NotImplementedError

    @staticmethod
    def text(text: str) -> TextMetadataValue:
        """Plain text."""
        return TextMetadataValue(text)

    @staticmethod
    def url(url: str) -> UrlMetadataValue:
        """A link."""
        return UrlMetadataValue(url)

    @staticmethod
    def path(path: str | os.PathLike[str]) -> PathMetadataValue:
        """The path of a file or folder."""
        return PathMetadataValue(path)

    @staticmethod
    def notebook(path: str | os.PathLike[str]) -> NotebookMetadataValue:
        """The path of a notebook."""
        return NotebookMetadataValue(path)

    @staticmethod
    def json(data: Any) -> JsonMetadataValue:
        """Data that JSON knows; it comes back as JSON gives it back (tuples as lists, keys as strings)."""
        return JsonMetadataValue(data)

    @staticmethod
    def md(data: str) -> MarkdownMetadataValue:
        """Text in Markdown."""
        return MarkdownMetadataValue(data)

    @staticmethod
    def python_artifact(python_artifact: Callable[..., Any]) -> PythonArtifactMetadataValue:
        """A class or function, by module and name."""
        if not callable(python_artifact):
            raise ParameterCheckError(f"python_artifact must be a class or function, not {python_artifact!r}")
        return PythonArtifactMetadataValue(python_artifact.__module__, python_artifact.__name__)

    @staticmethod
    def float(value: _Float) -> FloatMetadataValue:
        """A float; an int is none."""
        return FloatMetadataValue(value)

    @staticmethod
    def int(value: _Int) -> IntMetadataValue:
        """An int."""
        return IntMetadataValue(value)

    @staticmethod
    def bool(value: _Bool) -> BoolMetadataValue:
        """A bool."""
        return BoolMetadataValue(value)

    @staticmethod
    def timestamp(value: Any) -> TimestampMetadataValue:
        """A moment: seconds since the epoch as a float, or a datetime with a time zone. Raises CheckError."""
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise CheckError(f"MetadataValue.timestamp: {value} has no time zone; give it one")
            return TimestampMetadataValue(value.timestamp())
        if type(value) is not float:
            raise CheckError(f"MetadataValue.timestamp takes a float or a datetime, not {value!r}")
        return TimestampMetadataValue(value)

    @staticmethod
    def null() -> NullMetadataValue:
        """Nothing."""
        return NullMetadataValue()

    @staticmethod
    def dagster_run(run_id: str) -> DagsterRunMetadataValue:
        """A run, by its id."""
        return DagsterRunMetadataValue(run_id)

    @staticmethod
    def job(job_name: str, location_name: str, *, repository_name: str | None = None) -> DagsterJobMetadataValue:
        """A job, by its name and where it is loaded from."""
        return DagsterJobMetadataValue(job_name, location_name, repository_name)

    @staticmethod
    def asset(asset_key: AssetKey) -> DagsterAssetMetadataValue:
        """An asset, by its key."""
        return DagsterAssetMetadataValue(asset_key)

    @staticmethod
    def table(
        records: Sequence[tables.TableRecord], schema: tables.TableSchema | None = None
    ) -> tables.TableMetadataValue:
        """A table; without a schema the types of its first record serve. An empty one needs a schema."""
        from kedge.definitions.tables import TableMetadataValue

        return TableMetadataValue(records, schema)

    @staticmethod
    def table_schema(schema: tables.TableSchema) -> tables.TableSchemaMetadataValue:
        """The schema of a table."""
        from kedge.definitions.tables import TableSchemaMetadataValue

        return TableSchemaMetadataValue(schema)

    @staticmethod
    def column_lineage(lineage: tables.TableColumnLineage) -> tables.TableColumnLineageMetadataValue:
        """What the columns of a table are made of."""
        from kedge.definitions.tables import TableColumnLineageMetadataValue

        return TableColumnLineageMetadataValue(lineage)

    @staticmethod
    def pool(pool: str) -> PoolMetadataValue:
        """The name of a concurrency pool."""
        return PoolMetadataValue(pool)


class _Path(MetadataValue[str]):
    fspath: str

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        checks.of_type(path, (str, os.PathLike), "path", optional=True)
        object.__setattr__(self, "fspath", "" if path is None else os.fspath(path))

    @property
    def value(self) -> str:
        return self.fspath

    @property
    def path(self) -> str:  # type: ignore[override]
        """The path."""
        return self.fspath


@dataclass(frozen=True, init=False)
class PathMetadataValue(_Path):
    """The path of a file or folder."""

    fspath: str


@dataclass(frozen=True, init=False)
class NotebookMetadataValue(_Path):
    """The path of a notebook."""

    fspath: str


@dataclass(frozen=True)
class TextMetadataValue(MetadataValue[str]):
    """Plain text."""

    text: str | None = ""  # type: ignore[assignment]

    def __post_init__(self) -> None:
        checks.of_type(self.text, str, "text", optional=True)

    @property
    def value(self) -> str:
        return self.text or ""


@dataclass(frozen=True)
class UrlMetadataValue(MetadataValue[str]):
    """A link."""

    url: str | None = ""  # type: ignore[assignment]

    def __post_init__(self) -> None:
        checks.of_type(self.url, str, "url", optional=True)

    @property
    def value(self) -> str:
        return self.url or ""


@dataclass(frozen=True)
class JsonMetadataValue(MetadataValue[Any]):
    """Data as JSON gives it back."""

    data: Any

    def __post_init__(self) -> None:
        if self.data is not None and isinstance(self.data, int | float):
            raise ParameterCheckError(f"MetadataValue.json takes a list, a dict or text, not {self.data!r}")
        try:
            object.__setattr__(self, "data", json.loads(json.dumps(self.data)))
        except (TypeError, ValueError) as error:
            raise DagsterInvalidMetadata(f"MetadataValue.json: {self.data!r} is not JSON: {error}") from error

    @property
    def value(self) -> Any:
        return self.data


@dataclass(frozen=True)
class MarkdownMetadataValue(MetadataValue[str]):
    """Text in Markdown."""

    md_str: str | None = ""

    def __post_init__(self) -> None:
        checks.of_type(self.md_str, str, "md_str", optional=True)

    @property
    def value(self) -> str:
        return self.md_str or ""


@dataclass(frozen=True)
class PythonArtifactMetadataValue(MetadataValue["PythonArtifactMetadataValue"]):
    """A class or function, by module and name."""

    module: str
    name: str

    @property
    def value(self) -> PythonArtifactMetadataValue:
        return self


class _Number(MetadataValue[Any]):
    __slots__ = ("_value",)
    _kind: ClassVar[type]

    def __init__(self, value: Any) -> None:
        self._value = checks.of_type(value, self._kind, "value", optional=True)

    @property
    def value(self) -> Any:
        return self._value

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._value == other._value

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(value={self._value!r})"


class FloatMetadataValue(_Number):
    """A float."""

    _kind = float


class IntMetadataValue(_Number):
    """An int."""

    _kind = int


class BoolMetadataValue(_Number):
    """A bool."""

    _kind = bool


class TimestampMetadataValue(_Number):
    """A moment, in seconds since the epoch."""

    _kind = float


@dataclass(frozen=True)
class NullMetadataValue(MetadataValue[None]):
    """Nothing."""

    @property
    def value(self) -> None:
        return None


@dataclass(frozen=True)
class DagsterRunMetadataValue(MetadataValue[str]):
    """A run, by its id."""

    run_id: str

    def __post_init__(self) -> None:
        checks.of_type(self.run_id, str, "run_id")

    @property
    def value(self) -> str:
        return self.run_id


@dataclass(frozen=True)
class DagsterJobMetadataValue(MetadataValue["DagsterJobMetadataValue"]):
    """A job, by its name and where it is loaded from."""

    job_name: str
    location_name: str
    repository_name: str | None = None

    @property
    def value(self) -> DagsterJobMetadataValue:
        return self


@dataclass(frozen=True)
class DagsterAssetMetadataValue(MetadataValue[AssetKey]):
    """An asset, by its key."""

    asset_key: AssetKey

    def __post_init__(self) -> None:
        checks.of_type(self.asset_key, AssetKey, "asset_key")

    @property
    def value(self) -> AssetKey:
        return self.asset_key


@dataclass(frozen=True)
class PoolMetadataValue(MetadataValue[str]):
    """The name of a concurrency pool."""

    pool: str = field()  # type: ignore[assignment]

    @property
    def value(self) -> str:
        return self.pool


KIND_OF: list[tuple[type | tuple[type, ...], Callable[[Any], MetadataValue[Any]]]] = [
    (MetadataValue, lambda value: value),
    (str, TextMetadataValue),
    (float, FloatMetadataValue),
    (bool, BoolMetadataValue),
    (int, IntMetadataValue),
    ((list, dict), JsonMetadataValue),
    (os.PathLike, PathMetadataValue),
    (AssetKey, DagsterAssetMetadataValue),
    (type(None), lambda _: NullMetadataValue()),
]
"""Which kind a raw value gets; the first that fits. Modules with more kinds add theirs."""


def normalize_metadata(metadata: Mapping[str, Any] | None) -> dict[str, MetadataValue[Any]]:
    """Metadata with each value given its kind.

    Raises DagsterInvalidMetadata for a value of none, ParameterCheckError for what is no mapping, and CheckError for
    a key that is no string.
    """
    found = {}
    for key, value in checks.of_type(metadata or {}, Mapping, "metadata").items():
        if not isinstance(key, str):
            raise CheckError(f"metadata: the key {key!r} is no string")
        found[key] = normalize_metadata_value(value, key)
    return found


def normalize_metadata_value(value: Any, key: str = "value") -> MetadataValue[Any]:
    """One value with its kind. Raises DagsterInvalidMetadata for a value of none."""
    for kinds, make in KIND_OF:
        if isinstance(value, kinds):
            return make(value)
    raise DagsterInvalidMetadata(
        f"metadata {key!r}: {value!r} is a {type(value).__name__}, which is of no known kind. Give text, a number, a "
        f"list, a dict or a path, or wrap it: MetadataValue.json(...), MetadataValue.text(str(...))"
    )
