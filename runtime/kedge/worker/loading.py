"""From a plan document to the user's job, and to a Program: the same in every step process."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any

from kedge.core.document import PlanDocument
from kedge.core.errors import DagsterInvalidDefinitionError, ProtocolError
from kedge.core.graph import OpNode
from kedge.core.protocol import read_json
from kedge.definitions.flatten import FlatGraph, FlatOp
from kedge.definitions.graphs import GraphDefinition
from kedge.definitions.ins_outs import DynamicOut, Out
from kedge.definitions.io_managers import IOManager
from kedge.definitions.jobs import JobDefinition
from kedge.definitions.ops import OpDefinition
from kedge.worker.program import Program
from kedge.worker.targets import TargetError, load_object, ops_in


def load_job(target: str) -> JobDefinition:
    """The job that a target names; a graph is made a job, a function is called for one.

    Its arguments may follow as JSON: `module:function?{"args": [...], "kwargs": {...}, "path": FOLDER}`. Raises
    TargetError for anything else.
    """
    target, _, given = target.partition("?")
    arguments = _arguments(target, given)
    if "path" in arguments and arguments["path"] not in sys.path:
        sys.path.insert(0, arguments["path"])
    found = load_object(target)
    if inspect.isfunction(found):
        found = found(*arguments.get("args", ()), **arguments.get("kwargs", {}))
    if isinstance(found, GraphDefinition):
        found = found.to_job()
    if not isinstance(found, JobDefinition):
        raise TargetError(f"{target} is a {type(found).__name__}; give a job or a graph")
    return found


def _arguments(target: str, given: str) -> Mapping[str, Any]:
    """The arguments behind a target. Raises TargetError for what are none."""
    try:
        found = read_json(given, "its arguments") if given else {}
    except ProtocolError as error:
        raise TargetError(f"{target}: {error}") from error
    shapes = {"args": list, "kwargs": dict, "path": str}
    if not isinstance(found, dict) or not all(isinstance(found.get(key, kind()), kind) for key, kind in shapes.items()):
        raise TargetError(
            f"{target}: what follows its question mark is no {{args: [...], kwargs: {{...}}, path: FOLDER}}"
        )
    return found


def job_of(document: PlanDocument) -> JobDefinition:
    """The job that a document runs. Raises ProtocolError when the code's graph is not the document's."""
    if document.entrypoint is None:
        return _job_of_ops(document)
    job = load_job(document.entrypoint)
    digest = job.full_op_graph.digest
    if document.graph_digest is not None and digest != document.graph_digest:
        raise ProtocolError(
            f"{document.entrypoint} has another graph ({digest}) here than when the run was planned "
            f"({document.graph_digest}): the code has changed. Compile and start the job again"
        )
    return job.with_changes(op_selection=list(document.op_selection)) if document.op_selection else job


def program_of(document: PlanDocument, default_io: IOManager, job: JobDefinition | None = None) -> Program:
    """All ops of the document's run, bound. Raises DagsterInvalidConfigError for a config that does not fit."""
    job = job or job_of(document)
    config = job.resolve_config(run_config_of(document), check_executor=False)
    return Program(job, config, document.run_id, document.tags, default_io, document.graph, document.settings)


def run_config_of(document: PlanDocument) -> Mapping[str, Any]:
    """The document's run config; an op's own `config` in the graph stands where the run config gives none."""
    entries = document.run_config.get("ops") or {}
    if not isinstance(entries, Mapping):
        return document.run_config  # to be refused
    entries = dict(entries)
    for op in document.graph:
        if op.config is not None:
            _set_default(entries, op.name.split("."), op.config)
    return {**document.run_config, "ops": entries} if entries else document.run_config


def _set_default(entries: dict[str, Any], path: list[str], config: Any) -> None:
    given = entries.get(path[0]) or {}
    inner = given.get("ops") or {} if isinstance(given, Mapping) else None
    if not isinstance(inner, Mapping):
        return  # to be refused
    entry = entries[path[0]] = dict(given)
    if len(path) > 1:
        entry["ops"] = dict(inner)
        _set_default(entry["ops"], path[1:], config)
    else:
        entry.setdefault("config", config)


def _job_of_ops(document: PlanDocument) -> JobDefinition:
    """A job out of ops that each name their own code, as a hand-written manifest does."""
    resources = {}
    config: dict[str, Any] = {}
    for key, one in document.resources.items():
        found = load_object(one["entrypoint"])
        resources[key] = found() if isinstance(found, type) and "config" not in one else _at_launch(found)
        if "config" in one:
            config[key] = {"config": one["config"]}
    ops = {node.name: _flat_op(node) for node in document.graph}
    name = "".join(c if c.isalnum() else "_" for c in document.job)
    job = JobDefinition(graph_def=FlatGraph(name, ops), resource_defs=resources)
    return job.with_changes(config={"resources": config}) if config else job


def _at_launch(found: Any) -> Any:
    return found.configure_at_launch() if hasattr(found, "configure_at_launch") else found


def _flat_op(node: OpNode) -> FlatOp:
    if node.entrypoint is None:
        raise DagsterInvalidDefinitionError(
            f"op {node.name}: the manifest names no code; give spec.entrypoint for the job, or an entrypoint for the op"
        )
    found = load_object(node.entrypoint, ops_in)
    definition = found if isinstance(found, OpDefinition) else _op_of_function(node, found)
    for name in node.inputs:
        if name not in definition.inputs:
            known = ", ".join(definition.inputs) or "none"
            raise DagsterInvalidDefinitionError(
                f"op {node.name}: {node.entrypoint} has no input {name!r}; it has {known}"
            )
    for output in node.outputs:
        own = definition.outputs.get(output.name)
        if own is None or own.is_dynamic != output.dynamic:
            raise DagsterInvalidDefinitionError(
                f"op {node.name}: the manifest's output {output.name!r} is not as {node.entrypoint} declares it"
            )
    return FlatOp(
        node.name,
        definition,
        tuple(node.name.split(".")[:-1]),
        dict(node.inputs),
        {},
        node.tags,
        node.retry,
        frozenset(),
    )


def _op_of_function(node: OpNode, found: Any) -> OpDefinition:
    """A plain function becomes an op with the outputs that the manifest gives it."""
    if not callable(found):
        raise TargetError(f"op {node.name}: {node.entrypoint} is a {type(found).__name__}; give an op or a function")
    outs = {
        output.name: (DynamicOut if output.dynamic else Out)(is_required=output.required) for output in node.outputs
    }
    schema = None if node.config is None else dict
    name = node.name.rpartition(".")[2]
    return OpDefinition(found, name, outs=outs, config_schema=None if _has_config(found) else schema)


def _has_config(fn: Any) -> bool:
    return "config" in inspect.signature(fn).parameters
