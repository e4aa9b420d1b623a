"""`kedge steps RUN`."""

from __future__ import annotations

from typing import Any

import click

from kedge.cli import options, show
from kedge.core.protocol import Outcome
from kedge.core.state import Step


@click.command("steps")
@options.run_argument
@click.option("--failed", is_flag=True, help="Only those that failed.")
@options.store
@options.as_json
def command(run_name: str, failed: bool, store_url: str | None, as_json: bool) -> None:
    """List the steps of a run as its records tell them."""
    from kedge.local.records import replay
    from kedge.local.runs import find

    store = options.open_store_at(store_url)
    _, run, records = replay(store, find(store, run_name).paths)
    steps = sorted(run.state.steps.values(), key=lambda step: step.order)
    rows = [_row(step, records.get(step.key, [])) for step in steps if not failed or step.state.value == "failed"]
    if as_json:
        show.data(rows)
        return
    show.table(
        ["STEP", "STATE", "ATTEMPTS", "TOOK", "MESSAGE"],
        [[one["step"], one["state"], str(one["attempts"]), show.duration(one["took"]), one["message"]] for one in rows],
    )


def _row(step: Step, outcomes: list[Outcome]) -> dict[str, Any]:
    took = None
    if outcomes and (times := outcomes[-1].times) is not None and times.ended is not None:
        took = times.ended - times.started
    message = step.failure.message.splitlines()[0] if step.failure is not None and step.failure.message else ""
    state = "cached" if step.cached else step.state.value
    return {"step": str(step.key), "state": state, "attempts": len(outcomes), "took": took, "message": message}
