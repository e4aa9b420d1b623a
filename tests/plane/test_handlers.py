"""kopf, our handlers and the look at its watches, against a real API server."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Mapping
from contextvars import Context, copy_context
from typing import Any

import connections
import kopf
import pytest
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import load_kube_config
from plane_operator import install_crd

from cluster import plane as planes
from cluster.tools import need
from kedge_kubectl import SECONDS
from kedge_operator import handlers, labels
from kedge_operator.watches import FAILING_SECONDS, SILENT_SECONDS, Watches

pytestmark = pytest.mark.plane

JOB = {
    "apiVersion": labels.API_VERSION,
    "kind": labels.KIND,
    "metadata": {"name": "sizes"},
    "spec": {"image": "i", "ops": [{"name": "one", "entrypoint": "m:one"}]},
}


def pod(name: str, **marks: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "step", "image": "i"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": marks}, "spec": spec}


class Seen:
    """Whom the handlers tell, in place of the runs."""

    def __init__(self) -> None:
        self.objects: list[tuple[str, str | None, str]] = []
        self.contexts: list[Context] = []
        self.news = asyncio.Event()

    def opjob(self, kind: str | None, body: Mapping[str, Any]) -> None:
        self._note("opjob", kind, body)

    def pod(self, kind: str | None, body: Mapping[str, Any]) -> None:
        self._note("pod", kind, body)

    def _note(self, what: str, kind: str | None, body: Mapping[str, Any]) -> None:
        self.objects.append((what, kind, body["metadata"]["name"]))
        self.contexts.append(copy_context())
        self.news.set()

    async def until(self, *wanted: tuple[str, str | None, str]) -> None:
        async with asyncio.timeout(SECONDS):
            while not set(wanted) <= set(self.objects):
                self.news.clear()
                await self.news.wait()


class World:
    """A plane with OpJobs, and a clock that is only looked at by the watches."""

    def __init__(self, plane: planes.Running) -> None:
        self.plane = plane
        self.ahead = 0.0
        self.watches = Watches(lambda: asyncio.get_running_loop().time() + self.ahead)
        self.seen = Seen()

    async def kubectl(self, *arguments: str, given: Any = None) -> None:
        command = [str(need("kubectl")), f"--kubeconfig={self.plane.kubeconfig}", *arguments]
        text = None if given is None else json.dumps(given)
        await asyncio.to_thread(subprocess.run, command, input=text, text=True, check=True, capture_output=True)

    async def start(self, stop: asyncio.Event) -> asyncio.Task[None]:
        config = Configuration()
        await load_kube_config(str(self.plane.kubeconfig), client_configuration=config)  # type: ignore[no-untyped-call]
        registry, ready = kopf.OperatorRegistry(), asyncio.Event()
        handlers.register(registry, self.seen, config, self.watches)  # type: ignore[arg-type]
        operator = kopf.operator(
            registry=registry, namespaces=["default"], standalone=True, stop_flag=stop, ready_flag=ready
        )
        task = asyncio.create_task(operator)
        await asyncio.wait([task, asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
        return task


def test_all_is_told_nothing_is_written_and_watches_are_known_to_live(plane: planes.Running) -> None:
    install_crd(plane)

    async def run() -> None:
        world, stop = World(plane), asyncio.Event()
        await world.kubectl("create", "-f", "-", given=JOB)
        await world.kubectl("create", "-f", "-", given=pod("first", **{labels.RUN: "uid"}))
        task = await world.start(stop)
        await world.seen.until(("opjob", None, "sizes"), ("pod", None, "first"))  # what comes now, watches tell
        await world.kubectl("create", "-f", "-", given=pod("other"))
        await world.kubectl("create", "-f", "-", given=pod("ours", **{labels.RUN: "uid"}))
        await world.seen.until(("pod", "ADDED", "ours"))  # of events that come together, kopf tells the last
        await world.kubectl("label", "oj", "sizes", "a=b")
        await world.kubectl("delete", "pod", "ours", "--grace-period=0", "--force")
        await world.seen.until(("opjob", "MODIFIED", "sizes"), ("pod", "DELETED", "ours"))
        assert "other" not in [name for _, _, name in world.seen.objects]
        assert not any(map(len, world.seen.contexts)), "timers and tasks made in them would keep the objects"
        assert set(world.watches.silence()) == {"pods", "opjobs"}
        assert world.watches.why_silent() is None
        assert world.watches.why_stuck() is None
        stop.set()
        await task
        found = subprocess.run(
            [str(need("kubectl")), f"--kubeconfig={plane.kubeconfig}", "get", "oj", "sizes", "-o", "json"],
            capture_output=True,
            check=True,
        )
        metadata = json.loads(found.stdout)["metadata"]
        assert ("annotations" in metadata, "finalizers" in metadata) == (False, False)

    connections.run(run())


def test_an_api_server_that_goes_away_is_told(plane: planes.Running) -> None:
    install_crd(plane)

    async def run() -> None:
        world, stop = World(plane), asyncio.Event()
        await world.kubectl("create", "-f", "-", given=JOB)
        task = await world.start(stop)
        await world.seen.until(("opjob", None, "sizes"))
        assert world.watches.why_silent() is None
        await asyncio.to_thread(plane.end)
        world.ahead = FAILING_SECONDS
        async with asyncio.timeout(SECONDS):
            while (why := world.watches.why_silent()) is None:
                world.ahead = min(world.ahead + 1, SILENT_SECONDS / 4)  # else it would be told of silence
                await asyncio.sleep(0.1)
        assert "has failed for" in why
        assert world.watches.why_stuck() is None
        stop.set()
        await asyncio.gather(task, return_exceptions=True)

    connections.run(run())
