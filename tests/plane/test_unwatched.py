"""What the watch does not tell, as of while it was off: the API server is asked, and a run goes on, or ends, from that.

The operator's runs are in this process, with no watch at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import connections
import pytest
from kubernetes.aio.config import load_kube_config
from plane_operator import install_crd, submit

from cluster import plane as planes
from kedge.core.layout import RunPaths
from kedge.io.stores import Store, open_store
from kedge_kubectl import SECONDS, Kubectl
from kedge_operator.actor import Services
from kedge_operator.announced import Announcements
from kedge_operator.cluster import Cluster, Configuration
from kedge_operator.errors import Unavailable
from kedge_operator.runs import Runs
from kedge_operator.settings import Settings
from kedge_operator.stores import Stores

pytestmark = pytest.mark.plane

ONE = [{"name": "one", "entrypoint": "x:one"}]


class World:
    """A plane, and the runs of an operator that sees nothing by itself."""

    def __init__(self, plane: planes.Running, store: Store, cluster: Cluster, runs: Runs) -> None:
        self._plane = plane
        self.store = store
        self.cluster = cluster
        self.runs = runs
        self._kubectl = Kubectl(str(plane.kubeconfig), "default")

    async def kubectl(self, *arguments: str) -> str:
        """What it prints; the runs go on meanwhile."""
        return await asyncio.to_thread(self._kubectl, *arguments)

    async def begin(self, name: str, spec: dict[str, Any]) -> RunPaths:
        """An OpJob that the operator is told of, this once."""
        await asyncio.to_thread(submit, self._plane, name, {"image": "x", **spec})
        body = await asyncio.to_thread(self._kubectl.get, "oj", name)
        self.runs.opjob("ADDED", body)
        return RunPaths.of("default", name, body["metadata"]["uid"])

    async def removed(self, name: str, paths: RunPaths) -> None:
        """Until nothing is left of a run whose OpJob is gone; its pods go as an owner's do, which no plane does."""
        async with asyncio.timeout(SECONDS):
            while list(self.store.list(paths.prefix)):
                await self.kubectl("delete", "pods", "-l", f"kedge.dev/job={name}", "--force")


@asynccontextmanager
async def world(plane: planes.Running, folder: Path) -> AsyncIterator[World]:
    config = Configuration()
    await load_kube_config(str(plane.kubeconfig), client_configuration=config)  # type: ignore[no-untyped-call]
    settings = Settings.model_validate({"store": {"url": f"file://{folder}/store"}, "resyncSeconds": 0.2})
    cluster = Cluster(config)
    stores = Stores(settings, cluster, {})
    runs = Runs(Services(cluster, stores, settings, Announcements(lambda hint: None), "operator-0"))
    try:
        yield World(plane, open_store(settings.store.url), cluster, runs)
    finally:
        await runs.close()
        stores.close()
        await cluster.close()


def play(plane: planes.Running, folder: Path, test: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        async with world(plane, folder) as found:
            await test(found)

    install_crd(plane)
    connections.run(run())


@pytest.mark.parametrize(
    "spec", [{"ops": ONE}, {"ops": ONE, "suspend": True}, {"entrypoint": "x:job"}], ids=["runs", "suspended", "planned"]
)
def test_a_run_whose_opjob_was_deleted_unseen_ends_and_leaves_nothing(
    plane: planes.Running, tmp_path: Path, spec: dict[str, Any]
) -> None:
    async def test(world: World) -> None:
        paths = await world.begin("goes", spec)
        kept = await world.begin("stays", spec)
        for name in ("goes", "stays"):
            await world.kubectl("wait", f"oj/{name}", "--for=jsonpath={.status.phase}", f"--timeout={SECONDS}s")
            world.store.put(f"{paths.prefix if name == 'goes' else kept.prefix}/values/one", b"1")
        await world.kubectl("delete", "oj/goes")
        await world.removed("goes", paths)
        assert list(world.store.list(kept.prefix))

    play(plane, tmp_path, test)


def test_a_suspended_opjob_that_is_to_be_planned_and_was_deleted_unseen_is_let_go(
    plane: planes.Running, tmp_path: Path
) -> None:
    async def test(world: World) -> None:
        paths = await world.begin("goes", {"entrypoint": "x:job", "suspend": True})
        await world.kubectl("wait", "oj/goes", "--for=jsonpath={.status.phase}=Suspended", f"--timeout={SECONDS}s")
        world.store.put(f"{paths.prefix}/values/one", b"1")
        await world.kubectl("delete", "oj/goes")
        await world.removed("goes", paths)

    play(plane, tmp_path, test)


def test_a_plan_pod_that_went_unseen_is_made_again(plane: planes.Running, tmp_path: Path) -> None:
    async def test(world: World) -> None:
        await world.begin("planned", {"entrypoint": "x:job"})
        pods = ("pods", "-l", "kedge.dev/job=planned")
        await world.kubectl("wait", *pods, "--for=create", f"--timeout={SECONDS}s")
        await world.kubectl("delete", *pods, "--force")
        again = ("pods", "-l", "kedge.dev/job=planned,kedge.dev/attempt=2")
        await world.kubectl("wait", *again, "--for=create", f"--timeout={SECONDS}s")

    play(plane, tmp_path, test)


def test_an_api_server_that_does_not_know_opjobs_says_nothing_about_one(plane: planes.Running, tmp_path: Path) -> None:
    async def test(world: World) -> None:
        assert not await world.cluster.has_opjob("default", "none", "0b7d6a2e-4a53-4f1c-9d27-1f6a0c9d3e55")
        await world.kubectl("delete", "crd", "opjobs.kedge.dev")
        with pytest.raises(Unavailable):
            await world.cluster.has_opjob("default", "none", "0b7d6a2e-4a53-4f1c-9d27-1f6a0c9d3e55")

    play(plane, tmp_path, test)
