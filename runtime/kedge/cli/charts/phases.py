"""How the time of an attempt divides: waiting for its turn, overhead of the machinery, and time in the user's code.

Pure; `bars` draws what comes out of it, `page` sums it up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kedge.cli.charts.model import Span, Timeline

Phase = Literal["waiting", "overhead", "user"]
PHASES: tuple[Phase, ...] = ("waiting", "overhead", "user")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one phase, in seconds since the epoch."""

    phase: Phase
    start: float
    end: float


def last_moment(timeline: Timeline) -> float:
    """The run's end or, while it runs, the latest moment any of its spans knows of."""
    if timeline.ended is not None:
        return timeline.ended
    times = (t for s in timeline.spans for t in (s.ready, s.launched, s.entered, s.left, s.ended) if t is not None)
    return max(times, default=timeline.started)


def close_of(span: Span, now: float) -> float | None:
    """When the span ended; `now` for one that is still running; None for one of which no end is known."""
    if span.ended is not None:
        return span.ended
    return now if span.state == "running" else span.left


def segments(span: Span, now: float) -> tuple[Segment, ...]:
    """The phases a span went through, in order, without empty ones."""
    return tuple(s for s in _moments(span, close_of(span, now)) if s.end > s.start)


def _moments(span: Span, close: float | None) -> Iterator[Segment]:
    until_launch = span.launched if span.launched is not None else close
    if span.ready is not None and until_launch is not None:
        yield Segment("waiting", span.ready, until_launch)
    until_entry = span.entered if span.entered is not None else close
    if span.launched is not None and until_entry is not None:
        yield Segment("overhead", span.launched, until_entry)
    until_leave = span.left if span.left is not None else close
    if span.entered is not None and until_leave is not None:
        yield Segment("user", span.entered, until_leave)
    if span.left is not None and close is not None:
        yield Segment("overhead", span.left, close)


def seconds_in(span: Span, now: float) -> dict[Phase, float]:
    """Seconds spent in each phase."""
    spent: dict[Phase, float] = dict.fromkeys(PHASES, 0.0)
    for segment in segments(span, now):
        spent[segment.phase] += segment.end - segment.start
    return spent


def mapping_key(step: str) -> str:
    """The outermost mapping key of a step key: `gen_1` of `score[gen_1,water]`; empty for an ordinary step."""
    _, bracket, rest = step.partition("[")
    return rest.rstrip("]").partition(",")[0] if bracket else ""
