"""The base image where no registry is: Debian with its Python, by mmdebstrap, laid out as `python:3.13-slim` is."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from cluster.places import HACK
from cluster.tools import Missing

SUITE = "trixie"
"""Its Python has the minor version of the default base."""
DOCKERFILE = HACK / "images/base/Dockerfile"
_OPTIONS = (
    "--variant=minbase",
    "--include=python3-venv,ca-certificates,netbase,tzdata",
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
)


def reference() -> str:
    """Its name, which changes with what it is made of."""
    facts = repr((SUITE, _OPTIONS, DOCKERFILE.read_text(encoding="utf-8")))
    return f"localhost/kedge-base:{hashlib.sha256(facts.encode()).hexdigest()[:12]}"


def fill(context: Path, log: Path) -> None:
    """Make what its Dockerfile copies: half a minute, 120 MB. Raises Missing when Debian's packages can't be had."""
    print("making a base image of Debian's packages (once a machine, about 40 s)", flush=True)
    shutil.copy(DOCKERFILE, context / "Dockerfile")
    with log.open("wb") as out:
        command = ["mmdebstrap", *_OPTIONS, SUITE, str(context / "debian.tar")]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False)
    if done.returncode:
        raise Missing(f"mmdebstrap failed; can Debian's packages be reached? Its messages are in {log}")
