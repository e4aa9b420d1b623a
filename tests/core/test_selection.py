from __future__ import annotations

import pytest
from core_play import build, collects, dynamic, joins, maps, op, reads

from kedge.core import plan
from kedge.core.errors import DagsterInvalidSubsetError
from kedge.core.graph import Each, From, OpGraph, OutputRef
from kedge.core.ids import StepKey
from kedge.core.selection import select_ops, select_steps, subset

# a -> b -> c -> d -> e, with x -> c and the nested g.p -> g.q -> d
CHAIN = OpGraph.from_json(
    [
        op("a"),
        reads("b", "a"),
        op("x"),
        joins("c", "b", "x"),
        op("g.p"),
        reads("g.q", "g.p"),
        op("d", inputs={"x": {"from": "c"}}, after=["g.q"]),
        reads("e", "d"),
    ]
)
ALL = {"a", "b", "x", "c", "g.p", "g.q", "d", "e"}


@pytest.mark.parametrize(
    ("clauses", "selected"),
    [
        ([], ALL),
        (["c"], {"c"}),
        (["*c"], {"a", "b", "x", "c"}),
        (["c*"], {"c", "d", "e"}),
        (["*c*"], {"a", "b", "x", "c", "d", "e"}),
        (["+d"], {"c", "g.q", "d"}),
        (["++d"], {"b", "x", "c", "g.p", "g.q", "d"}),
        (["b+"], {"b", "c"}),
        (["b++"], {"b", "c", "d"}),
        (["+c+"], {"b", "x", "c", "d"}),
        (["*b+"], {"a", "b", "c"}),
        (["a", "x"], {"a", "x"}),
        ([" a "], {"a"}),
        (["g"], {"g.p", "g.q"}),
        (["g.p"], {"g.p"}),
        (["g.p*"], {"g.p", "g.q", "d", "e"}),
        (["+++++++++e"], ALL),
    ],
)
def test_selections_take_ops_above_and_below(clauses: list[str], selected: set[str]) -> None:
    assert select_ops(CHAIN, clauses) == selected


@pytest.mark.parametrize(
    "clause", ["", "*", "a b", "**a", "*+a", "a*b", "a[", "a[]", "nobody", "g.", "a-b", "A", "+nobody"]
)
def test_malformed_or_unknown_selections_are_refused(clause: str) -> None:
    with pytest.raises(DagsterInvalidSubsetError):
        select_ops(CHAIN, [clause])


def test_a_clone_of_a_job_that_has_not_run_cannot_be_selected() -> None:
    with pytest.raises(DagsterInvalidSubsetError, match=r"work\[k1\] is one clone: its job has not run"):
        select_ops(OpGraph.from_json([dynamic("nums"), maps("work", "nums")]), ["work[k1]"])


def test_a_subset_cuts_what_came_from_ops_left_out() -> None:
    cut = subset(CHAIN, {"c", "x", "d", "e"})
    assert [one.name for one in cut] == ["x", "c", "d", "e"]
    assert cut.names["c"].inputs == {"xs": Each((From(OutputRef("x")),))}
    assert cut.names["d"].after == ()
    assert subset(CHAIN, {"b"}).names["b"].inputs == {}
    assert subset(CHAIN, {"c"}).names["c"].inputs == {}
    plan.build(cut)


MAPPED = [
    dynamic("nums"),
    maps("work", "nums"),
    reads("echo", "work"),
    collects("merge", "echo"),
    dynamic("more", inputs={"x": {"from": "merge"}}),
    maps("late", "more"),
    maps("inner", "parts"),
    dynamic("parts", inputs={"x": {"map": "nums"}}),
]


@pytest.mark.parametrize(
    ("clauses", "chosen"),
    [
        (["work[k1]"], {"work[k1]"}),
        (["work"], {"work[k1]", "work[k2]"}),
        (["work[k1]*"], {"work[k1]", "echo[k1]", "merge", "more", "late[k1]", "late[k2]"}),
        (["work[k2]+"], {"work[k2]", "echo[k2]"}),
        (["+merge"], {"echo[k1]", "echo[k2]", "merge"}),
        (["*echo[k1]"], {"nums", "work[k1]", "echo[k1]"}),
        (["inner[k1]"], {"inner[k1,k1]", "inner[k1,k2]"}),
        (["inner[k1,k2]"], {"inner[k1,k2]"}),
        (["+inner[k1,k2]"], {"inner[k1,k2]", "parts[k1]"}),
        (["late[k2]", "nums"], {"late[k2]", "nums"}),
    ],
)
def test_a_re_execution_selects_clones(clauses: list[str], chosen: set[str]) -> None:
    steps = [
        StepKey(node.name, keys)
        for node in build(MAPPED).nodes
        for keys in ([()], [("k1",), ("k2",)], [(a, b) for a in ("k1", "k2") for b in ("k1", "k2")])[node.depth]
    ]
    is_selected = select_steps(OpGraph.from_json(MAPPED), clauses)
    assert {str(step) for step in steps if is_selected(step)} == chosen


def test_no_clause_selects_every_step() -> None:
    assert select_steps(OpGraph.from_json(MAPPED), [])(StepKey("late", ("k",)))


def test_more_keys_than_maps_are_refused() -> None:
    with pytest.raises(DagsterInvalidSubsetError, match=r"merge stands in 0 map\(s\)"):
        select_steps(OpGraph.from_json(MAPPED), ["merge[k1]"])
