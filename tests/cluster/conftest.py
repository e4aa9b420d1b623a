"""What the tests of a cluster share: a way to call it, a namespace for each test, and what to tell of a failed one."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cluster.tools import need

SECONDS = 90


class Kubectl:
    """kubectl, in one namespace."""

    def __init__(self, kubeconfig: str, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace

    def __call__(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        command = [str(need("kubectl")), f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *arguments]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
        return done.stdout if done.returncode == 0 else done.stderr

    def get(self, *what: str) -> Any:
        """One object or a list, as data."""
        return json.loads(self("get", *what, "-o", "json"))

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change objects."""
        self("apply", "-f", "-", given=yaml.safe_dump_all(objects))

    def wait(self, what: str, condition: str) -> None:
        """Until an object has a condition; the API server tells, nobody sleeps."""
        self("wait", what, f"--for={condition}", f"--timeout={SECONDS}s")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    setattr(item, f"_{report.when}", report)  # type: ignore[attr-defined]
    return report  # type: ignore[return-value]


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    """The cluster that was served for this run."""
    found = os.environ.get("KEDGE_TEST_KUBECONFIG")
    if found is None:
        pytest.skip("no cluster is served; call the tests through `make test`, with what it asks for")
    return found


@pytest.fixture
def kubectl(kubeconfig: str, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl in a fresh namespace that enforces restricted Pod Security."""
    found = Kubectl(kubeconfig, f"test-{uuid.uuid4().hex[:8]}")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    found.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": found.namespace, "labels": labels}})
    yield found
    report = getattr(request.node, "_call", None)
    if report is not None and report.failed:
        tell(found)
    found("delete", "namespace", found.namespace, "--wait=false")


def tell(kubectl: Kubectl) -> None:
    """Print pods, events and logs of the namespace of a test that failed."""
    print(kubectl("get", "pods", "-o", "wide", check=False))
    print(kubectl("get", "events", "--sort-by=.lastTimestamp", check=False))
    for pod in kubectl("get", "pods", "-o", "name", check=False).split():
        print(f"--- {pod}\n{kubectl('logs', pod, '--all-containers', check=False)}")


@pytest.fixture
def pod() -> Any:
    """Makes a pod as restricted Pod Security wants it."""
    return _pod


def _pod(name: str, image: str, *command: str, **spec: Any) -> dict[str, Any]:
    """`container` is added to its one container, `first` are init containers, and the rest goes into the spec."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container: dict[str, Any] = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": security,
    }
    if command:
        container["command"] = list(command)
    container |= spec.pop("container", {})
    first = [{**one, "securityContext": security} for one in spec.pop("first", [])]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"restartPolicy": "Never", "initContainers": first, "containers": [container], **spec},
    }
