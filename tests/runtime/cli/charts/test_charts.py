"""The pages of `kedge.cli.charts`, read as a browser would: everything is there, escaped, and nothing is fetched."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pytest

from kedge.cli.charts import Edge, GraphPicture, Node, Section, Span, Timeline, demo_page, gantt_html, graph_html
from kedge.cli.charts.document import document
from kedge.cli.charts.graph import place
from kedge.cli.charts.labels import duration, shorten, size
from kedge.cli.charts.phases import Segment, mapping_key, seconds_in, segments

T0 = 1_700_000_000.0
EVIL = '<script>alert("x")</script>'


def span(step: str, at: float = 0.0, *, state: Any = "succeeded", **changes: Any) -> Span:
    """A span that waits 1 s, starts up in 0.5 s, works 2 s and reports in 0.25 s."""
    op = step.partition("[")[0]
    whole = Span(step, op, 1, state, T0 + at, T0 + at + 1, T0 + at + 1.5, T0 + at + 3.5, T0 + at + 3.75)
    return replace(whole, **changes)


def timeline(*spans: Span, **changes: Any) -> Timeline:
    return replace(Timeline("a run", spans, T0, T0 + 10), **changes)


class Elements(HTMLParser):
    """The start tags of a page, scripts and styles being text to it as they are to a browser."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


class Figure(NamedTuple):
    """What Plotly is told to draw."""

    traces: list[dict[str, Any]]
    layout: dict[str, Any]


def figures(page: str) -> list[Figure]:
    """The charts on the page, in order."""
    return [_figure(page, match.end()) for match in re.finditer(r'Plotly\.newPlot\(\s*"[^"]+",\s*', page)]


def _figure(page: str, start: int) -> Figure:
    decoder = json.JSONDecoder()
    traces, end = decoder.raw_decode(page, start)
    layout, _ = decoder.raw_decode(page, page.index("{", end))
    return Figure(traces, layout)


def texts(figure: Figure) -> str:
    """All that a reader sees when pointing at things."""
    return "\n".join(text for trace in figure.traces for text in _listed(trace.get("hovertext", [])))


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def page_of(kind: str, name: str) -> str:
    if kind == "gantt":
        return gantt_html(timeline(span(name, message=name), title=name, subtitle=name))
    if kind == "graph":
        node = Node(name, "op", note=name, graph=name)
        return graph_html(GraphPicture(name, (node, Node("b", "op")), (Edge(name, "b", "from", name),)))
    section = Section(timeline(span(name, message=name), title=name, subtitle=name), ((T0, 1),), {name: name})
    return demo_page([section], title=name, subtitle=name)


@pytest.mark.parametrize("kind", ["gantt", "graph", "demo"])
class TestEveryPage:
    def test_fetches_nothing(self, kind: str) -> None:
        elements = Elements(page_of(kind, "step")).found
        assert {tag for tag, _ in elements}.isdisjoint({"link", "img", "iframe", "base", "object", "embed"})
        assert not [attrs for _, attrs in elements if "src" in attrs or "href" in attrs]
        policy = next(a["content"] for _, a in elements if a.get("http-equiv") == "Content-Security-Policy")
        assert "default-src 'none'" in (policy or "")

    def test_shows_user_text_as_text(self, kind: str) -> None:
        harmless, hostile = page_of(kind, "x"), page_of(kind, EVIL)
        assert EVIL not in hostile
        assert [tag for tag, _ in Elements(hostile).found] == [tag for tag, _ in Elements(harmless).found]
        assert "&lt;script&gt;" in texts(figures(hostile)[0])
        assert "<script" not in json.dumps(figures(hostile))

    def test_holds_one_copy_of_the_library(self, kind: str) -> None:
        assert page_of(kind, "x").count("plotly.js v") == document("", "").count("plotly.js v") == 1


class TestGantt:
    def test_every_step_is_there_with_its_state_and_message(self) -> None:
        spans = (
            span("a"),
            span("b[k1]", 4, state="failed", message="ValueError: row 17"),
            span("b[k1]", 8, attempt=2),
            span("c", state="skipped", ready=None, launched=None, entered=None, left=None, ended=None),
            span("d", state="running", left=None, ended=None),
        )
        shown = texts(figures(gantt_html(timeline(*spans, ended=None)))[0])
        assert all(f"<b>{step}</b>" in shown for step in ("a", "b[k1]", "c", "d"))
        assert "failed" in shown
        assert "ValueError: row 17" in shown
        assert "attempt 2" in shown

    def test_bars_start_when_the_run_does_and_last_as_long_as_the_phase(self) -> None:
        traces = figures(gantt_html(timeline(span("a", 2))))[0].traces
        bars = [bar for t in traces if t.get("base") for bar in zip(t["base"], t["x"], strict=True)]
        assert sorted(bars) == [(2, 1), (3, 0.5), (3.5, 2), (5.5, 0.25)]

    def test_waiting_overhead_and_op_look_different(self) -> None:
        traces = [t for t in figures(gantt_html(timeline(span("a"))))[0].traces if t.get("base")]
        looks = {(t["width"], "pattern" in t["marker"]) for t in traces}
        assert len(traces) == len(looks) == 3

    def test_clones_of_an_op_stand_together(self) -> None:
        spans = [span(f"{op}[k{key}]") for key in range(3) for op in ("x", "y")]
        labels = figures(gantt_html(timeline(*spans)))[0].layout["yaxis"]["ticktext"]
        assert labels == ["x[k0]", "x[k1]", "x[k2]", "y[k0]", "y[k1]", "y[k2]"]

    def test_a_thousand_steps_stay_small_in_bytes_height_and_labels(self) -> None:
        page = gantt_html(timeline(*(span(f"transform[batch_{n}]", n / 100) for n in range(1000))))
        assert len(page.encode()) - len(document("", "").encode()) < 5_000_000
        figure = figures(page)[0]
        assert set(re.findall(r"<b>transform\[batch_(\d+)\]</b>", texts(figure))) == {str(n) for n in range(1000)}
        assert 10 < len(figure.layout["yaxis"]["ticktext"]) <= 60
        assert figure.layout["height"] < 1700

    def test_a_run_without_steps_is_a_page_all_the_same(self) -> None:
        assert "<h1>a run</h1>" in gantt_html(timeline(ended=None))


class TestDemoPage:
    def sections(self) -> list[Section]:
        wide = timeline(span("e[k1]", 0), span("e[k2]", 0), span("l[k1]", 4), span("l[k2]", 5), title="wide")
        deep = timeline(span("e_1", 0), span("l_1", 2), span("e_2", 4), title="deep", ended=T0 + 8)
        batches = {"e_1": "k1", "l_1": "k1", "e_2": "k2"}
        return [
            Section(wide, ((T0, 0), (T0 + 2, 2_500_000), (T0 + 9, 0))),
            Section(deep, ((T0, 700_000), (T0 + 8, 0)), batches),
        ]

    def test_the_table_has_the_figures(self) -> None:
        page = demo_page(self.sections(), title="Order")
        rows = [re.sub(r"<[^>]+>", "|", row) for row in re.findall(r"<tr>(.*?)</tr>", page)]
        assert [[cell for cell in row.split("|") if cell] for row in rows] == [
            ["run", "peak of data alive", "first batch done", "total"],
            ["wide", "2.5 MB", "7.8 s", "10.0 s"],
            ["deep", "700.0 kB", "5.8 s", "8.0 s"],
        ]

    def test_charts_share_their_scales(self) -> None:
        wide, deep = (figure.layout for figure in figures(demo_page(self.sections(), title="Order")))
        assert all(wide[axis]["range"] == deep[axis]["range"] for axis in ("xaxis", "xaxis2", "yaxis2"))
        assert wide["margin"] == deep["margin"]

    def test_every_chart_can_be_coloured_by_batch_or_by_op(self) -> None:
        traces, layout = figures(demo_page(self.sections(), title="Order"))[0]
        by_batch, by_op = (button["args"] for button in layout["updatemenus"][0]["buttons"])
        assert self.names(traces, by_batch) == {"k1", "k2"}
        assert self.names(traces, by_op) == {"e", "l"}

    def names(self, traces: list[dict[str, Any]], change: Any) -> set[str]:
        """What the legend says after a button made its change."""
        shown = zip(change[1], change[0]["visible"], strict=True)
        return {traces[n]["name"] for n, visible in shown if visible and traces[n]["showlegend"]}

    def test_a_batch_that_never_ended_is_not_the_first_done(self) -> None:
        assert Section(timeline(span("e[k1]", state="running", left=None, ended=None))).first_done() is None

    def test_works_without_data_alive(self) -> None:
        assert "<td>—</td>" in demo_page([Section(timeline(span("a")))], title="t")


class TestGraph:
    PICTURE = GraphPicture(
        "job",
        (
            Node("start", "dynamic"),
            Node("g.score", "mapped", graph="g"),
            Node("g.rank", "mapped", graph="g"),
            Node("end", "op"),
        ),
        (
            Edge("start", "g.score", "map"),
            Edge("g.score", "g.rank", "each"),
            Edge("g.rank", "end", "collect"),
            Edge("start", "end", "after"),
        ),
    )

    def test_every_op_and_every_dependency_is_there(self) -> None:
        shown = texts(figures(graph_html(self.PICTURE))[0])
        assert all(f"<b>{node.name}</b>" in shown for node in self.PICTURE.nodes)
        assert all(f"{edge.source} → {edge.target}" in shown for edge in self.PICTURE.edges)

    def test_kinds_of_edges_differ(self) -> None:
        shapes = figures(graph_html(self.PICTURE))[0].layout["shapes"]
        lines = [tuple(sorted(shape["line"].items())) for shape in shapes if shape["type"] == "path"]
        assert len(set(lines)) == len(lines) == len(self.PICTURE.edges)

    def test_layers_go_from_left_to_right(self) -> None:
        places = place(self.PICTURE).nodes
        assert all(places[edge.source][0] < places[edge.target][0] for edge in self.PICTURE.edges)

    def test_a_nested_graph_has_a_shade_with_its_name(self) -> None:
        shapes = figures(graph_html(self.PICTURE))[0].layout["shapes"]
        assert [shape["label"]["text"] for shape in shapes if "label" in shape] == ["g"]

    def test_a_graph_without_ops_is_a_page_all_the_same(self) -> None:
        assert "0 ops" in graph_html(GraphPicture("empty", (), ()))

    def test_one_op_alone(self) -> None:
        assert "<b>only</b>" in texts(figures(graph_html(GraphPicture("one", (Node("only", "op"),), ())))[0])


class TestPhases:
    def test_a_whole_span_has_four_segments(self) -> None:
        assert segments(span("a"), T0) == (
            Segment("waiting", T0, T0 + 1),
            Segment("overhead", T0 + 1, T0 + 1.5),
            Segment("user", T0 + 1.5, T0 + 3.5),
            Segment("overhead", T0 + 3.5, T0 + 3.75),
        )

    @pytest.mark.parametrize(
        ("changes", "spent"),
        [
            ({"state": "cancelled", "launched": None, "entered": None, "left": None}, (3.75, 0, 0)),
            ({"state": "lost", "entered": None, "left": None}, (1, 2.75, 0)),
            ({"state": "lost", "left": None}, (1, 0.5, 2.25)),
            ({"state": "running", "left": None, "ended": None}, (1, 0.5, 8.5)),
            ({"state": "running", "launched": None, "entered": None, "left": None, "ended": None}, (10, 0, 0)),
        ],
        ids=["never launched", "never entered", "died in the op", "still in the op", "still waiting"],
    )
    def test_a_span_cut_short(self, changes: dict[str, Any], spent: tuple[float, ...]) -> None:
        assert tuple(seconds_in(span("a", **changes), T0 + 10).values()) == pytest.approx(spent)

    @pytest.mark.parametrize(
        ("step", "key"), [("op", ""), ("op[k]", "k"), ("g.low.inc[k2]", "k2"), ("score[gen_1,water]", "gen_1")]
    )
    def test_the_batch_is_the_outermost_key(self, step: str, key: str) -> None:
        assert mapping_key(step) == key


class TestLabels:
    @pytest.mark.parametrize(
        ("seconds", "text"), [(0.34, "340 ms"), (12.44, "12.4 s"), (185, "3 min 05 s"), (7440, "2 h 04 min")]
    )
    def test_durations(self, seconds: float, text: str) -> None:
        assert duration(seconds) == text

    @pytest.mark.parametrize(
        ("count", "text"), [(0, "0 B"), (999, "999 B"), (1_400_000, "1.4 MB"), (3e15, "3000.0 TB")]
    )
    def test_sizes(self, count: float, text: str) -> None:
        assert size(count) == text

    def test_a_long_name_keeps_both_its_ends(self) -> None:
        assert shorten("transform_everything[key_7]", 20) == "transform_eve…key_7]"


def test_importing_the_charts_loads_neither_plotly_nor_igraph() -> None:
    code = "import sys, kedge.cli.charts; print({'plotly', 'igraph'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
