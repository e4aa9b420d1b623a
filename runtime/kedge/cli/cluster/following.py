"""Following a run of a cluster to its end, as its status tells it: live on a terminal, in lines when piped."""

from __future__ import annotations

import sys
import time
from typing import Protocol

import click

from kedge.cli import show
from kedge.cli.cluster import opjobs, standing
from kedge.cli.cluster.kubectl import Kubectl
from kedge.cli.cluster.opjobs import ClusterRun
from kedge.cli.cluster.where import Where
from kedge.cli.options import EXIT_FAILED, EXIT_INTERRUPTED
from kedge.cli.progress import OpBars

_MOST_FAILURES = 20
_COLOURS = {"Succeeded": "green", "Failed": "red", "Cancelled": "yellow", "Suspended": "yellow", "Running": "cyan"}


class View(Protocol):
    """Shows a run again and again."""

    def show(self, run: ClusterRun) -> None: ...
    def close(self) -> None: ...


class Silent:
    """Nothing until the end."""

    def show(self, run: ClusterRun) -> None: ...
    def close(self) -> None: ...


class Lines:
    """A line whenever something that people care for has changed."""

    def __init__(self) -> None:
        self._last = ""
        self._told: set[str] = set()

    def show(self, run: ClusterRun) -> None:
        waits = standing.waits_for(run)
        line = " ".join([run.phase, standing.progress(run), *([waits] if waits else [])])
        if line != self._last:
            self._last = line
            self._say(line)
        for step, said in _news(run, self._told):
            self._say(f"failed {step}{said}")

    def _say(self, text: str) -> None:
        click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)

    def close(self) -> None: ...


class Live:
    """A bar for each op, and above them how the run stands."""

    def __init__(self) -> None:
        self._bars = OpBars(alive=True)
        self._told: set[str] = set()

    def show(self, run: ClusterRun) -> None:
        for step, said in _news(run, self._told):
            self._bars.say(f"failed {step}{said}")
        self._bars.draw(standing.bars(run), lambda: _head(run))

    def close(self) -> None:
        self._bars.close()


def _news(run: ClusterRun, told: set[str]) -> list[tuple[str, str]]:
    """Failed steps that were not told before, each with what is known of why."""
    found = []
    for _, keys, message in standing.failures(run):
        for key in keys:
            if key not in told:
                told.add(key)
                said = message.removeprefix(f"{key}: ")
                found.append((key, f": {said}" if said != message else ""))
    return found


def _head(run: ClusterRun) -> str:
    from rich.markup import escape

    waits = standing.waits_for(run)
    colour = _COLOURS.get(run.phase, "default")
    head = f"[bold {colour}]{run.phase}[/bold {colour}]  {escape(standing.headline(run, time.time()))}"
    return head + (f"\n[yellow]waits: {escape(waits)}[/yellow]" if waits else "")


def begun(kubectl: Kubectl, run: ClusterRun, where: Where, *, watch: bool, as_json: bool, quiet: bool) -> None:
    """Tell of a run that was just created; with `watch`, follow it to its end and leave with its exit code."""
    if watch:
        click.echo(f"opjob {run.namespace}/{run.name}", err=True)
        to_the_end(kubectl, run, where, as_json=as_json, quiet=quiet)
    elif as_json:
        show.data({"run": run.name, "namespace": run.namespace, "id": run.uid})
    else:
        click.echo(run.name)
        click.echo(f"Look at it: {where.command('status', run.name, '--watch')}", err=True)


def to_the_end(kubectl: Kubectl, run: ClusterRun, where: Where, *, as_json: bool, quiet: bool) -> None:
    """Show a run until it has ended, tell how, and leave with the exit code that says so."""
    view: View = Silent() if as_json or quiet else Live() if sys.stderr.isatty() else Lines()
    try:
        for seen in opjobs.watch(kubectl, run):
            view.show(seen)
            run = seen
            if seen.ended:
                break
    except KeyboardInterrupt:
        view.close()
        click.echo(f"{run.name} goes on. Look again: {where.command('status', run.name, '--watch')}", err=True)
        sys.exit(EXIT_INTERRUPTED)
    finally:
        view.close()
    if as_json:
        show.data(standing.data(run))
    else:
        tell(run, where)
    leave(run)


def leave(run: ClusterRun) -> None:
    """End the command with the exit code that says how a run stands: 1 only where it has ended badly."""
    sys.exit(EXIT_FAILED if run.ended and not standing.succeeded(run) else 0)


def tell(run: ClusterRun, where: Where) -> None:
    """How a run stands or has ended, in a few lines."""
    click.secho(run.phase, fg=_COLOURS.get(run.phase), bold=True, nl=False)
    click.echo(f"  {standing.headline(run, time.time())}")
    waits = standing.waits_for(run)
    if waits is not None:
        click.echo(f"waits: {waits}")
    failed = standing.failures(run)
    for op, keys, said in failed[:_MOST_FAILURES]:
        more = f" (of {op}: {', '.join(keys[1:])}, too)" if len(keys) > 1 else ""
        click.echo(f"\n  {said or keys[0]}{more}", err=True)
    if run.ended and not failed and not standing.succeeded(run):
        told = f"{run.status.get('reason')}: {run.status.get('message')}".replace("\n", "\n  ")
        click.echo(f"\n  {told}", err=True)
    if failed and run.ended:
        log, again = where.command("logs", run.name, failed[0][1][0]), where.command("retry", run.name)
        click.echo(f"\nIts log: {log}   Try again: {again}", err=True)
