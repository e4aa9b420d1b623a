"""A thousand clones: small tickets, a small status, one pod each, few requests; kubelets and workers are played."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from played_workers import Workers
from prometheus_client.parser import text_string_to_metric_families

from cluster import fakes, processes, s3
from cluster import plane as planes
from cluster.tools import need
from kedge.core.ids import StepKey
from kedge.io.stores import open_store
from manifests import documents

pytestmark = [pytest.mark.plane, pytest.mark.s3]

CLONES = 1000
SECONDS = 240


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
        (crd,) = [text for path, text in documents.all_files().items() if path.name == "kedge.dev_opjobs.yaml"]
        kubectl(plane, "apply", "-f", "-", given=crd)
        kubectl(plane, "wait", "--for=condition=Established", "crd/opjobs.kedge.dev", "--timeout=30s")
        with operator(plane, tmp_path, store.url) as port, Workers(plane.kubeconfig, store, outputs) as workers:
            template = {"metadata": {"annotations": {fakes.DURATION: "10ms"}}}
            spec = {"image": "x", "maxConcurrent": 50, "ops": OPS, "podTemplate": template}
            body = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": "scale"}, "spec": spec}
            kubectl(plane, "create", "-f", "-", given=yaml.safe_dump(body))
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


@contextmanager
def operator(plane: planes.Running, folder: Path, url: str) -> Iterator[int]:
    """An operator as a process of this machine. Gives the port of its metrics."""
    (port,) = processes.free_ports(1)
    config = {"store": {"url": url}, "announce": {"enabled": False}, "http": {"host": "127.0.0.1", "port": port}}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    environment = {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
    log = (folder / "operator.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "kedge_operator", "--config", str(path)], env=environment, stdout=log, stderr=log
    )
    try:
        yield port
    finally:
        process.terminate()
        code = process.wait(30)
        log.close()
        print((folder / "operator.log").read_text())
        assert code == 0


def requests(port: int) -> dict[str, float]:
    """Requests to the API server so far, by resource and verb."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
    found: dict[str, float] = {}
    for family in families:
        for one in family.samples:
            if one.name == "kedge_api_requests_total":
                key = f"{one.labels['resource']} {one.labels['verb']}"
                found[key] = found.get(key, 0) + one.value
    return found


def kubectl(plane: planes.Running, *arguments: str, given: str | None = None) -> str:
    command = [str(need("kubectl")), f"--kubeconfig={plane.kubeconfig}", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
