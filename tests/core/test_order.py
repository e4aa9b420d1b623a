from __future__ import annotations

from core_play import build, collects, dynamic, joins, maps, op, reads

from kedge.core.order import PlannedStep, planned_order


def test_clones_are_shown_once_under_a_question_mark() -> None:
    ops = [
        dynamic("files"),
        dynamic("parts", inputs={"x": {"map": "files"}}, priority=1),
        maps("score", "parts", priority=2),
        collects("all", "score", levels=2, priority=9),
        op("other", priority=5),
        joins("report", "all", "other", after=["files"]),
    ]
    assert planned_order(build(ops)) == [
        PlannedStep("other", "other", 5, ()),
        PlannedStep("files", "files", 0, ()),
        PlannedStep("parts[?]", "parts", 1, ("files",)),
        PlannedStep("score[?,?]", "score", 2, ("parts[?]",)),
        PlannedStep("all", "all", 9, ("score[?,?]",)),
        PlannedStep("report", "report", 0, ("all", "other", "files")),
    ]


def test_every_op_is_in_the_order_once() -> None:
    ops = [op("z"), reads("y", "z"), dynamic("d", required=False), maps("m", "d"), collects("c", "m")]
    assert sorted(one.op for one in planned_order(build(ops))) == ["c", "d", "m", "y", "z"]
    assert planned_order(build([])) == []
