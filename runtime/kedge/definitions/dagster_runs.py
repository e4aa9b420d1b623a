"""A run as its steps and its readers see it: id, job, config, tags, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from kedge.core.document import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG
from kedge.core.graph import PARTITION_TAG


class DagsterRunStatus(Enum):
    """How a run stands. Kedge's runs are STARTED, and end as SUCCESS, FAILURE or CANCELED.

    Dagster's further ones are of runs that wait for a machine. A run whose engine is gone is STARTED until it is
    taken up again.
    """

    QUEUED = "QUEUED"
    NOT_STARTED = "NOT_STARTED"
    MANAGED = "MANAGED"
    STARTING = "STARTING"
    STARTED = "STARTED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"


def _new_run_id() -> str:
    import uuid  # runs mostly come with their id

    return str(uuid.uuid4())


_FINISHED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)


@dataclass(frozen=True)
class DagsterRun:
    """One run. `parent_run_id` and `root_run_id` say which runs it executes again; None for a first one."""

    job_name: str
    run_id: str = field(default_factory=_new_run_id)
    run_config: Mapping[str, Any] = field(default_factory=dict)
    op_selection: Sequence[str] | None = None
    step_keys_to_execute: Sequence[str] | None = None
    status: DagsterRunStatus = DagsterRunStatus.NOT_STARTED
    tags: Mapping[str, str] = field(default_factory=dict)
    root_run_id: str | None = None
    parent_run_id: str | None = None

    def __post_init__(self) -> None:
        for name, tag in (("parent_run_id", PARENT_RUN_ID_TAG), ("root_run_id", ROOT_RUN_ID_TAG)):
            if getattr(self, name) is None and tag in self.tags:
                object.__setattr__(self, name, self.tags[tag])

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in _FINISHED

    @property
    def is_success(self) -> bool:
        """Whether it ended and no step failed."""
        return self.status is DagsterRunStatus.SUCCESS

    @property
    def is_failure(self) -> bool:
        """Whether it ended because of a failure."""
        return self.status is DagsterRunStatus.FAILURE

    @property
    def is_failure_or_canceled(self) -> bool:
        """Whether it ended without success."""
        return self.status in (DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)

    @property
    def is_resume_retry(self) -> bool:
        """Whether it executes the failed steps of another run again."""
        return self.tags.get("dagster/is_resume_retry") == "true"

    @property
    def is_partitioned(self) -> bool:
        """Whether it runs for one partition."""
        return PARTITION_TAG in self.tags

    def get_parent_run_id(self) -> str | None:
        """The run that this one executes again."""
        return self.parent_run_id

    def get_root_run_id(self) -> str | None:
        """The first run of those that execute each other again."""
        return self.root_run_id

    def with_status(self, status: DagsterRunStatus) -> DagsterRun:
        """The same run with another status."""
        return replace(self, status=status)

    def with_tags(self, tags: Mapping[str, str]) -> DagsterRun:
        """The same run with other tags."""
        return replace(self, tags=dict(tags))
