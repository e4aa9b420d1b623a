"""Pods that the API server does not take: what is left of the attempts, and how their runs end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plane_operator import install_crd, operator, requests, submit

from cluster import plane as planes
from kedge_kubectl import Kubectl, until

pytestmark = pytest.mark.plane

PODS = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
SILENT: dict[str, Any] = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingWebhookConfiguration",
    "metadata": {"name": "silent"},
    "webhooks": [
        {
            "name": "silent.example.com",
            "clientConfig": {"url": "https://127.0.0.1:9/"},
            "rules": [PODS],
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
    ],
}
POLICY: dict[str, Any] = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "none"},
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [PODS]},
        "validations": [{"expression": "false", "message": "no pods today"}],
    },
}
BINDING: dict[str, Any] = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "none"},
    "spec": {"policyName": "none", "validationActions": ["Deny"]},
}


def test_a_pod_that_was_perhaps_made_and_then_refused_keeps_no_run_from_its_end(
    plane: planes.Running, tmp_path: Path
) -> None:
    install_crd(plane)
    kubectl = Kubectl(str(plane.kubeconfig), "default")

    def refused(cause: str) -> bool:
        return cause in kubectl("run", "tried", "--image=x", "--dry-run=server", check=False)

    for one, cause in ((POLICY, ""), (BINDING, "no pods today"), (SILENT, "failed calling webhook")):
        kubectl.apply(one)
        until(lambda cause=cause: refused(cause))  # type: ignore[misc]
    with operator(plane.kubeconfig, tmp_path, f"file://{tmp_path}/store") as port:
        submit(plane, "refused", {"image": "x", "ops": [{"name": "one", "entrypoint": "x:one"}], "failFast": True})
        kubectl.wait("oj/refused", "jsonpath={.status.phase}=Running")  # it serves its metrics by now
        until(lambda: requests(port).get("pod POST"))
        kubectl("delete", "mutatingwebhookconfiguration", "silent")
        kubectl.wait("oj/refused", "condition=Failed")
    assert "no pods today" in kubectl.get("oj", "refused")["status"]["message"]
