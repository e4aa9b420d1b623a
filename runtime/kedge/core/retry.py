"""When a failed attempt is tried again, and after how long.

The delays are Dagster's (`dagster/_core/definitions/policy.py`): for a base delay d and retry n counted
from 1, constant d, linear n·d, exponential (2^n - 1)·d. Jitter needs no random source: `jitter_of` hashes
the run, the step and the attempt, so that a replay of the same events waits equally long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Any

from kedge.core.digests import hex_digest
from kedge.core.errors import DagsterInvalidDefinitionError, ProtocolError

if TYPE_CHECKING:
    from kedge.core.protocol import Failure


_MOST_DOUBLINGS = 64
"""Beyond any delay that makes sense, and short of what a float can hold."""


class Backoff(Enum):
    """How the delay grows from one retry to the next."""

    LINEAR = "LINEAR"
    EXPONENTIAL = "EXPONENTIAL"


class Jitter(Enum):
    """How the delay is spread: anywhere between none and all of it, or one base delay to either side."""

    FULL = "FULL"
    PLUS_MINUS = "PLUS_MINUS"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed op is tried again, and how long to wait before.

    `delay` is in seconds. Raises DagsterInvalidDefinitionError for a backoff or a jitter without a delay.
    """

    max_retries: int = 1
    delay: float | None = None
    backoff: Backoff | None = None
    jitter: Jitter | None = None

    def __post_init__(self) -> None:
        if isinstance(self.max_retries, bool) or not isinstance(self.max_retries, int) or self.max_retries < 0:
            raise DagsterInvalidDefinitionError(f"RetryPolicy: max_retries is {self.max_retries!r}; give 0 or more")
        if self.delay is not None and not 0 <= self.delay < inf:
            raise DagsterInvalidDefinitionError(f"RetryPolicy: delay is {self.delay!r}; give seconds, 0 or more")
        for name in ("backoff", "jitter"):
            if getattr(self, name) is not None and self.delay is None:
                raise DagsterInvalidDefinitionError(f"RetryPolicy: {name} changes a delay; give a delay with it")

    def calculate_delay(self, attempt_num: int) -> float:
        """Seconds to wait before retry number `attempt_num`, from 1, without jitter."""
        return delay_before(replace(self, jitter=None), attempt_num, 0.0)

    def to_json(self) -> dict[str, Any]:
        """The manifest's form, camelCase, without what was left out."""
        found: dict[str, Any] = {"maxRetries": self.max_retries}
        if self.delay is not None:
            found["delaySeconds"] = self.delay
        if self.backoff is not None:
            found["backoff"] = _camel(self.backoff.value)
        if self.jitter is not None:
            found["jitter"] = _camel(self.jitter.value)
        return found

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RetryPolicy:
        """Read the manifest's form. Raises ProtocolError for unknown names."""
        backoff, jitter = data.get("backoff"), data.get("jitter")
        try:
            return cls(
                data.get("maxRetries", 1),
                data.get("delaySeconds"),
                None if backoff is None else Backoff(_upper(backoff)),
                None if jitter is None else Jitter(_upper(jitter)),
            )
        except (TypeError, ValueError, DagsterInvalidDefinitionError) as error:
            raise ProtocolError(f"retryPolicy: {error}") from error


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _upper(name: str) -> str:
    return "".join(("_" + c if c.isupper() and i else c) for i, c in enumerate(name)).upper()


def delay_before(policy: RetryPolicy, retry: int, jitter: float) -> float:
    """Seconds to wait before retry number `retry` (from 1); `jitter` is in [0, 1)."""
    base = policy.delay or 0.0
    delay = base
    if policy.backoff is Backoff.LINEAR:
        delay = base * retry
    elif policy.backoff is Backoff.EXPONENTIAL:
        delay = base * (2.0 ** min(retry, _MOST_DOUBLINGS) - 1)
    if policy.jitter is Jitter.FULL:
        delay *= jitter
    elif policy.jitter is Jitter.PLUS_MINUS:
        delay += (2 * jitter - 1) * base
    return max(0.0, delay)


def jitter_of(run_id: str, step: str, attempt: int) -> float:
    """A number in [0, 1) that is spread evenly over steps and attempts, and always the same for the same one."""
    return int(hex_digest(f"{run_id}\0{step}\0{attempt}", 13), 16) / 16**13


def allows_retry(policy: RetryPolicy | None, failure: Failure, retries: int) -> bool:
    """Whether a failed attempt is followed by another, when `retries` were already made.

    A final failure never is; an op's own request counts by its own limit; otherwise the policy decides.
    """
    if not failure.retryable:
        return False
    if failure.request is not None:
        return retries < failure.request.max_retries
    return policy is not None and retries < policy.max_retries
