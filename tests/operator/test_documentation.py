"""The pages about the operator are complete: each reason, each metric, each rule of merging stands in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import prometheus_queries as queries
import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram, Info

from kedge_operator import metrics, serving, templates, watches
from kedge_operator.labels import Reason

DOCS = Path(__file__).parents[2] / "docs"
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
PODS = (DOCS / "guides/pods.md").read_text(encoding="utf-8")
(GROUP,) = yaml.safe_load((DOCS.parent / "charts/kedge/alerts/kedge.yaml").read_text(encoding="utf-8"))["groups"]
ALERTS = GROUP["rules"]
REASONS = {value for name, value in vars(Reason).items() if name.isupper()}


def rows(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, cell by cell."""
    part = OPERATIONS.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def measured() -> list[tuple[str, tuple[str, ...], str]]:
    """Name, labels and help of each metric."""
    found = []
    for one in vars(metrics).values():
        if isinstance(one, Counter | Gauge | Histogram):
            name = one._name + ("_total" if isinstance(one, Counter) else "")
            found.append((name, tuple(one._labelnames), one._documentation))
        elif isinstance(one, Info):
            found.append((f"{one._name}_info", tuple(one._value), one._documentation))
    return found


def test_each_reason_is_explained_once_with_what_to_do() -> None:
    told = [name for reason, *_ in rows("Reasons, one by one") for name in names(reason)]
    assert sorted(told) == sorted(REASONS)
    assert all(len(row) == 3 and all(row) for row in rows("Reasons, one by one"))


def test_the_table_of_metrics_is_that_of_the_code() -> None:
    assert [(name.strip("`"), tuple(names(labels)), text) for name, labels, text in rows("Metrics")] == measured()


def test_alerts_are_shown_as_they_are_installed() -> None:
    (shown,) = re.findall(r"```yaml\n(groups:.*?)```", OPERATIONS, re.S)
    assert yaml.safe_load(shown) == {"groups": [GROUP]}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda one: one["alert"])
def test_an_alert_is_about_metrics_that_there_are(alert: dict[str, Any]) -> None:
    known = queries.known()
    for name, labels in queries.asked(alert["expr"]):
        assert labels <= known[name]
    told = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"]))
    assert told <= queries.grouped_by(alert["expr"])
    assert alert["labels"]["severity"] in ("critical", "warning", "info")


@pytest.mark.parametrize(
    "words",
    [
        f"blocked for more than {serving.SLOW_SECONDS:.0f} seconds",
        f"silent after {watches.SILENT_SECONDS} seconds without an answer",
        f"after {watches.FAILING_SECONDS:.0f} seconds of failed requests",
        f"kedge_watch_silence_seconds) > {watches.SILENT_SECONDS}",
    ],
)
def test_limits_are_told_as_they_are(words: str) -> None:
    assert words in OPERATIONS


def test_the_guide_tells_every_rule_of_merging() -> None:
    part = PODS.split("## How layers are merged\n")[1].split("\n## ")[0]
    told = set(re.findall(r"`(\w+)`", "".join(line for line in part.splitlines() if line.startswith("|"))))
    assert told == {*templates._KEYED, *templates._APPENDED, "null"}


def test_the_guide_names_the_fields_of_the_container() -> None:
    (text,) = re.findall(r"Of the container are (.*?)\. `metadata`", PODS, re.S)
    assert set(re.findall(r"`(\w+)`", text)) == templates.CONTAINER_FIELDS


def test_the_guides_examples_are_pods() -> None:
    examples = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PODS, re.S)]
    assert len(examples) >= 5
    for example in examples:
        spec = example.get("spec", example)
        templates.of_job(spec.get("podTemplate"))
        for pod in [example.get("pod"), *(one.get("pod") for one in example.get("ops", ()))]:
            templates.of_op(pod, "an example")
