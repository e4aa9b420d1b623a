"""The cluster where Docker is: kind, from `kind-config.yaml`, with a kubeconfig of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from cluster.places import KUBECONFIG, ROOT, STATE
from cluster.tools import Missing, find

NAME = "kedge-test"
CONFIG = ROOT / "kind-config.yaml"


def program() -> Path | None:
    """kind: the user's own, or the one that was built."""
    own = shutil.which("kind")
    return Path(own) if own else find("kind")


def is_possible() -> bool:
    """Whether a Docker engine answers and kind is here."""
    if program() is None or shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20)
    return asked.returncode == 0


def is_running() -> bool:
    """Whether the cluster is there."""
    found = subprocess.run([str(program()), "get", "clusters"], capture_output=True, text=True, check=False)
    return NAME in found.stdout.split()


def up() -> None:
    """Create the cluster. Raises Missing when kind fails."""
    STATE.mkdir(parents=True, exist_ok=True)
    if is_running():
        _call("export", "kubeconfig")
    else:
        _call("create", "cluster", "--config", str(CONFIG), "--wait", "120s")


def down() -> None:
    """Delete the cluster."""
    if is_running():
        _call("delete", "cluster")


def load(archive: Path) -> None:
    """Bring an image into the cluster."""
    _call("load", "image-archive", str(archive))


def load_image(reference: str) -> None:
    """Bring an image of Docker's into the cluster, unless it is there."""
    _call("load", "docker-image", reference)


def _call(*arguments: str) -> None:
    command = [str(program()), *arguments, "--name", NAME]
    if arguments[0] != "load":
        command += ["--kubeconfig", str(KUBECONFIG)]
    if subprocess.run(command, check=False).returncode:
        raise Missing(f"{' '.join(command)} failed; see its messages above")
