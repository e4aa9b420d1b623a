"""`kedge graph TARGET`."""

from __future__ import annotations

from pathlib import Path

import click

from kedge.cli import options, show


@click.command("graph")
@options.target_argument
@options.select
@options.output
@options.as_json
def command(target: str, selection: tuple[str, ...], output: Path | None, as_json: bool) -> None:
    """Draw a job's dependency graph as a self-contained HTML page."""
    from kedge.cli.pictures import picture_of
    from kedge.cli.targets import load_graph

    name, graph = load_graph(target, selection)
    picture = picture_of(name, graph)
    if as_json:
        nodes = [{"name": one.name, "kind": one.kind, "graph": one.graph} for one in picture.nodes]
        edges = [{"source": one.source, "target": one.target, "kind": one.kind} for one in picture.edges]
        show.data({"nodes": nodes, "edges": edges})
        return
    from kedge.cli.charts.graph import graph_html

    path = output or Path(f"{name}-graph.html")
    path.write_text(graph_html(picture), encoding="utf-8")
    click.echo(f"wrote {path}", err=True)
