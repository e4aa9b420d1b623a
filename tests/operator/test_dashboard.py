"""The Grafana dashboard: a valid one, that shows metrics which there are."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import prometheus_queries as queries

PATH = Path(__file__).parents[2] / "charts/kedge/dashboards/kedge.json"
BOARD: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = BOARD["panels"]
GRAFANA_10 = 38
"""The version of the schema that Grafana 10 writes; later ones read it."""


def expressions() -> list[str]:
    """All queries, with a time where Grafana puts one."""
    found = [target["expr"] for panel in PANELS for target in panel.get("targets", ())]
    return [text.replace("$__rate_interval", "5m") for text in found]


def test_every_metric_in_it_exists_with_its_labels() -> None:
    known = queries.known()
    for text in expressions():
        for name, labels in queries.asked(text):
            assert labels <= known[name], text


def test_every_metric_is_shown() -> None:
    shown = {family(name) for text in expressions() for name, _ in queries.asked(text)}
    assert shown == {family(name) for name in queries.known()}


def family(name: str) -> str:
    return re.sub("_(bucket|sum|count)$", "", name)


def test_its_rows_are_what_is_looked_for() -> None:
    rows = [panel["title"] for panel in PANELS if panel["type"] == "row"]
    assert rows == ["Runs", "Steps", "Latencies", "API server", "Store", "Announcements and the operator itself"]


def test_it_is_a_dashboard_of_grafana_10_and_later() -> None:
    assert BOARD["schemaVersion"] >= GRAFANA_10
    assert [one["name"] for one in BOARD["templating"]["list"]] == ["datasource", "job"]
    assert {panel["type"] for panel in PANELS} <= {"row", "stat", "timeseries"}
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"
        assert re.fullmatch(r"[a-z]+", panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "short"))


def test_no_panel_lies_over_another() -> None:
    for one, other in combinations((panel["gridPos"] for panel in PANELS), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)
