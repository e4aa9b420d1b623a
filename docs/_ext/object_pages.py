"""Writes the reference of what is given to Kubernetes and to Helm: the fields of an OpJob, the values of the chart.

Both are read from what is installed: the schema in the CRD, and `values.yaml` with the comments in it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "hack"))

from reference_pages import write_changed  # noqa: E402

from manifests import crd, documents  # noqa: E402 - found by the line above

Schema = Mapping[str, Any]
_SECTION = re.compile(r"^# -- (.*?) -*$")
_KEY = re.compile(r"^( *)([\w.]+):")


def write_pages(app: Any) -> None:
    """Write the pages into the source folder."""
    write_changed(Path(app.srcdir) / "objects", {"opjob": opjob_page(), "values": values_page()})


# -- OpJob ------------------------------------------------------------------------------------------------------------


def opjob_page() -> str:
    """All fields of spec and status, one table for each object in them."""
    schema = crd.schema()
    head = (
        "# Fields of an OpJob\n\n"
        f"`apiVersion: {crd.API_VERSION}`, `kind: {crd.KIND}`, short name `oj`. This page is made from the CRD; "
        "`kubectl explain opjob.spec --recursive` says the same. [Versions of the API](../api-versions.md) tells which "
        "fields may change after creation.\n"
    )
    parts = [head]
    for name in ("spec", "status"):
        parts += [_table(path, one) for path, one in _objects(schema["properties"][name], name)]
    return "\n".join(parts)


def _objects(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Objects with fields of their own, each before those in it."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        inner = field.get("items", field)
        if inner.get("properties"):
            yield from _objects(inner, f"{path}.{name}" + ("[]" if "items" in field else ""))


def _table(path: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        shown = f"`{name}`" + (" (required)" if name in required else "")
        default = f"`{json.dumps(field['default'])}`" if "default" in field else ""
        rows.append(f"| {shown} | {_type(field)} | {default} | {_meaning(field)} |")
    about = f"\n{schema['description']}\n" if schema.get("description") else ""
    return f"## {path}\n{about}\n" + "\n".join(rows) + "\n"


def _type(field: Schema) -> str:
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if "items" in field:
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        return f"map of {_type(field['additionalProperties'])}"
    kind = str(field.get("format") or field.get("type") or "any")
    return {"object": "object", "date-time": "time", "int-or-string": "number or text"}.get(kind, kind)


def _meaning(field: Schema) -> str:
    found = [_cell(str(field.get("description", "")))]
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None or high is not None:
        found.append(
            " to ".join(f"{one:.12g}" for one in (low, high) if one is not None)
            + ("" if high is not None else " or more")
            + "."
        )
    if "pattern" in field:
        found.append(f"Matches `{_cell(field['pattern'])}`.")
    return " ".join(one for one in found if one)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


# -- values of the chart ----------------------------------------------------------------------------------------------


def values_page() -> str:
    """Each value by its path, with the comment above it."""
    text = (documents.CHART / "values.yaml").read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    parts = [
        "# Values of the chart\n\nMade from `charts/kedge/values.yaml`. Helm refuses what is misspelt, by "
        "`values.schema.json`. [Installing](../install.md) shows the usual installs.\n"
    ]
    for section, rows in _sections(text, values):
        parts.append(f"## {section}\n\n| value | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _sections(text: str, values: Any) -> Iterator[tuple[str, list[str]]]:
    title, rows, comment, path = "", list[str](), list[str](), list[tuple[int, str]]()
    for line in text.splitlines():
        if found := _SECTION.match(line):
            if rows:
                yield title, rows
            title, rows, comment = found.group(1), [], []
        elif line.strip().startswith("#"):
            comment.append(line.strip().lstrip("# "))
        elif (found := _KEY.match(line)) and comment:
            indent = len(found.group(1))
            path = [*(one for one in path if one[0] < indent), (indent, found.group(2))]
            names = [name for _, name in path]
            rows.append(f"| `{'.'.join(names)}` | {_default(_at(values, names), line)} | {_cell(' '.join(comment))} |")
            comment = []
        else:
            comment = []
    yield title, rows


def _at(values: Any, names: list[str]) -> Any:
    for name in names:
        values = values[name]
    return values


def _default(value: Any, line: str) -> str:
    """A part of the chart's own shape has none: what is in it is listed by itself."""
    if isinstance(value, dict) and line.rstrip().endswith(":"):
        return ""
    return f"`{_cell(json.dumps(value))}`"


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
