"""A control plane alone: etcd and kube-apiserver on free ports of loopback, for tests that play the kubelet themselves.

The idea is envtest's. No root, no node; several may run side by side. With it, for scale, fake nodes (`cluster.fakes`).
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster import fakes, processes, ready
from cluster.control_plane import Plane
from cluster.places import STATE
from cluster.tools import need

FOLDER = STATE / "planes"
NEEDS = ("etcd", "kube-apiserver", "kubectl")
NEEDS_FOR_NODES = (*NEEDS, "kube-scheduler", "kwok")
ENDS = ("kwok", "kube-scheduler", "kube-apiserver", "etcd")
"""The programs in the order in which they are ended."""
ADMISSION = "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition"
"""No controller is here to make service accounts, or to take taints away again."""


@dataclass(frozen=True)
class Running:
    """A plane that is up: its folder is its name."""

    folder: Path

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""
        return self.folder / "kubeconfig"

    def end(self) -> None:
        """End its programs; what they said stays."""
        for name in ENDS:
            processes.Record(self.folder / f"{name}.pid").end()

    def stop(self) -> None:
        """End it and remove all that it had."""
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def up(nodes: int = 0) -> Running:
    """Start a plane, and wait until its API and its fake nodes are ready. Raises Missing when they can't be."""
    for program in NEEDS_FOR_NODES if nodes else NEEDS:
        need(program)
    FOLDER.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="plane-", dir=FOLDER))
    api, etcd, peer = processes.free_ports(3)
    plane = Plane(place, "127.0.0.1", api, etcd, peer)
    authority = plane.prepare()
    running = Running(place)
    try:
        processes.start(plane.etcd(), place, "etcd")
        processes.start([*plane.apiserver(), ADMISSION], place, "kube-apiserver")
        ready.api(running.kubeconfig, place)
        ready.namespace(running.kubeconfig, place)
        if nodes:
            for name, command in fakes.programs(plane, authority).items():
                processes.start(command, place, name)
            fakes.join(running.kubeconfig, nodes, place)
    except BaseException:
        running.end()
        raise
    return running


def all_here() -> list[Running]:
    """The planes that were started from here, those that failed to start among them."""
    return [Running(one) for one in sorted(FOLDER.glob("*"))]


@contextlib.contextmanager
def running(nodes: int = 0) -> Iterator[Running]:
    """A plane for the length of a block, with fake nodes if asked for."""
    found = up(nodes)
    try:
        yield found
    finally:
        found.stop()
