"""Tables in metadata: their records, and the schema that says what the columns are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kedge.core.errors import CheckError
from kedge.definitions import checks
from kedge.definitions.assets import AssetKey
from kedge.definitions.metadata import KIND_OF, MetadataValue

_CELL = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class TableRecord:
    """One row: values by column, each a string, a number, a bool or None. Raises CheckError for another."""

    data: Mapping[str, str | int | float | bool | None]

    def __post_init__(self) -> None:
        checks.of_type(self.data, Mapping, "data")
        for name, value in self.data.items():
            if not isinstance(name, str) or not isinstance(value, _CELL):
                raise CheckError(
                    f"TableRecord: {name!r}: {value!r} can't stand in a table; give strings, numbers, bools or None"
                )


@dataclass(frozen=True)
class TableConstraints:
    """What holds for a table as a whole, in words."""

    other: Sequence[str]

    def __post_init__(self) -> None:
        checks.texts(self.other, "other")


@dataclass(frozen=True)
class TableColumnConstraints:
    """What holds for one column: may it hold nulls, are its values unique, and the rest in words."""

    nullable: bool = True
    unique: bool = False
    other: Sequence[str] | None = None

    def __post_init__(self) -> None:
        checks.of_type(self.nullable, bool, "nullable")
        checks.of_type(self.unique, bool, "unique")
        object.__setattr__(self, "other", checks.texts(self.other or [], "other"))


@dataclass(frozen=True)
class TableColumn:
    """One column: its name, its type in words, what it means and what holds for it."""

    name: str
    type: str = "string"
    description: str | None = None
    constraints: TableColumnConstraints = field(default_factory=TableColumnConstraints)
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks.of_type(self.name, str, "name")
        checks.of_type(self.type, str, "type")
        checks.of_type(self.description, str, "description", optional=True)
        object.__setattr__(self, "constraints", self.constraints or TableColumnConstraints())
        checks.of_type(self.constraints, TableColumnConstraints, "constraints")
        object.__setattr__(self, "tags", dict(self.tags or {}))


@dataclass(frozen=True)
class TableSchema:
    """The columns of a table, and what holds for it as a whole."""

    columns: Sequence[TableColumn]
    constraints: TableConstraints = field(default_factory=lambda: TableConstraints([]))

    def __post_init__(self) -> None:
        checks.members(checks.of_type(self.columns, Sequence, "columns"), TableColumn, "columns")
        object.__setattr__(self, "constraints", self.constraints or TableConstraints([]))
        checks.of_type(self.constraints, TableConstraints, "constraints")

    @staticmethod
    def from_name_type_dict(name_type_dict: Mapping[str, str]) -> TableSchema:
        """A schema of columns by name, with their types."""
        return TableSchema([TableColumn(name, kind) for name, kind in name_type_dict.items()])

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"columns": [_column_to_json(one) for one in self.columns], "constraints": list(self.constraints.other)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TableSchema:
        """From plain data."""
        return cls([_column_from_json(one) for one in data["columns"]], TableConstraints(data["constraints"]))


def _column_to_json(column: TableColumn) -> dict[str, Any]:
    rules = column.constraints
    found: dict[str, Any] = {"name": column.name, "type": column.type}
    if column.description is not None:
        found["description"] = column.description
    if rules != TableColumnConstraints():
        found["constraints"] = {"nullable": rules.nullable, "unique": rules.unique, "other": list(rules.other or ())}
    if column.tags:
        found["tags"] = dict(column.tags)
    return found


def _column_from_json(data: Mapping[str, Any]) -> TableColumn:
    rules = TableColumnConstraints(**data.get("constraints", {}))
    return TableColumn(data["name"], data["type"], data.get("description"), rules, data.get("tags", {}))


@dataclass(frozen=True)
class TableColumnDep:
    """A column of an asset that another column is made of."""

    asset_key: AssetKey
    column_name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "asset_key", AssetKey.from_coercible(self.asset_key))


@dataclass(frozen=True)
class TableColumnLineage:
    """What each column of a table is made of. Raises CheckError when one dependency is named twice."""

    deps_by_column: Mapping[str, Sequence[TableColumnDep]]

    def __post_init__(self) -> None:
        found = {}
        for column, deps in checks.of_type(self.deps_by_column, Mapping, "deps_by_column").items():
            if len(set(deps)) != len(deps):
                raise CheckError(f"TableColumnLineage: column {column!r} names one dependency twice")
            found[column] = sorted(deps, key=lambda dep: (dep.asset_key, dep.column_name))
        object.__setattr__(self, "deps_by_column", found)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            column: [[list(dep.asset_key.path), dep.column_name] for dep in deps]
            for column, deps in self.deps_by_column.items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TableColumnLineage:
        """From plain data."""
        return cls({column: [TableColumnDep(AssetKey(k), name) for k, name in deps] for column, deps in data.items()})


@dataclass(frozen=True)
class TableMetadataValue(MetadataValue["TableMetadataValue"]):
    """A table: records, and their schema. Raises CheckError for records that don't have the same columns."""

    records: Sequence[TableRecord]
    schema: TableSchema | None = None

    def __post_init__(self) -> None:
        checks.members(checks.of_type(self.records, Sequence, "records"), TableRecord, "records")
        checks.of_type(self.schema, TableSchema, "schema", optional=True)
        if not self.records and self.schema is None:
            raise CheckError("MetadataValue.table: a table without records needs a schema")
        if any(set(one.data) != set(self.records[0].data) for one in self.records):
            raise CheckError("MetadataValue.table: all records must have the same columns")
        if self.schema is None:
            columns = [TableColumn(k, self.infer_column_type(v)) for k, v in self.records[0].data.items()]
            object.__setattr__(self, "schema", TableSchema(columns))

    @staticmethod
    def infer_column_type(value: object) -> str:
        """The type of a column that holds this value: bool, int, float or string."""
        kinds = {bool: "bool", int: "int", float: "float"}
        return next((name for kind, name in kinds.items() if isinstance(value, kind)), "string")

    @property
    def value(self) -> TableMetadataValue:
        return self


@dataclass(frozen=True)
class TableSchemaMetadataValue(MetadataValue[TableSchema]):
    """The schema of a table."""

    schema: TableSchema

    def __post_init__(self) -> None:
        checks.of_type(self.schema, TableSchema, "schema")

    @property
    def value(self) -> TableSchema:
        return self.schema


@dataclass(frozen=True)
class TableColumnLineageMetadataValue(MetadataValue[TableColumnLineage]):
    """What the columns of a table are made of."""

    column_lineage: TableColumnLineage = field()  # type: ignore[assignment]

    def __post_init__(self) -> None:
        checks.of_type(self.column_lineage, TableColumnLineage, "column_lineage")

    @property
    def value(self) -> TableColumnLineage:
        return self.column_lineage


KIND_OF.append((TableSchema, TableSchemaMetadataValue))
KIND_OF.append((TableColumnLineage, TableColumnLineageMetadataValue))
