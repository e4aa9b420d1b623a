"""Changing a run of a cluster: the fields of its spec that may change, patched with a word about what comes of it."""

from __future__ import annotations

import click

from kedge.cli import show
from kedge.cli.cluster import following, opjobs
from kedge.cli.cluster.opjobs import ClusterRun
from kedge.cli.cluster.where import Where
from kedge.cli.manifests import again
from kedge.core.errors import KedgeError


def suspend(where: Where, name: str, as_json: bool) -> None:
    """Start no more of its steps. Raises KedgeError for a run that has ended or is suspended."""
    run = _going_on(where, name)
    if run.spec.get("suspend"):
        raise KedgeError(f"{name} is suspended already; {where.command('resume', name)} takes it up again")
    opjobs.change(where.kubectl(), run, suspend=True)
    _say(run, as_json, "suspended", f"{name} starts no more steps; {where.command('resume', name)} takes it up again")


def resume(where: Where, name: str, as_json: bool) -> None:
    """Start its steps again. Raises KedgeError for a run that has ended or is not suspended."""
    run = _going_on(where, name)
    if not run.spec.get("suspend"):
        raise KedgeError(f"{name} is {run.phase}, not suspended; a cluster's run needs nobody to take it up")
    opjobs.change(where.kubectl(), run, suspend=False)
    _say(run, as_json, "resumed", f"{name} goes on")


def cancel(where: Where, name: str, as_json: bool) -> None:
    """Stop it for good. Raises KedgeError for a run that has ended."""
    run = _going_on(where, name)
    opjobs.change(where.kubectl(), run, cancel=True)
    _say(run, as_json, "cancelled", f"{name} is being cancelled")


def _going_on(where: Where, name: str) -> ClusterRun:
    run = opjobs.get(where.kubectl(), name)
    if run.ended:
        raise KedgeError(f"{run.name} is {run.phase}; nothing is running")
    return run


def _say(run: ClusterRun, as_json: bool, what: str, words: str) -> None:
    if as_json:
        show.data({"run": run.name, "namespace": run.namespace, what: True})
    else:
        click.echo(words)


def retry(
    where: Where,
    name: str,
    steps: tuple[str, ...],
    max_concurrent: int | None,
    *,
    watch: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Create an OpJob that takes over what succeeded in this one. Raises KedgeError where there is nothing to redo."""
    kubectl = where.kubectl()
    before = opjobs.get(kubectl, name)
    if not before.ended:
        raise KedgeError(
            f"{before.name} is {before.phase}; wait for its end, or stop it: {where.command('cancel', name)}"
        )
    if not steps and before.phase == "Succeeded":
        raise KedgeError(f"{before.name} succeeded, so there is no failure to go on from; name steps to run them again")
    run = opjobs.create(kubectl, again(before.body, steps, max_concurrent))
    following.begun(kubectl, run, where, watch=watch, as_json=as_json, quiet=quiet)
