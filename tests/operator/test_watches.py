"""Whether watches live, told by the requests of a real HTTP session; time is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from kedge_operator.watches import FAILING_SECONDS, SILENT_SECONDS, Watches

PODS, JOBS = "/api/v1/namespaces/team/pods", "/apis/kedge.dev/v1alpha1/namespaces/team/opjobs"


class World:
    """An API server of sorts, which answers as it is told, and a clock."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.answer = 200
        self.watches = Watches(lambda: self.now)
        self.session: aiohttp.ClientSession | None = None
        self.server = ""

    async def _answer(self, request: web.Request) -> web.Response:
        return web.Response(status=self.answer)

    async def open(self, path: str) -> None:
        assert self.session is not None
        async with self.session.get(self.server + path, params={"watch": "true"}):
            pass


def play(test: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        world = World()
        app = web.Application()
        app.router.add_get("/{path:.*}", world._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        world.server = f"http://127.0.0.1:{runner.addresses[0][1]}"
        world.session = aiohttp.ClientSession(trace_configs=[world.watches.trace()])
        try:
            await test(world)
        finally:
            await world.session.close()
            await runner.cleanup()

    asyncio.run(run())


def test_a_watch_that_is_opened_again_and_again_lives() -> None:
    async def test(world: World) -> None:
        for _ in range(5):
            await world.open(PODS)
            world.now += SILENT_SECONDS
            assert (world.watches.why_silent(), world.watches.why_stuck()) == (None, None)

    play(test)


def test_one_that_is_not_opened_again_is_silent_and_then_stuck() -> None:
    async def test(world: World) -> None:
        await world.open(PODS)
        await world.open(JOBS)
        world.now += SILENT_SECONDS + 1
        await world.open(JOBS)
        assert world.watches.why_silent() == f"the watch at {PODS} was not answered for {SILENT_SECONDS + 1} s"
        assert world.watches.why_stuck() is None
        world.now += FAILING_SECONDS
        found = world.watches.why_stuck()
        assert found is not None
        assert found.startswith(f"nobody has opened the watch at {PODS}")

    play(test)


def test_what_is_asked_for_once_is_no_watch() -> None:
    async def test(world: World) -> None:
        await world.open("/api")
        await world.open("/apis/kedge.dev/v1alpha1")
        world.now += 10 * SILENT_SECONDS
        assert (world.watches.why_silent(), world.watches.why_stuck(), world.watches.silence()) == (None, None, {})

    play(test)


def test_an_api_server_that_refuses_makes_it_silent_and_no_restart_helps() -> None:
    async def test(world: World) -> None:
        await world.open(PODS)
        world.answer = 503
        await world.open(PODS)
        assert world.watches.why_silent() is None
        for _ in range(20):
            world.now += FAILING_SECONDS
            await world.open(PODS)
        told = f"the watch at {PODS} has failed for {20 * FAILING_SECONDS:.0f} s: the API server answered 503"
        assert (world.watches.why_silent(), world.watches.why_stuck()) == (told, None)
        world.answer = 200
        await world.open(PODS)
        assert world.watches.why_silent() is None

    play(test)


def test_an_api_server_that_is_away_is_told_with_its_cause() -> None:
    async def test(world: World) -> None:
        world.server = "http://127.0.0.1:9"
        for _ in range(2):
            try:
                await world.open(PODS)
            except aiohttp.ClientError:
                world.now += FAILING_SECONDS + 1
        found = world.watches.why_silent()
        assert found is not None
        assert "Cannot connect to host 127.0.0.1:9" in found

    play(test)


def test_the_silence_of_a_resource_is_that_of_its_oldest_watch() -> None:
    async def test(world: World) -> None:
        await world.open(PODS)
        world.now += 5
        await world.open(PODS.replace("team", "other"))
        await world.open(JOBS)
        world.now += 2
        assert world.watches.silence() == {"pods": 7, "opjobs": 2}

    play(test)
