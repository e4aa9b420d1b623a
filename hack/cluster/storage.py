"""buildah's store of images, below the cache: the machine's own store is never touched."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLICY = {"default": [{"type": "insecureAcceptAnything"}]}
"""Nothing is pulled, so there is nothing to trust or not."""
_MANY = 400
"""Cached steps of builds, some MB each, after which all are forgotten."""
_RUN = "kedge-run-"
"""A container that runs a command is called so, with the number of the process that waits for it."""


@dataclass(frozen=True)
class Storage:
    """A store below `folder`."""

    folder: Path

    @property
    def tmp(self) -> Path:
        """Where builds keep what they need for a while, and the caches of Dockerfiles."""
        return self.folder / "tmp"

    def log(self, name: str) -> Path:
        """Where the messages of a build go."""
        return self.folder / "logs" / f"{name}.log"

    @property
    def environment(self) -> Mapping[str, str]:
        """What buildah and skopeo find the store by; made ready for them."""
        for folder in (self.tmp, self.folder / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "storage.conf"
        _write(path, self._configuration())
        _write(self.folder / "policy.json", json.dumps(_POLICY))
        return {**os.environ, "CONTAINERS_STORAGE_CONF": str(path), "TMPDIR": str(self.tmp)}

    def command(self, program: str, arguments: Sequence[str]) -> list[str]:
        """A whole command line of buildah or skopeo."""
        policy = str(self.folder / "policy.json")
        if program == "skopeo":
            return ["skopeo", f"--policy={policy}", *arguments]
        return ["buildah", arguments[0], f"--signature-policy={policy}", *arguments[1:]]

    def id_of(self, reference: str) -> str | None:
        """The image that has this name."""
        done = self._call("images", "--quiet", "--no-trunc", reference)
        return done.stdout.strip() or None if done.returncode == 0 else None

    def has(self, reference: str) -> bool:
        """Whether there is such an image."""
        return self.id_of(reference) is not None

    def forget_others(self, reference: str) -> None:
        """Take their names from all images that differ from this one in the tag alone; what needs them keeps them."""
        prefix = reference.rpartition(":")[0] + ":"
        for other in self._call("images", "--format", "{{.Name}}:{{.Tag}}").stdout.split():
            if other.startswith(prefix) and other != reference:
                self._call("rmi", other)

    def forget(self, identity: str | None, unless: str) -> None:
        """Remove an image that has lost its name, and cached steps when they are many."""
        if identity is not None and self.id_of(unless) != identity:
            self._call("rmi", identity)
        if len(self._call("images", "--all", "--quiet").stdout.split()) > _MANY:
            self._call("rmi", "--prune", "--force")

    def tidy(self) -> None:
        """Remove what builds and runs left that were ended from outside. Called where no other build is under way."""
        listed = self._call("containers", "--noheading", "--format", "{{.ContainerID}} {{.ContainerName}}")
        for line in listed.stdout.splitlines():
            identity, name = line.split(maxsplit=1)
            if not _is_running(name):
                self._call("rm", identity)

    def run(self, reference: str, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command in a container of an image, and remove the container."""
        name = f"{_RUN}{os.getpid()}-{secrets.token_hex(4)}"
        made = self._call("from", "--pull-never", "--name", name, reference)
        made.check_returncode()
        container = made.stdout.strip()
        try:
            return self._call("run", "--isolation=chroot", container, "--", *command)
        finally:
            self._call("rm", container)

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["buildah", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False)

    def _configuration(self) -> str:
        """The store's settings; a restart of the machine clears its state of mounts, and nothing stays mounted."""
        state = f"/run/kedge-images-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]}"
        store = (
            f'[storage]\ndriver = "{_driver(self.folder)}"\ngraphroot = "{self.folder}/store"\nrunroot = "{state}"\n'
        )
        return store + '[storage.options.overlay]\nskip_mount_home = "true"\n'


def _is_running(name: str) -> bool:
    found = re.match(rf"{_RUN}(\d+)-", name)
    return found is not None and Path(f"/proc/{found[1]}").exists()


def _driver(folder: Path) -> str:
    """Overlays don't lie on overlays, as inside of a container; there whole copies do."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=False)
    return "vfs" if kind.stdout.strip() == "overlayfs" else "overlay"


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
