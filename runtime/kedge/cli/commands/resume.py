"""`kedge resume RUN`."""

from __future__ import annotations

import click

from kedge.cli import options
from kedge.cli.cluster import where as which_cluster
from kedge.cli.cluster.where import Where
from kedge.core.errors import KedgeError


@click.command("resume")
@options.run_argument
@click.option("-q", "--quiet", is_flag=True, help="Print only how it ended.")
@click.option("--take-over", is_flag=True, help="Go on here with a run of another machine, which runs it no more.")
@options.store
@which_cluster.options
@options.as_json
def command(run_name: str, quiet: bool, take_over: bool, store_url: str | None, where: Where, as_json: bool) -> None:
    """Take up a run whose engine was killed or lost its machine. No step that finished is run again.

    Of a run on a cluster: one that was suspended starts steps again.
    """
    name = where.in_cluster(run_name)
    if name is not None:
        from kedge.cli.cluster import changing

        changing.resume(where, name, as_json)
        return
    from kedge.cli.driving import drive
    from kedge.engine.records import read_document
    from kedge.local import runs
    from kedge.worker.loading import job_of

    store = options.open_store_at(store_url)
    entry = runs.find(store, run_name)
    if take_over and entry.status == runs.ELSEWHERE:
        entry = runs.take_over(store, entry)
    entry.refuse_elsewhere()
    if entry.status != "Interrupted":
        hint = "; to run failed steps again use kedge retry" if entry.status == "Failed" else ""
        raise KedgeError(f"{entry.name} is {entry.status}, not interrupted{hint}")
    document = read_document(store, entry.paths)
    job_of(document)
    drive(store, entry.paths, document, as_json=as_json, quiet=quiet, method="auto")
