"""An OpJob that changes while a pod compiles it; the pod is played."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plane_operator import install_crd, operator, requests, submit

from cluster import plane as planes
from kedge.core.layout import RunPaths
from kedge.core.planning import Planned
from kedge.io.digests import digest
from kedge.io.stores import open_store
from kedge_kubectl import SECONDS, Kubectl, until

pytestmark = pytest.mark.plane

ONE = [{"name": "one", "entrypoint": "x:one"}]


def begin_planning(plane: planes.Running, kubectl: Kubectl) -> None:
    """An OpJob, and its plan pod."""
    submit(plane, "planned", {"image": "x", "entrypoint": "x:job"})
    kubectl("wait", "pod", "-l", "kedge.dev/job=planned", "--for=create", f"--timeout={SECONDS}s")


def test_a_run_that_is_suspended_while_it_is_planned_starts_no_step(plane: planes.Running, tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/store")
    install_crd(plane)
    kubectl = Kubectl(str(plane.kubeconfig), "default")
    with operator(plane.kubeconfig, tmp_path, store.url):
        begin_planning(plane, kubectl)
        kubectl("patch", "oj", "planned", "--type=merge", "-p", '{"spec": {"suspend": true}}')
        kubectl.wait("oj/planned", "jsonpath={.status.phase}=Suspended")
        paths = RunPaths.of("default", "planned", kubectl.get("oj", "planned")["metadata"]["uid"])
        store.put(paths.planned(1), Planned(1, {"ops": ONE}).to_bytes())
        kubectl.wait("oj/planned", "condition=Planned")
        submit(plane, "after", {"image": "x", "ops": ONE})
        kubectl("wait", "pod", "-l", "kedge.dev/job=after", "--for=create", f"--timeout={SECONDS}s")
        assert len(kubectl.get("pods", "-l", "kedge.dev/job=planned")["items"]) == 1, "a step was started"
        kubectl("patch", "oj", "planned", "--type=merge", "-p", '{"spec": {"suspend": false}}')
        kubectl("wait", "pod", "-l", "kedge.dev/job=planned,kedge.dev/op=one", "--for=create", f"--timeout={SECONDS}s")


def test_a_pod_that_plans_finds_the_opjob_of_its_ticket_though_it_has_changed_since(
    plane: planes.Running, tmp_path: Path
) -> None:
    store = open_store(f"file://{tmp_path}/store")
    install_crd(plane)
    kubectl = Kubectl(str(plane.kubeconfig), "default")
    with operator(plane.kubeconfig, tmp_path, store.url):
        begin_planning(plane, kubectl)
    kubectl("patch", "oj", "planned", "--type=merge", "-p", '{"spec": {"ttlSecondsAfterFinished": 60}}')
    with operator(plane.kubeconfig, tmp_path, store.url) as port:
        kubectl.wait("oj/planned", "jsonpath={.status.observedGeneration}=2")
        until(lambda: requests(port).get("pod GET"), "a look at the pod of the operator before")
    (pod,) = kubectl.get("pods", "-l", "kedge.dev/job=planned")["items"]
    environment = {one["name"]: one.get("value") for one in pod["spec"]["containers"][0]["env"]}
    paths = RunPaths.of("default", "planned", kubectl.get("oj", "planned")["metadata"]["uid"])
    assert json.loads(environment["KEDGE_TICKET"])["manifest"] == digest(store.get(paths.manifest))
