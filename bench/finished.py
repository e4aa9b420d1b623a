"""What an operator costs at its start beside pods and OpJobs that have ended, and beside none: memory, processor time.

    make cluster-tools && python bench/finished.py [--pods 10000] [--jobs 500]

A control plane without nodes holds them: pods, each as a step's looks when it has succeeded, and OpJobs of 300 ops
that are to be deleted in a day. An operator that starts anew finds them all.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("hack", "tests", "tests/plane")]

import yaml  # noqa: E402 - after the line above, by which some are found
from kubernetes.aio.client.configuration import Configuration  # noqa: E402
from kubernetes.aio.config import load_kube_config  # noqa: E402
from plane_operator import install_crd, operator  # noqa: E402

from cluster import plane as planes  # noqa: E402
from kedge_operator.cluster import Cluster  # noqa: E402

POD = yaml.safe_load((HERE.parent / "tests/data/pods/plain.yaml").read_text())
AT, LATER, ID = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "containerd://" + "0" * 64
RECORD = {"version": 1, "step": "size[a_txt]", "outputs": {"result": {"value": {"path": "values/" + "x" * 60}}}}
CONDITIONS = ("Initialized", "Ready", "ContainersReady", "PodScheduled", "PodReadyToStartContainers")
ENDED = {
    "phase": "Succeeded",
    "startTime": AT,
    "conditions": [{"type": one, "status": "True", "lastTransitionTime": AT} for one in CONDITIONS],
    "containerStatuses": [
        {
            "name": "step",
            "image": "registry.example/sizes:1",
            "imageID": "registry.example/sizes@sha256:" + "0" * 64,
            "containerID": ID,
            "ready": False,
            "restartCount": 0,
            "state": {
                "terminated": {
                    "exitCode": 0,
                    "reason": "Completed",
                    "startedAt": AT,
                    "finishedAt": LATER,
                    "containerID": ID,
                    "message": json.dumps(RECORD),
                }
            },
        }
    ],
}
SETTLING = 15.0  # seconds until what is done at the start is over


OPS = [
    {"name": f"op_{number}", "entrypoint": "x:y", "config": {"words": ["word"] * 20}, "tags": {"team": "x" * 50}}
    for number in range(300)
]
SUCCEEDED = {"type": "Complete", "status": "True", "reason": "AllStepsEnded", "message": "", "lastTransitionTime": AT}


class Filler(Cluster):
    """Makes pods and OpJobs that have ended."""

    async def ended_pod(self, name: str) -> None:
        metadata = {**POD["metadata"], "name": name, "namespace": "default"}
        del metadata["ownerReferences"]
        await self.create_pod({**POD, "metadata": metadata})
        path = f"/api/v1/namespaces/default/pods/{name}/status"
        await self._request("PATCH", path, f"pod default/{name}", {"status": ENDED})

    async def ended_job(self, name: str) -> None:
        path = "/apis/kedge.dev/v1alpha1/namespaces/default/opjobs"
        spec = {"image": "x", "ops": OPS, "ttlSecondsAfterFinished": 86_400}
        job = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": name}, "spec": spec}
        await self._request("POST", path, f"opjob default/{name}", job)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = {"phase": "Succeeded", "completionTime": now, "conditions": [SUCCEEDED]}
        await self._request("PATCH", f"{path}/{name}/status", f"opjob default/{name}", {"status": status})


async def fill(kubeconfig: Path, pods: int, jobs: int) -> None:
    """Make so many of them."""
    config = Configuration()
    await load_kube_config(str(kubeconfig), client_configuration=config)  # type: ignore[no-untyped-call]
    filler = Filler(config)
    await asyncio.gather(*(filler.ended_pod(f"ended-{number}") for number in range(pods)))
    await asyncio.gather(*(filler.ended_job(f"ended-{number}") for number in range(jobs)))
    await filler.close()


def measured(plane: planes.Running) -> tuple[float, float, float, float]:
    """Of an operator that starts: seconds until it is ready, peak and settled memory in MB, processor seconds."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):  # where its log goes
        began = time.monotonic()
        with operator(plane.kubeconfig, Path(folder), f"file://{folder}/store") as port:
            wait_until_ready(port)
            ready = time.monotonic() - began
            time.sleep(SETTLING)
            (pid,) = children(f"{folder}/config.yaml")
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    peak, now = (int(status[name].split()[0]) / 1024 for name in ("VmHWM", "VmRSS"))
    return ready, peak, now, ticks


def wait_until_ready(port: int) -> None:
    """Return once the operator says that it watches."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.05)


def children(word: str) -> Iterator[int]:
    """This process's own ones with a word in their command."""
    found = subprocess.run(
        ["pgrep", "--parent", str(os.getpid()), "--full", word], capture_output=True, text=True, check=True
    )
    yield from map(int, found.stdout.split())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    given: Any = parser.parse_args()
    print("| beside | ready after | peak | settled | processor |")
    print("|---|--:|--:|--:|--:|")
    for pods, jobs, told in (
        (0, 0, "nothing"),
        (given.pods, 0, f"{given.pods:,} pods"),
        (0, given.jobs, f"{given.jobs:,} OpJobs"),
    ):
        with planes.running() as plane:
            install_crd(plane)
            asyncio.run(fill(plane.kubeconfig, pods, jobs))
            time.sleep(SETTLING)
            for _ in range(given.rounds):
                ready, peak, now, ticks = measured(plane)
                print(f"| {told} | {ready:.1f} s | {peak:.0f} MB | {now:.0f} MB | {ticks:.1f} s |", flush=True)


if __name__ == "__main__":
    main()
