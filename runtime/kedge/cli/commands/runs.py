"""`kedge runs`."""

from __future__ import annotations

import click

from kedge.cli import options, show


@click.command("runs")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@options.store
@options.as_json
def command(limit: int, store_url: str | None, as_json: bool) -> None:
    """List the runs in the store, the newest first."""
    from kedge.local.runs import catalogue

    entries = catalogue(options.open_store_at(store_url))[:limit]
    if as_json:
        show.data(
            [
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
                for e in entries
            ]
        )
        return
    rows = []
    for entry in entries:
        took = None if entry.ended is None else entry.ended - entry.created
        done = f"{entry.steps.get('succeeded', 0)}/{sum(entry.steps.values())}" if entry.steps else "-"
        rows.append([entry.name, entry.status, done, show.moment(entry.created), show.duration(took), entry.target])
    show.table(["RUN", "STATUS", "STEPS", "CREATED", "TOOK", "TARGET"], rows)
