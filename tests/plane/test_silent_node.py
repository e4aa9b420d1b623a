"""A node that does not answer any more: a pod that is to end there is removed, and its step goes on elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from plane_operator import install_crd, operator, submit

from cluster import plane as planes
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.protocol import Outcome, OutcomeStatus
from kedge.io.stores import open_store
from kedge_kubectl import SECONDS, Kubectl

pytestmark = pytest.mark.plane

TEMPLATE = {"spec": {"nodeName": "silent", "terminationGracePeriodSeconds": 1}}


def test_a_pod_that_does_not_end_is_removed_and_its_attempt_lost(plane: planes.Running, tmp_path: Path) -> None:
    install_crd(plane)
    kubectl = Kubectl(str(plane.kubeconfig), "default")
    with operator(plane.kubeconfig, tmp_path, f"file://{tmp_path}/store", podTemplate=TEMPLATE):
        submit(plane, "lost", {"image": "x", "ops": [{"name": "one", "entrypoint": "x:one"}]})
        first, second = (f"kedge.dev/job=lost,kedge.dev/attempt={number}" for number in (1, 2))
        kubectl("wait", "pod", "-l", first, "--for=create", f"--timeout={SECONDS}s")
        kubectl("delete", "pod", "-l", first, "--wait=false")
        kubectl("wait", "pod", "-l", second, "--for=create", f"--timeout={SECONDS}s")
        kubectl("wait", "pod", "-l", first, "--for=delete", f"--timeout={SECONDS}s")
    (record,) = (tmp_path / "store").rglob("outcomes/*/1.json")
    assert "its node does not answer" in record.read_text()


def test_a_pod_that_does_not_end_after_its_step_has_keeps_no_run_from_its_end(
    plane: planes.Running, tmp_path: Path
) -> None:
    """Its record is stored, and then its node is silent: whoever evicts it asks in vain."""
    store = open_store(f"file://{tmp_path}/store")
    install_crd(plane)
    kubectl = Kubectl(str(plane.kubeconfig), "default")
    spec = {"image": "x", "ops": [{"name": name, "entrypoint": f"x:{name}"} for name in ("one", "two")]}
    with operator(plane.kubeconfig, tmp_path, store.url, podTemplate=TEMPLATE):
        submit(plane, "done", spec)
        kubectl.wait("oj/done", "jsonpath={.status.steps.running}=2")
        for op in ("one", "two"):  # which the status counts before their pods are there
            kubectl("wait", "pod", "-l", f"kedge.dev/op={op}", "--for=create", f"--timeout={SECONDS}s")
    paths = RunPaths.of("default", "done", kubectl.get("oj", "done")["metadata"]["uid"])
    outcome = Outcome(StepKey("one"), 1, OutcomeStatus.SUCCEEDED, {"result": {"metadata": {}}})
    store.put(paths.outcome(outcome.step, 1), outcome.to_bytes())
    with operator(plane.kubeconfig, tmp_path, store.url, podTemplate=TEMPLATE):
        kubectl.wait("oj/done", "jsonpath={.status.steps.succeeded}=1")
        kubectl("delete", "pod", "-l", "kedge.dev/op=one", "--wait=false")
        kubectl("patch", "oj", "done", "--type=merge", "-p", '{"spec": {"cancel": true}}')
        kubectl.wait("oj/done", "jsonpath={.status.phase}=Cancelled")
        kubectl("wait", "pod", "-l", "kedge.dev/job=done", "--for=delete", f"--timeout={SECONDS}s")
