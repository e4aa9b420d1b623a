"""An image, and what tests ask of it."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.images import Built


@dataclass(frozen=True)
class Image:
    """An image, and what one asks of it."""

    built: Built

    @property
    def config(self) -> dict[str, Any]:
        """How its containers run."""
        found = self.built.builder.config(self.built.reference)
        assert found is not None
        return found

    @property
    def size(self) -> int:
        """Bytes, unpacked."""
        return self.built.builder.size(self.built.reference)

    def run(self, command: Sequence[str]) -> str:
        """What a command prints in a container."""
        done: subprocess.CompletedProcess[str] = self.built.builder.run(self.built.reference, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(self, *arguments: str) -> str:
        """What the image's own program prints."""
        return self.run([*self.config["Entrypoint"], *arguments])

    def python(self, code: str) -> str:
        """What a few lines of Python print in it."""
        return self.run(["python", "-c", code])


Images = Callable[[str], Image]
