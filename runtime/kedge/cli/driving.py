"""Driving a run from the command line: for `run`, `retry` and `resume` alike."""

from __future__ import annotations

import sys
from typing import Any

import click

from kedge.cli import plain, show
from kedge.cli.options import EXIT_FAILED
from kedge.cli.progress import Bars, Lines
from kedge.core.actions import RunStatus
from kedge.core.document import PlanDocument
from kedge.core.layout import RunPaths
from kedge.core.run import Run
from kedge.core.state import StepState
from kedge.io.errors import StoreError
from kedge.io.stores import Store
from kedge.local.home import engine_lock
from kedge.local.processes import EngineFailed, Observer, ProcessEngine, Quiet

_MOST_FAILURES = 20


def drive(store: Store, paths: RunPaths, document: PlanDocument, *, as_json: bool, quiet: bool, method: str) -> None:
    """Run to the end, tell how it ended, and leave with the exit code that says so."""
    name = paths.prefix.rpartition("/")[2]
    observer: Observer = Quiet() if as_json or quiet else Bars() if sys.stderr.isatty() else Lines()
    with engine_lock(document.run_id):
        if not as_json and not quiet:
            click.echo(f"run {name}", err=True)
        engine = ProcessEngine(store, paths, document, observer, method)
        try:
            status = engine.run()
        except (StoreError, EngineFailed) as error:
            raise type(error)(f"{error}\n  {name} is interrupted; take it up again: kedge resume {name}") from error
        finally:
            observer.close()
    if as_json:
        show.data({**_summary(name, engine.state), "startMethod": engine.start_method[0]})
    else:
        method, why = engine.start_method
        if why is not None and not quiet:
            click.echo(f"steps were started by {method}: {why}", err=True)
        _tell(name, engine.state, quiet)
    sys.exit(0 if status is RunStatus.SUCCEEDED else EXIT_FAILED)


def _summary(name: str, run: Run) -> dict[str, Any]:
    return {
        "run": name,
        "status": run.status.value,
        "steps": {state.value: count for state, count in run.state.counts.items() if count},
        "retries": run.retries,
        "cached": _cached(run),
        "failures": [
            {"step": str(step.key), "error": step.failure.error, "message": step.failure.message}
            for step in _failed(run)
            if step.failure is not None
        ],
    }


def _tell(name: str, run: Run, quiet: bool) -> None:
    counts = ", ".join(f"{count} {state.value}" for state, count in run.state.counts.items() if count)
    colour = "green" if run.status is RunStatus.SUCCEEDED else "red"
    click.secho(run.status.value, fg=colour, bold=True, nl=False)
    cached = _cached(run)
    notes = (f", {show.retries(run.retries)}" if run.retries else "") + (f", {cached} taken over" if cached else "")
    click.echo(f"  {name}: {counts}{notes}")
    failed = _failed(run)
    for step in failed[:_MOST_FAILURES]:
        assert step.failure is not None
        click.echo(f"\n  {step.key} failed: {plain.text(f'{step.failure.error}: {step.failure.message}')}", err=True)
        if step.failure.stack and not quiet:
            lines = plain.text(step.failure.stack).splitlines()[-6:]
            click.echo("".join(f"    {line}\n" for line in lines).rstrip(), err=True)
    if len(failed) > _MOST_FAILURES:
        click.echo(f"\n  ... and {len(failed) - _MOST_FAILURES} more", err=True)
    if failed:
        click.echo(f"\nIts log: kedge logs {name} '{failed[0].key}'   Try again: kedge retry {name}", err=True)


def _cached(run: Run) -> int:
    """How many steps took over outputs of an earlier run."""
    return sum(step.cached for step in run.state.steps.values())


def _failed(run: Run) -> list[Any]:
    return [step for step in run.state.steps.values() if step.state is StepState.FAILED]
