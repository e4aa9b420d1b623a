"""One run as a Gantt chart, on a page of its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kedge.cli.charts.bars import KEY, STATES, Rows, bar_traces, base_layout, row_axis, rows_of
from kedge.cli.charts.document import chart, document, heading
from kedge.cli.charts.labels import duration, safe
from kedge.cli.charts.model import Timeline
from kedge.cli.charts.phases import last_moment


def gantt_html(timeline: Timeline) -> str:
    """A self-contained page with one row for each step, its attempts in that row, coloured by state.

    The x axis is seconds since the run started. Clones of a mapped op stand together.
    """
    rows = rows_of(timeline.spans, lambda span: span.op)
    body = heading(timeline.title, timeline.subtitle) + _facts(timeline, rows) + KEY
    return document(timeline.title, f'{body}<div class="card">{chart(_figure(timeline, rows), "gantt")}</div>')


def _facts(timeline: Timeline, rows: Rows) -> str:
    total = last_moment(timeline) - timeline.started
    last = {span.step: span.state for span in timeline.spans}
    facts = [("so far" if timeline.ended is None else "total", duration(total)), ("steps", f"{len(rows):,}")]
    counts: Counter[str] = Counter(last.values())
    facts += [(state, f"{counts[state]:,}") for state in STATES if counts[state]]
    retried = len(timeline.spans) - len(rows)
    facts += [("further attempts", f"{retried:,}")] if retried else []
    items = "".join(f"<li><b>{safe(figure)}</b><span>{safe(name)}</span></li>" for name, figure in facts)
    return f'<ul class="facts">{items}</ul>'


def _figure(timeline: Timeline, rows: Rows) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure(bar_traces(timeline, rows, lambda span: span.state, STATES))
    end = max(last_moment(timeline) - timeline.started, 0.001)
    figure.update_layout(**base_layout(rows.height + 82, rows.margin))
    figure.update_yaxes(**row_axis(rows))
    figure.update_xaxes(
        range=[0, end * 1.01], zeroline=False, title={"text": "seconds since the start", "font": {"size": 12}}
    )
    return figure
