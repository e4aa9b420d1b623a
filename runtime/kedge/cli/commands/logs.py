"""`kedge logs RUN [STEP]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from kedge.cli import options, plain, show
from kedge.cli.cluster import where as which_cluster
from kedge.cli.cluster.where import Where
from kedge.cli.steplogs import Log, Which, stored


@click.command("logs")
@options.run_argument
@click.argument("step", required=False)
@click.option("--attempt", type=click.IntRange(min=1), help="Only this attempt.")
@click.option("-f", "--follow", is_flag=True, help="Go on as long as the run does; of runs on a cluster.")
@options.store
@options.endpoint
@which_cluster.options
@options.as_json
def command(
    run_name: str,
    step: str | None,
    attempt: int | None,
    follow: bool,
    store_url: str | None,
    endpoint: str | None,
    where: Where,
    as_json: bool,
) -> None:
    """Print what the steps of a run wrote; with STEP (an op or one clone, such as size[a_txt]) only theirs.

    Of a run on a cluster, pods that live tell themselves, and the store the rest.
    """
    which = Which(step, attempt)
    if follow:
        _follow(run_name, which, where, as_json)
        return
    logs = _written(run_name, which, store_url, endpoint, where)
    if as_json:
        show.data([log._asdict() for log in logs])
        return
    any_log = False
    for log in logs:
        any_log = True
        if step is None or "[" not in step:
            click.secho(f"==> {plain.text(log.step)} attempt {log.attempt} <==", bold=True)
        click.echo(plain.log(log.text) if show.is_terminal() else log.text, nl=False)
    if not any_log:
        why = "" if step is None else _why_silent(run_name, step, store_url, endpoint, where)
        click.echo(f"{run_name} has no log{why}", err=True)


def _why_silent(run_name: str, step: str, store_url: str | None, endpoint: str | None, where: Where) -> str:
    from kedge.cli.found import opened
    from kedge.cli.silence import why_silent

    with opened(run_name, store_url, endpoint, where) as (store, entry):
        why = why_silent(store, entry.paths, run_name, step)
    return f" of {step}: {why}" if why else f" of {step}"


def _written(run_name: str, which: Which, store_url: str | None, endpoint: str | None, where: Where) -> Iterator[Log]:
    name = where.in_cluster(run_name)
    if name is not None:
        from kedge.cli.cluster import opjobs, podlogs

        kubectl = where.kubectl()
        yield from podlogs.written(kubectl, opjobs.get(kubectl, name), which, store_url, endpoint)
        return
    from kedge.local.runs import find

    store = options.open_store_at(store_url)
    yield from stored(store, find(store, run_name).paths.prefix, which)


def _follow(run_name: str, which: Which, where: Where, as_json: bool) -> None:
    name = where.in_cluster(run_name)
    if name is None or as_json:
        raise click.UsageError("--follow is for runs on a cluster (oj/NAME), and not with --json")
    from kedge.cli.cluster import opjobs, podlogs

    kubectl = where.kubectl()
    alone = which.step is not None and "[" in which.step

    def say(step: str, line: str) -> None:
        told = plain.log(line) if show.is_terminal() else line
        click.echo(told if alone else f"{click.style(step, bold=True)} | {told}", nl=False)

    try:
        podlogs.Follower(kubectl, opjobs.get(kubectl, name), which, say).follow()
    except KeyboardInterrupt:
        sys.exit(options.EXIT_INTERRUPTED)
