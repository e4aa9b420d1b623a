"""What one run is told besides its graph. Apart from `run`, so that a worker can read a plan without the engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kedge.core.retry import RetryPolicy, allows_retry

if TYPE_CHECKING:
    from kedge.core.protocol import Failure


class Retain(StrEnum):
    """How long values are kept: for good, until their readers are done, or until the run has ended well."""

    ALWAYS = "Always"
    UNTIL_CONSUMED = "UntilConsumed"
    UNTIL_FINISHED = "UntilFinished"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What one run is told besides its graph. `deadline` is in seconds since the run began.

    `cache` False: memoized steps run all the same. `retries` False: no failed step is tried again, whatever its
    policy says. `allow_pickle` False: a value that only pickle can store is refused, by its writer and by readers.
    """

    run_id: str = "run"
    max_concurrent: int | None = 10
    fail_fast: bool = False
    retry: RetryPolicy | None = None
    infrastructure_retries: int = 3
    deadline: float | None = None
    retain: Retain = Retain.ALWAYS
    cache: bool = True
    retries: bool = True
    allow_pickle: bool = True

    def allows_retry(self, policy: RetryPolicy | None, failure: Failure, retries: int) -> bool:
        """Whether a failed attempt of an op with this policy is followed by another, when `retries` were made."""
        return self.retries and allows_retry(policy or self.retry, failure, retries)
