"""What images there are, and what each is made of: the very Dockerfiles that users build.

An image is known by the digest of all that goes into it, its *key*. An image that has the key is not built again.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cluster import tools
from cluster.places import HACK, ROOT

_COPY = re.compile(r"^(?:COPY|ADD) (?!--from)(?:--\S+ +)*(.+) +\S+$", re.MULTILINE)


@dataclass(frozen=True)
class Recipe:
    """One image.

    `parents` maps build arguments to the recipes whose images they name; `on_base`: its file has an `ARG BASE`.
    """

    name: str
    tag: str
    dockerfile: Path
    context: Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    on_base: bool = True

    @property
    def reference(self) -> str:
        """The image's whole name."""
        return f"localhost/{self.name}:{self.tag}"

    def key(self, given: Mapping[str, str]) -> str:
        """The digest of the Dockerfile, what it copies, and what it is given."""
        facts = (self.reference, sorted(self.arguments.items()), sorted(given.items()))
        digest = hashlib.sha256(repr(facts).encode())
        for name, path in self._files():
            digest.update(f"{name} {path.stat().st_mode & 0o111} ".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()[:16]

    def _files(self) -> Iterator[tuple[str, Path]]:
        yield "Dockerfile", self.dockerfile
        for source in (".dockerignore", *sources(self.dockerfile)):
            for path in _below(self.context / source):
                yield str(path.relative_to(self.context)), path


def sources(dockerfile: Path) -> list[str]:
    """What a Dockerfile copies out of its context."""
    text = dockerfile.read_text(encoding="utf-8")
    return [name for found in _COPY.finditer(text) for name in found.group(1).split()]


def _below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir() and path.name != "__pycache__":
        for one in sorted(path.iterdir()):
            yield from _below(one)


def _all() -> dict[str, Recipe]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    s3 = tools.TOOLS["versitygw"]
    program = tools.find("versitygw") or s3.folder / "versitygw"
    version = {"VERSION": s3.version}
    s3_file = HACK / "images/versitygw/Dockerfile"
    recipes = (
        Recipe("kedge-runtime", "dev", ROOT / "runtime/Dockerfile", ROOT, {"VERSION": project["version"]}),
        Recipe("kedge-operator", "dev", ROOT / "operator/Dockerfile", ROOT, {"VERSION": project["version"]}),
        Recipe("kedge-examples", "dev", ROOT / "examples/Dockerfile", ROOT, parents={"RUNTIME": "kedge-runtime"}),
        Recipe("kedge-versitygw", s3.version, s3_file, program.parent, version, on_base=False),
    )
    return {recipe.name: recipe for recipe in recipes}


RECIPES = _all()
"""The images by name, each after those that it is built on."""


def with_parents(names: Sequence[str]) -> list[Recipe]:
    """Some recipes and what they are built on, in an order in which they can be built."""
    wanted = list(names)
    for name in wanted:
        wanted += [parent for parent in RECIPES[name].parents.values() if parent not in wanted]
    return [recipe for recipe in RECIPES.values() if recipe.name in wanted]
