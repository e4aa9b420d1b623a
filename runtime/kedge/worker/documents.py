"""From a job to the plan document of a run of it, with what the job's executor asks for.

Called by the local engines and by `compiling`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kedge.core.document import PlanDocument
from kedge.core.errors import KedgeError
from kedge.core.settings import RunSettings
from kedge.definitions.executors import ExecutorSettings
from kedge.definitions.jobs import JobDefinition
from kedge.definitions.run_config import plain_run_config


def document_of(
    job: JobDefinition,
    entrypoint: str,
    run_config: Mapping[str, Any] | None = None,
    settings: RunSettings | None = None,
    tags: Mapping[str, str] | None = None,
    partition_key: str | None = None,
) -> PlanDocument:
    """The plan document of a new run of a job, for one of its partitions if it has any.

    `settings` where given beat what the job's executor asks for. Raises DagsterInvalidConfigError for a config that
    does not fit, and DagsterUnknownPartitionError for a partition that the job does not have.
    """
    run_id = str(uuid.uuid4())
    all_tags = {**job.run_tags, **(tags or {})}
    if partition_key is not None:
        run_config = run_config or job.get_run_config_for_partition_key(partition_key)
        all_tags = {**job.run_tags, **job.get_tags_for_partition_key(partition_key), **(tags or {})}
    plain = _plain(job, run_config)
    asked = executor_settings(job, plain)
    return PlanDocument(
        run_id,
        job.name,
        job.op_graph,
        entrypoint,
        job.full_op_graph.digest,
        plain,
        tags=all_tags,
        op_selection=tuple(job.op_selection),
        settings=replace(settings or narrowed(RunSettings(), asked), run_id=run_id),
        tag_limits=asked.tag_limits,
    )


def executor_settings(job: JobDefinition, run_config: Mapping[str, Any]) -> ExecutorSettings:
    """What a job's executor asks for with this run config. Raises DagsterInvalidConfigError when it does not fit."""
    resolved = job.resolve_config(run_config)
    if resolved.execution is None and not job.has_specified_executor:
        return ExecutorSettings()
    settings: ExecutorSettings = job.executor_def.settings(resolved.execution)
    return settings


def narrowed(settings: RunSettings, asked: ExecutorSettings) -> RunSettings:
    """Settings with what an executor asks for."""
    found = settings if asked.max_concurrent is None else replace(settings, max_concurrent=asked.max_concurrent)
    return found if asked.retries else replace(found, retries=False)


def _plain(job: JobDefinition, run_config: Mapping[str, Any] | None) -> dict[str, Any]:
    """The run config as plain data; the job's own config comes with its code."""
    given = dict(plain_run_config(run_config))
    try:
        json.dumps(given)
    except (TypeError, ValueError) as error:
        raise KedgeError(f"the run config of {job.name} has values that are not JSON: {error}") from error
    return given
