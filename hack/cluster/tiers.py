"""The tiers of tests, by what they need beside Python: an S3 server, Helm, a control plane, a cluster.

`make test` runs every tier that this machine can serve from its cache, and says in one line for each other tier how to
get it. `KEDGE_REQUIRE=plane,cluster,s3` makes a missing tier an error.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cluster import archives, images, kind, node, plane, ready, s3, tools
from cluster.places import KUBECONFIG, STATE
from cluster.tools import Missing

REQUIRE = "KEDGE_REQUIRE"
GIVEN = "KEDGE_KUBECONFIG"
CHARTS, PLANE, IMAGES, CLUSTER = "KEDGE_TEST_CHARTS", "KEDGE_TEST_PLANE", "KEDGE_TEST_IMAGES", "KEDGE_TEST_KUBECONFIG"
FOR_NODE = ("kubernetes", "etcd", "coredns", "kube-router")


@dataclass(frozen=True)
class Tier:
    """A tier: how it is served for the length of a block, by what variable tests know of it, and how to get it."""

    name: str
    serve: Callable[[], contextlib.AbstractContextManager[dict[str, str]]]
    variable: str
    how_to_get: str


@contextlib.contextmanager
def _charts() -> Iterator[dict[str, str]]:
    for one in ("helm", *tools.TOOLS["prometheus-operator"].files):
        tools.need(one)
    yield {CHARTS: "1"}


@contextlib.contextmanager
def _plane() -> Iterator[dict[str, str]]:
    for program in plane.NEEDS_FOR_NODES:
        tools.need(program)
    yield {PLANE: "1"}


@contextlib.contextmanager
def _images() -> Iterator[dict[str, str]]:
    images.check()
    yield {IMAGES: "1"}


@contextlib.contextmanager
def _cluster() -> Iterator[dict[str, str]]:
    """The cluster that is there, or one for the length of the block."""
    if os.environ.get(GIVEN):
        yield {CLUSTER: os.environ[GIVEN]}
        return
    was_running = is_running()
    up(build=False)
    try:
        yield {CLUSTER: str(KUBECONFIG)}
    finally:
        if not was_running:
            down()


TIERS = (
    Tier("s3", s3.running, s3.ENDPOINT, "make s3-server"),
    Tier("charts", _charts, CHARTS, "make cluster-tools"),
    Tier("plane", _plane, PLANE, "make cluster-tools"),
    Tier("images", _images, IMAGES, "make images"),
    Tier("cluster", _cluster, CLUSTER, "make cluster-tools; it needs root, or Docker and kind"),
)


def is_running() -> bool:
    """Whether the cluster of this checkout is there."""
    return kind.is_running() if kind.is_possible() else node.is_running()


def policies() -> str:
    """Who enforces network policies in the cluster, in words."""
    if os.environ.get(GIVEN):
        return "enforced if that cluster does so"
    if kind.is_possible():
        return "enforced by kind's own network"
    found = "enforced" if node.enforces_policies() else "NOT enforced"
    return f"{found} by kube-router {tools.TOOLS['kube-router'].version}, while there are any"


def up(build: bool = True) -> None:
    """Start the cluster, and wait until it takes pods; without `build`, from the cache alone. Raises Missing."""
    if kind.is_possible():
        kind.up()
        return
    node.check()
    if build:
        tools.build(FOR_NODE)
    pause = archives.pause()
    fresh = not node.is_running()
    node.up()
    logs = STATE / "logs"
    if fresh:
        images.load(pause)
    ready.api(KUBECONFIG, logs)
    ready.addons(KUBECONFIG, logs)
    ready.node(KUBECONFIG, logs)
    ready.until("what enforces network policies", node.enforces_policies, 180, logs)


def down() -> None:
    """Stop the cluster, and leave nothing of it running."""
    if kind.is_possible():
        kind.down()
    else:
        node.down()
    for one in plane.all_here():
        one.stop()


def run(command: Sequence[str]) -> int:
    """Run a command with all tiers that can be served. Returns its exit code, or 2 when a required tier can't be."""
    required = {name for name in os.environ.get(REQUIRE, "").split(",") if name}
    unknown = required - {tier.name for tier in TIERS}
    if unknown:
        print(
            f"{REQUIRE} names {', '.join(sorted(unknown))}; there are {', '.join(tier.name for tier in TIERS)}",
            file=sys.stderr,
        )
        return 2
    environment = dict(os.environ)
    with contextlib.ExitStack() as stack:
        for tier in TIERS:
            try:
                environment |= stack.enter_context(tier.serve())
            except Missing as error:
                why = str(error).replace("\n", " ")
                if tier.name in required:
                    print(f"{REQUIRE} asks for the tier {tier.name}: {why}. Get it: {tier.how_to_get}", file=sys.stderr)
                    return 2
                print(f"tier {tier.name} is not run: {why}. Get it: {tier.how_to_get}", file=sys.stderr)
        return subprocess.run(command, env=environment, check=False).returncode
