"""A store that refuses in the middle of a run: the run ends, and none of its pods goes on without it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from plane_operator import install_crd, operator, submit

from cluster import plane as planes
from kedge.core.layout import RunPaths
from kedge_kubectl import Kubectl

pytestmark = pytest.mark.plane

SPEC = {"image": "x", "ops": [{"name": "one", "entrypoint": "x:one"}, {"name": "two", "entrypoint": "x:two"}]}


class Place:
    """A plane with a run of two pods, and the run's folder in the store."""

    def __init__(self, plane: planes.Running, folder: Path) -> None:
        self.plane = plane
        self.folder = folder
        self.kubectl = Kubectl(str(plane.kubeconfig), "default")
        with self.operated():
            submit(plane, "broken", SPEC)
            self.kubectl.wait("oj/broken", "jsonpath={.status.steps.running}=2")
        self.pods = sorted(self.kubectl("get", "pods", "-l", "kedge.dev/job=broken", "-o", "name").split())
        self.run = RunPaths.of("default", "broken", self.kubectl.get("oj", "broken")["metadata"]["uid"])

    def operated(self) -> contextlib.AbstractContextManager[int]:
        return operator(self.plane.kubeconfig, self.folder, f"file://{self.folder}/store")

    def path(self, path: str) -> Path:
        return self.folder / "store" / path

    def has_ended(self, reason: str, *pods: str) -> None:
        """Fails unless the run has, for this reason, and these pods of it are gone."""
        self.kubectl.wait("oj/broken", "condition=Failed")
        status = self.kubectl.get("oj", "broken")["status"]
        assert (status["phase"], status["reason"]) == ("Failed", reason)
        for pod in pods:
            self.kubectl("wait", pod, "--for=delete", "--timeout=60s")


@pytest.fixture
def place(plane: planes.Running, tmp_path: Path) -> Place:
    install_crd(plane)
    return Place(plane, tmp_path)


def test_a_run_whose_records_are_refused_ends_with_its_pods(place: Place) -> None:
    with place.operated():
        place.kubectl.wait("oj/broken", "jsonpath={.status.steps.running}=2")
        place.path(place.run.outcomes).write_text("no folder of records any more")
        ended = json.dumps({"status": {"phase": "Failed"}})
        place.kubectl("patch", place.pods[0], "--subresource=status", "--type=merge", "-p", ended)
        place.has_ended("StoreUnavailable", place.pods[1])


def test_a_run_that_can_not_be_taken_up_ends_with_its_pods(place: Place) -> None:
    place.path(place.run.plan).write_text("no plan any more")
    with place.operated():
        place.has_ended("PlanRefused", *place.pods)
