"""The programs of the cluster: those of the user's own first, then the cache, then a build from Go modules.

A build is keyed by the tool's version and its lock file, so that it is made once a machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.places import HACK, cache

ASSETS = ("KEDGE_ASSETS", "KUBEBUILDER_ASSETS")
"""Folders with programs of the user's own; the second is envtest's convention."""


class Missing(Exception):
    """Something that the cluster needs is not here; the message says what to do."""


@dataclass(frozen=True)
class Tool:
    """A Go module and the programs that it gives. `packages` maps a program to its package below the module."""

    name: str
    version: str
    module: str
    packages: Mapping[str, str]

    @property
    def source(self) -> Path:
        """Its own module, with the lock file."""
        return HACK / "tools" / self.name

    @property
    def folder(self) -> Path:
        """Where its programs are once they are built."""
        locked = (self.source / "go.mod").read_bytes() + (self.source / "go.sum").read_bytes()
        return cache() / "tools" / f"{self.name}-{self.version}-{hashlib.sha256(locked).hexdigest()[:8]}"

    def flags(self) -> str:
        """What the linker is told. Kubernetes asks for its version there, or clients see v0.0.0."""
        if self.name != "kubernetes":
            return "-s -w"
        major, minor, _ = self.version.split(".")
        stamps = {"gitVersion": f"v{self.version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
        return " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{key}={one}" for key, one in stamps.items())])


def _read() -> dict[str, Tool]:
    pins: dict[str, Any] = tomllib.loads((HACK / "versions.toml").read_text(encoding="utf-8"))
    found = {}
    for name, pin in pins.items():
        packages = {binary: f"cmd/{binary}" for binary in pin.get("binaries", ())} | pin.get("packages", {})
        found[name] = Tool(name, pin["version"], pin["module"], packages)
    return found


TOOLS = _read()
_HOME = {binary: tool for tool in TOOLS.values() for binary in tool.packages}


def find(binary: str) -> Path | None:
    """A program, if it can be had without a build."""
    for variable in ASSETS:
        if os.environ.get(variable) and (found := Path(os.environ[variable], binary)).exists():
            return found
    built = _HOME[binary].folder / binary
    return built if built.exists() else None


def need(binary: str) -> Path:
    """A program. Raises Missing when it was not built."""
    found = find(binary)
    if found is None:
        raise Missing(f"{binary} {_HOME[binary].version} was not built; `make cluster-tools` builds it (needs Go)")
    return found


def build(names: Sequence[str]) -> None:
    """Build all programs of some tools. Raises Missing as `build_programs` does."""
    build_programs([binary for name in names for binary in TOOLS[name].packages])


def build_programs(binaries: Sequence[str]) -> None:
    """Build the programs that are not there yet. Raises Missing without Go, or when a build fails."""
    for binary in binaries:
        if find(binary) is None:
            _build(_HOME[binary], binary)


def _build(tool: Tool, binary: str) -> None:
    if shutil.which("go") is None:
        raise Missing(f"there is no Go here to build {binary}; install Go, or set {ASSETS[0]} to a folder that has it")
    print(f"building {binary} {tool.version} (once a machine)", flush=True)
    tool.folder.mkdir(parents=True, exist_ok=True)
    target = "/".join(part for part in (tool.module, tool.packages[binary]) if part)
    partial = tool.folder / f".{binary}.{os.getpid()}"
    command = ["go", "build", "-trimpath", "-ldflags", tool.flags(), "-o", str(partial), target]
    done = subprocess.run(command, cwd=tool.source, env={**os.environ, "CGO_ENABLED": "0"}, check=False)
    if done.returncode:
        raise Missing(f"building {binary} failed; see the messages of the compiler above")
    partial.replace(tool.folder / binary)
