"""The pages made from the CRD and from the chart's values list all of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cluster.places import ROOT
from manifests import crd, documents

sys.path.insert(0, str(ROOT / "docs/_ext"))
import object_pages


def fields(schema: Any, path: str) -> Iterator[tuple[str, str]]:
    for name, field in schema.get("properties", {}).items():
        yield path, name
        inner = field.get("items", field)
        yield from fields(inner, f"{path}.{name}" + ("[]" if "items" in field else ""))


@pytest.mark.parametrize("part", ["spec", "status"])
def test_each_field_of_an_opjob_stands_in_the_table_of_its_object(part: str) -> None:
    tables = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", object_pages.opjob_page(), re.MULTILINE | re.DOTALL))
    wanted = list(fields(crd.schema()["properties"][part], part))
    assert len(wanted) > 10
    for path, name in wanted:
        (row,) = re.findall(rf"^\| `{re.escape(name)}`.*$", tables[path], re.MULTILINE)
        assert row.split("|")[4].strip(), f"{path}.{name} has no description"


def paths(values: Any, above: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield f"{above}{name}"
        if isinstance(value, dict):
            yield from paths(value, f"{above}{name}.")


def test_each_value_of_the_chart_is_listed_with_its_default() -> None:
    values = yaml.safe_load((documents.CHART / "values.yaml").read_text(encoding="utf-8"))
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \| .+ \|$", object_pages.values_page(), re.MULTILINE))
    assert rows["replicas"] == "`1`"
    assert rows["store"] == ""
    own = [path for path in paths(values) if path in rows]
    assert own == list(rows)
    missing = [path for path in paths(values) if path not in rows and path.rpartition(".")[0] not in rows]
    assert missing == []
