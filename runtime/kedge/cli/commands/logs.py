"""`kedge logs RUN [STEP]`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from kedge.cli import options, show

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
    parts = sorted(_parts(store, entry.paths.prefix, step, attempt))
    if as_json:
        show.data([{"step": name, "attempt": n, "text": _text(store, path)} for name, n, _, path in parts])
        return
    last = None
    for name, number, _, path in parts:
        if (name, number) != last and (step is None or "[" not in step):
            click.secho(f"==> {name} attempt {number} <==", bold=True)
        last = (name, number)
        click.echo(_text(store, path), nl=False)
    if not parts:
        click.echo(f"{entry.name} has no log" + (f" of {step}" if step else ""), err=True)


def _parts(store: object, prefix: str, step: str | None, attempt: int | None) -> Iterator[tuple[str, int, int, str]]:
    for info in store.list(f"{prefix}/logs"):  # type: ignore[attr-defined]
        found = _PATH.search(info.path)
        if found is None or (attempt is not None and int(found["attempt"]) != attempt):
            continue
        if step is None or found["step"] == step or found["step"].partition("[")[0] == step:
            yield found["step"], int(found["attempt"]), int(found["part"]), info.path


def _text(store: object, path: str) -> str:
    return bytes(store.get(path)).decode(errors="replace")  # type: ignore[attr-defined]
