"""Prometheus' queries, read by a parser of its language: what they ask of our metrics."""

from __future__ import annotations

from collections.abc import Iterator

import promql_parser as promql
from prometheus_client import Counter, Gauge, Histogram

from kedge_operator import metrics

SCRAPED = frozenset({"job", "namespace"})
"""Labels that Prometheus adds to whatever it scrapes."""


def known() -> dict[str, frozenset[str]]:
    """The names under which metrics are found, with their labels."""
    found: dict[str, frozenset[str]] = {}
    for one in vars(metrics).values():
        if isinstance(one, Counter | Gauge | Histogram):
            (family,) = one.describe()
            ends = ("_bucket", "_sum", "_count") if isinstance(one, Histogram) else ("",)
            total = "_total" if isinstance(one, Counter) else ""
            for end in ends:
                more = {"le"} if end == "_bucket" else set()
                found[family.name + total + end] = frozenset({*one._labelnames, *more}) | SCRAPED
    return found


def asked(query: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The metrics in a query, each with the labels that it is selected and summed up by. Raises ValueError."""
    found: list[tuple[str, frozenset[str]]] = []
    groups: list[frozenset[str]] = []

    def enter(one: promql.Expr) -> None:
        if isinstance(one, promql.AggregateExpr):
            groups.append(frozenset(one.modifier.labels if one.modifier is not None else ()))
        elif isinstance(one, promql.VectorSelector):
            assert one.name is not None, query
            labels = frozenset(matcher.name for matcher in one.matchers.matchers)
            found.append((one.name, labels.union(*groups)))

    def leave(one: promql.Expr) -> None:
        if isinstance(one, promql.AggregateExpr):
            groups.pop()

    promql.walk(promql.parse(query), enter, leave)
    assert found, query
    yield from found


def grouped_by(query: str) -> frozenset[str]:
    """The labels that a query's result has, for the comparisons and sums that alerts are made of."""
    one = promql.parse(query)
    while isinstance(one, promql.BinaryExpr | promql.ParenExpr):
        one = one.lhs if isinstance(one, promql.BinaryExpr) else one.expr
    assert isinstance(one, promql.AggregateExpr | promql.Call), query
    return frozenset(one.modifier.labels) if isinstance(one, promql.AggregateExpr) and one.modifier else frozenset()
