"""The names of metrics keep to Prometheus' conventions (its own linter's rules), and their labels are bounded."""

from __future__ import annotations

import re

import pytest
from prometheus_client import Counter, Gauge, Histogram

from kedge_operator import metrics
from kedge_operator.observe import EndKind

Metric = Counter | Gauge | Histogram
ALL: dict[str, Metric] = {
    family.name + ("_total" if isinstance(one, Counter) else ""): one
    for one in vars(metrics).values()
    if isinstance(one, Counter | Gauge | Histogram)
    for family in one.describe()
}
BOUNDED = {"phase", "reason", "state", "status", "failure", "verb", "resource", "code", "operation", "result", "kind"}
"""Labels whose values come from a list in the code."""
NOT_BASE = {"s", "ms", "sec", "secs", "min", "mins", "b", "kb", "mb", "milliseconds", "minutes", "hours"}
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


def words(name: str) -> list[str]:
    return name.split("_")


@pytest.mark.parametrize("name", ALL)
def test_a_name_is_one(name: str) -> None:
    assert re.fullmatch(r"kedge(_[a-z][a-z0-9]*)+", name)
    assert words(name)[-1] not in {"count", "sum", "bucket", "info", "created"}
    assert not NOT_BASE & set(words(name))
    assert not TYPES & set(words(name))


@pytest.mark.parametrize("name", ALL)
def test_counters_are_totals_and_nothing_else_is(name: str) -> None:
    assert name.endswith("_total") == isinstance(ALL[name], Counter)


@pytest.mark.parametrize("name", [name for name, one in ALL.items() if isinstance(one, Histogram)])
def test_times_are_in_seconds_and_say_so(name: str) -> None:
    assert name.endswith("_seconds")
    bounds = ALL[name]._upper_bounds  # type: ignore[union-attr]
    assert bounds == sorted(bounds)
    assert len(bounds) <= 20


@pytest.mark.parametrize("name", ALL)
def test_a_metric_says_what_it_is(name: str) -> None:
    text = ALL[name]._documentation
    assert text.endswith(".")
    assert text[0].isupper()


@pytest.mark.parametrize("name", ALL)
def test_labels_have_bounded_values(name: str) -> None:
    labels = set(ALL[name]._labelnames)
    assert labels <= BOUNDED
    assert not any(label in words(name) for label in labels)


def test_a_loss_has_a_class_whatever_its_record_says() -> None:
    assert [metrics.loss_class(kind) for kind in EndKind] == [kind.value for kind in EndKind]
    assert metrics.loss_class("StoreUnavailable") == "StoreUnavailable"
    assert metrics.loss_class("anything at all") == "other"
