"""From a run's records to the spans that the charts draw."""

from __future__ import annotations

from typing import Literal

from kedge.cli.charts.model import Span, Timeline
from kedge.cli.progress import first_line
from kedge.core.document import PlanDocument
from kedge.core.ids import StepKey
from kedge.core.protocol import Outcome, OutcomeStatus, Times
from kedge.core.run import Run
from kedge.engine.records import replay
from kedge.io.stores import Store
from kedge.local.runs import RunEntry


def timeline_of(store: Store, entry: RunEntry) -> Timeline:
    """When each attempt of a run was ready, launched, in user code, and done."""
    document, run, records = replay(store, entry.paths)
    spans = [_span(outcome) for outcomes in records.values() for outcome in outcomes]
    spans += _spans_without_record(run, records)
    order = {step.key: step.order for step in run.state.steps.values()}
    spans.sort(key=lambda span: (order.get(StepKey.parse(span.step), ()), span.attempt))
    started = min((span.ready or span.launched or entry.created for span in spans), default=entry.created)
    return Timeline(entry.name, tuple(spans), started, entry.ended, _subtitle(document, entry))


def _subtitle(document: PlanDocument, entry: RunEntry) -> str:
    limit = document.settings.max_concurrent
    return f"{entry.job}, {entry.status.lower()}, at most {limit} at once"


def _span(outcome: Outcome) -> Span:
    times = outcome.times or Times(0.0)
    message = "" if outcome.status is OutcomeStatus.SUCCEEDED else first_line(outcome)
    return Span(
        str(outcome.step),
        outcome.step.op,
        outcome.attempt,
        outcome.status.value,
        times.ready,
        times.launched,
        times.entered,
        times.left,
        times.ended,
        message,
    )


_Shown = Literal["cached", "skipped", "cancelled"]
_WITHOUT_RECORD: dict[str, _Shown] = {"cached": "cached", "skipped": "skipped", "cancelled": "cancelled"}


def _spans_without_record(run: Run, records: dict[StepKey, list[Outcome]]) -> list[Span]:
    """Steps that were skipped, taken over or cancelled: they are in the run, but no process ran for them."""
    found = []
    for step in run.state.steps.values():
        state = _WITHOUT_RECORD.get("cached" if step.cached else step.state.value)
        if step.key not in records and state is not None:
            found.append(Span(str(step.key), step.key.op, step.attempt, state, None, None, None, None, None))
    return found
