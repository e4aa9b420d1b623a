"""Several runs on one page, one above the other on the same scales: what the order of steps does to time and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kedge.cli.charts.bars import KEY, Rows, bar_traces, base_layout, row_axis, rows_of
from kedge.cli.charts.document import chart, document, heading
from kedge.cli.charts.labels import duration, safe, size
from kedge.cli.charts.model import Span, Timeline
from kedge.cli.charts.phases import last_moment, mapping_key

_NONE = "no batch"
_SHARED = "#98a0ad"
_ALIVE = 110  # pixels for the line of data alive


@dataclass(frozen=True, slots=True)
class Section:
    """One run of the comparison.

    `alive` is the amount of data alive, in bytes, from each moment (seconds since the epoch) to the next. `batches`
    says which batch a step belongs to where its mapping key doesn't. `first_batch` is when the first batch was done, in
    seconds since the start; None: worked out from the spans.
    """

    timeline: Timeline
    alive: tuple[tuple[float, int], ...] = ()
    batches: Mapping[str, str] = field(default_factory=dict)
    first_batch: float | None = None

    @property
    def peak(self) -> int:
        return max((count for _, count in self.alive), default=0)

    @property
    def total(self) -> float:
        return last_moment(self.timeline) - self.timeline.started

    def batch(self, span: Span) -> str:
        return self.batches.get(span.step) or mapping_key(span.step)

    def first_done(self) -> float | None:
        """Seconds from the start to the end of the last step of the batch that was done first."""
        if self.first_batch is not None:
            return self.first_batch
        done: dict[str, float] = {}
        for span in self.timeline.spans:
            if batch := self.batch(span):
                ended = float("inf") if span.ended is None else span.ended
                done[batch] = max(done.get(batch, 0.0), ended)
        finished = min(done.values(), default=float("inf"))
        return None if finished == float("inf") else finished - self.timeline.started


def demo_page(sections: Sequence[Section], *, title: str, subtitle: str = "") -> str:
    """A self-contained page: the figures of all sections in a table, then a Gantt chart of each with its data alive."""
    scales = _Scales.over(sections)
    charts = (_card(number, section, scales) for number, section in enumerate(sections))
    body = heading(title, subtitle) + f'<div class="card">{_table(sections)}</div>' + KEY + "".join(charts)
    return document(title, body)


@dataclass(frozen=True, slots=True)
class _Scales:
    """What the charts have in common, so that they can be compared by eye."""

    seconds: float
    bytes: float
    margin: int
    batches: Mapping[str, str]
    ops: Mapping[str, str]

    @classmethod
    def over(cls, sections: Sequence[Section]) -> _Scales:
        spans = [(section, span) for section in sections for span in section.timeline.spans]
        return cls(
            seconds=max((s.total for s in sections), default=0.0) or 1.0,
            bytes=float(max((s.peak for s in sections), default=0) or 1),
            margin=max((_rows(s).margin for s in sections), default=0),
            batches=_palette(section.batch(span) or _NONE for section, span in spans),
            ops=_palette(span.op for _, span in spans),
        )


def _palette(names: Iterable[str]) -> dict[str, str]:
    from plotly.colors import qualitative

    wheel = [*qualitative.T10[:9], *qualitative.Safe]
    distinct = [name for name in dict.fromkeys(names) if name != _NONE]
    return {_NONE: _SHARED} | {name: wheel[i % len(wheel)] for i, name in enumerate(distinct)}


def _rows(section: Section) -> Rows:
    return rows_of(section.timeline.spans, lambda span: section.batch(span) or span.op)


def _table(sections: Sequence[Section]) -> str:
    columns = (
        _column("peak of data alive", [float(s.peak) if s.alive else None for s in sections], size),
        _column("first batch done", [s.first_done() for s in sections], duration),
        _column("total", [s.total for s in sections], duration),
    )
    names = (f"<td>{safe(s.timeline.title)}<small>{safe(s.timeline.subtitle)}</small></td>" for s in sections)
    head, *rows = zip(["<th>run</th>", *names], *columns, strict=True)
    return "<table>" + "".join(f"<tr>{''.join(row)}</tr>" for row in (head, *rows)) + "</table>"


def _column(name: str, values: Sequence[float | None], show: Callable[[float], str]) -> list[str]:
    """A column's cells, its head first; the least value stands out."""
    return [f"<th>{name}</th>", *(_cell(value, values, show) for value in values)]


def _cell(value: float | None, values: Sequence[float | None], show: Callable[[float], str]) -> str:
    if value is None:
        return "<td>—</td>"
    known = [v for v in values if v is not None]
    best = len(known) > 1 and value == min(known) < max(known)
    return f'<td class="best">{show(value)}</td>' if best else f"<td>{show(value)}</td>"


def _card(number: int, section: Section, scales: _Scales) -> str:
    head = heading(section.timeline.title, section.timeline.subtitle, level=2)
    return f'<section class="card">{head}{chart(_figure(section, scales), f"run-{number}")}</section>'


def _figure(section: Section, scales: _Scales) -> Any:
    from plotly.subplots import make_subplots

    rows = _rows(section)
    heights = [rows.height, _ALIVE]
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=heights, vertical_spacing=16 / sum(heights))
    by_batch = bar_traces(section.timeline, rows, lambda span: section.batch(span) or _NONE, scales.batches)
    by_op = bar_traces(section.timeline, rows, lambda span: span.op, scales.ops, visible=False)
    figure.add_traces([*by_batch, *by_op], rows=1, cols=1)
    figure.add_traces(_alive(section), rows=2, cols=1)
    figure.update_layout(**base_layout(sum(heights) + 98, scales.margin))
    figure.update_layout(updatemenus=[_switch(len(by_batch), len(by_op))])
    _axes(figure, rows, scales)
    return figure


def _axes(figure: Any, rows: Rows, scales: _Scales) -> None:
    figure.update_yaxes(**row_axis(rows), row=1)
    figure.update_yaxes(
        row=2, range=[0, scales.bytes * 1.3], nticks=3, tickformat=".2~s", ticksuffix="B", tickfont={"size": 12},
        zeroline=False, ticklabelstandoff=6,
    )  # fmt: skip
    figure.update_xaxes(range=[0, scales.seconds * 1.01], zeroline=False, showgrid=True)
    figure.update_xaxes(title={"text": "seconds since the start", "font": {"size": 12}}, row=2)


def _alive(section: Section) -> list[Any]:
    """The line of data alive, as steps, with its peak marked."""
    import plotly.graph_objects as go

    if not section.alive:
        return []
    start = section.timeline.started
    x = [round(time - start, 4) for time, _ in section.alive]
    y = [count for _, count in section.alive]
    texts = [f"{size(count)} alive" for count in y]
    common: dict[str, Any] = {"hoverinfo": "text", "showlegend": False, "cliponaxis": False}
    line = go.Scatter(
        x=x, y=y, hovertext=texts, mode="lines", fill="tozeroy", fillcolor="rgba(79, 134, 175, 0.18)",
        line={"shape": "hv", "color": "#4f86af", "width": 1.6}, **common,
    )  # fmt: skip
    top = y.index(max(y))
    peak = go.Scatter(
        x=[x[top]], y=[y[top]], mode="markers+text", hovertext=[f"peak: {texts[top]}"],
        text=[f" peak {size(y[top])}"], textposition="top right",
        marker={"size": 8, "color": "#4f86af"}, **common,
    )  # fmt: skip
    return [line, peak]


def _switch(batches: int, ops: int) -> dict[str, Any]:
    """Plotly's own buttons: which of the two sets of traces is shown; the traces behind them always are."""

    def button(label: str, first: bool) -> dict[str, Any]:
        shown = [first] * batches + [not first] * ops
        return {"label": label, "method": "restyle", "args": [{"visible": shown}, list(range(batches + ops))]}

    return {
        "type": "buttons", "direction": "right", "showactive": False, "pad": {"b": 6, "t": 0},
        "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "font": {"size": 12},
        "buttons": [button("by batch", True), button("by op", False)],
    }  # fmt: skip
