"""Following a run of a cluster over connections that break."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from plane_operator import install_crd, kubectl, submit
from silent_relay import SilentRelay, relayed

from cluster import plane as planes
from cluster.tools import need
from kedge.cli.cluster import opjobs, podlogs
from kedge.cli.cluster.kubectl import Kubectl
from kedge.cli.steplogs import Which

pytestmark = pytest.mark.plane


@pytest.fixture(scope="module")
def server() -> Iterator[planes.Running]:
    with planes.running() as plane:
        install_crd(plane)
        yield plane


@pytest.fixture
def relay(server: planes.Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentRelay]:
    """Stands between kubectl and the API server."""
    relay, kubeconfig = relayed(server, tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("PATH", f"{need('kubectl').parent}{os.pathsep}{os.environ['PATH']}")
    yield relay
    relay.close()


def test_a_run_is_followed_over_a_connection_that_breaks(server: planes.Running, relay: SilentRelay) -> None:
    submit(server, "followed", {"image": "x", "ops": [{"name": "one", "entrypoint": "x:one"}]})
    states = opjobs.watch(Kubectl(), opjobs.get(Kubectl(), "followed"))
    assert next(states).phase == next(states).phase == "Pending"  # as it is, and as the watch begins
    relay.cut()
    ended = '{"status":{"phase":"Failed"}}'
    kubectl(server, "patch", "oj", "followed", "--subresource=status", "--type=merge", "-p", ended)
    assert any(run.ended for run in states)


def test_a_log_that_nobody_reads_any_more_is_not_followed(server: planes.Running, relay: SilentRelay) -> None:
    submit(server, "unheard", {"image": "x", "ops": [{"name": "one", "entrypoint": "x:one"}]})
    run = opjobs.get(Kubectl(), "unheard")
    metadata = {"name": "unheard", "namespace": "default", "labels": {"kedge.dev/run": run.uid}}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    spec = {"containers": [{"name": "step", "image": "x"}], "nodeName": "nowhere"}  # of which its log will tell
    kubectl(server, "create", "-f", "-", given=json.dumps({**body, "spec": spec}))
    running = '{"status":{"phase":"Running"}}'
    kubectl(server, "patch", "pod", "unheard", "--subresource=status", "--type=merge", "-p", running)

    def say(step: str, line: str) -> None:
        raise BrokenPipeError(errno.EPIPE, "as when `head` has ended")

    follower = podlogs.Follower(Kubectl(), run, Which(None, None), say)
    followed = Future[None]()

    def follow() -> None:
        try:
            follower.follow()
        except BaseException as error:
            followed.set_exception(error)
        else:
            followed.set_result(None)

    threading.Thread(target=follow, daemon=True).start()
    with pytest.raises(BrokenPipeError):
        followed.result(120)


def test_half_a_line_of_a_watch_is_its_end() -> None:
    assert opjobs.event_in('{"type":"MODIFIED","object":{"kind"') is None
