"""What an OpJob says of its run: pydantic models of the status, the source of the CRD's.

The operator writes it, people and `kubectl wait` read it, and nothing decides by it: all of it can be derived again.
Times are text, RFC 3339 in UTC with a Z, because the core knows no clock.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from kedge.core.spec import MAX_OPS, Model

FAILED_KEYS_SHOWN: Final = 20
MAX_MESSAGE: Final = 32_768
"""Characters, as in Kubernetes' own conditions."""

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Count = Annotated[int, Field(ge=0)]
Message = Annotated[str, Field(max_length=MAX_MESSAGE)]
Reason = Annotated[str, Field(pattern=r"^([A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?)?$", max_length=1_024)]


class Phase(StrEnum):
    """Where a run stands, in a word; conditions say more."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self in (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)


class Condition(Model):
    """One observation of the run's state, by Kubernetes' conventions."""

    type: str = Field(
        pattern=r"^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
        max_length=316,
        description="Planned, Suspended, Complete or Failed.",
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: Reason = Field(description="Why, as one word in CamelCase.")
    message: Message = Field(description="Why, for people; may be empty.")
    last_transition_time: Time = Field(description="When the status last changed.")
    observed_generation: Count | None = Field(None, description="The metadata.generation that this is about.")


class StoredAt(Model):
    """Where the run's records are."""

    url: Annotated[str, Field(max_length=1_000)] = Field(description="The store's URL.")
    path: Annotated[str, Field(max_length=1_000)] = Field(description="The run's place in it, relative to the URL.")


class StepCounts(Model):
    """How many steps are in which state. The total grows as fan-outs become known."""

    total: Count = Field(0, description="Steps that are known.")
    waiting: Count = Field(0, description="Steps that have not begun, or wait to be tried again.")
    running: Count = Field(0, description="Steps with an attempt under way.")
    succeeded: Count = Field(
        0, description="Steps that ended well; those taken over from an earlier run are cached, too."
    )
    failed: Count = Field(0, description="Steps that ended badly.")
    skipped: Count = Field(0, description="Steps that did not run: what they read was not given, or had failed.")
    cancelled: Count = Field(0, description="Steps that did not run because the run was stopped.")
    cached: Count = Field(0, description="Succeeded steps whose outputs were taken over from an earlier run.")
    retries: Count = Field(0, description="Attempts after the first ones, of all steps together.")


class OpStatus(Model):
    """One op: its step, or all of its clones together."""

    name: Annotated[str, Field(max_length=200)] = Field(description="The op's name in spec.ops.")
    steps: Count = Field(0, description="Steps that are known.")
    running: Count = Field(0, description="Steps with an attempt under way.")
    succeeded: Count = Field(0, description="Steps that ended well.")
    failed: Count = Field(0, description="Steps that ended badly.")
    skipped: Count = Field(0, description="Steps that did not run.")
    failed_keys: list[Annotated[str, Field(max_length=1_000)]] = Field(
        default_factory=list,
        max_length=FAILED_KEYS_SHOWN,
        description=f"The first {FAILED_KEYS_SHOWN} steps that failed, by their keys.",
    )
    message: Message | None = Field(None, description="What the first failed step said.")


class OpJobStatus(Model):
    """How the run stands, as the operator saw it last."""

    phase: Phase | None = Field(None, description="Where the run stands, in a word.")
    reason: Reason | None = Field(None, description="Why it stands there, as one word in CamelCase.")
    message: Message | None = Field(None, description="Why it stands there, for people.")
    progress: Annotated[str, Field(pattern=r"^[0-9]+/[0-9]+$", max_length=50)] | None = Field(
        None, description="Steps that have ended of those that are known, as 12/40."
    )
    observed_generation: Count | None = Field(None, description="The metadata.generation that this is about.")
    start_time: Time | None = Field(None, description="When the operator took the run up.")
    completion_time: Time | None = Field(None, description="When the run ended, well or not.")
    conditions: list[Condition] = Field(
        default_factory=list, max_length=32, description="Planned, Suspended, Complete, Failed."
    )
    store: StoredAt | None = Field(None, description="Where the run's records, values and logs are.")
    steps: StepCounts | None = Field(None, description="Steps by state.")
    ops: list[OpStatus] = Field(
        default_factory=list, max_length=MAX_OPS, description="Each op, in the order of the graph."
    )
