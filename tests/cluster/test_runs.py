"""Jobs from `kubectl apply` to their ends, on real pods: all three ways to write one, order, limits, fan-outs."""

from __future__ import annotations

import pytest
from cluster_runs import fan_out, most_at_once, op
from kedge_installed import Installed, conditions, steps_of

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("runs")]


def test_ops_written_by_hand_run_and_tell_how_they_stand(kedge: Installed) -> None:
    ops = [
        op("one"),
        op("add_one", inputs={"x": {"from": "one"}}),
        op("more", "add_one", inputs={"x": {"from": "add_one"}}),
    ]
    job = kedge.submit({"ops": ops})
    status = kedge.ended(job)
    assert status["phase"] == "Succeeded"
    assert conditions(status) == {"Planned": "True Planned", "Complete": "True AllStepsEnded"}
    assert status["steps"]["succeeded"] == 3
    assert status["progress"] == "3/3"
    assert [one["name"] for one in status["ops"]] == ["one", "add_one", "more"]
    assert list(kedge.outcomes(job)) == ["add_one", "more", "one"]
    row = kedge.kubectl("get", "oj", job, "--no-headers").split()
    assert row[1:5] == ["Succeeded", "3/3", "0", "0"]


def test_a_map_and_its_collect_run_clone_by_clone(kedge: Installed) -> None:
    ops = [
        fan_out("ten"),
        op("add_one", inputs={"x": {"map": "ten"}}),
        op("total", inputs={"values": {"collect": "add_one"}}),
    ]
    job = kedge.submit({"ops": ops, "maxConcurrent": 4})
    status = kedge.ended(job)
    assert (status["phase"], status["steps"]["total"]) == ("Succeeded", 12)
    clones = {step for step in steps_of(kedge.pods(job)) if step.startswith("add_one")}
    assert clones == {f"add_one[n{i}]" for i in range(10)}


def test_a_map_in_a_map_collects_level_by_level(kedge: Installed) -> None:
    ops = [
        fan_out("three"),
        {**fan_out("parts"), "inputs": {"x": {"map": "three"}}},
        op("add_one", inputs={"x": {"map": "parts"}}),
        op("inner", "total", inputs={"values": {"collect": "add_one"}}),
        op("outer", "total", inputs={"values": {"collect": "inner"}}),
    ]
    job = kedge.submit({"ops": ops})
    status = kedge.ended(job)
    assert (status["phase"], status["steps"]["total"]) == ("Succeeded", 1 + 3 + 3 + 3 + 1)


def test_an_empty_fan_out_leaves_no_clones_and_an_empty_list(kedge: Installed) -> None:
    ops = [
        fan_out("none"),
        op("add_one", inputs={"x": {"map": "none"}}),
        op("total", inputs={"values": {"collect": "add_one"}}),
    ]
    job = kedge.submit({"ops": ops})
    status = kedge.ended(job)
    assert (status["phase"], status["steps"]["total"]) == ("Succeeded", 2)
    assert steps_of(kedge.pods(job)) == ["none", "total"]


def test_an_entrypoint_alone_is_compiled_by_a_pod(kedge: Installed) -> None:
    job = kedge.submit({"entrypoint": "pod_jobs:doubles", "runConfig": {"ops": {"numbers": {"config": {"count": 3}}}}})
    status = kedge.ended(job)
    assert status["phase"] == "Succeeded", status
    assert status["steps"]["total"] == 5


def test_what_is_wrong_with_a_job_is_all_told_and_no_step_starts(kedge: Installed) -> None:
    config = {"ops": {"numbers": {"config": {"count": "many"}}, "nowhere": {}}}
    job = kedge.submit({"entrypoint": "pod_jobs:doubles", "runConfig": config})
    status = kedge.ended(job)
    assert conditions(status) == {"Planned": "False PlanRefused", "Failed": "True PlanRefused"}
    (planned,) = [one for one in status["conditions"] if one["type"] == "Planned"]
    assert "DagsterInvalidConfigError: ops:numbers:config:count: expected Int, got 'many' (str)" in planned["message"]
    assert planned["message"].count("config:count") == 1
    assert "nowhere" in planned["message"]
    assert [pod["metadata"]["labels"]["kedge.dev/step-hash"] for pod in kedge.pods(job)] == ["plan"]


def test_a_value_of_some_hundred_megabytes_goes_through_the_first_store(kedge: Installed) -> None:
    ops = [op("large"), op("count", inputs={"values": {"from": "large"}})]
    status = kedge.ended(kedge.submit({"ops": ops}), seconds=600)
    assert status["phase"] == "Succeeded", status


def test_a_graph_that_can_not_run_is_refused(kedge: Installed) -> None:
    ops = [op("a", "add_one", inputs={"x": {"from": "b"}}), op("b", "add_one", inputs={"x": {"from": "a"}})]
    status = kedge.ended(kedge.submit({"ops": ops}))
    assert conditions(status) == {"Planned": "False PlanRefused", "Failed": "True PlanRefused"}
    assert "cycle" in status["message"]


def test_batches_run_end_to_end_in_the_order_of_their_priorities(kedge: Installed) -> None:
    config = {"ops": {"numbers": {"config": {"count": 3}}}}
    job = kedge.submit({"entrypoint": "pod_jobs:batches", "maxConcurrent": 1, "runConfig": config})
    assert kedge.ended(job)["phase"] == "Succeeded"
    launched = {step: found[0].times.launched for step, found in kedge.outcomes(job).items()}  # type: ignore[union-attr]
    order = sorted(launched, key=lambda step: launched[step] or 0)
    batches = [f"{name}[n{i}]" for i in range(3) for name in ("first", "second", "third")]
    assert order == ["numbers", *batches, "total"]


def test_no_more_steps_run_at_once_than_limits_say(kedge: Installed) -> None:
    ops = [fan_out("ten"), op("add_one", inputs={"x": {"map": "ten"}}, tags={"db": "main"})]
    job = kedge.submit({"ops": ops, "maxConcurrent": 5, "tagConcurrencyLimits": [{"key": "db", "limit": 2}]})
    assert kedge.ended(job)["phase"] == "Succeeded"
    spans = [found[0].times for step, found in kedge.outcomes(job).items() if step.startswith("add_one")]
    assert most_at_once([(one.launched, one.ended) for one in spans if one is not None]) == 2
