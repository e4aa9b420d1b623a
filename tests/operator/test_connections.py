"""The operator's connections to an API server: which are given up, and that none is left."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from kedge_operator.cluster import Cluster, Configuration
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
        await cluster.get_lease("team", "answers")
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
