"""Metrics and probes over HTTP, for Prometheus and the kubelet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

_BEAT_SECONDS = 1.0
_SLOW_SECONDS = 10.0


class Serving:
    """`/metrics`, `/healthz` and `/readyz`.

    `measure()` sets gauges before they are read. `is_ready()` gives None, or why this replica is not.
    """

    def __init__(self, measure: Callable[[], None], is_ready: Callable[[], str | None]) -> None:
        self._measure = measure
        self._is_ready = is_ready
        self._beat = time.monotonic()
        self._runner: web.AppRunner | None = None
        self._beating: asyncio.Task[None] | None = None
        self.port: int | None = None

    async def open(self, host: str, port: int) -> None:
        """Serve at a port (0: a free one). Raises OSError."""
        app = web.Application()
        app.add_routes(
            [web.get("/metrics", self._metrics), web.get("/healthz", self._healthz), web.get("/readyz", self._readyz)]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._beating = asyncio.get_running_loop().create_task(self._keep_beating())

    async def close(self) -> None:
        """Serve no more."""
        if self._beating is not None:
            self._beating.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _keep_beating(self) -> None:
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)

    async def _metrics(self, request: web.Request) -> web.Response:
        self._measure()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, request: web.Request) -> web.Response:
        late = time.monotonic() - self._beat
        if late > _SLOW_SECONDS:
            return web.Response(status=500, text=f"the event loop was busy for {late:.0f} s\n")
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        why = self._is_ready()
        return web.Response(text="ok\n") if why is None else web.Response(status=503, text=f"{why}\n")
