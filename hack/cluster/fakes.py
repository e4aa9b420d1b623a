"""Fake nodes for a control plane alone, for scale: kwok plays their kubelets, and pods end as their annotations say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cluster import ready
from cluster.control_plane import Plane
from cluster.pki import Authority
from cluster.places import HACK
from cluster.tools import Missing, need

STAGES = HACK / "cluster" / "fake_kubelets.yaml"
DURATION, EXIT_CODE = "kedge.dev/fake-duration", "kedge.dev/fake-exit-code"
"""Annotations of a pod: how long it runs, as Go writes durations; with what code it ends."""
SECONDS = 120


def programs(plane: Plane, authority: Authority) -> dict[str, list[str]]:
    """The command lines: kwok, and the scheduler that puts pods on its nodes. Raises Missing."""
    kwok = [
        str(need("kwok")),
        f"--kubeconfig={plane.folder}/kubeconfig",
        f"--config={STAGES}",
        "--manage-all-nodes",
        "--cidr=10.233.0.0/16",
        "--node-ip=10.233.0.1",
        "--node-lease-duration-seconds=200",
    ]
    return {"kube-scheduler": plane.scheduler(authority), "kwok": kwok}


def join(kubeconfig: Path, nodes: int, logs: Path) -> None:
    """Make nodes, and wait until all are Ready. Raises Missing when they are not."""
    items = [_node(number) for number in range(nodes)]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    made = ready.kubectl(kubeconfig, "create", "--validate=false", "-f", "-", given=given)
    if made.returncode:
        raise Missing(f"the API takes no fake nodes: {made.stderr.strip()[-300:]}")
    status = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'

    def are_ready() -> bool:
        return ready.kubectl(kubeconfig, "get", "nodes", "-o", status).stdout.split() == ["True"] * nodes

    ready.until("every fake node", are_ready, SECONDS, logs)


def _node(number: int) -> dict[str, Any]:
    name = f"fake-{number:04d}"
    room = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": room, "capacity": room},
    }
