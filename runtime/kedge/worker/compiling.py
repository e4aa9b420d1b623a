"""From an OpJob to its code and the document of a run, and from a job to the spec that `kedge compile` prints.

Called by the `kedge` command on a laptop and by plan pods in the user's image, which so come to the same spec.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kedge.core.document import PlanDocument
from kedge.core.selection import select_ops, subset
from kedge.definitions.jobs import JobDefinition
from kedge.worker.documents import executor_settings, narrowed
from kedge.worker.loading import job_of, load_job, run_config_of

if TYPE_CHECKING:
    from kedge.core.spec import OpJob, OpJobSpec

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A target, ready to be planned or run: the user's job and the document of a run of it."""

    job: JobDefinition
    document: PlanDocument


@dataclass(frozen=True, slots=True)
class Compiled:
    """An OpJob's spec with its ops, the digest of the job's graph, and the namespace that its executor names.

    There is no digest where the ops name their own code: no job's graph is there to be compared with.
    """

    spec: dict[str, Any]
    graph_digest: str | None
    namespace: str | None = None


def load_manifest(
    manifest: OpJob,
    run_config: Mapping[str, Any] = _NOTHING,
    selection: Sequence[str] = (),
    tags: Mapping[str, str] = _NOTHING,
) -> Loaded:
    """The code of an OpJob, and the document of a run of it; what is given besides goes over what it says itself.

    Raises KedgeError, saying what does not fit.
    """
    from kedge.core import spec

    if manifest.spec.ops is not None:
        graph = spec.graph_of(manifest.spec)
    else:
        assert manifest.spec.entrypoint is not None
        graph = load_job(manifest.spec.entrypoint).full_op_graph
    document = spec.document_of(manifest, graph, str(uuid.uuid4()))
    merged = {**document.run_config, **run_config}
    chosen = tuple(selection) or document.op_selection
    if chosen:
        graph = subset(graph, select_ops(graph, chosen))
    document = replace(document, graph=graph, run_config=merged, op_selection=chosen, tags={**document.tags, **tags})
    job = job_of(document)
    if manifest.spec.ops is None:
        document = replace(document, tags={**job.run_tags, **document.tags})
    return Loaded(job, _with_executor(job, _with_partition(job, document, manifest.spec), manifest.spec))


def _with_partition(job: JobDefinition, document: PlanDocument, spec: OpJobSpec) -> PlanDocument:
    """The config and tags of the partition, where the manifest names one and its job's code says more of it."""
    key = spec.partition_key
    if key is None or job.partitions_def is None:
        return document
    run_config = document.run_config or dict(job.get_run_config_for_partition_key(key))
    return replace(document, run_config=run_config, tags={**job.get_tags_for_partition_key(key), **document.tags})


def _with_executor(job: JobDefinition, document: PlanDocument, spec: OpJobSpec) -> PlanDocument:
    """What the executor asks for, where the manifest itself is silent."""
    asked = executor_settings(job, run_config_of(document))
    if "max_concurrent" in spec.model_fields_set:
        asked = replace(asked, max_concurrent=None)
    settings = narrowed(document.settings, asked)
    return replace(document, settings=settings, tag_limits=document.tag_limits or asked.tag_limits)


def compiled(loaded: Loaded, given: Mapping[str, Any], default: Mapping[str, Any] = _NOTHING) -> Compiled:
    """The spec of a loaded job with its ops: `default` where nobody else says so, then its executor, then `given`.

    Raises DagsterInvalidDefinitionError and DagsterInvalidConfigError for an executor that asks for what can't be.
    """
    from kedge.definitions import pods

    job, document = loaded.job, loaded.document
    asked = executor_settings(job, document.run_config)
    body = {**default, **pods.spec_of(asked), **given}
    by_hand = document.entrypoint is None  # its ops name their own code, which no job's graph tells
    ops = list(given["ops"]) if by_hand else job.full_op_graph.to_json()
    body["ops"] = pods.with_step_pods(ops, asked)
    if document.run_config:
        body["runConfig"] = dict(document.run_config)
    if document.tags:
        body["tags"] = dict(document.tags)
    if document.op_selection:
        body["opSelection"] = list(document.op_selection)
    return Compiled(body, None if by_hand else job.full_op_graph.digest, asked.k8s.get("job_namespace"))
