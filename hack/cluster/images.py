"""The images of the project: built where something that goes into them has changed, and brought into the cluster.

    builders.find().build(...)  ->  an image with its key  ->  an archive of what the cluster lacks  ->  load

`make images` calls `build` and `bring`; tests may ask for a few by name.
"""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import builders, kind, node, tools
from cluster.builders import KEY, Builder
from cluster.places import STATE, cache
from cluster.recipes import RECIPES, Recipe, with_parents
from cluster.tools import Missing

_SECONDS = 120


@dataclass(frozen=True)
class Built:
    """An image that is there, and what keeps it. `fresh`: it was built just now."""

    reference: str
    key: str
    builder: Builder
    fresh: bool

    def archive(self, path: Path) -> None:
        """Write it as an archive, to be carried elsewhere."""
        self.builder.archive(self.reference, path)


def build(names: Sequence[str] = ()) -> list[Built]:
    """Build all images, or some and what they are built on. Raises Missing, saying why, when one can't be."""
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        raise Missing(f"there is no image {', '.join(unknown)}; there are {', '.join(RECIPES)}")
    builder = builders.find()
    wanted = with_parents(names or tuple(RECIPES))
    if any(recipe.name == "kedge-versitygw" for recipe in wanted):
        tools.build(["versitygw"])
    done: dict[str, Built] = {}
    with _alone():
        for recipe in wanted:
            done[recipe.name] = _build(recipe, builder, done)
    return list(done.values())


def build_one(recipe: Recipe) -> Built:
    """Build an image of a recipe that is none of ours, on no other. Raises Missing when it can't be."""
    with _alone():
        return _build(recipe, builders.find(), {})


def check() -> None:
    """Raise Missing unless images were built here before, so that bringing them up to date takes seconds."""
    builder = builders.find()
    lacks = [name for name, recipe in RECIPES.items() if builder.config(recipe.reference) is None]
    if lacks:
        raise Missing(f"{', '.join(lacks)} was not built; `make images` builds it")


def _build(recipe: Recipe, builder: Builder, done: dict[str, Built]) -> Built:
    base = builder.base() if recipe.on_base else {}
    arguments = {**base, **recipe.arguments}
    arguments |= {argument: done[parent].reference for argument, parent in recipe.parents.items()}
    key = recipe.key({**base, **{parent: done[parent].key for parent in recipe.parents.values()}})
    config = builder.config(recipe.reference)
    if config is not None and (config.get("Labels") or {}).get(KEY) == key:
        return Built(recipe.reference, key, builder, fresh=False)
    began = time.monotonic()
    builder.build(recipe, arguments, key)
    size = builder.size(recipe.reference) / 1e6
    print(f"built {recipe.reference}, {size:.0f} MB, in {time.monotonic() - began:.1f} s", flush=True)
    return Built(recipe.reference, key, builder, fresh=True)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One build at a time, whichever process asks."""
    path = cache() / "images" / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# -- into the cluster -------------------------------------------------------------------------------------------------


def bring(built: Built) -> bool:
    """Bring an image into the running cluster. Returns False when it has it. Raises Missing when it can't be."""
    if kind.is_possible():
        kind.load_image(built.reference)
        return True
    with _alone():  # until it is loaded: another image could rid the node of blobs that its archive lacks
        digest = built.builder.digest(built.reference)
        if digest is not None and _digest_on_node(built.reference) == digest:
            return False
        with tempfile.TemporaryDirectory(dir=cache() / "images") as folder:
            archive = Path(folder, "image.tar")
            built.builder.archive(built.reference, archive, without=_blobs_on_node())
            load(archive)
    return True


def load(archive: Path) -> None:
    """Import an image's archive into the cluster's node. Raises Missing when it can't be."""
    if kind.is_possible():
        kind.load(archive)
        return
    until = time.monotonic() + _SECONDS
    while True:
        done = _ctr("images", "import", str(archive))
        if done.returncode == 0:
            return
        if time.monotonic() > until:
            raise Missing(f"importing {archive} failed: {done.stderr.strip()}; see {STATE}/logs/containerd.log")
        time.sleep(0.1)


def _digest_on_node(reference: str) -> str | None:
    lines = _ctr("images", "list", f"name=={reference}").stdout.splitlines()[1:]
    return lines[0].split()[2] if lines else None


def _blobs_on_node() -> set[str]:
    return set(_ctr("content", "list", "--quiet").stdout.split())


def _ctr(*arguments: str) -> subprocess.CompletedProcess[str]:
    return node.enter("ctr", "--namespace", "k8s.io", *arguments)
