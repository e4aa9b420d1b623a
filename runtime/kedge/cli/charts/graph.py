"""The dependency graph of a job, from left to right, on a page of its own. igraph lays it out, Plotly draws it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kedge.cli.charts.bars import FONT
from kedge.cli.charts.document import chart, document, heading
from kedge.cli.charts.labels import safe, shorten
from kedge.cli.charts.model import Edge, EdgeKind, GraphPicture, Node, NodeKind

_LONGEST = 26  # characters of a name before it is shortened
_HEAD = 11  # pixels: an arrowhead
_GAP = 84  # pixels between two layers
_LANE = 86  # pixels from one node to the next in a layer
_HALF = 24  # pixels: half a node's height

NODES: Mapping[NodeKind, tuple[str, str]] = {
    "op": ("#7d8798", "op"),
    "dynamic": ("#d08a2e", "dynamic: yields a number of outputs known only when it has run"),
    "mapped": ("#4f86af", "mapped: one clone for each of them"),
}
EDGES: Mapping[EdgeKind, tuple[str, str, float, str]] = {
    "from": ("#7d8798", "solid", 1.6, "value"),
    "map": ("#d08a2e", "solid", 3.0, "map: fans out"),
    "each": ("#4f86af", "solid", 1.6, "each: clone to clone"),
    "collect": ("#34a07a", "solid", 3.0, "collect: fans in"),
    "after": ("#7d8798", "dot", 1.6, "after: order only"),
}

_CLICKS = ("itemclick", "itemdoubleclick")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything stands, in pixels: x to the right, y downwards."""

    nodes: Mapping[str, Point]
    bends: tuple[tuple[Point, ...], ...]  # of each edge: the points it passes between its ends
    width: float  # of a node


def graph_html(picture: GraphPicture) -> str:
    """A self-contained page with every op as a box and every dependency as an arrow, its kind told by colour and line.

    Ops of a nested graph carry its name, and a shade lies behind them where no other op stands between.
    """
    count = f"{len(picture.nodes):,} ops, {len(picture.edges):,} dependencies"
    body = f'<div class="card graph">{chart(_figure(picture), "graph")}</div>' if picture.nodes else ""
    return document(picture.title, heading(picture.title, count) + body)


def place(picture: GraphPicture) -> Places:
    """Lay the graph out in layers, left to right (Sugiyama's method turned on its side)."""
    import igraph

    names = [node.name for node in picture.nodes]
    index = {name: number for number, name in enumerate(names)}
    graph = igraph.Graph(len(names), [(index[e.source], index[e.target]) for e in picture.edges], directed=True)
    layout = graph.layout_sugiyama(hgap=1, vgap=1, maxiter=200)
    width = 34 + 7.2 * max((len(line) for node in picture.nodes for line in _lines(node)), default=0)

    def pixels(point: Sequence[float]) -> Point:
        return point[1] * (width + _GAP), point[0] * _LANE

    bends = tuple(tuple(pixels(point) for point in points) for points in layout.edge_routing)
    return Places({name: pixels(layout[number]) for name, number in index.items()}, bends, width)


def _lines(node: Node) -> tuple[str, ...]:
    """The text of a node: its name, and below it whatever is worth a quiet word."""
    quiet = " · ".join(part for part in (node.graph and f"in {node.graph}", node.note) if part)
    own = node.name.removeprefix(f"{node.graph}.") if node.graph else node.name
    return tuple(shorten(text, _LONGEST) for text in (own, quiet) if text)


def _figure(picture: GraphPicture) -> Any:
    import plotly.graph_objects as go

    places = place(picture)
    figure = go.Figure([_heads(picture.edges, places), *_legend(picture), _hovers(picture.nodes, places)])
    figure.update_layout(
        annotations=[*(_box(node, places) for node in picture.nodes), *_words(picture.edges, places)],
        shapes=[*_shades(picture.nodes, places), *_lines_of(picture.edges, places)],
        **_layout(places),
    )
    return figure


def _layout(places: Places) -> dict[str, Any]:
    """Axes on which one unit is one pixel, so that boxes and arrows meet."""
    xs, ys = zip(*places.nodes.values(), *(bend for bends in places.bends for bend in bends), strict=True)
    left, right = min(xs) - places.width / 2 - 24, max(xs) + places.width / 2 + 24
    top, bottom = min(ys) - _HALF - 34, max(ys) + _HALF + 26
    hidden = {"visible": False, "fixedrange": False}
    return {
        "width": max(right - left, 720) + 24,
        "height": bottom - top + 44,
        "margin": {"l": 12, "r": 12, "t": 36, "b": 8},
        "xaxis": {"range": [left, left + max(right - left, 720)], **hidden},
        "yaxis": {"range": [bottom, top], **hidden},
        "font": {"family": FONT, "size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": "pan",
        "hoverlabel": {"bgcolor": "#22262e", "bordercolor": "#22262e", "align": "left", "font": {"color": "#f4f5f7"}},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", **dict.fromkeys(_CLICKS, False)},
    }


def _lines_of(edges: Sequence[Edge], places: Places) -> Iterable[dict[str, Any]]:
    """The edges as curves behind the boxes."""
    for edge, bends in zip(edges, places.bends, strict=True):
        colour, dash, width, _ = EDGES[edge.kind]
        path = curve(route(places.nodes[edge.source], bends, places.nodes[edge.target], places.width))
        yield {"type": "path", "path": path, "layer": "below", "line": {"color": colour, "dash": dash, "width": width}}


def _heads(edges: Sequence[Edge], places: Places) -> Any:
    """The arrowheads; they answer the pointer with what the edge is."""
    import plotly.graph_objects as go

    ends = [places.nodes[edge.target] for edge in edges]
    texts = [f"{safe(e.source)} → {safe(e.target)}<br>{EDGES[e.kind][3]} {safe(e.label)}" for e in edges]
    return go.Scatter(
        x=[x - places.width / 2 - _HEAD / 2 for x, _ in ends],
        y=[y for _, y in ends],
        mode="markers",
        marker={"symbol": "triangle-right", "size": _HEAD, "opacity": 1, "color": [EDGES[e.kind][0] for e in edges]},
        hoverinfo="text",
        hovertext=texts,
        showlegend=False,
    )


def route(source: Point, bends: Iterable[Point], target: Point, width: float) -> list[Point]:
    """Where an edge passes: out of one box's right side, along each bend's lane, into the other box's left."""
    passing = [(x + side, y) for x, y in bends for side in (-width / 2, width / 2)]
    return [(source[0] + width / 2, source[1]), *passing, (target[0] - width / 2 - _HEAD, target[1])]


def curve(points: Sequence[Point]) -> str:
    """An SVG path through the points that is level at each of them."""
    path = [f"M{points[0][0]:.1f},{points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (x0 + x1) / 2
        path.append(f"C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}")
    return " ".join(path)


def _box(node: Node, places: Places) -> dict[str, Any]:
    x, y = places.nodes[node.name]
    name, *quiet = (safe(line) for line in _lines(node))
    below = "".join(f'<br><span style="font-size:11px">{line}</span>' for line in quiet)
    return {
        "x": x, "y": y, "text": f"<b>{name}</b>{below}", "showarrow": False, "font": {"size": 13},
        "width": places.width - 11, "height": 2 * _HALF - 11, "borderpad": 4, "borderwidth": 1.5,
        "bordercolor": NODES[node.kind][0], "bgcolor": "#ffffff",
    }  # fmt: skip


def _words(edges: Sequence[Edge], places: Places) -> Iterable[dict[str, Any]]:
    """The labels of edges, just before their arrowheads."""
    for edge in edges:
        if edge.label:
            x, y = places.nodes[edge.target]
            yield {
                "x": x - places.width / 2 - 14, "y": y - 2, "xanchor": "right", "yanchor": "bottom",
                "text": safe(edge.label, 18), "showarrow": False, "font": {"size": 11},
            }  # fmt: skip


def _hovers(nodes: Sequence[Node], places: Places) -> Any:
    """Unseen points over the boxes that answer the pointer with the whole name."""
    import plotly.graph_objects as go

    texts = []
    for node in nodes:
        where = f"in graph {safe(node.graph)}" if node.graph else ""
        lines = (f"<b>{safe(node.name)}</b>", NODES[node.kind][1], where, safe(node.note))
        texts.append("<br>".join(line for line in lines if line))
    x, y = zip(*(places.nodes[node.name] for node in nodes), strict=True)
    unseen = {"size": 2 * _HALF, "opacity": 0}
    return go.Scatter(x=x, y=y, mode="markers", marker=unseen, hoverinfo="text", hovertext=texts, showlegend=False)


def _legend(picture: GraphPicture) -> Iterable[Any]:
    """One entry for each kind of node and edge that occurs."""
    import plotly.graph_objects as go

    nowhere: dict[str, Any] = {"x": [None], "y": [None], "showlegend": True}
    for node, (colour, text) in NODES.items():
        if any(n.kind == node for n in picture.nodes):
            box = {"symbol": "square-open", "size": 12, "color": colour, "line": {"width": 2}}
            yield go.Scatter(mode="markers", marker=box, name=text.partition(":")[0], **nowhere)
    for edge, (colour, dash, width, text) in EDGES.items():
        if any(e.kind == edge for e in picture.edges):
            yield go.Scatter(mode="lines", line={"color": colour, "dash": dash, "width": width}, name=text, **nowhere)


def _shades(nodes: Sequence[Node], places: Places) -> Iterable[dict[str, Any]]:
    """A shade behind each nested graph, unless an op of another would stand in it."""
    for path in _paths(nodes):
        left, top, right, bottom = box = _around([n for n in nodes if _within(n.graph, path)], path, places)
        if not any(_inside(places.nodes[n.name], box) for n in nodes if not _within(n.graph, path)):
            yield {
                "type": "rect", "x0": left, "x1": right, "y0": top, "y1": bottom, "layer": "below",
                "fillcolor": "rgba(125, 135, 152, 0.08)",
                "line": {"color": "rgba(125, 135, 152, 0.45)", "width": 1, "dash": "dot"},
                "label": {
                    "text": safe(path, 40), "textposition": "top left", "padding": 3,
                    "font": {"size": 11, "color": "#7d8798"},
                },
            }  # fmt: skip


def _around(members: Sequence[Node], path: str, places: Places) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the shade around a nested graph; each graph within it widens it a little."""
    x, y = zip(*(places.nodes[node.name] for node in members), strict=True)
    room = 8 + 6 * max(node.graph.count(".") - path.count(".") for node in members)
    sides, above, below = places.width / 2 + room, _HALF + 8 + 1.5 * room, _HALF + room
    return min(x) - sides, min(y) - above, max(x) + sides, max(y) + below


def _inside(point: Point, box: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = box
    return left <= point[0] <= right and top <= point[1] <= bottom


def _paths(nodes: Iterable[Node]) -> list[str]:
    """Every nested graph, outer ones first: `a.b` also means `a`."""
    paths = set()
    for node in nodes:
        parts = node.graph.split(".") if node.graph else []
        paths |= {".".join(parts[: depth + 1]) for depth in range(len(parts))}
    return sorted(paths)


def _within(graph: str, path: str) -> bool:
    return graph == path or graph.startswith(f"{path}.")
