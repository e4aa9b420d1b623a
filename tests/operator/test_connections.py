"""The operator's connections to an API server: which are given up, and that none is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from kedge_operator import cluster as clusters
from kedge_operator.cluster import AT_ONCE, Cluster, Configuration
from kedge_operator.errors import Unavailable


def test_connections_that_were_given_up_are_closed_with_the_others() -> None:
    """Where one request is not answered in time, others of the pool are not trusted any more."""
    lost, asked, over = asyncio.Queue[str](), asyncio.Event(), asyncio.Event()

    class Server(web.Server):
        def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
            super().connection_lost(handler, exc)
            lost.put_nowait("a connection")

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.path.endswith("/silent"):
            asked.set()
            await over.wait()
        return web.json_response({})

    async def go() -> None:
        runner = web.ServerRunner(Server(answer))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        config = Configuration()
        config.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
        cluster = Cluster(config)
        silent = asyncio.create_task(cluster.get_lease("team", "silent"))
        await asked.wait()
        await cluster.get_pod("team", "answers")  # which may take its time, as a Lease may not
        with pytest.raises(Unavailable):
            await silent
        await lost.get()
        assert lost.empty()
        await cluster.close()
        async with asyncio.timeout(10):
            await lost.get()
        over.set()
        await runner.cleanup()

    asyncio.run(go())


class Played:
    """An API server that answers some requests only when `over` is set, by the last part of their path."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.silent = asyncio.Semaphore(0)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        if request.path.endswith("/silent"):
            self.silent.release()
            await self.over.wait()
        return web.json_response({}) if "garbage" not in request.path else web.Response(text="<html>")

    @asynccontextmanager
    async def cluster(self) -> AsyncIterator[Cluster]:
        runner = web.ServerRunner(web.Server(self.answer))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        config = Configuration()
        config.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
        found = Cluster(config)
        try:
            yield found
        finally:
            self.over.set()
            await found.close()
            await runner.cleanup()


def test_who_waits_for_a_turn_is_not_sent_over_connections_that_were_given_up_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clusters, "TIMEOUT_SECONDS", 0.1)  # until what was given up is closed

    async def go() -> None:
        played = Played()
        async with played.cluster() as cluster, asyncio.timeout(60):
            pods = [asyncio.create_task(cluster.get_pod("team", "silent")) for _ in range(AT_ONCE)]
            for _ in pods:
                await played.silent.acquire()
            waits = asyncio.create_task(cluster.get_pod("team", "answers"))
            lease = asyncio.create_task(cluster.get_lease("team", "silent"))
            with pytest.raises(Unavailable):
                await lease
            assert await waits == {}
            played.over.set()
            await asyncio.gather(*pods, return_exceptions=True)

    asyncio.run(go())


def test_a_lease_is_renewed_however_many_requests_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_LEASE_SECONDS", 60)

    async def go() -> None:
        played = Played()
        async with played.cluster() as cluster, asyncio.timeout(60):
            pods = [asyncio.create_task(cluster.get_pod("team", "silent")) for _ in range(2 * AT_ONCE)]
            for _ in range(AT_ONCE):
                await played.silent.acquire()
            assert await cluster.get_lease("team", "answers") == {}
            played.over.set()
            await asyncio.gather(*pods)

    asyncio.run(go())


def test_an_answer_that_is_no_object_is_none_at_all() -> None:
    """As when something stands between the operator and the API server."""

    async def go() -> None:
        async with Played().cluster() as cluster:
            with pytest.raises(Unavailable, match=r"pod team/garbage: .* no JSON"):
                await cluster.get_pod("team", "garbage")

    asyncio.run(go())
