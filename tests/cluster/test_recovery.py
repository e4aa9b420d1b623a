"""Nothing is lost or run twice, whatever is killed: the operator, its watch, its leadership, its hints."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from cluster_runs import CHAIN, op, run_once
from kedge_installed import Installed, Object, steps_of

from manifests import deployment

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("recovery")]

SETTINGS = {"leaderElection": {"leaseSeconds": 5}}
"""Each operator that is killed leaves one that others wait for. That one is lost for nothing changes no result here."""


def test_an_operator_that_is_killed_again_and_again_loses_and_doubles_nothing(kedge: Installed) -> None:
    job = kedge.submit({"ops": CHAIN, "maxConcurrent": 3})
    order = random.Random(7)
    for _ in range(4):
        kedge.kill_operator()
        wanted = order.randint(3, 6)
        seen = kedge.status(job).get("steps", {}).get("succeeded", 0)
        kedge.until(
            job,
            lambda status, wanted=wanted, seen=seen: (  # type: ignore[misc]
                status.get("phase") == "Succeeded" or status["steps"]["succeeded"] >= seen + wanted
            ),
        )
    assert kedge.ended(job)["phase"] == "Succeeded"
    run_once(kedge, job)


def test_what_ended_while_nobody_looked_is_found(kedge: Installed) -> None:
    ops = [op("waits_for_a_word", pod={"env": [{"name": "WORD", "value": "alone"}]})]
    ops.append(op("says", inputs={"x": {"from": "waits_for_a_word"}}))
    job = kedge.submit({"ops": ops})
    pod = kedge.running(job, "waits_for_a_word")["metadata"]["name"]
    kedge.scale("kedge-operator", 0)
    kedge.store.put("words/alone", b"")
    kedge.kubectl.wait(f"pod/{pod}", "jsonpath={.status.phase}=Succeeded")
    kedge.scale("kedge-operator", 1)
    assert kedge.ended(job)["phase"] == "Succeeded"
    assert steps_of(kedge.pods(job)) == ["waits_for_a_word", "says"]


def test_a_run_that_was_cancelled_while_nobody_looked_is_stopped(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("sleeps")], "podTemplate": {"spec": {"terminationGracePeriodSeconds": 1}}})
    kedge.running(job, "sleeps")
    kedge.scale("kedge-operator", 0)
    kedge.kubectl("patch", "oj", job, "--type=merge", "-p", json.dumps({"spec": {"cancel": True}}))
    kedge.scale("kedge-operator", 1)
    assert kedge.ended(job)["phase"] == "Cancelled"


def test_a_standby_takes_over_and_no_pod_is_doubled(kedge: Installed) -> None:
    kedge.scale("kedge-operator", 2)
    try:
        job = kedge.submit({"ops": CHAIN, "maxConcurrent": 3})
        kedge.until(job, lambda status: status.get("steps", {}).get("succeeded", 0) >= 3)
        leader = kedge.leader()
        kedge.kubectl("delete", "pod", leader, "--grace-period=0", "--force")
        assert kedge.ended(job)["phase"] == "Succeeded"
        run_once(kedge, job)
        assert kedge.leader() != leader
    finally:
        kedge.scale("kedge-operator", 1)


def test_an_operator_that_is_told_to_end_gives_its_lease_back(kedge: Installed) -> None:
    pod = kedge.leader()
    kedge.kubectl("delete", "pod", pod)
    assert kedge.leader(but=pod) != pod
    job = kedge.submit({"ops": [op("one")]})
    assert kedge.ended(job)["phase"] == "Succeeded"


def test_objects_that_can_not_be_read_stop_nothing_else(kedge: Installed) -> None:
    stray: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stray", "labels": {"kedge.dev/run": "nobody", "kedge.dev/attempt": "first"}},
        "spec": kedge.restricted_spec(),
    }
    kedge.kubectl.apply(stray)
    bad = kedge.submit({"ops": [op("one", inputs={"x": {"from": "nowhere"}})]})
    good = kedge.submit({"ops": [op("waits_for_a_word", pod={"env": [{"name": "WORD", "value": "poison"}]})]})
    kedge.running(good, "waits_for_a_word")
    kedge.store.put(kedge.paths(good).outcome(_key("waits_for_a_word"), 1), b"{not a record", create=True)
    kedge.store.put("words/poison", b"")
    status = kedge.ended(good)
    assert (status["phase"], status["steps"]["retries"]) == ("Succeeded", 1), "a record that can't be read is a loss"
    assert kedge.ended(bad)["phase"] == "Failed"
    assert kedge.ended(kedge.submit({"ops": [op("one")]}))["phase"] == "Succeeded"


def test_many_runs_at_once_do_not_hold_up_each_other(kedge: Installed) -> None:
    jobs = [kedge.submit({"ops": [op("one"), op("add_one", inputs={"x": {"from": "one"}})]}) for _ in range(8)]
    assert {kedge.ended(job)["phase"] for job in jobs} == {"Succeeded"}


def _key(step: str) -> Any:
    from kedge.core.ids import StepKey

    return StepKey.parse(step)


def test_an_operator_with_a_fault_in_its_configuration_says_so_in_the_status_of_its_pod(kedge: Installed) -> None:
    wrong = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "wrong"},
        "data": {deployment.CONFIG: "a: b"},
    }
    (made,) = deployment.deployment()
    spec = {**made["spec"]["template"]["spec"], "restartPolicy": "Never"}
    spec["volumes"] = [{"name": "config", "configMap": {"name": "wrong"}}, {"name": "tmp", "emptyDir": {}}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "wrong"}, "spec": spec}
    kedge.kubectl.apply(wrong, pod)
    kedge.kubectl.wait("pod/wrong", "jsonpath={.status.phase}=Failed")
    ended = kedge.kubectl.get("pod", "wrong")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert ended["exitCode"] == 2
    assert "a: there is no such field" in ended["message"]
