"""`kedge plan TARGET`."""

from __future__ import annotations

import click

from kedge.cli import options, show


@click.command("plan")
@options.target_argument
@options.config
@options.select
@options.partition
@options.as_json
def command(
    target: str, config_text: str | None, selection: tuple[str, ...], partition: str | None, as_json: bool
) -> None:
    """Show the steps of a job in the order in which they would start one at a time; nothing is run.

    Clones of mapped ops are not known before the run; they are shown once, as op[?].
    """
    from kedge.cli.targets import load
    from kedge.core.order import planned_order
    from kedge.core.plan import build

    loaded = load(target, options.read_config(config_text), selection, partition=partition)
    steps = planned_order(build(loaded.document.graph, loaded.document.tag_limits))
    if as_json:
        names = ("step", "op", "priority")
        show.data([{**{name: getattr(one, name) for name in names}, "after": list(one.waits_for)} for one in steps])
        return
    rows = [[str(i), one.step, str(one.priority), ", ".join(one.waits_for) or "-"] for i, one in enumerate(steps, 1)]
    show.table(["#", "STEP", "PRIORITY", "AFTER"], rows)
