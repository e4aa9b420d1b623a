"""Which replica leads, decided by a Lease on a real API server; the leases are short."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import connections
import pytest
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import load_kube_config

from cluster import plane as planes
from kedge_operator.cluster import Cluster
from kedge_operator.leader import Leadership

pytestmark = pytest.mark.plane

SECONDS = 10.0
"""How long a lease lasts here: much longer than what runs the test, replicas and API server may stand still."""
ENOUGH = 90.0
"""Seconds for what comes as soon as it can."""


class Relay:
    """Stands between a replica and the API server; `cut` refuses all connections, `hold` lets nothing through."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._through = asyncio.Event()
        self._through.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        return f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        other_reader, other_writer = await asyncio.open_connection(*self._target)
        self._open.add(other_writer)
        with contextlib.suppress(OSError):
            await asyncio.gather(self._pipe(reader, other_writer), self._pipe(other_reader, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._through.wait()
            writer.write(data)
            await writer.drain()
        writer.close()

    def hold(self) -> None:
        self._through.clear()

    def cut(self) -> None:
        if self._server is not None:
            self._server.close()
        self._through.set()
        for one in self._open:
            one.transport.abort()


class Replicas:
    """Replicas that share a plane."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._clusters: list[Cluster] = []
        self._relays: list[Relay] = []

    async def replica(self, name: str, relayed: bool = False) -> Leadership:
        config = Configuration()
        await load_kube_config(str(self._kubeconfig), client_configuration=config)  # type: ignore[no-untyped-call]
        if relayed:
            host, _, port = config.host.removeprefix("https://").partition(":")
            self._relays.append(Relay(host, int(port)))
            config.host = await self._relays[-1].start()
        self._clusters.append(Cluster(config))
        return Leadership(self._clusters[-1], "default", "kedge-operator", name, SECONDS)

    @property
    def relay(self) -> Relay:
        return self._relays[-1]

    async def holder(self) -> str:
        lease = await self._clusters[0].get_lease("default", "kedge-operator")
        return str(lease["spec"]["holderIdentity"])

    def count_looks(self) -> list[str]:
        """Grows by one with each look of the last replica at the lease."""
        looks: list[str] = []
        cluster, look = self._clusters[-1], self._clusters[-1].get_lease

        async def counted(namespace: str, name: str) -> dict[str, Any]:
            looks.append(name)
            return await look(namespace, name)

        cluster.get_lease = counted  # type: ignore[method-assign]
        return looks

    async def renewed(self) -> None:
        """Until the lease was renewed once more."""
        before = await self._clusters[0].get_lease("default", "kedge-operator")
        async with asyncio.timeout(ENOUGH):
            while await self._clusters[0].get_lease("default", "kedge-operator") == before:
                pass

    async def close(self) -> None:
        for relay in self._relays:
            relay.cut()
        for cluster in self._clusters:
            await cluster.close()


def play(plane: planes.Running, test: Callable[[Replicas], Awaitable[None]]) -> None:
    async def run() -> None:
        replicas = Replicas(plane.kubeconfig)
        try:
            await test(replicas)
        finally:
            await replicas.close()

    connections.run(run())


@contextlib.asynccontextmanager
async def holding(leader: Leadership) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(leader.hold())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_one_of_two_leads_for_as_long_as_it_renews(plane: planes.Running) -> None:
    async def test(replicas: Replicas) -> None:
        first, second = await replicas.replica("first"), await replicas.replica("second")
        await first.acquire()
        async with holding(first) as task:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(second.acquire(), 2 * SECONDS)
            assert await replicas.holder() == "first"
            assert not task.done()

    play(plane, test)


def test_a_lease_that_took_long_to_take_is_renewed_before_it_is_counted_on() -> None:
    """Its time runs from when it was asked for: others may have seen it since."""

    class Slow:
        """An API server that is slow at first."""

        def __init__(self) -> None:
            self.lease: dict[str, Any] = {"metadata": {"resourceVersion": "1"}, "spec": {}}
            self.pauses = [0.5, 0.0]

        async def get_lease(self, namespace: str, name: str) -> dict[str, Any]:
            return self.lease

        async def replace_lease(self, namespace: str, lease: dict[str, Any]) -> dict[str, Any]:
            await asyncio.sleep(self.pauses.pop(0) if self.pauses else 0)
            self.lease = lease
            return lease

    async def test() -> list[float]:
        server: Any = Slow()
        await Leadership(server, "default", "kedge-operator", "first", 0.6).acquire()
        return server.pauses  # type: ignore[no-any-return]

    assert asyncio.run(test()) == []


def test_of_many_that_begin_together_one_leads(plane: planes.Running) -> None:
    async def test(replicas: Replicas) -> None:
        tasks = {asyncio.create_task((await replicas.replica(f"r{i}")).acquire(), name=f"r{i}") for i in range(5)}
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert [one.get_name() for one in done] == [await replicas.holder()]
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    play(plane, test)


def test_another_takes_over_when_the_leader_goes_silent_and_not_before(plane: planes.Running) -> None:
    async def test(replicas: Replicas) -> None:
        first, second = await replicas.replica("first"), await replicas.replica("second")
        await first.acquire()
        silent = time.monotonic()
        await second.acquire()
        assert SECONDS <= time.monotonic() - silent < 2 * SECONDS
        assert await replicas.holder() == "second"

    play(plane, test)


def test_a_lease_that_is_given_back_is_taken_at_once(plane: planes.Running) -> None:
    async def test(replicas: Replicas) -> None:
        first, second = await replicas.replica("first"), await replicas.replica("second")
        await first.acquire()
        looks = replicas.count_looks()
        waits = asyncio.create_task(second.acquire())
        await asyncio.sleep(0)
        await first.release()
        before = len(looks)
        await waits
        assert len(looks) <= before + 1, "it looked, and did not take it"

    play(plane, test)


def test_a_leader_that_finds_another_in_its_place_leads_no_more(plane: planes.Running) -> None:
    async def test(replicas: Replicas) -> None:
        first, second = await replicas.replica("first"), await replicas.replica("second")
        await first.acquire()
        await first.release()
        await second.acquire()
        async with holding(second), asyncio.timeout(ENOUGH):
            await first.hold()
        await first.release()
        assert await replicas.holder() == "second"

    play(plane, test)


@pytest.mark.parametrize("fault", ["cut", "hold"])
def test_a_leader_that_can_not_renew_steps_down_before_another_takes_over(plane: planes.Running, fault: str) -> None:
    async def test(replicas: Replicas) -> None:
        second = await replicas.replica("second")
        first = await replicas.replica("first", relayed=True)
        await first.acquire()
        ended: list[str] = []
        leads, waits = asyncio.create_task(first.hold()), asyncio.create_task(second.acquire())
        leads.add_done_callback(lambda _: ended.append("stepped down"))
        waits.add_done_callback(lambda _: ended.append("took over"))
        await replicas.renewed()
        getattr(replicas.relay, fault)()
        await asyncio.gather(leads, waits)
        assert ended == ["stepped down", "took over"]

    play(plane, test)
