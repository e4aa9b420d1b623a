"""What jobs and ops say of their pods, seen from inside real ones."""

from __future__ import annotations

from typing import Any

import pytest
from cluster_runs import op, value
from kedge_installed import RUNTIME, Installed, Object

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("pods")]

SIDECAR = {"name": "proxy", "image": RUNTIME, "command": ["python", "-c", "import time; time.sleep(600)"]}


def succeeds(kedge: Installed, *ops: Object, **spec: Any) -> str:
    job = kedge.submit({"ops": list(ops), **spec})
    status = kedge.ended(job)
    assert status["phase"] == "Succeeded", status
    return job


def settings(kedge: Installed, name: str, **data: str) -> None:
    kedge.kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def test_a_step_sees_no_more_of_its_place_than_it_needs(kedge: Installed) -> None:
    job = succeeds(kedge, op("reads_everything"))
    found = value(kedge, job, "reads_everything")
    assert (found["uid"], found["token"], found["root"]) == (65532, False, "Read-only file system")
    assert not [name for name in found["env"] if name.endswith("_SERVICE_HOST") and not name.startswith("KUBERNETES")]
    assert "KEDGE_TICKET" not in found["env"]


def test_a_sidecar_that_never_ends_does_not_keep_its_step_nor_its_pod(kedge: Installed) -> None:
    given = {"containers": [SIDECAR], "terminationGracePeriodSeconds": 1}
    job = succeeds(kedge, op("one", pod=given), op("add_one", inputs={"x": {"from": "one"}}))
    pod = kedge.pod(job, "one", lambda pod: pod["status"]["phase"] == "Succeeded")
    (sidecar,) = pod["status"]["initContainerStatuses"]
    assert (sidecar["name"], "terminated" in sidecar["state"]) == ("proxy", True)


def test_what_the_job_and_the_op_say_arrives_in_the_pod(kedge: Installed) -> None:
    settings(kedge, "settings", GREETING="from the ConfigMap", OTHER="other")
    mounted = {"name": "settings", "configMap": {"name": "settings"}}
    template = {
        "metadata": {"labels": {"team": "etl"}},
        "spec": {
            "containers": [{"name": "main", "envFrom": [{"configMapRef": {"name": "settings"}}]}],
            "volumes": [mounted],
        },
    }
    resources = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    own = {"env": [{"name": "GREETING", "value": "from the op"}], "resources": resources}
    reads = {"volumeMounts": [{"name": "settings", "mountPath": "/settings"}]}
    job = succeeds(
        kedge,
        op("greets"),
        op("mine", "greets", pod=own),
        {"name": "lists", "entrypoint": "os:listdir", "inputs": {"path": {"value": "/settings"}}, "pod": reads},
        podTemplate=template,
    )
    assert value(kedge, job, "greets") == "from the ConfigMap"
    assert value(kedge, job, "mine") == "from the op"
    assert {"GREETING", "OTHER"} <= set(value(kedge, job, "lists"))
    (pod,) = kedge.pods(job, "mine")
    assert pod["spec"]["containers"][0]["resources"] == resources
    assert pod["metadata"]["labels"]["team"] == "etl"


def test_a_value_that_looks_like_a_variable_arrives_as_it_is(kedge: Installed) -> None:
    text = "$(KEDGE_STORE) costs $$5, $(HOME) $5"
    job = succeeds(kedge, op("says", inputs={"x": {"value": text}}))
    assert value(kedge, job, "says") == text


def test_an_image_without_python_is_told(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("one", pod={"workingDir": "/proc/1/no-such"})], "infrastructureRetries": 0})
    status = kedge.ended(job)
    assert status["phase"] == "Failed"
    assert "could not be started" in status["message"], status


def test_kedges_labels_are_its_own_and_a_wrong_shape_is_refused_with_its_place(kedge: Installed) -> None:
    job = succeeds(kedge, op("one", pod={"metadata": {"labels": {"kedge.dev/job": "another", "mine": "yes"}}}))
    (pod,) = kedge.pods(job)
    assert pod["metadata"]["labels"]["mine"] == "yes"
    refused = kedge.ended(kedge.submit({"ops": [op("one", pod={"env": {"A": "1"}})]}))
    assert (refused["phase"], refused["reason"]) == ("Failed", "PodRefused")
    assert refused["message"] == "op one: pod.env is {'A': '1'}; give a list"
