"""TARGET: `package.module:attribute`, `path/to/file.py:attribute`, or a manifest `job.yaml`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kedge.core.document import PlanDocument
from kedge.core.errors import ProtocolError
from kedge.core.graph import OpGraph
from kedge.core.selection import select_ops, subset
from kedge.definitions.jobs import JobDefinition
from kedge.local import runs
from kedge.worker.loading import job_of, load_job, run_config_of

if TYPE_CHECKING:
    from kedge.core.spec import OpJobSpec


@dataclass(frozen=True, slots=True)
class Loaded:
    """A target, ready to be planned or run: the user's job and the document of a run of it."""

    job: JobDefinition
    document: PlanDocument


def is_manifest(target: str) -> bool:
    """Whether a target is a file with an OpJob, not Python."""
    return target.endswith((".yaml", ".yml", ".json"))


def load(
    target: str,
    run_config: Mapping[str, Any] | None = None,
    selection: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    partition: str | None = None,
) -> Loaded:
    """Load a target and check its config. Raises KedgeError, saying what does not fit."""
    if is_manifest(target):
        return _load_manifest(target, run_config or {}, selection, tags or {}, partition)
    return _load_python(target, run_config or {}, selection, tags or {}, partition)


def _load_python(
    target: str, run_config: Mapping[str, Any], selection: Sequence[str], tags: Mapping[str, str], partition: str | None
) -> Loaded:
    job = load_job(target)
    if selection:
        job = job.get_subset(list(selection))
    return Loaded(job, runs.document_of(job, _absolute(target), run_config, None, tags, partition))


def _absolute(target: str) -> str:
    """A file target by its whole path: a resume or retry may come from another folder."""
    path, separator, attribute = target.rpartition(":")
    return f"{Path(path).resolve()}{separator}{attribute}" if path.endswith(".py") else target


def _load_manifest(
    path: str, run_config: Mapping[str, Any], selection: Sequence[str], tags: Mapping[str, str], partition: str | None
) -> Loaded:
    from kedge.core import spec

    manifest = spec.parse(read_manifest(path))
    if partition is not None:
        manifest.spec.partition_key = partition
    entrypoint = manifest.spec.entrypoint
    if manifest.spec.ops is not None:
        graph = spec.graph_of(manifest.spec)
    else:
        assert entrypoint is not None
        graph = load_job(entrypoint).full_op_graph
    document = spec.document_of(manifest, graph, str(uuid.uuid4()))
    merged = {**document.run_config, **run_config}
    chosen = tuple(selection) or document.op_selection
    if chosen:
        graph = subset(graph, select_ops(graph, chosen))
    document = replace(document, graph=graph, run_config=merged, op_selection=chosen, tags={**document.tags, **tags})
    job = job_of(document)
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
    asked = runs.executor_settings(job, run_config_of(document))
    if "max_concurrent" in spec.model_fields_set:
        asked = replace(asked, max_concurrent=None)
    settings = runs.narrowed(document.settings, asked)
    return replace(document, settings=settings, tag_limits=document.tag_limits or asked.tag_limits)


def read_manifest(path: str) -> Any:
    """The manifest in a file. Raises ProtocolError for a file that can't be read or holds no single document."""
    import yaml

    try:
        documents = [one for one in yaml.safe_load_all(Path(path).read_text(encoding="utf-8")) if one is not None]
    except FileNotFoundError:
        raise click.UsageError(f"there is no file {path}") from None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path} can't be read: {error}") from error
    if len(documents) != 1:
        raise ProtocolError(f"{path} holds {len(documents)} documents; give one OpJob")
    return documents[0]


def load_graph(target: str, selection: Sequence[str] = ()) -> tuple[str, OpGraph]:
    """A target's name and op graph; no config is needed for that."""
    if is_manifest(target):
        from kedge.core import spec

        manifest = spec.parse(read_manifest(target))
        if manifest.spec.ops is not None:
            graph = spec.graph_of(manifest.spec)
            return manifest.name, subset(graph, select_ops(graph, selection))
        assert manifest.spec.entrypoint is not None
        target = manifest.spec.entrypoint
    job = load_job(target)
    return job.name, subset(job.full_op_graph, select_ops(job.full_op_graph, selection))
