"""`kedge compile TARGET`."""

from __future__ import annotations

from pathlib import Path

import click

from kedge.cli import options, show

_IMAGE = "localhost/kedge-job:dev"


@click.command("compile")
@options.target_argument
@options.config
@options.select
@click.option("--image", help=f"Image with the job's code. [default: {_IMAGE}]")
@click.option("--name", help="Name of the OpJob. [default: the job's]")
@options.entrypoint
@options.max_concurrent
@options.partition
@options.output
@options.as_json
def command(
    target: str,
    config_text: str | None,
    selection: tuple[str, ...],
    image: str | None,
    name: str | None,
    entrypoint: str | None,
    max_concurrent: int | None,
    partition: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Print a job as an OpJob manifest: what kubectl apply, kedge submit and kedge run take."""
    from kedge.cli.manifests import Wanted, compiled

    config = options.read_config(config_text)
    wanted = Wanted(config, selection, image, name, entrypoint, max_concurrent, partition)
    manifest = compiled(target, wanted, _IMAGE)
    if as_json:
        show.data(manifest)
        return
    import yaml

    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"wrote {output}", err=True)
