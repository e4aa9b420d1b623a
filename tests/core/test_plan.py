from __future__ import annotations

from typing import Any

import pytest
from core_play import build, collects, dynamic, joins, maps, op, reads

from kedge.core import plan
from kedge.core.errors import PlanError
from kedge.core.graph import OpGraph, OpNode, OutputRef
from kedge.core.plan import TagLimit

FILES = dynamic("files")


@pytest.mark.parametrize(
    ("ops", "says"),
    [
        ([reads("a", "b"), reads("b", "a")], "in a cycle: a, b"),
        ([reads("a", "a")], "in a cycle: a"),
        ([op("a", after=["b"]), reads("b", "a")], "in a cycle"),
        ([FILES, maps("m", "files", after=["c"]), collects("c", "m")], "in a cycle"),
        ([reads("a", "nobody")], "op a reads 'nobody', which is no op of this job; ops: a"),
        ([op("a", after=["nobody"])], "op a reads 'nobody'"),
        ([op("b"), reads("a", "b.nothing")], "op a, input x: b has no output 'nothing'; it has result"),
        ([FILES, reads("a", "files")], "op a, input x: files is dynamic; read it with `map` or `collect`"),
        ([FILES, joins("a", "files")], "files is dynamic"),
        ([op("b"), maps("a", "b")], "op a, input x: b is not dynamic; read it with `from`"),
        ([op("b"), collects("a", "b")], r"b has 0 map\(s\) to close, not 1"),
        ([FILES, maps("m", "files"), collects("a", "m", 2)], r"m has 1 map\(s\) to close, not 2"),
        ([FILES, maps("m", "files"), collects("a", "m", 0)], r"m has 1 map\(s\) to close, not 0"),
        (
            [FILES, dynamic("more"), op("a", inputs={"x": {"map": "files"}, "y": {"map": "more"}})],
            r"op a, input y: its inputs come out of different maps \(files and more\); collect one of them first",
        ),
        (
            [FILES, dynamic("more"), maps("m", "files"), maps("n", "more"), joins("a", "m", "n")],
            "different maps",
        ),
        ([op("a", priority="high")], "op a: tag kedge/priority is 'high'; give an integer"),
        ([op("a", priority="1.5")], "give an integer"),
        ([op("a", outputs=[{"name": "x"}, {"name": "x"}])], "outputs must have different names"),
        ([op("a", outputs=[{"name": "b"}]), op("a.b")], "a.b names an op, and an output of op a"),
    ],
)
def test_a_graph_that_cannot_run_is_refused_with_op_and_reason(ops: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(PlanError, match=says):
        build(ops)


def test_two_ops_of_one_name_are_refused() -> None:
    with pytest.raises(PlanError, match="must be unique"):
        plan.build(OpGraph((OpNode("a"), OpNode("a"))))


def test_a_limit_that_lets_nothing_run_is_refused() -> None:
    with pytest.raises(PlanError, match="the limit for tag pool is 0"):
        build([op("a")], [TagLimit("pool", 0)])


def test_axes_follow_from_maps_and_end_with_collects() -> None:
    laid_out = build(
        [
            FILES,
            dynamic("parts", inputs={"x": {"map": "files"}}),
            op("score", inputs={"x": {"map": "parts"}, "whole": {"from": "parts.result"}})
            | {"inputs": {"x": {"map": "parts"}, "file": {"map": "files"}}},
            reads("next", "score"),
            collects("each_file", "next"),
            collects("all", "next", levels=2),
            op("late"),
            op("mixed", inputs={"x": {"from": "late"}, "y": {"from": "each_file"}}),
        ]
    )
    files, parts = OutputRef("files"), OutputRef("parts")
    found = {node.name: node.axes for node in laid_out.nodes}
    assert found == {
        "files": (),
        "parts": (files,),
        "score": (files, parts),
        "next": (files, parts),
        "each_file": (files,),
        "all": (),
        "late": (),
        "mixed": (files,),
    }


def test_the_order_of_definition_need_not_be_that_of_the_data() -> None:
    laid_out = build([collects("all", "m"), maps("m", "files"), FILES])
    assert [node.name for node in laid_out.nodes] == ["all", "m", "files"]
