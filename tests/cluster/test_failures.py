"""Failures by class, each made to happen on a real pod: what the step's record says, and what the run does about it."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
from cluster_runs import events, op
from kedge_installed import RUNTIME, Installed, Object, conditions, state_of

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("failures")]

SETTINGS = {"podPolicy": {"serviceAccounts": ["nobody"]}, "startGraceSeconds": 10}
"""A grace that outlasts the pause after a slow patch of the status, so that what pods wait for is seen there."""
NOT_PULLED = "(ErrImagePull|ImagePullBackOff): "
"""What a kubelet says in turn of an image that it can't pull."""
LIMITED = {"resources": {"requests": {"memory": "64Mi"}, "limits": {"memory": "96Mi"}}}
FROM_NOWHERE = {"image": "127.0.0.1:1/no-such-image:1", "imagePullPolicy": "Always"}
HIDES_KEDGE = {
    "name": "hides-kedge",
    "image": RUNTIME,
    "command": ["python", "-c", "open('/tmp/kedge.py', 'w').close()"],
    "volumeMounts": [{"name": "kedge-tmp", "mountPath": "/tmp"}],
}
WITHOUT_KEDGE = {
    "initContainers": [HIDES_KEDGE],
    "containers": [{"name": "step", "env": [{"name": "PYTHONPATH", "value": "/tmp"}]}],
}
"""A pod that finds an empty module where kedge should be."""


def ends(kedge: Installed, job: str, step: str) -> list[str]:
    """How the attempts of a step ended: status, and the error where there is one."""
    found = kedge.outcomes(job).get(step, [])
    return [f"{one.status.value} {one.failure.error if one.failure else ''}".strip() for one in found]


def fails(kedge: Installed, spec: dict[str, Any]) -> tuple[str, Object]:
    job = kedge.submit(spec)
    status = kedge.ended(job)
    assert status["phase"] == "Failed", status
    return job, status


def mounted(source: dict[str, Any]) -> dict[str, Any]:
    """A pod of which the step's container mounts this volume."""
    volume = {"name": "wanted", **source}
    container = {"name": "step", "volumeMounts": [{"name": "wanted", "mountPath": "/wanted"}]}
    return {"volumes": [volume], "containers": [container]}


def is_second(pod: Object) -> bool:
    return bool(pod["metadata"]["labels"]["kedge.dev/attempt"] == "2")


# -- what ops do ------------------------------------------------------------------------------------------------------


def test_an_exception_fails_its_step_and_what_reads_it_while_others_go_on(kedge: Installed) -> None:
    ops = [op("raises"), op("after", "add_one", inputs={"x": {"from": "raises"}}), op("one")]
    job, status = fails(kedge, {"ops": ops})
    assert ends(kedge, job, "raises") == ["failed ValueError"]
    assert (status["steps"]["failed"], status["steps"]["succeeded"], status["steps"]["skipped"]) == (1, 1, 1)
    assert "no luck today" in status["message"]
    assert conditions(status)["Failed"] == "True StepsFailed"
    assert status["ops"][0]["failedKeys"] == ["raises"]


def test_fail_fast_stops_the_rest(kedge: Installed) -> None:
    ops = [op("sleeps"), op("raises")]
    job, status = fails(kedge, {"ops": ops, "failFast": True})
    assert status["steps"]["cancelled"] == 1
    assert all("terminated" in state_of(pod) for pod in kedge.pods(job))


def test_a_policy_and_the_op_itself_may_ask_for_another_try(kedge: Installed) -> None:
    ops = [op("raises", retryPolicy={"maxRetries": 2}), op("asks_for_another_try")]
    job, status = fails(kedge, {"ops": ops})
    assert ends(kedge, job, "raises") == ["failed ValueError"] * 3
    assert ends(kedge, job, "asks_for_another_try") == ["failed RetryRequested"] * 2 + ["succeeded"]
    assert status["steps"]["retries"] == 4


def test_an_exit_without_a_record_counts_as_a_loss(kedge: Installed) -> None:
    job, status = fails(kedge, {"ops": [op("exits_with_three")], "infrastructureRetries": 1})
    assert ends(kedge, job, "exits_with_three") == ["lost Exited"] * 2
    assert "exited with code 3: the worker began and left no record" in status["message"]


def test_an_image_without_kedge_says_so_and_what_is_needed(kedge: Installed) -> None:
    job, status = fails(kedge, {"ops": [op("one")], "podTemplate": {"spec": WITHOUT_KEDGE}, "infrastructureRetries": 0})
    assert ends(kedge, job, "one") == ["lost Exited"]
    assert "exited with code 1" in status["message"]
    assert "a step's image needs Python and kedge" in status["message"]


def test_an_image_without_kedge_that_has_to_plan_says_so_and_what_is_needed(kedge: Installed) -> None:
    spec = {"entrypoint": "pod_jobs:doubles", "podTemplate": {"spec": WITHOUT_KEDGE}, "infrastructureRetries": 1}
    _, status = fails(kedge, spec)
    assert conditions(status)["Planned"] == "False PlanRefused"
    assert status["message"].startswith("2 plan pods were lost; of the last one: its container exited with code 1: ")
    assert "a step's image needs Python and kedge" in status["message"]


def test_a_process_that_crashes_counts_as_a_loss(kedge: Installed) -> None:
    job, status = fails(kedge, {"ops": [op("crashes")], "infrastructureRetries": 0})
    assert ends(kedge, job, "crashes") == ["lost Exited"]
    assert "signal 11" in status["message"]


def test_a_step_out_of_memory_is_given_more(kedge: Installed) -> None:
    growth = {"factor": 4, "limit": "1Gi"}
    job = kedge.submit({"ops": [op("eats_memory", pod=LIMITED)], "memoryGrowth": growth})
    assert kedge.ended(job)["phase"] == "Succeeded"
    assert ends(kedge, job, "eats_memory") == ["lost OOMKilled", "succeeded"]
    limits = [pod["spec"]["containers"][0]["resources"]["limits"]["memory"] for pod in kedge.pods(job)]
    assert limits == ["96Mi", str(4 * 96 << 20)]


def test_an_op_timeout_ends_the_attempt_and_is_the_ops_own_failure(kedge: Installed) -> None:
    pod = {"terminationGracePeriodSeconds": 1}
    job, status = fails(kedge, {"ops": [op("sleeps", timeoutSeconds=1, pod=pod)]})
    assert ends(kedge, job, "sleeps") == ["failed Timeout"]
    assert "ran for more than its 1 s" in status["message"]


def test_a_full_disk_is_the_ops_own_failure(kedge: Installed) -> None:
    disk = {
        "volumes": [{"name": "small", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}],
        "volumeMounts": [{"name": "small", "mountPath": "/small"}],
    }
    job, _ = fails(kedge, {"ops": [op("fills_the_disk", pod=disk)]})
    assert ends(kedge, job, "fills_the_disk") == ["failed OSError"]


# -- what happens to pods ---------------------------------------------------------------------------------------------


def test_a_running_pod_that_is_deleted_is_started_again(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("waits_for_a_word", pod={"env": [{"name": "WORD", "value": "deleted"}]})]})
    first = kedge.running(job, "waits_for_a_word")
    kedge.kubectl("delete", "pod", first["metadata"]["name"], "--wait=false", "--grace-period=1")
    kedge.pod(job, "waits_for_a_word", is_second)
    kedge.store.put("words/deleted", b"")
    assert kedge.ended(job)["phase"] == "Succeeded"
    found = ends(kedge, job, "waits_for_a_word")
    assert found == ["lost PodDeleted", "succeeded"]


def test_a_pending_pod_that_is_deleted_is_made_again(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("one", pod={"nodeSelector": {"no-such": "node"}})]})
    first = kedge.pod(job, "one")
    kedge.kubectl("delete", "pod", first["metadata"]["name"])
    second = kedge.pod(job, "one", lambda pod: pod["metadata"]["uid"] != first["metadata"]["uid"])
    assert second["metadata"]["labels"]["kedge.dev/attempt"] == "2"
    assert ends(kedge, job, "one") == ["lost PodDeleted"]
    kedge.kubectl("delete", "oj", job)


def test_an_evicted_pod_is_started_again(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("waits_for_a_word", pod={"env": [{"name": "WORD", "value": "evicted"}]})]})
    first = kedge.running(job, "waits_for_a_word")["metadata"]["name"]
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": first},
        "deleteOptions": {"gracePeriodSeconds": 1},
    }
    path = f"/api/v1/namespaces/{kedge.namespace}/pods/{first}/eviction"
    kedge.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(body))
    kedge.pod(job, "waits_for_a_word", is_second)
    kedge.store.put("words/evicted", b"")
    assert kedge.ended(job)["phase"] == "Succeeded"
    assert ends(kedge, job, "waits_for_a_word") == ["lost Evicted", "succeeded"]


def test_a_pod_that_ended_and_was_removed_before_anybody_looked_has_still_succeeded(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("waits_for_a_word", pod={"env": [{"name": "WORD", "value": "unseen"}]})]})
    pod = kedge.running(job, "waits_for_a_word")["metadata"]["name"]
    kedge.scale("kedge-operator", 0)
    kedge.store.put("words/unseen", b"")
    kedge.kubectl.wait(f"pod/{pod}", "jsonpath={.status.phase}=Succeeded")
    kedge.kubectl("delete", "pod", pod)
    kedge.scale("kedge-operator", 1)
    assert kedge.ended(job)["phase"] == "Succeeded"
    assert ends(kedge, job, "waits_for_a_word") == ["succeeded"]
    assert kedge.pods(job) == []


# -- pods that can't start --------------------------------------------------------------------------------------------


def test_an_image_that_can_not_be_pulled_fails_soon_with_the_cause(kedge: Installed) -> None:
    ops = [op("one", pod={"image": "localhost/no-such-image:1", "imagePullPolicy": "Never"})]
    job, status = fails(kedge, {"ops": ops})
    assert ends(kedge, job, "one") == ["failed Unstartable"]
    assert "ErrImageNeverPull" in status["message"]


def test_a_registry_that_is_not_there_fails_after_some_grace(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("one", pod=FROM_NOWHERE)]})
    waiting = kedge.until(job, lambda status: status.get("reason") == "NotStarting")
    assert re.match("one: " + NOT_PULLED, waiting["message"])
    status = kedge.ended(job)
    assert (status["phase"], status["reason"]) == ("Failed", "StepsFailed")
    assert "Pull" in status["message"]
    assert kedge.soon(lambda: "NotStarting" in dict(events(kedge, job)))
    assert re.match("one: " + NOT_PULLED, dict(events(kedge, job))["NotStarting"])


def test_a_plan_pod_that_does_not_start_tells_why_meanwhile(kedge: Installed) -> None:
    template = {"spec": {"containers": [{"name": "step", **FROM_NOWHERE}]}}
    job = kedge.submit({"entrypoint": "pod_jobs:doubles", "podTemplate": template})
    waiting = kedge.until(job, lambda status: status.get("reason") == "NotStarting")
    assert waiting["phase"] == "Pending"
    told = "the plan pod does not start: " + NOT_PULLED
    assert re.search(told, waiting["message"])
    assert conditions(kedge.ended(job))["Planned"] == "False PodRefused"
    assert kedge.soon(lambda: "NotStarting" in dict(events(kedge, job)))
    assert re.match(told, dict(events(kedge, job))["NotStarting"])


def test_a_plan_pod_that_starts_after_all_is_told_to_plan(kedge: Installed) -> None:
    name = f"kedge.test/{uuid.uuid4().hex[:8]}"
    config = {"ops": {"numbers": {"config": {"count": 1}}}}
    step = {"name": "step", "env": [{"name": "WORD", "value": "compile"}]}
    template = {"spec": {"nodeSelector": {name: "here"}, "containers": [step]}}
    job = kedge.submit({"entrypoint": "pod_jobs:made_at_a_word", "runConfig": config, "podTemplate": template})
    waiting = kedge.until(job, lambda status: status.get("reason") == "Unschedulable")
    assert "the plan pod does not start: 0/" in waiting["message"]
    try:
        kedge.kubectl("label", "nodes", "--all", f"{name}=here")
        kedge.until(job, lambda status: status.get("reason") == "Planning")
        kedge.store.put("words/compile", b"")
        assert kedge.ended(job)["phase"] == "Succeeded"
    finally:
        kedge.kubectl("label", "nodes", "--all", f"{name}-")


@pytest.mark.parametrize(("source", "kind"), [("secretRef", "secret"), ("configMapRef", "configmap")])
def test_a_missing_secret_or_config_map_fails_with_its_name(kedge: Installed, source: str, kind: str) -> None:
    pod = {"envFrom": [{source: {"name": "no-such-thing"}}]}
    job, status = fails(kedge, {"ops": [op("one", pod=pod)]})
    assert f'{kind} "no-such-thing" not found' in status["message"]
    assert ends(kedge, job, "one") == ["failed Unstartable"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"secret": {"secretName": "no-such-thing"}}, 'secret "no-such-thing" not found'),
        ({"configMap": {"name": "no-such-thing"}}, 'configmap "no-such-thing" not found'),
        ({"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "no", "path": "x"}]}}, "config key: no"),
    ],
    ids=["secret", "config map", "key"],
)
def test_a_volume_of_something_missing_fails_with_its_name(kedge: Installed, source: dict[str, Any], told: str) -> None:
    job, status = fails(kedge, {"ops": [op("one", pod=mounted(source))]})
    assert told in status["message"]
    assert ends(kedge, job, "one") == ["failed Unstartable"]


def test_a_volume_that_may_come_yet_is_waited_for_with_the_cause(kedge: Installed) -> None:
    pod = mounted({"csi": {"driver": "not.there"}})
    job = kedge.submit({"ops": [op("one", pod=pod)], "pendingDeadlineSeconds": 45})
    waiting = kedge.until(job, lambda status: status.get("reason") == "NotStarting")
    assert waiting["message"].startswith("one: FailedMount:")
    status = kedge.ended(job)
    assert "Pending for more than 45 s: FailedMount" in status["message"]
    assert "not.there" in status["message"]
    assert ends(kedge, job, "one") == ["failed Unstartable"]


def test_a_plan_pod_with_a_volume_of_something_missing_is_told(kedge: Installed) -> None:
    template = mounted({"configMap": {"name": "no-such-thing"}})
    _, status = fails(kedge, {"entrypoint": "pod_jobs:doubles", "podTemplate": {"spec": template}})
    assert conditions(status)["Planned"] == "False PodRefused"
    assert 'configmap "no-such-thing" not found' in status["message"]


def test_a_missing_service_account_fails_with_its_name(kedge: Installed) -> None:
    _, status = fails(kedge, {"ops": [op("one", pod={"serviceAccountName": "nobody"})]})
    assert 'serviceaccount "nobody" not found' in status["message"]


def test_a_pod_that_no_node_takes_fails_at_its_deadline(kedge: Installed) -> None:
    ops = [op("one", pod={"nodeSelector": {"no-such": "node"}})]
    job = kedge.submit({"ops": ops, "pendingDeadlineSeconds": 20})
    waiting = kedge.until(job, lambda status: status.get("reason") == "Unschedulable")
    assert "node" in waiting["message"]
    status = kedge.ended(job)
    assert "Pending for more than 20 s" in status["message"]


def test_a_pod_that_pod_security_refuses_is_refused_before_anything_starts(kedge: Installed) -> None:
    root = {"securityContext": {"runAsUser": 0, "runAsNonRoot": False}}
    job, status = fails(kedge, {"ops": [op("one"), op("two", "one", pod=root)]})
    assert conditions(status)["Planned"] == "False PodRefused"
    assert status["message"].startswith("op two: pod: ")
    assert "violates PodSecurity" in status["message"]
    assert kedge.pods(job) == []


def test_what_is_wrong_with_the_pods_of_all_ops_is_told_of_their_template(kedge: Installed) -> None:
    step = {"name": "step", "resources": {"limits": {"memory": "1 GB"}}}
    pod = {"env": [{"name": "A", "value": "b"}]}
    template = {"spec": {"containers": [step]}}
    job, status = fails(kedge, {"ops": [op("one"), op("two", "one", pod=pod)], "podTemplate": template})
    assert status["message"].startswith("spec.podTemplate: ")
    assert "quantities must match" in status["message"]
    assert kedge.pods(job) == []


def test_a_template_that_is_no_pod_is_refused_before_anything_starts(kedge: Installed) -> None:
    job, status = fails(kedge, {"ops": [op("one", pod={"restartPolicies": "Never"})]})
    assert "restartPolicies" in status["message"]
    assert kedge.pods(job) == []


def test_a_full_quota_is_waited_for_and_told(kedge: Installed) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"pods": "0"}},
    }
    kedge.kubectl.apply(quota)
    kedge.kubectl.wait("resourcequota/few", "jsonpath={.status.hard.pods}=0")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": kedge.restricted_spec()}
    tried = ("create", "--dry-run=server", "-f", "-")
    try:
        assert kedge.soon(lambda: "exceeded quota" in kedge.kubectl(*tried, given=pod, check=False))
        job = kedge.submit({"ops": [op("one")]})
        status = kedge.until(job, lambda status: status.get("reason") == "QuotaExceeded")
        assert "exceeded quota" in status["message"]
    finally:
        kedge.kubectl("delete", "resourcequota", "few")
    status = kedge.ended(job)
    assert (status["phase"], status["steps"]["retries"]) == ("Succeeded", 0)


# -- time -----------------------------------------------------------------------------------------------


def test_a_run_stops_at_its_deadline(kedge: Installed) -> None:
    template = {"spec": {"terminationGracePeriodSeconds": 1}}
    job, status = fails(kedge, {"ops": [op("sleeps")], "activeDeadlineSeconds": 3, "podTemplate": template})
    assert conditions(status)["Failed"] == "True DeadlineExceeded"
    assert all("terminated" in state_of(pod) for pod in kedge.pods(job))
