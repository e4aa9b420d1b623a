"""What steps wrote, as it lies in a store: in parts, by step and attempt. For `kedge logs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kedge.io.stores import Store

_PATH = re.compile(r"/logs/(?P<step>.+)/(?P<attempt>\d+)/(?P<part>\d+)$")


class Log(NamedTuple):
    """What one attempt of a step wrote."""

    step: str
    attempt: int
    text: str


@dataclass(frozen=True, slots=True)
class Which:
    """Whose logs are wanted: those of an op or one clone (None: of all), and one attempt (None: all)."""

    step: str | None = None
    attempt: int | None = None

    def takes(self, step: str, attempt: int) -> bool:
        """Whether an attempt's log is wanted."""
        if self.attempt is not None and attempt != self.attempt:
            return False
        return self.step is None or step == self.step or step.partition("[")[0] == self.step


def stored(store: Store, prefix: str, which: Which) -> Iterator[Log]:
    """The logs of a run, sorted, each read when it is asked for."""
    for (step, attempt), paths in sorted(stored_parts(store, prefix, which).items()):
        yield Log(step, attempt, text_of(store, paths))


def stored_parts(store: Store, prefix: str, which: Which) -> dict[tuple[str, int], list[str]]:
    """The paths of the parts in order, by step and attempt."""
    found: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for info in store.list(f"{prefix}/logs"):
        path = _PATH.search(info.path)
        if path is not None and which.takes(path["step"], int(path["attempt"])):
            found.setdefault((path["step"], int(path["attempt"])), []).append((int(path["part"]), info.path))
    return {key: [path for _, path in sorted(parts)] for key, parts in found.items()}


def text_of(store: Store, paths: list[str]) -> str:
    """A log as it was before it was cut into parts, which may be in the middle of a letter."""
    return b"".join(store.get_many(paths)).decode(errors="replace")
