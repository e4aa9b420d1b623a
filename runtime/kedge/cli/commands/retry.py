"""`kedge retry RUN`."""

from __future__ import annotations

import click

from kedge.cli import options
from kedge.cli.cluster import where as which_cluster
from kedge.cli.cluster.where import Where


@click.command("retry")
@options.run_argument
@click.option("-s", "--select", "selection", multiple=True, metavar="STEP", help="Run again: load, load*, size[a_txt].")
@options.max_concurrent
@click.option("-q", "--quiet", is_flag=True, help="Print only how it ended.")
@options.watch
@options.store
@which_cluster.options
@options.as_json
def command(
    run_name: str,
    selection: tuple[str, ...],
    max_concurrent: int | None,
    quiet: bool,
    watch: bool,
    store_url: str | None,
    where: Where,
    as_json: bool,
) -> None:
    """Start a new run that takes over what succeeded in RUN and runs the rest again.

    Without --select it goes on from the failure: steps that failed and those not run. Values are not copied.
    On a cluster the new run is an OpJob, whose name is printed; --watch follows it.
    """
    name = where.in_cluster(run_name)
    if name is not None:
        from kedge.cli.cluster import changing

        changing.retry(where, name, selection, max_concurrent, watch=watch, quiet=quiet, as_json=as_json)
        return
    from dataclasses import replace

    from kedge.cli.driving import drive
    from kedge.core.selection import select_steps
    from kedge.local import runs
    from kedge.worker.loading import job_of

    store = options.open_store_at(store_url)
    entry = runs.find(store, run_name)
    document = runs.again(store, entry, tuple(selection) or None)
    if selection:
        select_steps(document.graph, selection)
    if max_concurrent is not None:
        document = replace(document, settings=replace(document.settings, max_concurrent=max_concurrent))
    job_of(document)
    paths = runs.create(store, document, entry.target)
    drive(store, paths, document, as_json=as_json, quiet=quiet, method="auto")
