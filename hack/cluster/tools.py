"""The programs of the cluster: those of the user's own first, then the cache, then a build from Go modules.

A build is keyed by the tool's version and its lock file, so that it is made once a machine.
"""

from __future__ import annotations

import hashlib
import json
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
    """A Go module and what it gives: programs, mapped to their packages below it, and files, mapped to their places."""

    name: str
    version: str
    module: str
    packages: Mapping[str, str]
    files: Mapping[str, str]

    @property
    def gives(self) -> tuple[str, ...]:
        """The names of all that it gives."""
        return (*self.packages, *self.files)

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
        files = {Path(path).name: path for path in pin.get("files", ())}
        found[name] = Tool(name, pin["version"], pin["module"], packages, files)
    return found


TOOLS = _read()
_HOME = {name: tool for tool in TOOLS.values() for name in tool.gives}


def find(binary: str) -> Path | None:
    """A program or file, if it can be had without a build."""
    for variable in ASSETS:
        if os.environ.get(variable) and (found := Path(os.environ[variable], binary)).exists():
            return found
    built = _HOME[binary].folder / binary
    return built if built.exists() else None


def need(binary: str) -> Path:
    """A program or file. Raises Missing when it was not built."""
    found = find(binary)
    if found is None:
        raise Missing(f"{binary} {_HOME[binary].version} was not built; `make cluster-tools` builds it (needs Go)")
    return found


def build(names: Sequence[str]) -> None:
    """Build all that some tools give. Raises Missing as `build_programs` does."""
    build_programs([one for name in names for one in TOOLS[name].gives])


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
    partial = tool.folder / f".{binary}.{os.getpid()}"
    if binary in tool.files:
        shutil.copyfile(_sources(tool) / tool.files[binary], partial)
    else:
        _compile(tool, binary, partial)
    partial.replace(tool.folder / binary)


def _compile(tool: Tool, binary: str, to: Path) -> None:
    target = "/".join(part for part in (tool.module, tool.packages[binary]) if part)
    command = ["go", "build", "-trimpath", "-ldflags", tool.flags(), "-o", str(to), target]
    done = subprocess.run(command, cwd=tool.source, env={**os.environ, "CGO_ENABLED": "0"}, check=False)
    if done.returncode:
        raise Missing(f"building {binary} failed; see the messages of the compiler above")


def _sources(tool: Tool) -> Path:
    """The sources of a tool's module, as its lock file has them."""
    command = ["go", "mod", "download", "-json", tool.module]
    done = subprocess.run(command, cwd=tool.source, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise Missing(f"{tool.module} {tool.version} can't be had; see the messages above\n{done.stdout.decode()}")
    return Path(json.loads(done.stdout)["Dir"])
