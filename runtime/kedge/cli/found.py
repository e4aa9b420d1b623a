"""The run that a command names, with its store: of this machine, or of a cluster. For commands that read records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kedge.cli.cluster.where import Where
from kedge.cli.options import open_store_at
from kedge.core.errors import ProtocolError
from kedge.core.protocol import UNREADABLE
from kedge.engine.records import NoSuchRun, read_json_at
from kedge.io.errors import ObjectMissing
from kedge.io.stores import Store
from kedge.local.runs import RunEntry, find

if TYPE_CHECKING:
    from kedge.cli.cluster.opjobs import ClusterRun


@contextmanager
def opened(
    run_name: str, store_url: str | None, endpoint: str | None, where: Where
) -> Iterator[tuple[Store, RunEntry]]:
    """The store and the run. Raises NoSuchRun, and StoreError and ClusterError that say what to do."""
    name = where.in_cluster(run_name)
    if name is None:
        store = open_store_at(store_url)
        yield store, find(store, run_name)
        return
    from kedge.cli.cluster import opjobs, reaching

    kubectl = where.kubectl()
    run = opjobs.get(kubectl, name)
    with reaching.reached(kubectl, run, store_url, endpoint) as store:
        try:
            yield store, entry_of(store, run)
        except NoSuchRun as error:
            raise _no_records(run, store, where) from error


def entry_of(store: Store, run: ClusterRun) -> RunEntry:
    """An OpJob as an entry of a catalogue. Its status knows to the second when it ended, the store more exactly."""
    try:
        ended: float | None = float(read_json_at(store, run.paths.result)["ended"])
    except (ObjectMissing, ProtocolError, *UNREADABLE):
        ended = run.completed
    steps: dict[str, Any] = {state: count for state, count in run.steps.items() if state != "total"}
    return RunEntry(run.name, run.paths, run.uid, run.name, run.target, run.phase, run.created, ended, steps)


def _no_records(run: ClusterRun, store: Store, where: Where) -> NoSuchRun:
    if any(one["type"] == "Planned" and one["status"] == "True" for one in run.status.get("conditions") or ()):
        return NoSuchRun(
            f"{run.name} has run, but there is no {run.paths.prefix} in {store.url} as it is reached from here: its "
            "records were removed, or --store, --store-endpoint or the credentials in your environment lead elsewhere"
        )
    told = run.status.get("message") or run.status.get("reason") or "nothing is known of it yet"
    return NoSuchRun(
        f"{run.name} was not planned, so it has no steps: it is {run.phase} ({told.splitlines()[0]}). "
        f"{where.command('status', run.name)} tells more"
    )
