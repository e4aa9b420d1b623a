"""What an engine tells the core. Each carries the time at which it happened, in seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass

from kedge.core.ids import StepKey
from kedge.core.protocol import Outcome


@dataclass(frozen=True, slots=True)
class Begin:
    """The run starts, or is taken up again: then `since` says when it started first, from which its deadline counts."""

    at: float
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """An outcome record was read."""

    outcome: Outcome
    at: float


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt is gone and will leave no record: killed, evicted, deleted. `cause` says how."""

    step: StepKey
    attempt: int
    cause: str
    at: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""

    at: float


@dataclass(frozen=True, slots=True)
class Cancel:
    """A person wants the run to stop."""

    at: float


@dataclass(frozen=True, slots=True)
class Suspend:
    """Start nothing new; what runs may end."""

    at: float


@dataclass(frozen=True, slots=True)
class Resume:
    """Start again what is ready."""

    at: float


@dataclass(frozen=True, slots=True)
class Resize:
    """Another number of steps may be unfinished at once. None: as many as are ready."""

    max_concurrent: int | None
    at: float


Event = Begin | Ended | Lost | Tick | Cancel | Suspend | Resume | Resize
