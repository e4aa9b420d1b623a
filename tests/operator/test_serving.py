"""Metrics and probes, asked for over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from kedge_operator import metrics
from kedge_operator.serving import MOST_CONNECTIONS, SLOW_SECONDS, Serving

Get = Callable[[str], Awaitable[tuple[int, str]]]


def serve(test: Callable[[Get], Awaitable[None]], serving: Serving) -> None:
    async def run() -> None:
        await serving.open("127.0.0.1", 0)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{serving.port}") as session:

            async def get(path: str) -> tuple[int, str]:
                async with session.get(path) as response:
                    return response.status, await response.text()

            try:
                await test(get)
            finally:
                await serving.close()

    asyncio.run(run())


def test_metrics_are_measured_when_they_are_asked_for_and_can_be_parsed() -> None:
    async def test(get: Get) -> None:
        status, text = await get("/metrics")
        assert status == 200
        found = {family.name: family for family in text_string_to_metric_families(text)}
        samples = {(one.name, one.labels.get("state")): one.value for one in found["kedge_steps"].samples}
        assert samples["kedge_steps", "running"] == 17

    serve(test, Serving(lambda: metrics.STEPS.labels("running").set(17), lambda: None))


def test_readiness_says_why_not() -> None:
    why: list[str | None] = ["starting", None]

    async def test(get: Get) -> None:
        assert await get("/readyz") == (503, "starting\n")
        assert await get("/readyz") == (200, "ok\n")

    serve(test, Serving(lambda: None, lambda: why.pop(0)))


def test_the_oldest_connections_give_way_to_a_probe() -> None:
    async def test() -> None:
        serving = Serving(lambda: None, lambda: None, clock=lambda: 0.0)
        await serving.open("127.0.0.1", 0)
        idle = [await asyncio.open_connection("127.0.0.1", serving.port) for _ in range(3 * MOST_CONNECTIONS)]
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{serving.port}") as session, asyncio.timeout(60):
                async with session.get("/healthz") as response:
                    assert response.status == 200
                for reader, _ in idle[: -MOST_CONNECTIONS + 1]:
                    with contextlib.suppress(ConnectionResetError):
                        assert await reader.read() == b""
            assert not any(reader.at_eof() for reader, _ in idle[-MOST_CONNECTIONS + 1 :])
        finally:
            await serving.close()
            for _, writer in idle:
                writer.close()
                with contextlib.suppress(ConnectionResetError):
                    await writer.wait_closed()

    asyncio.run(test())


def test_other_paths_are_not_found() -> None:
    async def test(get: Get) -> None:
        assert (await get("/"))[0] == 404

    serve(test, Serving(lambda: None, lambda: None))


def test_health_says_what_only_a_restart_can_help() -> None:
    async def test(get: Get) -> None:
        assert await get("/healthz") == (500, "nobody opens the watch\n")

    serve(test, Serving(lambda: None, lambda: None, lambda: "nobody opens the watch", clock=lambda: 0.0))


def test_health_tells_that_the_event_loop_was_blocked_for_as_long_as_it_was() -> None:
    now = 1_000.0

    async def test(get: Get) -> None:
        nonlocal now
        assert await get("/healthz") == (200, "ok\n")
        now += 40
        for _ in range(4):
            assert await get("/healthz") == (500, "the event loop was busy for 40.0 s\n")
            now += 10
        assert await get("/healthz") == (200, "ok\n")

    serve(test, Serving(lambda: None, lambda: None, clock=lambda: now))


def test_a_loop_that_is_busy_within_limits_is_healthy() -> None:
    now = 1_000.0

    async def test(get: Get) -> None:
        nonlocal now
        now += SLOW_SECONDS
        assert await get("/healthz") == (200, "ok\n")

    serve(test, Serving(lambda: None, lambda: None, clock=lambda: now))
