"""TARGET: `package.module:attribute`, `path/to/file.py:attribute`, or a manifest `job.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from kedge.core.errors import ProtocolError
from kedge.core.graph import OpGraph
from kedge.core.selection import select_ops, subset
from kedge.worker.compiling import Loaded, load_manifest
from kedge.worker.documents import document_of
from kedge.worker.loading import load_job


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
    return Loaded(job, document_of(job, _absolute(target), run_config, None, tags, partition))


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
    return load_manifest(manifest, run_config, selection, tags)


def read_manifest(path: str) -> Any:
    """The manifest in a file. Raises ProtocolError for a file that can't be read or holds no single document."""
    from kedge.definitions import yaml_data

    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise click.UsageError(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path} can't be read: {error}") from error
    documents = yaml_data.documents(text, path)
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
