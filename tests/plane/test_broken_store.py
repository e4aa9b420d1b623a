"""A store that refuses in the middle of a run: the run ends, and none of its pods goes on without it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from plane_operator import install_crd, operator, submit
from played_workers import Workers

from cluster import plane as planes
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.io.stores import open_store
from kedge_kubectl import SECONDS, Kubectl

pytestmark = pytest.mark.plane

WITH_RECORD = "jsonpath={.metadata.annotations.kedge\\.dev/fake-duration}"
"""A pod whose worker is done with its record."""
SPEC: dict[str, Any] = {
    "image": "x",
    "ops": [{"name": "one", "entrypoint": "x:one"}, {"name": "two", "entrypoint": "x:two"}],
}


class Place:
    """A plane with a run of two pods, and the run's folder in the store."""

    def __init__(self, plane: planes.Running, folder: Path) -> None:
        self.plane = plane
        self.folder = folder
        self.kubectl = Kubectl(str(plane.kubeconfig), "default")
        with self.operated():
            submit(plane, "broken", SPEC)
            self.kubectl.wait("oj/broken", "jsonpath={.status.steps.running}=2")
            for op in ("one", "two"):  # which the status counts before their pods are there
                self.kubectl("wait", "pod", "-l", f"kedge.dev/op={op}", "--for=create", f"--timeout={SECONDS}s")
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
            self.kubectl("wait", pod, "--for=delete", f"--timeout={SECONDS}s")


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


def test_values_that_can_not_be_deleted_end_no_run(plane: planes.Running, tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/store")
    install_crd(plane)
    ask = Kubectl(str(plane.kubeconfig), "default")

    def outputs(step: StepKey) -> dict[str, object]:
        """A value in the run's place, at a path that no file can have."""
        run = RunPaths.of("default", "keeps", ask.get("oj", "keeps")["metadata"]["uid"])
        path = f"{run.prefix}/values/{'k' * 300}"
        (tmp_path / "store" / path).parent.mkdir(parents=True, exist_ok=True)
        return {"result": {"value": {"path": path, "format": "json", "size": 1, "digest": "sha256:0"}}}

    with operator(plane.kubeconfig, tmp_path, store.url), Workers(plane.kubeconfig, store, outputs):
        two = {"name": "two", "entrypoint": "x:two", "inputs": {"x": {"from": "one"}}}
        submit(plane, "keeps", {"image": "x", "ops": [SPEC["ops"][0], two], "retainValues": "UntilConsumed"})
        for op in ("one", "two"):
            selector = f"kedge.dev/job=keeps,kedge.dev/op={op}"
            ask("wait", "pod", "-l", selector, "--for=create", f"--timeout={SECONDS}s")
            (pod,) = ask("get", "pods", "-l", selector, "-o", "name").split()
            ask.wait(pod, WITH_RECORD)
            ended = json.dumps({"status": {"phase": "Succeeded"}})
            ask("patch", pod, "--subresource=status", "--type=merge", "-p", ended)
        ask.wait("oj/keeps", "condition=Complete")
    assert "values that were consumed could not be deleted" in (tmp_path / "operator.log").read_text()


def test_a_run_that_can_not_be_taken_up_ends_with_its_pods(place: Place) -> None:
    place.path(place.run.plan).write_text("no plan any more")
    with place.operated():
        place.has_ended("PlanRefused", *place.pods)


def test_a_step_runs_where_the_cache_is_refused(plane: planes.Running, tmp_path: Path) -> None:
    install_crd(plane)
    kubectl = Kubectl(str(plane.kubeconfig), "default")
    (tmp_path / "store").mkdir()
    (tmp_path / "store/cache").symlink_to("cache")  # a folder that no request gets into
    with operator(plane.kubeconfig, tmp_path, f"file://{tmp_path}/store"):
        submit(plane, "memoized", {"image": "x", "ops": [{**SPEC["ops"][0], "codeVersion": "1"}]})
        kubectl.wait("oj/memoized", "jsonpath={.status.steps.running}=1")
        kubectl("wait", "pod", "-l", "kedge.dev/job=memoized", "--for=create", f"--timeout={SECONDS}s")
    assert "one runs, as the cache can't be asked" in (tmp_path / "operator.log").read_text()
