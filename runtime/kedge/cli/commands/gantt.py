"""`kedge gantt RUN`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from kedge.cli import options, show
from kedge.cli.cluster import where as which_cluster
from kedge.cli.cluster.where import Where


@click.command("gantt")
@options.run_argument
@options.output
@options.store
@options.endpoint
@which_cluster.options
@options.as_json
def command(
    run_name: str, output: Path | None, store_url: str | None, endpoint: str | None, where: Where, as_json: bool
) -> None:
    """Draw a run as a self-contained HTML page: one bar a step, waiting and overhead apart from user time."""
    from kedge.cli.found import opened
    from kedge.cli.timelines import timeline_of

    with opened(run_name, store_url, endpoint, where) as (store, entry):
        timeline = timeline_of(store, entry)
    if as_json:
        show.data(asdict(timeline))
        return
    from kedge.cli.charts.gantt import gantt_html

    path = output or Path(f"{entry.name}-gantt.html")
    path.write_text(gantt_html(timeline), encoding="utf-8")
    click.echo(f"wrote {path}", err=True)
