"""`kedge status NAME`."""

from __future__ import annotations

import click

from kedge.cli import options, show
from kedge.cli.cluster import where as which_cluster
from kedge.cli.cluster.where import Where


@click.command("status")
@options.opjob_argument
@options.watch
@click.option("-q", "--quiet", is_flag=True, help="With --watch, print only how it ended.")
@which_cluster.always
@options.as_json
def command(run_name: str, watch: bool, quiet: bool, where: Where, as_json: bool) -> None:
    """Tell how a run on a cluster stands, by its OpJob's status alone: phase, conditions, steps, and what it waits for.

    The exit code is 1 for a run that has ended badly, and 0 for any other.
    """
    from kedge.cli.cluster import following, opjobs, standing

    kubectl = where.kubectl()
    run = opjobs.get(kubectl, where.in_cluster(run_name) or run_name)
    if watch:
        following.to_the_end(kubectl, run, where, as_json=as_json, quiet=quiet)
    if as_json:
        show.data(standing.data(run))
        following.leave(run)
    following.tell(run, where)
    for columns, rows in (
        (standing.CONDITION_COLUMNS, standing.conditions(run)),
        (standing.OP_COLUMNS, standing.op_rows(run)),
    ):
        if rows:
            click.echo()
            show.table(columns, rows)
    following.leave(run)
