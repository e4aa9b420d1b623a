"""`python -m cluster`: the test cluster's commands, behind the targets of the Makefile."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from cluster import builders, debian, images, node, plane, ready, tiers, tools
from cluster.places import KUBECONFIG


def tells(command: Callable[..., None]) -> Callable[..., None]:
    """What is missing is told in words, with exit code 2."""

    @wraps(command)
    def called(*arguments: Any, **named: Any) -> None:
        try:
            command(*arguments, **named)
        except tools.Missing as error:
            click.secho(str(error), fg="red", err=True)
            sys.exit(2)

    return called


@click.group()
def main() -> None:
    """The test cluster: a real Kubernetes, by kind where Docker is, in namespaces of this machine elsewhere."""


@main.command("tools")
@click.argument("names", nargs=-1)
@tells
def build_tools(names: tuple[str, ...]) -> None:
    """Build the programs that are not in the cache: all, or those of some tools."""
    tools.build(names or tuple(tools.TOOLS))


@main.command()
@tells
def packages() -> None:
    """Install Debian's packages that a cluster without Docker needs and this machine lacks."""
    debian.install(node.DEBIAN | builders.DEBIAN)


@main.command()
@tells
def up() -> None:
    """Start the cluster; a second call changes nothing."""
    began = time.monotonic()
    if os.environ.get(tiers.GIVEN):
        click.echo(f"{tiers.GIVEN} is given: that cluster is used as it is")
        return
    tiers.up()
    click.echo(f"ready after {time.monotonic() - began:.1f} s: export KUBECONFIG={kubeconfig()}")


@main.command()
@tells
def down() -> None:
    """Stop the cluster, and leave nothing of it running."""
    if os.environ.get(tiers.GIVEN):
        click.echo(f"{tiers.GIVEN} is given: that cluster is not ours to stop")
    else:
        tiers.down()


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...]) -> None:
    """Run a command with every tier of tests that this machine can serve."""
    sys.exit(tiers.run(command))


@main.command()
@tells
def status() -> None:
    """Say which cluster there is, and how it is. Exit code 1 when there is none."""
    path = kubeconfig()
    if not path.exists() or ready.kubectl(path, "get", "--raw", "/readyz").returncode:
        click.echo("no cluster; `make cluster-up` starts one")
        sys.exit(1)
    click.echo(f"KUBECONFIG={path}")
    click.echo(f"network policies: {tiers.policies()}")
    click.echo(ready.kubectl(path, "get", "nodes,pods", "-A", "-o", "wide").stdout.rstrip())


@main.command("images")
@click.argument("names", nargs=-1)
@tells
def build_images(names: tuple[str, ...]) -> None:
    """Build the images that have changed, all or some, and bring them into the cluster if one runs."""
    began = time.monotonic()
    built = images.build(names)
    click.echo(f"{len(built)} images are up to date after {time.monotonic() - began:.1f} s")
    if os.environ.get(tiers.GIVEN):
        click.echo(f"{tiers.GIVEN} is given: that cluster takes images from its own registry")
    elif not tiers.is_running():
        click.echo("no cluster runs: nothing to load them into; `make cluster-up` starts one")
    else:
        loaded = [one.reference for one in built if images.bring(one)]
        click.echo(f"loaded {', '.join(loaded) or 'nothing new'}: {time.monotonic() - began:.1f} s in all")


@main.command("plane-up")
@click.option("--nodes", default=0, help="With so many fake nodes, a scheduler, and pods that end by annotation.")
@tells
def plane_up(nodes: int) -> None:
    """Start etcd and kube-apiserver alone, on free ports of loopback."""
    tools.build_programs(plane.NEEDS_FOR_NODES if nodes else plane.NEEDS)
    began = time.monotonic()
    found = plane.up(nodes)
    click.echo(f"ready after {time.monotonic() - began:.1f} s: export KUBECONFIG={found.kubeconfig}")


@main.command("plane-down")
@tells
def plane_down() -> None:
    """Stop all planes that were started from here."""
    for one in plane.all_here():
        one.stop()


def kubeconfig() -> Path:
    """The kubeconfig of the cluster in use."""
    return Path(os.environ.get(tiers.GIVEN) or KUBECONFIG)


if __name__ == "__main__":
    main()
