"""From nested graphs to the op graph: every op under its flat name, every source traced to the op that gives it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from kedge.core.errors import DagsterInvalidDefinitionError
from kedge.core.graph import Collect, Each, From, Map, OpGraph, OpNode, OutputRef, Source
from kedge.core.retry import RetryPolicy
from kedge.definitions.compose import FanInSource, InputSource, LocalSource, Node, NodeSource
from kedge.definitions.graph_content import GraphContent
from kedge.definitions.graphs import GraphDefinition
from kedge.definitions.ops import OpDefinition

_NONE: Mapping[str, Any] = {}
"""Shared by all that have none: a wide job holds thousands of them."""


@dataclass(frozen=True)
class RootInput:
    """An input of a graph that nothing feeds. `graph` is its flat name, "" for the job's own."""

    graph: str
    name: str

    def __str__(self) -> str:
        return f"input {self.name!r} of graph {self.graph}" if self.graph else f"input {self.name!r} of the job"


@dataclass(slots=True)
class FlatOp:
    """One op of a job under its flat name, with what was said about this use of it.

    `graphs` are the enclosing graphs, outermost first. `roots` names the graph input behind an unconnected input.
    """

    name: str
    definition: OpDefinition
    graphs: tuple[str, ...]
    inputs: Mapping[str, Source]
    roots: Mapping[str, RootInput]
    tags: Mapping[str, str]
    retry_policy: RetryPolicy | None
    hooks: AbstractSet[Any]


class FlatGraph(GraphDefinition):
    """A graph that is flat already: the ops of a manifest that name their own code."""

    def __init__(self, name: str, ops: dict[str, FlatOp]) -> None:
        super().__init__(name, content=GraphContent())
        self.ops = ops


@dataclass(frozen=True)
class _Place:
    """A graph within the job: its definition, its flat name, and where it stands itself."""

    graph: GraphDefinition
    path: tuple[str, ...]
    node: Node | None = None
    parent: _Place | None = None

    def flat(self, name: str) -> str:
        return ".".join((*self.path, name))


def flatten(graph: GraphDefinition) -> dict[str, FlatOp]:
    """All ops of a graph, in the order of their definition."""
    if isinstance(graph, FlatGraph):
        return graph.ops
    found: dict[str, FlatOp] = {}
    _visit(_Place(graph, ()), found, frozenset())
    return found


def graphs_in(graph: GraphDefinition, prefix: str = "") -> dict[str, GraphDefinition]:
    """The graphs inside a graph by flat name, outer ones first."""
    found: dict[str, GraphDefinition] = {}
    for node in graph.node_dict.values():
        if isinstance(node.definition, GraphDefinition):
            name = f"{prefix}{node.name}"
            found[name] = node.definition
            found.update(graphs_in(node.definition, f"{name}."))
    return found


def _visit(place: _Place, found: dict[str, FlatOp], hooks: AbstractSet[Any]) -> None:
    for node in place.graph.node_dict.values():
        if isinstance(node.definition, GraphDefinition):
            inner = _Place(node.definition, (*place.path, node.name), node, place)
            _visit(inner, found, hooks | node.hooks)
        else:
            flat = _flat_op(place, node, hooks)
            found[flat.name] = flat


def _flat_op(place: _Place, node: Node, hooks: AbstractSet[Any]) -> FlatOp:
    inputs: dict[str, Source] = {}
    roots: dict[str, RootInput] = {}
    for name, source in node.inputs.items():
        traced = _trace(place, source)
        if isinstance(traced, RootInput):
            roots[name] = traced
        else:
            inputs[name] = traced
    definition = node.definition
    policy = node.retry_policy or definition.retry_policy
    outer = _graph_tags(place)
    tags = {**outer, **node.tags} if outer else node.tags
    hooks = hooks | node.hooks if node.hooks else hooks
    return FlatOp(place.flat(node.name), definition, place.path, inputs or _NONE, roots or _NONE, tags, policy, hooks)


def _graph_tags(place: _Place) -> Mapping[str, str]:
    """Tags on the use of a nested graph hold for its ops."""
    if place.node is None or place.parent is None:
        return {}
    return {**_graph_tags(place.parent), **place.node.tags}


def _trace(place: _Place, source: LocalSource) -> Source | RootInput:
    """The source in terms of flat ops, or the input of a graph where the trace ends because nothing feeds it."""
    if isinstance(source, InputSource):
        outer = None if place.node is None else place.node.inputs.get(source.name)
        if outer is None or place.parent is None:
            return RootInput(".".join(place.path), source.name)
        return _trace(place.parent, outer)
    if isinstance(source, FanInSource):
        return Each(tuple(_member(place, one) for one in source.members))
    ref = _ref(place, source.node, source.output)
    if source.kind == "collect":
        return Collect(ref, source.levels)
    return Map(ref) if source.kind == "map" else From(ref)


def _member(place: _Place, source: NodeSource | InputSource) -> From | Map | Collect:
    traced = _trace(place, source)
    if isinstance(traced, From | Map | Collect):
        return traced
    raise DagsterInvalidDefinitionError(
        f"graph {place.graph.name}: a fan-in list holds {traced}; list outputs of ops or collected lists"
    )


def _ref(place: _Place, node: str, output: str) -> OutputRef:
    definition = place.graph.node_dict[node].definition
    if not isinstance(definition, GraphDefinition):
        return OutputRef(place.flat(node), output)
    source = definition.output_sources[output]
    return _ref(_Place(definition, (*place.path, node), place.graph.node_dict[node], place), source.node, source.output)


def to_op_graph(ops: Mapping[str, FlatOp], versions: Mapping[str, str], job_retry: RetryPolicy | None) -> OpGraph:
    """The op graph of a job. `versions` holds the code version of each op that is memoized."""
    return OpGraph(tuple(_to_node(op, versions.get(name), job_retry) for name, op in ops.items()))


def _to_node(op: FlatOp, version: str | None, job_retry: RetryPolicy | None) -> OpNode:
    definition = op.definition
    tags = op.tags
    if any(tag in tags for tag in POD_TAGS):
        tags = {key: value for key, value in tags.items() if key not in POD_TAGS}
    return OpNode(
        name=op.name,
        inputs=op.inputs,
        outputs=definition.output_specs,
        tags=tags,
        retry=op.retry_policy or job_retry,
        timeout=_timeout_of(op),
        pod=_pod_of(op),
        code_version=version,
    )


TIMEOUT_TAGS = ("kedge/timeout", "dagster/op_timeout")
POD_TAGS = ("kedge/pod", "dagster-k8s/config")
"""What an op says of its pod, the first over the second; in the op graph they are its `pod`, and no tags."""


def _timeout_of(op: FlatOp) -> float | None:
    text = next((op.tags[tag] for tag in TIMEOUT_TAGS if tag in op.tags), None)
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise DagsterInvalidDefinitionError(f"op {op.name}: tag kedge/timeout is {text!r}; give seconds") from None


def _pod_of(op: FlatOp) -> Mapping[str, Any] | None:
    if not any(tag in op.tags for tag in POD_TAGS):
        return None
    from kedge.definitions import pods  # most ops say nothing of their pods

    kedge, dagster = (op.tags.get(tag) for tag in POD_TAGS)
    return pods.pod_of_tags(kedge, dagster, f"op {op.name}")
