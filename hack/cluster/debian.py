"""What a machine must have where Docker is not: Linux, root, and programs out of Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cluster.tools import Missing


def check(what: str, instead: str, packages: Mapping[str, str]) -> None:
    """Raise Missing with all that is missing and what to do. `packages` maps a program, or a file, to its package."""
    lacks = []
    if sys.platform != "linux":
        lacks.append(f"Linux: elsewhere {instead}")
    elif os.geteuid() != 0:
        lacks.append(f"root: call it with sudo, or {instead}")
    names = missing(packages)
    if names:
        lacks.append(f"programs: apt-get install {' '.join(names)}")
    if lacks:
        raise Missing(f"{what} without Docker needs\n" + "\n".join(f"  - {one}" for one in lacks))


def missing(packages: Mapping[str, str]) -> list[str]:
    """The packages that are not there."""
    return sorted({package for place, package in packages.items() if not _is_there(place)})


def install(packages: Mapping[str, str]) -> None:
    """Install the packages that are not there. Raises Missing when apt-get can't."""
    names = missing(packages)
    if not names:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "--no-install-recommends", *names]):
        try:
            subprocess.run(command, env=quiet, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Missing(f"installing {' '.join(names)} failed: {error}") from error


def _is_there(place: str) -> bool:
    return Path(place).exists() if place.startswith("/") else shutil.which(place) is not None
