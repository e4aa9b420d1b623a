"""How much data of a run was alive at each moment: stored, and still to be read by some step.

Worked out from the records by playing the run again with `retainValues: UntilConsumed`; what nobody reads (the
run's results) is not counted once its step has ended.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kedge.core.actions import Discard
from kedge.core.events import Begin, Ended
from kedge.core.graph import OutputRef, OutputSpec, refs_of
from kedge.core.protocol import Outcome, OutcomeStatus
from kedge.core.run import Run
from kedge.core.settings import Retain
from kedge.engine.records import replay
from kedge.io.stores import Store
from kedge.local.runs import RunEntry


def alive_over_time(store: Store, entry: RunEntry) -> tuple[tuple[float, int], ...]:
    """Pairs of (seconds since the epoch, bytes alive from then on)."""
    document, ended, stored = replay(store, entry.paths)
    plan = ended.plan
    read = {ref for op in document.graph for source in op.inputs.values() for ref in refs_of(source)}
    run = Run(plan, replace(document.settings, retain=Retain.UNTIL_CONSUMED, max_concurrent=None))
    outcomes = [one for step, records in stored.items() if step in ended.state.steps for one in records]
    outcomes.sort(key=_ended)
    alive, found = 0, [(entry.created, 0)]
    run.apply(Begin(entry.created))
    for outcome in outcomes:
        at = _ended(outcome)
        if outcome.status is OutcomeStatus.SUCCEEDED:
            op = plan.by_name[outcome.step.op].op
            for name, given in outcome.outputs.items():
                if OutputRef(op.name, name) in read:
                    alive += sum(_size(record) for record in _records(op.output(name), given))
        for action in run.apply(Ended(outcome, at)):
            if isinstance(action, Discard):
                alive -= sum(_size(source.record) for source in action.values)
        found.append((at, alive))
    return tuple(found)


def _ended(outcome: Outcome) -> float:
    times = outcome.times
    return 0.0 if times is None else times.ended or times.started


def _records(spec: OutputSpec | None, given: Any) -> list[Any]:
    return list(given.values()) if spec is not None and spec.dynamic else [given]


def _size(record: Any) -> int:
    return int(((record or {}).get("value") or {}).get("size", 0))
