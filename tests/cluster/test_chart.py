"""The Helm chart on the cluster: installed in one namespace with its embedded store, tested, upgraded, uninstalled."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from kedge_installed import RUNTIME, operator_pods
from kedge_released import namespaces, told
from turns import turn

from cluster.tools import need
from kedge_kubectl import Kubectl
from manifests import documents

pytestmark = [pytest.mark.cluster, pytest.mark.charts, pytest.mark.xdist_group("chart")]

CRD = "crd/opjobs.kedge.dev"


class Release:
    """A release of the chart, called as its namespace is, for the jobs of that namespace alone."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.name = kubectl.namespace

    def helm(self, command: str, *arguments: str, **values: Any) -> str:
        """What Helm answers."""
        program = [str(need("helm")), f"--kubeconfig={self.kubectl.kubeconfig}", f"--namespace={self.name}"]
        given = ["-f", "-"] if values else []
        done = subprocess.run(
            [*program, command, self.name, *arguments, *given],
            input=json.dumps(values),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def bring(self, command: str, **values: Any) -> str:
        """Install or upgrade, and wait until everything is ready. The CRD may be there from another installation."""
        arguments = [str(documents.CHART), "--take-ownership", "--wait", "--timeout=180s"]
        embedded = {"embedded": {"enabled": True}}
        return self.helm(
            command, *arguments, scope=[self.name], store=embedded, **{"config": {"image": RUNTIME}, **values}
        )

    def run_job(self, name: str) -> Mapping[str, Any]:
        """A job of one op, to its end. Returns its status."""
        spec = {"ops": [{"name": "machine", "entrypoint": "platform:machine"}]}
        job = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": name}, "spec": spec}
        self.kubectl("create", "-f", "-", given=json.dumps(job))
        self.kubectl.wait(f"oj/{name}", "condition=Complete")
        status: Mapping[str, Any] = self.kubectl.get("oj", name)["status"]
        return status

    def operators(self) -> list[str]:
        """The names of the operator's pods that are to stay, once the others are on their way out."""
        self.kubectl("rollout", "status", f"deployment/{self.name}-operator", "--timeout=180s")
        return [pod["metadata"]["name"] for pod in operator_pods(self.kubectl)]

    def secret(self) -> Mapping[str, str]:
        """The credentials of the embedded store."""
        data: Mapping[str, str] = self.kubectl.get("secret", f"{self.name}-store")["data"]
        return data


@pytest.fixture
def release(cluster: str, ours: None, request: pytest.FixtureRequest) -> Iterator[Release]:
    with turn(), namespaces(cluster, "kedge") as (kubectl,):
        found = Release(kubectl)
        try:
            with told(request, kubectl):
                yield found
        finally:
            found.helm("uninstall", "--ignore-not-found", "--wait")


def test_a_release_is_installed_tested_upgraded_and_uninstalled(release: Release) -> None:
    notes = release.bring("install")
    assert "NOT for production" in notes
    assert f"runs OpJobs of {release.name}." in notes
    assert release.run_job("before")["phase"] == "Succeeded"
    assert "Succeeded" in release.helm("test", "--timeout=180s")

    secret = release.secret()
    release.bring("upgrade", replicas=2, config={"image": RUNTIME, "log": {"format": "json"}})
    assert release.secret() == secret
    assert release.run_job("after")["phase"] == "Succeeded"
    operators = release.operators()
    assert len(operators) == 2
    lines = [line for pod in operators for line in release.kubectl("logs", pod).splitlines()]
    assert lines
    assert all("message" in json.loads(line) for line in lines)

    release.helm("uninstall", "--wait")
    assert release.kubectl.get(CRD)["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert {one["metadata"]["name"] for one in release.kubectl.get("oj")["items"]} == {"before", "after"}
    kinds = "deployments,services,configmaps,secrets,roles,rolebindings,serviceaccounts,clusterroles"
    assert release.kubectl.get(kinds, "-l", f"app.kubernetes.io/instance={release.name}")["items"] == []
