"""From an op graph to the picture that `kedge graph` draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from kedge.cli.charts.model import Edge, GraphPicture, Node
from kedge.core.graph import Collect, Each, Map, OpGraph, OpNode, Source, Value
from kedge.core.plan import build


def picture_of(title: str, graph: OpGraph) -> GraphPicture:
    """Nodes and edges of a graph. Raises PlanError for one that can't be planned."""
    depths = {node.name: node.depth for node in build(graph).nodes}
    nodes = tuple(_node(op, depths[op.name]) for op in graph)
    return GraphPicture(title, nodes, tuple(edge for op in graph for edge in _edges(op)))


def _node(op: OpNode, depth: int) -> Node:
    dynamic = any(output.dynamic for output in op.outputs)
    kind: Literal["op", "dynamic", "mapped"] = "mapped" if depth else "dynamic" if dynamic else "op"
    priority = op.priority
    return Node(op.name, kind, f"priority {priority}" if priority else "", op.name.rpartition(".")[0])


def _edges(op: OpNode) -> Iterator[Edge]:
    for name, source in op.inputs.items():
        if isinstance(source, Each):
            for member in source.members:
                yield Edge(member.ref.op, op.name, "each", name)
        elif not isinstance(source, Value):
            yield Edge(source.ref.op, op.name, _kind(source), name)
    for before in op.after:
        yield Edge(before, op.name, "after")


def _kind(source: Source) -> Literal["from", "map", "collect"]:
    if isinstance(source, Map):
        return "map"
    return "collect" if isinstance(source, Collect) else "from"
