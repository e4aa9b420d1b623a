"""`kedge submit TARGET`."""

from __future__ import annotations

import click

from kedge.cli import options
from kedge.cli.cluster import where as which_cluster
from kedge.cli.cluster.where import Where


@click.command("submit")
@options.target_argument
@options.config
@options.select
@click.option("--image", help="Image with the job's code. [default: the manifest's, or the operator's]")
@click.option("--name", help="Name of the OpJob. [default: the manifest's, or one that begins with the job's]")
@click.option("--generate-name", "generate", is_flag=True, help="Let the cluster make a name that begins so.")
@options.entrypoint
@options.max_concurrent
@options.partition
@options.watch
@click.option("-q", "--quiet", is_flag=True, help="With --watch, print only how it ended.")
@which_cluster.always
@options.as_json
def command(
    target: str,
    config_text: str | None,
    selection: tuple[str, ...],
    image: str | None,
    name: str | None,
    generate: bool,
    entrypoint: str | None,
    max_concurrent: int | None,
    partition: str | None,
    watch: bool,
    quiet: bool,
    where: Where,
    as_json: bool,
) -> None:
    """Create an OpJob in the cluster, and print its name.

    TARGET is a manifest job.yaml, which is sent as it is, or Python (package.module:job, path/to/file.py:job), which is
    compiled first. A manifest that has a name makes an OpJob of that name; else the name ends in letters of the
    cluster's choice, so that a job can be submitted again and again.
    """
    from kedge.cli.cluster import following, opjobs
    from kedge.cli.manifests import Wanted, to_submit

    config = options.read_config(config_text)
    wanted = Wanted(config, selection, image, name, entrypoint, max_concurrent, partition)
    kubectl = where.kubectl()
    run = opjobs.create(kubectl, to_submit(target, wanted, generate))
    following.begun(kubectl, run, where, watch=watch, as_json=as_json, quiet=quiet)
