"""`kedge steps RUN`."""

from __future__ import annotations

from typing import Any

import click

from kedge.cli import options, show
from kedge.cli.cluster import where as which_cluster
from kedge.cli.cluster.where import Where
from kedge.core.protocol import Outcome
from kedge.core.state import FINAL, Step, StepState


@click.command("steps")
@options.run_argument
@click.option("--failed", is_flag=True, help="Only those that failed.")
@options.store
@options.endpoint
@which_cluster.options
@options.as_json
def command(
    run_name: str, failed: bool, store_url: str | None, endpoint: str | None, where: Where, as_json: bool
) -> None:
    """List the steps of a run as its records tell them."""
    from kedge.cli.found import opened
    from kedge.engine.records import replay

    with opened(run_name, store_url, endpoint, where) as (store, entry):
        _, run, records = replay(store, entry.paths)
    steps = sorted(run.state.steps.values(), key=lambda step: step.order)
    shown = [step for step in steps if not failed or step.state is StepState.FAILED]
    rows = [_row(step, records.get(step.key, []), entry.ended is not None) for step in shown]
    if as_json:
        show.data(rows)
        return
    show.table(
        ["STEP", "STATE", "ATTEMPTS", "TOOK", "MESSAGE"],
        [[one["step"], one["state"], str(one["attempts"]), show.duration(one["took"]), one["message"]] for one in rows],
    )


def _row(step: Step, outcomes: list[Outcome], over: bool) -> dict[str, Any]:
    """One step. What had not ended when its run did (`over`) was cancelled with it: no record says so."""
    took = None
    if outcomes and (times := outcomes[-1].times) is not None and times.ended is not None:
        took = times.ended - times.started
    message = step.failure.message.splitlines()[0] if step.failure is not None and step.failure.message else ""
    state = "cached" if step.cached else "cancelled" if over and step.state not in FINAL else step.state.value
    return {"step": str(step.key), "state": state, "attempts": len(outcomes), "took": took, "message": message}
