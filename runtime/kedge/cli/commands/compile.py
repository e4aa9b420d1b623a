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
    from kedge.definitions import pods
    from kedge.local import runs

    loaded = load(target, options.read_config(config_text), selection, None, partition)
    job, document = loaded.job, loaded.document
    asked = runs.executor_settings(job, document.run_config)
    body: dict[str, Any] = {"image": _IMAGE, "entrypoint": target, "maxConcurrent": 10, **pods.spec_of(asked)}
    if is_manifest(target):
        del body["entrypoint"]
        body |= read_manifest(target)["spec"]  # one with the entrypoint alone becomes one with its ops, too
    said = {"image": image, "entrypoint": entrypoint, "maxConcurrent": max_concurrent}
    body |= {key: value for key, value in said.items() if value is not None}
    body["ops"] = pods.with_step_pods(job.full_op_graph.to_json(), asked)
    if document.run_config:
        body["runConfig"] = dict(document.run_config)
    if document.tags:
        body["tags"] = dict(document.tags)
    if document.op_selection:
        body["opSelection"] = list(document.op_selection)
    if partition is not None:
        body["partitionKey"] = partition
    manifest = spec.manifest((name or document.job).replace("_", "-").lower(), body, job.full_op_graph.digest)
    if asked.k8s.get("job_namespace"):
        manifest["metadata"]["namespace"] = asked.k8s["job_namespace"]
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
