"""`kedge suspend NAME`."""

from __future__ import annotations

import click

from kedge.cli import options
from kedge.cli.cluster import where as which_cluster
from kedge.cli.cluster.where import Where


@click.command("suspend")
@options.opjob_argument
@which_cluster.always
@options.as_json
def command(run_name: str, where: Where, as_json: bool) -> None:
    """Let a run on a cluster start no more steps; those that run go on. `kedge resume` takes it up again."""
    from kedge.cli.cluster import changing

    changing.suspend(where, where.in_cluster(run_name) or run_name, as_json)
