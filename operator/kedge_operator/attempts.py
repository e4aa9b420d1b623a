"""The attempts of one run that this operator knows to exist, or is about to bring about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kedge.core.actions import StopReason
from kedge.core.ids import StepKey
from kedge_operator.observe import PodView, Stuck

Name = tuple[str, int]
"""A step's digest and the number of the attempt: what a pod's labels and a hint say."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One attempt. Times in seconds since the epoch.

    `made`: its pod was created, or may have been. `settled`: its record has been taken in. `stopping`: it is to end.
    `overran`: it was told to end for having run longer than so many seconds. `unstartable`: why it was given up.
    `stuck_since`: since when its container can't start. `held_up`: why, as its events tell it. `looking`: its record is
    being read.
    """

    step: StepKey
    number: int
    launched: float
    ready: float | None = None
    pod: PodView | None = None
    made: bool = False
    settled: bool = False
    stopping: StopReason | None = None
    overran: float | None = None
    unstartable: str | None = None
    stuck_since: float | None = None
    held_up: Stuck | None = None
    looking: bool = False
    timed: bool = False

    @property
    def name(self) -> Name:
        return self.step.digest, self.number

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left that could do something."""
        return self.settled and (not self.made or (self.pod is not None and self.pod.is_over))


class Attempts:
    """Attempts by name."""

    def __init__(self) -> None:
        self._all: dict[Name, Attempt] = {}

    def __iter__(self) -> Iterator[Attempt]:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def get(self, name: Name) -> Attempt | None:
        """The attempt of that name, if it is known."""
        return self._all.get(name)

    def add(self, attempt: Attempt) -> Attempt:
        """Take one in."""
        self._all[attempt.name] = attempt
        return attempt

    def forget(self, attempt: Attempt) -> None:
        """Let go of one that is over."""
        self._all.pop(attempt.name, None)

    def unsettled(self) -> list[Attempt]:
        """Those whose records are still to come."""
        return [one for one in self._all.values() if not one.settled]
