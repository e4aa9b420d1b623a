"""A thousand clones: small tickets, a small status, one pod each, few requests; kubelets and workers are played."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from plane_operator import install_crd, kubectl, operator, requests, submit
from played_workers import Workers

from cluster import plane as planes
from cluster import s3
from kedge.core.ids import StepKey
from kedge.io.stores import open_store

pytestmark = [pytest.mark.plane, pytest.mark.s3]

CLONES = 1000
SECONDS = 500


def outputs(step: StepKey) -> dict[str, object]:
    """What a played worker says of its step's outputs."""
    if step.op == "many":
        return {"result": {f"n{i}": value(f"many/{i}") for i in range(CLONES)}}
    return {"result": value(str(step))}


def value(name: str) -> dict[str, object]:
    return {"value": {"path": f"values/{name}", "format": "json", "size": 1, "digest": f"sha256:{'0' * 64}"}}


OPS = [
    {"name": "many", "entrypoint": "x:many", "outputs": [{"name": "result", "dynamic": True}]},
    {"name": "work", "entrypoint": "x:work", "inputs": {"x": {"map": "many"}}},
    {"name": "total", "entrypoint": "x:total", "inputs": {"values": {"collect": "work"}}},
]


def test_a_thousand_clones_run_once_each_with_small_tickets_and_a_small_status(tmp_path: Path) -> None:
    with planes.running(nodes=20) as plane, s3.running() as environment, pytest.MonkeyPatch.context() as patch:
        for name, text in environment.items():
            patch.setenv(name, text)
        store = open_store(f"s3://{s3.BUCKET}/scale")
        install_crd(plane)
        with (
            operator(plane.kubeconfig, tmp_path, store.url) as port,
            Workers(plane.kubeconfig, store, outputs) as workers,
        ):
            template = {"metadata": {"annotations": {"team": "tests"}}}
            submit(plane, "scale", {"image": "x", "maxConcurrent": 50, "ops": OPS, "podTemplate": template})
            kubectl(plane, "wait", "--for=condition=Complete", "oj/scale", f"--timeout={SECONDS}s")
            job = json.loads(kubectl(plane, "get", "oj", "scale", "-o", "json"))
            made = requests(port)
        assert job["status"]["steps"]["succeeded"] == CLONES + 2
        assert job["status"]["progress"] == f"{CLONES + 2}/{CLONES + 2}"
        assert len(json.dumps(job["status"])) < 4000
        assert len(workers.names) == len(set(workers.names)) == CLONES + 2
        assert max(workers.tickets.values()) < 2000
        assert made["pod POST"] == CLONES + 2 + 1, "one of them asks whether the template would do"
        assert made["opjob PATCH"] <= 2 * seconds_of(job["status"]) + 3


def seconds_of(status: dict[str, str]) -> float:
    """How long a run took, in whole seconds."""
    began, ended = (datetime.fromisoformat(status[name]) for name in ("startTime", "completionTime"))
    return (ended - began).total_seconds()
