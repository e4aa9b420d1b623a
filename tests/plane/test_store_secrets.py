"""Credentials of a job's own store that come a moment after the job, as in one `kubectl apply`."""

from __future__ import annotations

from pathlib import Path

import pytest
from plane_operator import install_crd, operator, submit

from cluster import plane as planes
from kedge_kubectl import Kubectl

pytestmark = pytest.mark.plane


def test_a_secret_may_come_after_its_job(plane: planes.Running, tmp_path: Path) -> None:
    """What it says then is another matter: here, an address that no job may name."""
    install_crd(plane)
    kubectl = Kubectl(str(plane.kubeconfig), "default")
    secret = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    own = {"url": "s3://bucket/own", "secretName": "late"}
    with operator(plane.kubeconfig, tmp_path, f"file://{tmp_path}/store", startGraceSeconds=120):
        submit(plane, "early", {"image": "x", "ops": [{"name": "one", "entrypoint": "x:one"}], "store": own})
        kubectl.wait("oj/early", "jsonpath={.status.reason}=StoreUnavailable")
        status = kubectl.get("oj", "early")["status"]
        assert (status["phase"], "there is no Secret late" in status["message"]) == ("Pending", True)
        kubectl(
            "create", "secret", "generic", "late", *(f"--from-literal={name}={text}" for name, text in secret.items())
        )
        kubectl.wait("oj/early", "condition=Failed")
    assert "the operator's own host" in kubectl.get("oj", "early")["status"]["message"]


def test_a_secret_that_does_not_come_ends_the_run(plane: planes.Running, tmp_path: Path) -> None:
    install_crd(plane)
    kubectl = Kubectl(str(plane.kubeconfig), "default")
    own = {"url": "s3://bucket/own", "secretName": "never"}
    with operator(plane.kubeconfig, tmp_path, f"file://{tmp_path}/store", startGraceSeconds=1):
        submit(plane, "early", {"image": "x", "ops": [{"name": "one", "entrypoint": "x:one"}], "store": own})
        kubectl.wait("oj/early", "condition=Failed")
    assert "there is no Secret never" in kubectl.get("oj", "early")["status"]["message"]
