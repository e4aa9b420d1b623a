"""Bringing images into the cluster."""

from __future__ import annotations

import time
from pathlib import Path

from cluster import kind, node
from cluster.places import STATE
from cluster.tools import Missing

_SECONDS = 30


def load(archive: Path) -> None:
    """Import an image's archive into the cluster's node. Raises Missing when it can't be."""
    if kind.is_possible():
        kind.load(archive)
        return
    until = time.monotonic() + _SECONDS
    while True:
        done = node.enter("ctr", "--namespace", "k8s.io", "images", "import", str(archive))
        if done.returncode == 0:
            return
        if time.monotonic() > until:
            raise Missing(f"importing {archive} failed: {done.stderr.strip()}; see {STATE}/logs/containerd.log")
        time.sleep(0.1)
