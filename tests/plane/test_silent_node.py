"""A node that does not answer any more: a pod that is to end there is removed, and its step goes on elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from plane_operator import install_crd, operator, submit

from cluster import plane as planes
from kedge_kubectl import Kubectl

pytestmark = pytest.mark.plane

TEMPLATE = {"spec": {"nodeName": "silent", "terminationGracePeriodSeconds": 1}}


def test_a_pod_that_does_not_end_is_removed_and_its_attempt_lost(plane: planes.Running, tmp_path: Path) -> None:
    install_crd(plane)
    kubectl = Kubectl(str(plane.kubeconfig), "default")
    with operator(plane.kubeconfig, tmp_path, f"file://{tmp_path}/store", podTemplate=TEMPLATE):
        submit(plane, "lost", {"image": "x", "ops": [{"name": "one", "entrypoint": "x:one"}]})
        first, second = (f"kedge.dev/job=lost,kedge.dev/attempt={number}" for number in (1, 2))
        kubectl("wait", "pod", "-l", first, "--for=create", "--timeout=60s")
        kubectl("delete", "pod", "-l", first, "--wait=false")
        kubectl("wait", "pod", "-l", second, "--for=create", "--timeout=60s")
        kubectl("wait", "pod", "-l", first, "--for=delete", "--timeout=60s")
    (record,) = (tmp_path / "store").rglob("outcomes/*/1.json")
    assert "its node does not answer" in record.read_text()
