"""Tiers of tests, what those with a control plane or a cluster share, and one Hypothesis profile for random ones.

A test that needs more than Python is marked with its tier, and runs where `make test` serves it. Each test of a cluster
has a namespace of its own, of which pods, events and logs are printed when the test fails.
"""

from __future__ import annotations

import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings

from cluster import plane as planes
from cluster.tiers import CLUSTER, TIERS

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("kedge_kubectl")

from kedge_kubectl import Kubectl, tell  # noqa: E402 - lies beside this file

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # So it is for what a shell without job control starts in the background; what tests start has to hear of Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

FUZZ = int(os.environ.get("KEDGE_FUZZ", "0"))
settings.register_profile(
    "kedge",
    max_examples=FUZZ or 150,
    derandomize=not FUZZ,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("kedge")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    setattr(item, f"_{report.when}", report)  # type: ignore[attr-defined]
    return report  # type: ignore[return-value]


def pytest_addoption(parser: pytest.Parser) -> None:
    """One flag rewrites all golden files; what has changed is then read in `git diff`."""
    parser.addoption("--rewrite-golden", action="store_true", help="write golden files instead of comparing with them")


def pytest_configure(config: pytest.Config) -> None:
    """Each tier is a marker."""
    for tier in TIERS:
        config.addinivalue_line("markers", f"{tier.name}: runs where {tier.variable} is set; get it: {tier.how_to_get}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is not served is skipped, and says how to get it; `KEDGE_REQUIRE` lets no run begin without it."""
    for tier in TIERS:
        if tier.variable not in os.environ:
            why = f"the tier {tier.name} is not served: call the tests by `make test`. Get it: {tier.how_to_get}"
            for item in items:
                if item.get_closest_marker(tier.name) is not None:
                    item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Any], None]:
    """Compares an object, whole, with the YAML file of that name below tests/data; `--rewrite-golden` writes it."""

    def compare(name: str, found: Any) -> None:
        path = Path(__file__).parent / "data" / name
        if request.config.getoption("--rewrite-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
        assert found == yaml.safe_load(path.read_text(encoding="utf-8"))

    return compare


@pytest.fixture
def plane() -> Iterator[planes.Running]:
    """A control plane of one test: etcd and kube-apiserver alone."""
    with planes.running() as found:
        yield found


@pytest.fixture(scope="session")
def cluster() -> str:
    """The kubeconfig of the cluster that was served for this run."""
    return os.environ[CLUSTER]


@pytest.fixture
def kubectl(cluster: str, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl in a fresh namespace that enforces restricted Pod Security."""
    found = Kubectl(cluster, f"test-{uuid.uuid4().hex[:8]}")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    found.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": found.namespace, "labels": labels}})
    yield found
    report = getattr(request.node, "_call", None)
    if report is not None and report.failed:
        tell(found)
    found("delete", "namespace", found.namespace, "--wait=false")


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
