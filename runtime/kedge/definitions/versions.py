"""Version strategies: what turns memoization on for a job, and says when the code of an op has changed.

A job with a `version_strategy` is memoized: a step whose code, config and input versions match an earlier success
takes over its outputs and does not run. Dagster had this for ops and dropped it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kedge.core.digests import hex_digest
from kedge.core.errors import DagsterInvalidDefinitionError

if TYPE_CHECKING:
    from kedge.definitions.flatten import FlatOp
    from kedge.definitions.jobs import JobDefinition


class OpVersionContext(NamedTuple):
    """What a strategy is asked about: an op, and the config that the job itself gives it (None without)."""

    op_def: Any
    op_config: Any


class ResourceVersionContext(NamedTuple):
    """What a strategy is asked about: a resource, and the config that the job itself gives it (None without)."""

    resource_def: Any
    resource_config: Any


class VersionStrategy:
    """Says the version of each op: its `code_version`. Override to say it otherwise.

    A version is any text without blanks at its ends; None leaves the op out, so that its steps always run. What the run
    config gives to an op, and the values that it reads, need no version: they are compared as they are.
    """

    def get_op_version(self, context: OpVersionContext) -> str | None:
        """The version of an op's code."""
        version: str | None = context.op_def.code_version
        return version

    def get_resource_version(self, context: ResourceVersionContext) -> str | None:
        """The version of a resource that ops use; None: a change of it is no reason to run them again."""
        return None


class SourceHashVersionStrategy(VersionStrategy):
    """An op's version is its `code_version`, or else a digest of the source of its function; the same for resources.

    Code that the function calls is not part of it.
    """

    def get_op_version(self, context: OpVersionContext) -> str | None:
        return context.op_def.code_version or source_digest(context.op_def.compute_fn)

    def get_resource_version(self, context: ResourceVersionContext) -> str | None:
        definition = context.resource_def
        model = getattr(definition, "model", None)
        if model is not None:
            return source_digest(model if isinstance(model, type) else type(model))
        return definition.version or source_digest(definition.resource_fn)


def source_digest(code: Any) -> str | None:
    """A digest of the source of a function or class; None where it has none, as in a shell."""
    try:
        return hex_digest(inspect.getsource(inspect.unwrap(code)), 32)
    except (OSError, TypeError):
        return None


def check_strategy(job: str, found: Any) -> VersionStrategy | None:
    """`version_strategy` of a job. Raises DagsterInvalidDefinitionError for what is none."""
    if found is not None and not callable(getattr(found, "get_op_version", None)):
        raise DagsterInvalidDefinitionError(
            f"job {job}: version_strategy is {found!r}; give a VersionStrategy such as SourceHashVersionStrategy()"
        )
    strategy: VersionStrategy | None = found
    return strategy


def versions_of(job: JobDefinition) -> dict[str, str]:
    """The code version of each op of a memoized job, by flat name: the strategy's word on it and on its resources,
    with what the job's own code gives the op besides: config, values of inputs, functions that map config."""
    strategy = job.version_strategy
    if strategy is None:
        return {}
    shared = _of_job(job)
    resources = {key: _of_resource(job, strategy, key) for key in job.resource_defs}
    found = {}
    for op in job.all_ops.values():
        own = strategy.get_op_version(OpVersionContext(op.definition, _own_config(job, op)))
        _check(own, f"op {op.name}")
        used = {key: resources[key] for key in sorted(job.keys_of(op)) if resources.get(key) is not None}
        if own is not None:
            parts = [part for part in (used, shared) if part]
            found[op.name] = own if not parts else hex_digest(json.dumps([own, *parts], sort_keys=True), 32)
    return found


def _of_job(job: JobDefinition) -> dict[str, Any]:
    """What the job's code says to its ops. Raises DagsterInvalidDefinitionError for what JSON can't hold."""
    from kedge.definitions.flatten import graphs_in

    mappings = [graph.config_mapping for graph in (job.graph, *graphs_in(job.graph).values()) if graph.config_mapping]
    if job.config_mapping is not None:
        mappings.append(job.config_mapping)
    found = {
        "config": job.run_config,
        "inputs": job.input_values,
        "mappings": [source_digest(mapping.config_fn) for mapping in mappings],
    }
    kept = {name: part for name, part in found.items() if part}
    try:
        json.dumps(kept)
    except (TypeError, ValueError) as error:
        raise DagsterInvalidDefinitionError(
            f"job {job.name} is memoized, so its own config and input values have to be JSON: {error}"
        ) from error
    return kept


def _own_config(job: JobDefinition, op: FlatOp) -> Any:
    entry: Any = {"ops": (job.run_config or {}).get("ops")}
    for name in op.name.split("."):
        inside = entry.get("ops") if isinstance(entry, Mapping) else None
        entry = inside.get(name) if isinstance(inside, Mapping) else None
    return entry.get("config") if isinstance(entry, Mapping) else None


def _of_resource(job: JobDefinition, strategy: VersionStrategy, key: str) -> str | None:
    entry = ((job.run_config or {}).get("resources") or {}).get(key)
    config = entry.get("config") if isinstance(entry, Mapping) else None
    version = strategy.get_resource_version(ResourceVersionContext(job.resource_defs[key], config))
    _check(version, f"resource {key}")
    model = getattr(job.resource_defs[key], "model", None)
    if version is None or model is None or isinstance(model, type):
        return version
    return hex_digest(json.dumps([version, model.config_values()], sort_keys=True, default=str), 32)


def _check(version: Any, what: str) -> None:
    if version is not None and (not isinstance(version, str) or version != version.strip() or not version):
        raise DagsterInvalidDefinitionError(f"{what}: its version is {version!r}; give text without blanks at its ends")
