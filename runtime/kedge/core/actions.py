"""What the core asks an engine to do. Engines carry actions out; they never decide."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kedge.core.ids import StepKey
from kedge.core.protocol import SourceRef


class RunStatus(StrEnum):
    """Where a run stands. The last three are final."""

    RUNNING = "Running"
    SUSPENDED = "Suspended"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


class StopReason(StrEnum):
    """Why an attempt is to be stopped before its end."""

    CANCELLED = "Cancelled"
    FAIL_FAST = "FailFast"
    DEADLINE = "DeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Start:
    """Start this attempt. `retries` counts the retries that the op itself caused (`context.retry_number`)."""

    step: StepKey
    attempt: int
    retries: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop this attempt, gently first; then report it as lost."""

    step: StepKey
    attempt: int
    reason: StopReason


@dataclass(frozen=True, slots=True)
class Discard:
    """These values have been consumed and may be deleted."""

    values: tuple[SourceRef, ...]


@dataclass(frozen=True, slots=True)
class Wake:
    """Send a Tick at this time (seconds since the epoch): a delayed retry or a deadline is due then."""

    at: float


@dataclass(frozen=True, slots=True)
class Finish:
    """The run has ended: nothing is running, nothing will be started."""

    status: RunStatus


Action = Start | Stop | Discard | Wake | Finish
