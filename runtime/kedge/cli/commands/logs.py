"""`kedge logs RUN [STEP]`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from kedge.cli import options, show

if TYPE_CHECKING:
    from kedge.io.stores import Store

_PATH = re.compile(r"/logs/(?P<step>.+)/(?P<attempt>\d+)/(?P<part>\d+)$")


@click.command("logs")
@options.run_argument
@click.argument("step", required=False)
@click.option("--attempt", type=click.IntRange(min=1), help="Only this attempt.")
@options.store
@options.as_json
def command(run_name: str, step: str | None, attempt: int | None, store_url: str | None, as_json: bool) -> None:
    """Print what the steps of a run wrote; with STEP (an op or one clone, such as size[a_txt]) only theirs."""
    from kedge.local.runs import find

    store = options.open_store_at(store_url)
    entry = find(store, run_name)
    logs: dict[tuple[str, int], list[str]] = {}
    for name, number, _, path in sorted(_parts(store, entry.paths.prefix, step, attempt)):
        logs.setdefault((name, number), []).append(path)
    if as_json:
        show.data([{"step": name, "attempt": n, "text": _text(store, paths)} for (name, n), paths in logs.items()])
        return
    for (name, number), paths in logs.items():
        if step is None or "[" not in step:
            click.secho(f"==> {name} attempt {number} <==", bold=True)
        click.echo(_text(store, paths), nl=False)
    if not logs:
        click.echo(f"{entry.name} has no log" + (f" of {step}" if step else ""), err=True)


def _parts(store: Store, prefix: str, step: str | None, attempt: int | None) -> Iterator[tuple[str, int, int, str]]:
    for info in store.list(f"{prefix}/logs"):
        found = _PATH.search(info.path)
        if found is None or (attempt is not None and int(found["attempt"]) != attempt):
            continue
        if step is None or found["step"] == step or found["step"].partition("[")[0] == step:
            yield found["step"], int(found["attempt"]), int(found["part"]), info.path


def _text(store: Store, paths: list[str]) -> str:
    """A log as it was before it was cut into parts, which may be in the middle of a letter."""
    return b"".join(store.get_many(paths)).decode(errors="replace")
