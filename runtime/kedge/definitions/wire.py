"""Metadata and logged events as plain data, for an outcome record, and back.

What JSON tells apart by itself travels as it is: text, numbers, bools, null, lists and objects. Every other kind is an
object with its kind's name under `$kind` and what it holds under `value`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from kedge.definitions import metadata as kinds
from kedge.definitions import values
from kedge.definitions.assets import AssetKey
from kedge.definitions.metadata import MetadataValue, normalize_metadata

KIND = "$kind"
_AS_THEY_ARE: dict[type, type] = {
    kinds.TextMetadataValue: str,
    kinds.IntMetadataValue: int,
    kinds.BoolMetadataValue: bool,
    kinds.NullMetadataValue: type(None),
}


def encode_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as plain data. Raises DagsterInvalidMetadata for a value of no known kind."""
    return {key: _encode(value) for key, value in normalize_metadata(metadata).items()}


def decode_metadata(data: Mapping[str, Any]) -> dict[str, MetadataValue[Any]]:
    """Metadata from plain data. A kind that this version doesn't know comes as JSON."""
    return {key: _decode(value) for key, value in data.items()}


def _encode(value: MetadataValue[Any]) -> Any:
    content: Any = value.text if isinstance(value, kinds.TextMetadataValue) else value.value
    if type(content) is _AS_THEY_ARE.get(type(value)):
        return content
    if type(value) is kinds.FloatMetadataValue and content is not None and math.isfinite(content):
        return content
    if type(value) is kinds.JsonMetadataValue and isinstance(content, list | dict) and KIND not in content:
        return content
    name, give = _given(type(value))
    return {KIND: name, "value": give(value)}


def _decode(data: Any) -> MetadataValue[Any]:
    if isinstance(data, dict) and KIND in data:
        form = _forms().get(data[KIND])
        return kinds.JsonMetadataValue(data["value"]) if form is None else form[1](data["value"])
    return kinds.normalize_metadata_value(data)


Form = tuple[Callable[[Any], Any], Callable[[Any], MetadataValue[Any]]]


def _float_of(given: Any) -> float | None:
    return None if given is None else float(given)


@cache
def _forms() -> dict[str, Form]:
    """By kind: what it holds as plain data, and the kind made of that."""
    from kedge.definitions import tables

    def value(one: MetadataValue[Any]) -> Any:
        return one.value

    def number(one: MetadataValue[Any]) -> Any:
        return one.value if one.value is None or math.isfinite(one.value) else str(one.value)

    return {
        "text": (lambda one: one.text, kinds.TextMetadataValue),
        "int": (value, kinds.IntMetadataValue),
        "bool": (value, kinds.BoolMetadataValue),
        "float": (number, lambda given: kinds.FloatMetadataValue(_float_of(given))),
        "json": (value, kinds.JsonMetadataValue),
        "url": (lambda one: one.url, kinds.UrlMetadataValue),
        "path": (value, kinds.PathMetadataValue),
        "notebook": (value, kinds.NotebookMetadataValue),
        "md": (lambda one: one.md_str, kinds.MarkdownMetadataValue),
        "python": (lambda one: [one.module, one.name], lambda given: kinds.PythonArtifactMetadataValue(*given)),
        "timestamp": (number, lambda given: kinds.TimestampMetadataValue(_float_of(given))),
        "run": (value, kinds.DagsterRunMetadataValue),
        "job": (
            lambda one: [one.job_name, one.location_name, one.repository_name],
            lambda given: kinds.DagsterJobMetadataValue(*given),
        ),
        "asset": (lambda one: list(one.value.path), lambda given: kinds.DagsterAssetMetadataValue(AssetKey(given))),
        "pool": (value, kinds.PoolMetadataValue),
        "table": (
            lambda one: {"records": [dict(row.data) for row in one.records], "schema": one.schema.to_json()},
            lambda given: tables.TableMetadataValue(
                [tables.TableRecord(row) for row in given["records"]], tables.TableSchema.from_json(given["schema"])
            ),
        ),
        "table_schema": (
            lambda one: one.value.to_json(),
            lambda given: tables.TableSchemaMetadataValue(tables.TableSchema.from_json(given)),
        ),
        "column_lineage": (
            lambda one: one.value.to_json(),
            lambda given: tables.TableColumnLineageMetadataValue(tables.TableColumnLineage.from_json(given)),
        ),
    }


_NAMES = {
    "TextMetadataValue": "text",
    "IntMetadataValue": "int",
    "BoolMetadataValue": "bool",
    "FloatMetadataValue": "float",
    "JsonMetadataValue": "json",
    "UrlMetadataValue": "url",
    "PathMetadataValue": "path",
    "NotebookMetadataValue": "notebook",
    "MarkdownMetadataValue": "md",
    "PythonArtifactMetadataValue": "python",
    "TimestampMetadataValue": "timestamp",
    "DagsterRunMetadataValue": "run",
    "DagsterJobMetadataValue": "job",
    "DagsterAssetMetadataValue": "asset",
    "PoolMetadataValue": "pool",
    "TableMetadataValue": "table",
    "TableSchemaMetadataValue": "table_schema",
    "TableColumnLineageMetadataValue": "column_lineage",
}


def _given(kind: type) -> tuple[str, Callable[[Any], Any]]:
    """The name of a kind, and how it gives what it holds. A subclass travels as the kind it is made of."""
    for one in kind.__mro__:
        if one.__name__ in _NAMES:
            name = _NAMES[one.__name__]
            return name, _forms()[name][0]
    return "text", lambda value: str(value.value)


# -- events -------------------------------------------------------------------------------------------------------


def encode_event(event: Any, outputs: int = 0, storing: bool = False) -> dict[str, Any]:
    """A logged value as plain data. `outputs` counts the outputs that the op had given before.

    `storing`: it was logged while the next one was being stored.
    """
    found: dict[str, Any] = {"kind": type(event).__name__}
    of_kind = ("label", "success") if isinstance(event, values.ExpectationResult) else ("partition", "tags")
    for name in (*of_kind, "description"):
        value = getattr(event, name)
        if value not in (None, {}):
            found[name] = value
    if not isinstance(event, values.ExpectationResult):
        found["asset_key"] = list(event.asset_key.path)
    if event.metadata:
        found["metadata"] = encode_metadata(event.metadata)
    if outputs:
        found["after"] = outputs
    if storing:
        found["storing"] = True
    return found


def decode_event(data: Mapping[str, Any]) -> Any:
    """The materialization, observation or expectation that an outcome tells of."""
    metadata = decode_metadata(data.get("metadata", {}))
    described = data.get("description")
    if data["kind"] == "ExpectationResult":
        return values.ExpectationResult(data["success"], data.get("label"), described, metadata)
    form = values.AssetMaterialization if data["kind"] == "AssetMaterialization" else values.AssetObservation
    return form(AssetKey(data["asset_key"]), described, metadata, data.get("partition"), data.get("tags"))
