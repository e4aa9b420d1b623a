"""The bars of a Gantt chart: spans in, Plotly traces out. `gantt` draws one run with them, `page` several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kedge.cli.charts.labels import duration, safe, shorten
from kedge.cli.charts.model import Span, Timeline
from kedge.cli.charts.phases import Phase, Segment, last_moment, seconds_in, segments

FONT = 'Inter, system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif'
# Middle tones: they hold on a white page and on a dark one.
STATES: Mapping[str, str] = {
    "succeeded": "#34a07a",
    "cached": "#8cbfae",
    "running": "#3f86c6",
    "failed": "#d64b45",
    "lost": "#e08d33",
    "skipped": "#a3abb8",
    "cancelled": "#8d74b4",
}
WAITING = "rgba(140, 148, 162, 0.5)"
DENSE = 160  # rows: beyond it a hatch would be noise
_THICKNESS: Mapping[Phase, float] = {"waiting": 0.14, "overhead": 0.66, "user": 0.66}
_ROW = 22
_LABELS = 60
_TALLEST = 1500


@dataclass(frozen=True, slots=True)
class Rows:
    """Which step stands in which row, from the top, and the label of each row."""

    index: Mapping[str, int]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def dense(self) -> bool:
        return len(self) > DENSE

    @property
    def height(self) -> int:
        """Pixels for the rows alone, capped however many there are."""
        return min(_TALLEST, max(3, len(self)) * _ROW)

    @property
    def margin(self) -> int:
        """Pixels the longest label needs."""
        return 20 + round(6.6 * max((len(label) for label in self.labels), default=0))


def rows_of(spans: Iterable[Span], group: Callable[[Span], str]) -> Rows:
    """One row a step. Groups stand together, in order of first appearance; steps likewise within their group."""
    groups: dict[str, dict[str, None]] = {}
    for span in spans:
        groups.setdefault(group(span), {})[span.step] = None
    steps = [step for members in groups.values() for step in members]
    return Rows({step: row for row, step in enumerate(steps)}, tuple(shorten(step, 36) for step in steps))


def row_axis(rows: Rows) -> dict[str, Any]:
    """The y axis: steps from the top; with many of them only every n-th is named."""
    every = -(-len(rows) // _LABELS) or 1
    shown = range(0, len(rows), every)
    return {
        "range": [len(rows) - 0.4, -0.6],
        "tickvals": list(shown),
        "ticktext": [safe(rows.labels[row]) for row in shown],
        "tickfont": {"size": 12},
        "showgrid": False,
        "zeroline": False,
        "ticklabelstandoff": 6,
    }


def bar_traces(
    timeline: Timeline,
    rows: Rows,
    key: Callable[[Span], str],
    colours: Mapping[str, str],
    *,
    visible: bool = True,
) -> list[Any]:
    """Traces of one colouring: waiting thin and pale, overhead hatched, the op solid; a mark if no time was spent."""
    now = last_moment(timeline)
    parts: dict[tuple[str, Phase], list[tuple[Span, Segment]]] = {}
    marks: dict[str, list[Span]] = {}
    for span in timeline.spans:
        pieces = segments(span, now)
        for piece in pieces:
            parts.setdefault((key(span), piece.phase), []).append((span, piece))
        if not pieces:
            marks.setdefault(key(span), []).append(span)
    hovers = {id(span): hover(span, timeline, now) for span in timeline.spans}
    draw = _Draw(timeline.started, rows, hovers, visible)
    present = {key(span): None for span in timeline.spans}
    return [
        *(draw.bars(name, phase, pieces, colours[name]) for (name, phase), pieces in parts.items()),
        *(draw.marks(name, spans, colours[name]) for name, spans in marks.items()),
        *(draw.legend(name, colours[name]) for name in present),
    ]


@dataclass(frozen=True, slots=True)
class _Draw:
    """What all traces of one chart share."""

    origin: float
    rows: Rows
    hovers: Mapping[int, str]
    visible: bool

    def bars(self, name: str, phase: Phase, pieces: Sequence[tuple[Span, Segment]], colour: str) -> Any:
        import plotly.graph_objects as go

        return go.Bar(
            orientation="h",
            y=[self.rows.index[span.step] for span, _ in pieces],
            base=[round(piece.start - self.origin, 4) for _, piece in pieces],
            x=[round(piece.end - piece.start, 4) for _, piece in pieces],
            width=1.0 if self.rows.dense else _THICKNESS[phase],
            marker=_marker(phase, colour, dense=self.rows.dense),
            hovertext=[self.hovers[id(span)] for span, _ in pieces],
            **self._common(name),
        )

    def marks(self, name: str, spans: Sequence[Span], colour: str) -> Any:
        import plotly.graph_objects as go

        return go.Scatter(
            mode="markers",
            y=[self.rows.index[span.step] for span in spans],
            x=[round(_moment(span, self.origin) - self.origin, 4) for span in spans],
            marker={"symbol": "diamond-tall", "size": 9, "color": colour},
            hovertext=[self.hovers[id(span)] for span in spans],
            cliponaxis=False,
            **self._common(name),
        )

    def legend(self, name: str, colour: str) -> Any:
        """An entry of the legend that stands for all traces of `name`."""
        import plotly.graph_objects as go

        entry = {**self._common(name), "showlegend": True, "hoverinfo": "skip"}
        return go.Bar(orientation="h", x=[None], y=[None], marker={"color": colour}, **entry)

    def _common(self, name: str) -> dict[str, Any]:
        return {
            "name": safe(name, 40),
            "legendgroup": safe(name, 40),
            "showlegend": False,
            "hoverinfo": "text",
            "visible": self.visible,
        }


def _marker(phase: Phase, colour: str, *, dense: bool) -> dict[str, Any]:
    if phase == "waiting":
        return {"color": WAITING, "opacity": 0.4 if dense else 1, "line": {"width": 0}}
    if phase == "user":
        return {"color": colour, "line": {"width": 0}, "cornerradius": 0 if dense else 2}
    if dense:
        return {"color": colour, "opacity": 0.45, "line": {"width": 0}}
    hatch = {"shape": "/", "size": 5, "solidity": 0.3, "fgcolor": colour, "bgcolor": "rgba(0,0,0,0)", "fgopacity": 1}
    return {"color": colour, "pattern": hatch, "line": {"width": 1, "color": colour}}


def _moment(span: Span, origin: float) -> float:
    """Where to mark a span that took no time."""
    times = (span.ended, span.left, span.entered, span.launched, span.ready)
    return next((time for time in times if time is not None), origin)


def hover(span: Span, timeline: Timeline, now: float) -> str:
    """What a reader sees when pointing at a bar."""
    spent = seconds_in(span, now)
    again = f" · attempt {span.attempt}" if span.attempt > 1 else ""
    parts = [f"<b>{safe(span.step, 120)}</b>", f"{safe(span.state)}{again}"]
    if any(spent.values()):
        times = (f"{name} {duration(spent[phase])}" for phase, name in _NAMES.items())
        start = min(piece.start for piece in segments(span, now)) - timeline.started
        parts += [" · ".join(times), f"from {start:.2f} s of the run"]
    parts += [safe(line, 110) for line in span.message.splitlines()[:4]]
    return "<br>".join(parts)


_NAMES: Mapping[Phase, str] = {"waiting": "waited", "overhead": "overhead", "user": "in the op"}


def base_layout(height: int, margin: int) -> dict[str, Any]:
    """What all Gantt charts look like, apart from their axes."""
    return {
        "barmode": "overlay",
        "height": height,
        "margin": {"l": margin, "r": 16, "t": 36, "b": 46},
        "font": {"family": FONT, "size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"bgcolor": "#22262e", "bordercolor": "#22262e", "align": "left", "font": {"color": "#f4f5f7"}},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
    }


KEY = (
    '<ul class="key"><li><i class="waiting"></i>waiting for its turn</li>'
    '<li><i class="overhead"></i>overhead of launching and reporting</li>'
    '<li><i class="user"></i>in the op</li></ul>'
)
