"""How a run of a cluster stands, told from its status alone."""

from __future__ import annotations

from typing import Any

from kedge.cli.cluster import standing
from kedge.cli.cluster.opjobs import ClusterRun

STEPS = {"total": 5, "waiting": 1, "running": 1, "succeeded": 2, "failed": 1, "skipped": 0, "retries": 3, "cached": 1}
OPS = [
    {"name": "ten", "steps": 1, "running": 0, "succeeded": 1, "failed": 0, "skipped": 0},
    {
        "name": "size",
        "steps": 4,
        "running": 1,
        "succeeded": 1,
        "failed": 1,
        "skipped": 0,
        "failedKeys": ["size[a]"],
        "message": "size[a]: ValueError: no\nmore",
    },
]


def run(**status: Any) -> ClusterRun:
    metadata = {"name": "x", "namespace": "team", "uid": "u" * 8, "creationTimestamp": "1970-01-01T00:01:40Z"}
    return ClusterRun({"metadata": metadata, "spec": {"ops": OPS}, "status": status})


def test_a_run_that_nobody_has_taken_up_says_so() -> None:
    fresh = run()
    assert fresh.phase == "Pending"
    assert "no operator has taken it up" in str(standing.waits_for(fresh))


def test_what_a_run_waits_for_is_its_reason_unless_it_simply_goes_on() -> None:
    assert standing.waits_for(run(phase="Running", reason="Running")) is None
    waits = run(phase="Running", reason="QuotaExceeded", message="pods: 10 of 10")
    assert standing.waits_for(waits) == "QuotaExceeded: pods: 10 of 10"
    assert standing.waits_for(run(phase="Failed", reason="StepsFailed", message="size[a]")) is None


def test_counts_leave_out_what_there_is_none_of() -> None:
    found = run(phase="Running", steps=STEPS, progress="3/5")
    assert standing.counts(found) == "1 waiting, 1 running, 2 succeeded, 1 failed, 3 retries, 1 taken over"
    assert standing.headline(found, 105.0) == f"x: {standing.counts(found)}  5.0s"


def test_one_retry_is_no_plural() -> None:
    assert standing.counts(run(phase="Running", steps={"total": 1, "running": 1, "retries": 1})) == "1 running, 1 retry"


def test_the_time_stands_still_once_a_run_has_ended() -> None:
    assert standing.took(run(phase="Failed", completionTime="1970-01-01T00:01:42Z"), 500.0) == 2.0


def test_a_run_of_less_than_a_second_did_not_take_no_time() -> None:
    assert standing.headline(run(phase="Failed", completionTime="1970-01-01T00:01:40Z"), 500.0) == "x: <1s"


def test_ops_are_rows_with_the_first_line_of_what_failed() -> None:
    rows = standing.op_rows(run(phase="Running", ops=OPS))
    assert rows[1] == ["size", "4", "1", "1", "1", "0", "size[a]: ValueError: no"]
    assert [(bar.name, bar.total, bar.done) for bar in standing.bars(run(ops=OPS))] == [("ten", 1, 1), ("size", 4, 2)]


def test_conditions_are_rows_whatever_lines_their_messages_have() -> None:
    one = {"type": "Planned", "status": "False", "reason": "PlanRefused", "lastTransitionTime": "now"}
    rows = standing.conditions(run(phase="Failed", conditions=[{**one, "message": "ops:a: no\nops:b: no, too"}]))
    assert rows == [["Planned", "False", "PlanRefused", "now", "ops:a: no; ops:b: no, too"]]


def test_programs_get_the_names_that_a_local_run_has() -> None:
    told = standing.data(run(phase="Failed", steps=STEPS, ops=OPS))
    assert (told["run"], told["status"], told["retries"], told["cached"]) == ("x", "Failed", 3, 1)
    assert told["steps"] == {"waiting": 1, "running": 1, "succeeded": 2, "failed": 1}
    assert told["failures"] == [{"op": "size", "steps": ["size[a]"], "message": "size[a]: ValueError: no\nmore"}]
