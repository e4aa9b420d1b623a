"""Showing a run while it goes: a bar for each op on a terminal, a line for each step that ended when piped."""

from __future__ import annotations

import time
from typing import Any

import click

from kedge.cli.show import duration
from kedge.core.protocol import Outcome, OutcomeStatus
from kedge.core.run import Run
from kedge.core.state import FINAL, StepState

_REDRAW_SECONDS = 0.1
_MOST_BARS = 30


class Lines:
    """One line for each attempt that ended."""

    def changed(self, run: Run) -> None: ...

    def ended(self, run: Run, outcome: Outcome) -> None:
        times = outcome.times
        took = f" in {duration(times.ended - times.started)}" if times is not None and times.ended else ""
        attempt = f" (attempt {outcome.attempt})" if outcome.attempt > 1 else ""
        why = f": {first_line(outcome)}" if outcome.status is not OutcomeStatus.SUCCEEDED else ""
        clock = time.strftime("%H:%M:%S")
        click.echo(f"{clock} {_word_for(run, outcome)} {outcome.step}{attempt}{took}{why}", err=True)

    def close(self) -> None: ...


class Bars:
    """A bar for each op, drawn at most ten times a second. Drawn without a thread: the engine may fork."""

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            auto_refresh=False,
        )
        self._tasks: dict[int, Any] = {}
        self._title = title
        self._drawn = 0.0
        self._progress.start()

    def changed(self, run: Run) -> None:
        now = time.monotonic()
        if now - self._drawn >= _REDRAW_SECONDS or run.finished:
            self._drawn = now
            self._draw(run)

    def ended(self, run: Run, outcome: Outcome) -> None:
        if outcome.status is not OutcomeStatus.SUCCEEDED:
            from rich.markup import escape

            text = escape(f"{_word_for(run, outcome)} {outcome.step}: {first_line(outcome)}")
            self._progress.console.print(f"[red]{text}[/red]", highlight=False)

    def _draw(self, run: Run) -> None:
        for node in run.plan.nodes[:_MOST_BARS]:
            counts = run.state.counts_of(node.index)
            total, done = sum(counts.values()), sum(counts.get(state, 0) for state in FINAL)
            if node.index not in self._tasks:
                self._tasks[node.index] = self._progress.add_task(node.name, total=None, note="")
            running, failed = counts.get(StepState.RUNNING, 0), counts.get(StepState.FAILED, 0)
            note = f"[cyan]{running} running[/cyan]" if running else ""
            note += f" [red]{failed} failed[/red]" if failed else ""
            self._progress.update(self._tasks[node.index], total=total or None, completed=done, note=note.strip())
        self._progress.refresh()

    def close(self) -> None:
        self._progress.stop()


def _word_for(run: Run, outcome: Outcome) -> str:
    """How an attempt ended, as a person sees it: one of a run that is being stopped is not lost."""
    if outcome.status is OutcomeStatus.LOST and run.stopping is not None:
        return "stopped"
    if outcome.cached_from is not None:
        return "cached"
    return outcome.status.value


def first_line(outcome: Outcome) -> str:
    """Why an attempt did not succeed, in one line."""
    failure = outcome.failure
    if failure is None:
        return ""
    text = failure.message.strip().splitlines()[0] if failure.message.strip() else ""
    return f"{failure.error}: {text}" if text else failure.error
