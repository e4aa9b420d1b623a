"""What the charts draw, as plain data. Commands fill it in from a run's outcomes; the charts do not know whence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["succeeded", "failed", "lost", "skipped", "cancelled", "cached", "running"]
NodeKind = Literal["op", "dynamic", "mapped"]
EdgeKind = Literal["from", "map", "collect", "each", "after"]


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt of one step. Times are seconds since the epoch; None means it did not happen (or not yet)."""

    step: str
    op: str
    attempt: int
    state: State
    ready: float | None
    launched: float | None
    entered: float | None
    left: float | None
    ended: float | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One run: its attempts in plan order, and when it began and ended (None: still going)."""

    title: str
    spans: tuple[Span, ...]
    started: float
    ended: float | None
    subtitle: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One op of a graph. `graph` is the path of the nested graph around it, `outer.inner`, or empty."""

    name: str
    kind: NodeKind
    note: str = ""
    graph: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A dependency between two nodes, by name."""

    source: str
    target: str
    kind: EdgeKind
    label: str = ""


@dataclass(frozen=True, slots=True)
class GraphPicture:
    """A graph of ops and their dependencies."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
