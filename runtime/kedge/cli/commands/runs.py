"""`kedge runs`."""

from __future__ import annotations

import time
from typing import Any

import click

from kedge.cli import options, show
from kedge.cli.cluster import where as which_cluster
from kedge.cli.cluster.where import Where
from kedge.core.state import FINAL


@click.command("runs")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@options.store
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="On the cluster, in all namespaces.")
@which_cluster.options
@options.as_json
def command(limit: int, store_url: str | None, everywhere: bool, where: Where, as_json: bool) -> None:
    """List the runs in the store, or those on the cluster; the newest first."""
    found = _of_cluster(where, everywhere) if where.chosen or everywhere else _of_store(store_url)
    found = found[:limit]
    if as_json:
        show.data(found)
        return
    places = ["NAMESPACE"] if everywhere else []
    rows = [([one["namespace"]] if everywhere else []) + _row(one) for one in found]
    show.table([*places, "RUN", "STATUS", "STEPS", "CREATED", "TOOK", "TARGET"], rows)


def _of_store(store_url: str | None) -> list[dict[str, Any]]:
    from kedge.local.runs import catalogue

    return [
        {
            "run": e.name,
            "id": e.run_id,
            "job": e.job,
            "target": e.target,
            "status": e.status,
            "created": e.created,
            "ended": e.ended,
            "steps": dict(e.steps),
        }
        for e in catalogue(options.open_store_at(store_url))
    ]


def _of_cluster(where: Where, everywhere: bool) -> list[dict[str, Any]]:
    from kedge.cli.cluster import opjobs, standing

    told = ("run", "namespace", "id", "status", "reason", "created", "ended", "steps")
    return [
        {**{name: value for name, value in standing.data(run).items() if name in told}, "target": run.target}
        for run in opjobs.all_of(where.kubectl(), everywhere)
    ]


def _row(run: dict[str, Any]) -> list[str]:
    """One run as people read it. A run of this machine that is under way has no counts yet; one of a cluster grows.

    Steps are those that have ended of those that are known, as `kubectl get opjobs` has them.
    """
    steps = run["steps"]
    ended = sum(steps.get(state.value, 0) for state in FINAL)
    done = f"{ended}/{sum(steps.values())}" if steps else "-"
    took = None if run["ended"] is None else run["ended"] - run["created"]
    if "namespace" in run:
        from kedge.cli.cluster import standing

        told = standing.span(time.time() - run["created"] if took is None else took)
    else:
        told = show.duration(took)
    return [run["run"], run["status"], done, show.moment(run["created"]), told, run["target"]]
