"""Waiting for a cluster to be ready, by asking it; never by sleeping for a fixed time."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster.places import HACK
from cluster.tools import Missing, need

POLL_SECONDS = 0.1


def kubectl(kubeconfig: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Call kubectl with a kubeconfig."""
    command = [str(need("kubectl")), f"--kubeconfig={kubeconfig}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, input=given)


def until(what: str, test: Callable[[], bool], seconds: float, logs: Path) -> None:
    """Wait for something. Raises Missing after `seconds`, naming the logs."""
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise Missing(f"after {seconds:g} s {what} is not there; see {logs}")
        time.sleep(POLL_SECONDS)


def api(kubeconfig: Path, logs: Path, seconds: float = 180) -> None:
    """Wait for the API to say that it is ready."""
    until("the API", lambda: kubectl(kubeconfig, "get", "--raw", "/readyz").returncode == 0, seconds, logs)


def namespace(kubeconfig: Path, logs: Path) -> None:
    """Wait for the default namespace, which an API server makes when it says already that it is ready."""
    asked = ("get", "namespace", "default")
    until("the default namespace", lambda: kubectl(kubeconfig, *asked).returncode == 0, 60, logs)


def addons(kubeconfig: Path, logs: Path) -> None:
    """Apply what every cluster has beside its control plane."""
    path = HACK / "cluster" / "addons.yaml"

    def applied() -> bool:
        return kubectl(kubeconfig, "apply", "--server-side", "-f", str(path)).returncode == 0

    until("the name service", applied, 120, logs)


def node(kubeconfig: Path, logs: Path, seconds: float = 180) -> None:
    """Wait for a node that is Ready, and for the account that pods run as."""

    def is_ready() -> bool:
        done = kubectl(kubeconfig, "get", "nodes", "-o", "json")
        if done.returncode:
            return False
        items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return any(
            one["type"] == "Ready" and one["status"] == "True" for item in items for one in item["status"]["conditions"]
        )

    until("a node that is Ready", is_ready, seconds, logs)
    account = ("get", "serviceaccount", "default", "-n", "default")
    until("the default account", lambda: kubectl(kubeconfig, *account).returncode == 0, 120, logs)
