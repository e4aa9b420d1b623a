"""An operator as a process of this machine, against a control plane alone."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from cluster import plane as planes
from cluster import processes
from cluster.tools import need
from kedge_kubectl import established
from manifests import documents


def install_crd(plane: planes.Running) -> None:
    """Bring the OpJob to a plane."""
    (crd,) = [text for path, text in documents.all_files().items() if path.name == "kedge.dev_opjobs.yaml"]
    kubectl(plane, "apply", "-f", "-", given=crd)
    established(functools.partial(kubectl, plane), "crd/opjobs.kedge.dev")


def submit(plane: planes.Running, name: str, spec: dict[str, Any]) -> None:
    """Create an OpJob."""
    body = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": name}, "spec": spec}
    kubectl(plane, "create", "-f", "-", given=yaml.safe_dump(body))


@contextmanager
def operator(kubeconfig: Path, folder: Path, url: str, **settings: Any) -> Iterator[int]:
    """An operator as a process of this machine. Gives the port of its metrics."""
    (port,) = processes.free_ports(1)
    config = {"store": {"url": url}, "announce": {"enabled": False}, "http": {"host": "127.0.0.1", "port": port}}
    config |= settings
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    log = (folder / "operator.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "kedge_operator", "--config", str(path)], env=environment, stdout=log, stderr=log
    )
    try:
        yield port
    finally:
        process.terminate()
        try:
            code = process.wait(90)
        finally:
            process.kill()
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
