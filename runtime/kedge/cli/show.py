"""Printing: tables and colours on a terminal, plain tab-free text when piped, JSON on request."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from kedge.cli import plain

_COLOURS = {
    "succeeded": "green",
    "Succeeded": "green",
    "failed": "red",
    "Failed": "red",
    "lost": "magenta",
    "running": "cyan",
    "Running": "cyan",
    "skipped": "yellow",
    "cached": "blue",
    "Interrupted": "magenta",
    "Elsewhere": "magenta",
    "Cancelled": "yellow",
    "cancelled": "yellow",
}


def is_terminal() -> bool:
    """Whether a person is looking."""
    return sys.stdout.isatty()


def data(value: Any) -> None:
    """Print JSON."""
    click.echo(json.dumps(value, indent=2 if is_terminal() else None))


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under headers: with rules and colours on a terminal, in plain columns when piped."""
    if is_terminal():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        drawn = Table(box=None, header_style="bold", pad_edge=False)
        for header in headers:
            drawn.add_column(header, overflow="fold")
        for row in rows:
            drawn.add_row(*(Text(plain.text(cell), style=_COLOURS.get(cell, "")) for cell in row))
        Console().print(drawn)
        return
    widths = [max(len(line[i]) for line in [headers, *rows]) for i in range(len(headers))]
    for line in [headers, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def retries(number: int) -> str:
    """How often something was tried again, as people say it."""
    return f"{number} {'retry' if number == 1 else 'retries'}"


def duration(seconds: float | None) -> str:
    """A span of time as people say it."""
    if seconds is None:
        return "-"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m{rest:02d}s" if hours else f"{minutes}m{rest:02d}s"


def moment(at: float) -> str:
    """A time of day, with the date."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
