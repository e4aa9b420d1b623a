"""Pods that pretend to be a step's: whoever may create pods somewhere ends nobody's steps by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from plane_operator import install_crd, kubectl, operator, submit

from cluster import plane as planes
from kedge.io.stores import Store, open_store

pytestmark = pytest.mark.plane

PLANNED = {"image": "x", "entrypoint": "x:job"}
SPEC = {"image": "x", "ops": [{"name": "make", "entrypoint": "x:make"}]}


@pytest.mark.parametrize("namespace", ["other", "default"])
def test_a_pod_that_pretends_to_be_an_attempts_is_none(namespace: str, tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/store")
    with planes.running() as plane:
        with operator(plane.kubeconfig, tmp_path, store.url):
            install_crd(plane)
            kubectl(plane, "create", "namespace", "other")
            submit(plane, "victim", SPEC)
            pod = only_pod_of(plane, "victim")
            forged = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "step", "image": "x"}]}}
            marks = {key: pod["metadata"][key] for key in ("labels", "annotations")}
            metadata = {"name": "forged", "namespace": namespace, **marks}
            kubectl(plane, "create", "-f", "-", given=json.dumps({**forged, "metadata": metadata}))
            failed = ["--subresource=status", "--type=merge", "-p", json.dumps({"status": {"phase": "Failed"}})]
            kubectl(plane, "-n", namespace, "patch", "pod", "forged", *failed)
            submit(plane, "after", SPEC)
            only_pod_of(plane, "after")  # what the operator saw before, it has looked at
            assert records(store) == []
        kubectl(plane, "delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
        with operator(plane.kubeconfig, tmp_path, store.url):
            kubectl(plane, "wait", "--for=create", "pod", pod["metadata"]["name"], "--timeout=180s")
            assert records(store) == []


def test_a_pod_that_pretends_to_be_the_plan_pod_is_not_it(plane: planes.Running, tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/store")
    with operator(plane.kubeconfig, tmp_path, store.url):
        install_crd(plane)
        submit(plane, "victim", PLANNED)
        pod = only_pod_of(plane, "victim", "plan")
        forged = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "step", "image": "x"}]}}
        metadata = {"name": "forged", "namespace": "default", "labels": pod["metadata"]["labels"]}
        kubectl(plane, "create", "-f", "-", given=json.dumps({**forged, "metadata": metadata}))
        failed = ["--subresource=status", "--type=merge", "-p", json.dumps({"status": {"phase": "Failed"}})]
        kubectl(plane, "patch", "pod", "forged", *failed)
        submit(plane, "after", PLANNED)
        only_pod_of(plane, "after", "plan")  # what the operator saw before, it has looked at
        assert [info.path for info in store.list("runs") if "planned" in info.path] == []


def records(store: Store) -> list[str]:
    """The outcomes that anybody has written."""
    return [info.path for info in store.list("runs") if "/outcomes/" in info.path]


def only_pod_of(plane: planes.Running, job: str, kind: str = "step") -> dict[str, Any]:
    """The pod of the only step of a run, or its plan pod, once it is there."""
    selector = f"--selector=app.kubernetes.io/instance={job},app.kubernetes.io/component={kind}"
    kubectl(plane, "wait", "--for=create", "pod", selector, "--timeout=180s")
    found: list[dict[str, Any]] = json.loads(kubectl(plane, "get", "pods", selector, "-o", "json"))["items"]
    return next(one for one in found if one["metadata"]["name"] != "forged")
