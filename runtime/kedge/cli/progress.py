"""Showing a run while it goes: a bar for each op on a terminal, a line for each step that ended when piped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

import click

from kedge.cli import plain
from kedge.cli.show import duration
from kedge.core.plan import PlanNode
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
        why = f": {plain.text(first_line(outcome))}" if outcome.status is not OutcomeStatus.SUCCEEDED else ""
        clock = time.strftime("%H:%M:%S")
        click.echo(f"{clock} {_word_for(run, outcome)} {outcome.step}{attempt}{took}{why}", err=True)

    def close(self) -> None: ...


class OpBar(NamedTuple):
    """One op of a live view: how many of its steps are known, have ended, run, have failed."""

    name: str
    total: int
    done: int
    running: int
    failed: int


class OpBars:
    """A bar for each op on a terminal, under a line that may change. `alive` redraws it, too, when nothing happens."""

    def __init__(self, alive: bool = False) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = [
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
        ]
        self._progress = Progress(*columns, *([] if alive else [TimeElapsedColumn()]))
        self._tasks: dict[str, Any] = {}
        self._head: Callable[[], str] | None = None
        self._live = Live(
            get_renderable=self._drawing,
            console=Console(stderr=True),
            auto_refresh=alive,
            refresh_per_second=2,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def draw(self, ops: Iterable[OpBar], head: Callable[[], str] | None = None) -> None:
        """Draw them as they are now. `head` gives the line above them, in rich's markup, whenever it is drawn."""
        self._head = head
        for op in islice(ops, _MOST_BARS):
            if op.name not in self._tasks:
                self._tasks[op.name] = self._progress.add_task(op.name, total=None, note="")
            note = f"[cyan]{op.running} running[/cyan]" if op.running else ""
            note += f" [red]{op.failed} failed[/red]" if op.failed else ""
            self._progress.update(self._tasks[op.name], total=op.total or None, completed=op.done, note=note.strip())
        self._live.refresh()

    def _drawing(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        return self._progress if self._head is None else Group(Text.from_markup(self._head()), self._progress)

    def say(self, text: str) -> None:
        """Print a line of bad news above; it stays."""
        from rich.markup import escape

        self._live.console.print(f"[red]{escape(plain.text(text))}[/red]", highlight=False)

    def close(self) -> None:
        """Leave them as they are."""
        self._live.stop()


class Bars:
    """A run's bars, drawn at most ten times a second. Drawn without a thread: the engine may fork."""

    def __init__(self) -> None:
        self._bars = OpBars()
        self._drawn = 0.0

    def changed(self, run: Run) -> None:
        now = time.monotonic()
        if now - self._drawn >= _REDRAW_SECONDS or run.finished:
            self._drawn = now
            self._bars.draw(_bar(run, node) for node in run.plan.nodes)

    def ended(self, run: Run, outcome: Outcome) -> None:
        if outcome.status is not OutcomeStatus.SUCCEEDED:
            self._bars.say(f"{_word_for(run, outcome)} {outcome.step}: {first_line(outcome)}")

    def close(self) -> None:
        self._bars.close()


def _bar(run: Run, node: PlanNode) -> OpBar:
    counts = run.state.counts_of(node.index)
    done = sum(counts.get(state, 0) for state in FINAL)
    running, failed = counts.get(StepState.RUNNING, 0), counts.get(StepState.FAILED, 0)
    return OpBar(node.name, sum(counts.values()), done, running, failed)


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
