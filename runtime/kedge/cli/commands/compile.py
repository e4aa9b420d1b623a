"""`kedge compile TARGET`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kedge.cli import options, show

_IMAGE = "localhost/kedge-job:dev"


@click.command("compile")
@options.target_argument
@options.config
@options.select
@click.option("--image", help=f"Image with the job's code. [default: {_IMAGE}]")
@click.option("--name", help="Name of the OpJob. [default: the job's]")
@click.option("--entrypoint", metavar="MODULE:ATTR", help="Where the job is inside the image. [default: TARGET]")
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
    """Print a job as an OpJob manifest: what kubectl apply, and kedge run, take."""
    from kedge.cli.targets import is_manifest, load, read_manifest
    from kedge.core import spec
    from kedge.worker.compiling import compiled

    loaded = load(target, options.read_config(config_text), selection, None, partition)
    default: dict[str, Any] = {"image": _IMAGE, "entrypoint": target, "maxConcurrent": 10}
    said = {"image": image, "entrypoint": entrypoint, "maxConcurrent": max_concurrent}
    given = {key: value for key, value in said.items() if value is not None}
    if is_manifest(target):
        del default["entrypoint"]
        given = {**read_manifest(target)["spec"], **given}  # with the entrypoint alone it becomes one with its ops, too
    found = compiled(loaded, given, default)
    if partition is not None:
        found.spec["partitionKey"] = partition
    named = (name or loaded.document.job).replace("_", "-").lower()
    manifest = spec.manifest(named, found.spec, found.graph_digest)
    if found.namespace:
        manifest["metadata"]["namespace"] = found.namespace
    spec.parse(manifest)
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
