"""`kedge cancel RUN`."""

from __future__ import annotations

import os
import signal

import click

from kedge.cli import options, show
from kedge.cli.cluster import where as which_cluster
from kedge.cli.cluster.where import Where
from kedge.core.errors import KedgeError


@click.command("cancel")
@options.run_argument
@options.store
@which_cluster.options
@options.as_json
def command(run_name: str, store_url: str | None, where: Where, as_json: bool) -> None:
    """Stop a run that is running, on this machine or on a cluster: its steps are asked to end, then made to."""
    name = where.in_cluster(run_name)
    if name is not None:
        from kedge.cli.cluster import changing

        changing.cancel(where, name, as_json)
        return
    from kedge.local.home import engine_of
    from kedge.local.runs import ELSEWHERE, find

    entry = find(options.open_store_at(store_url), run_name)
    engine = engine_of(entry.run_id)
    if engine is None:
        if entry.status == ELSEWHERE:
            raise KedgeError(f"{entry.name} was begun at {entry.host or 'another machine'}; cancel it there")
        raise KedgeError(f"{entry.name} is {entry.status}; nothing is running")
    try:
        os.kill(engine, signal.SIGTERM)
    except OSError as error:
        raise KedgeError(f"the engine of {entry.name}, process {engine}, can't be signalled: {error}") from error
    if as_json:
        show.data({"run": entry.name, "cancelled": True})
    else:
        click.echo(f"{entry.name} is being cancelled (engine {engine})")
