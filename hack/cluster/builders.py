"""What builds images: Docker where its engine answers, else buildah, on a base image of Debian's packages.

Both build the same Dockerfiles, and both label an image with its key: the image itself says what it was built from.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from cluster import base_image, debian, package_index
from cluster.layouts import Layout
from cluster.places import cache
from cluster.recipes import Recipe
from cluster.storage import Storage
from cluster.tools import Missing

KEY = "dev.kedge.key"
"""The label that holds an image's key."""
DEBIAN = {
    "buildah": "buildah",
    "skopeo": "skopeo",
    "mmdebstrap": "mmdebstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
_LOG_LINES = 30
_BUILDKIT = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""Attestations make an index out of an image, which kind can't load."""


class Builder(Protocol):
    """What one builds images with."""

    def base(self) -> Mapping[str, str]:
        """Build arguments that name the base image; none where the Dockerfile's own can be had."""

    def config(self, reference: str) -> dict[str, Any] | None:
        """An image's configuration as OCI's field `config` has it: User, Entrypoint, Labels. None: no such image."""

    def digest(self, reference: str) -> str | None:
        """The digest under which a cluster has the image once it is loaded. None: not known before that."""

    def size(self, reference: str) -> int:
        """Bytes of an image, unpacked."""

    def build(self, recipe: Recipe, arguments: Mapping[str, str], key: str) -> None:
        """Build an image. Raises Missing, with the end of the builder's messages, when that fails."""

    def archive(self, reference: str, path: Path, without: Collection[str] = ()) -> None:
        """Write an image as an archive. It may leave out what is named by digest in `without`."""

    def run(self, reference: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a container of the image, as the image's user."""


def find() -> Builder:
    """The builder of this machine. Raises Missing, with all that is missing and what to do, where there is none."""
    if _docker_answers():
        return Docker()
    check()
    return Buildah()


def check() -> None:
    """Raise Missing when images can't be built without Docker."""
    debian.check("building images", "start Docker", DEBIAN)


def _docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def _flags(recipe: Recipe, arguments: Mapping[str, str], key: str) -> list[str]:
    """What both builders are told."""
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    return ["-t", recipe.reference, f"--label={KEY}={key}", *given, "-f", str(recipe.dockerfile), str(recipe.context)]


def _must(command: Sequence[str], what: str, log: Path, env: Mapping[str, str] | None = None) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, check=False)
    if done.returncode:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])
        raise Missing(f"{end}\n{what} failed; all its messages are in {log}")


class Docker:
    """Docker, with its own store of images and its own base image."""

    def base(self) -> Mapping[str, str]:
        """The Dockerfile's own."""
        return {}

    def config(self, reference: str) -> dict[str, Any] | None:
        """What Docker's engine says."""
        command = ["docker", "image", "inspect", "--format", "{{json .Config}}", reference]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
        return found

    def digest(self, reference: str) -> str | None:
        """Not known: it depends on how the engine keeps images."""
        return None

    def size(self, reference: str) -> int:
        """As Docker's engine counts."""
        command = ["docker", "image", "inspect", "--format", "{{.Size}}", reference]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def build(self, recipe: Recipe, arguments: Mapping[str, str], key: str) -> None:
        """By BuildKit, which secrets and caches ask for."""
        with package_index.secrets() as secrets:
            command = ["docker", "build", *secrets, *_flags(recipe, arguments, key)]
            log = cache() / "images" / "logs" / f"{recipe.name}.log"
            _must(command, f"building {recipe.name}", log, {**os.environ, **_BUILDKIT})

    def archive(self, reference: str, path: Path, without: Collection[str] = ()) -> None:
        """Always whole."""
        command = ["docker", "save", "--output", str(path), reference]
        _must(command, f"saving {reference}", path.with_suffix(".log"))

    def run(self, reference: str, *command: str) -> subprocess.CompletedProcess[str]:
        """With a read-only root, as on the cluster."""
        flags = ["--rm", "--read-only", "--tmpfs=/tmp", "--network=none", f"--entrypoint={command[0]}"]
        whole = ["docker", "run", *flags, reference, *command[1:]]
        return subprocess.run(whole, capture_output=True, text=True, check=False)


class Buildah:
    """buildah, in a store of its own below the cache; finished images are also in an OCI layout beside it."""

    def __init__(self) -> None:
        self._storage = Storage(cache() / "images")
        self._layout = Layout(self._storage.folder / "layout")

    def base(self) -> Mapping[str, str]:
        """Debian's Python, made when it is first needed."""
        reference = base_image.reference()
        if not self._storage.has(reference):
            self._storage.tmp.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._storage.tmp) as folder:
                base_image.fill(Path(folder), self._storage.log("debian"))
                self._bud("kedge-base", ["-t", reference, folder])
            self._storage.forget_others(reference)
        return {"BASE": reference}

    def config(self, reference: str) -> dict[str, Any] | None:
        """What the layout says."""
        return self._layout.config(reference)

    def digest(self, reference: str) -> str | None:
        """That of the manifest."""
        return self._layout.digest(reference)

    def size(self, reference: str) -> int:
        """The sum of its layers."""
        return self._layout.size(reference)

    def build(self, recipe: Recipe, arguments: Mapping[str, str], key: str) -> None:
        """Build into the store, and put what is new into the layout."""
        before = self._storage.id_of(recipe.reference)
        with package_index.secrets() as secrets:
            self._bud(recipe.name, [*secrets, *_flags(recipe, arguments, key)])
        command = ["copy", "--dest-oci-accept-uncompressed-layers"]
        source, target = f"containers-storage:{recipe.reference}", f"oci:{self._layout.folder}:{recipe.reference}"
        self._must("skopeo", [*command, source, target], f"keeping {recipe.name}")
        self._layout.prune()
        self._storage.forget(before, unless=recipe.reference)

    def archive(self, reference: str, path: Path, without: Collection[str] = ()) -> None:
        """An OCI archive: what has the blobs in `without` needs no more than the rest."""
        self._layout.archive(reference, path, without)

    def run(self, reference: str, *command: str) -> subprocess.CompletedProcess[str]:
        """In a container that lasts as long as the command, without mounts or network of its own."""
        return self._storage.run(reference, command)

    def _bud(self, name: str, flags: Sequence[str]) -> None:
        self._storage.tidy()
        command = ["bud", "--isolation=chroot", "--layers", "--force-rm", "--pull-never", *flags]
        self._must("buildah", command, f"building {name}", name)

    def _must(self, program: str, arguments: Sequence[str], what: str, log: str = "store") -> None:
        command = self._storage.command(program, arguments)
        _must(command, what, self._storage.log(log), self._storage.environment)
