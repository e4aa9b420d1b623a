"""A control plane alone: etcd and kube-apiserver on free ports of loopback, for tests that play the kubelet themselves.

The idea is envtest's. No root, no node; several may run side by side.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster import processes, ready
from cluster.control_plane import Plane
from cluster.places import STATE
from cluster.tools import need

FOLDER = STATE / "planes"
ADMISSION = "--disable-admission-plugins=ServiceAccount"
"""No controller makes service accounts here, and a pod needs none to be looked at."""


@dataclass(frozen=True)
class Running:
    """A plane that is up: its folder is its name."""

    folder: Path

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""
        return self.folder / "kubeconfig"

    def stop(self) -> None:
        """End it and remove all that it had."""
        for name in ("kube-apiserver", "etcd"):
            processes.Record(self.folder / f"{name}.pid").end()
        shutil.rmtree(self.folder, ignore_errors=True)


def up(folder: Path | None = None) -> Running:
    """Start a plane and wait until its API is ready. Raises Missing when it can't be."""
    for program in ("etcd", "kube-apiserver", "kubectl"):
        need(program)
    FOLDER.mkdir(parents=True, exist_ok=True)
    place = folder or Path(tempfile.mkdtemp(prefix="plane-", dir=FOLDER))
    api, etcd, peer = _free_ports(3)
    plane = Plane(place, "127.0.0.1", api, etcd, peer)
    plane.prepare()
    running = Running(place)
    try:
        processes.start(plane.etcd(), place, "etcd")
        processes.start([*plane.apiserver(), ADMISSION], place, "kube-apiserver")
        ready.api(running.kubeconfig, place)
    except BaseException:
        running.stop()
        raise
    return running


def all_running() -> list[Running]:
    """The planes that were started from here and are up."""
    folders = sorted(FOLDER.glob("*")) if FOLDER.exists() else []
    return [Running(one) for one in folders if processes.Record(one / "kube-apiserver.pid").pid is not None]


@contextlib.contextmanager
def running() -> Iterator[Running]:
    """A plane for the length of a block."""
    found = up()
    try:
        yield found
    finally:
        found.stop()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
