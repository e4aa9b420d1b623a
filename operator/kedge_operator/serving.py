"""Metrics and probes over HTTP, for Prometheus and the kubelet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

_BEAT_SECONDS = 1.0
SLOW_SECONDS = 10.0
"""An event loop that is busy for longer answers nobody in time: neither the lease, nor the watch."""
MOST_CONNECTIONS = 100
"""Connections at once; the oldest gives way to a new one, so nobody can keep a probe out, or fill the memory."""


class _Server(web.Server):
    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        for oldest in self.connections[:-MOST_CONNECTIONS]:
            if oldest.transport is not None:
                oldest.transport.abort()


class Serving:
    """`/metrics`, `/healthz` and `/readyz`.

    `measure()` sets gauges before they are read. `why_not_ready()` and `why_stuck()` give None, or why this replica is
    not ready, or can only be helped by a restart. `clock()` is in seconds.
    """

    def __init__(
        self,
        measure: Callable[[], None],
        why_not_ready: Callable[[], str | None],
        why_stuck: Callable[[], str | None] = lambda: None,
        slow_seconds: float = SLOW_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._measure = measure
        self._why_not_ready = why_not_ready
        self._why_stuck = why_stuck
        self._slow_seconds = slow_seconds
        self._clock = clock
        self._busy: tuple[float, float] | None = None
        self._beat = clock()
        self._runner: web.ServerRunner | None = None
        self._beating: asyncio.Task[None] | None = None
        self.port: int | None = None

    async def open(self, host: str, port: int) -> None:
        """Serve at a port (0: a free one). Raises OSError."""
        self._runner = web.ServerRunner(_Server(self._answer, access_log=None))
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._beat = self._clock()
        self._beating = asyncio.get_running_loop().create_task(self._keep_beating())

    async def close(self) -> None:
        """Serve no more."""
        if self._beating is not None:
            self._beating.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _keep_beating(self) -> None:
        while True:
            self._note_beat()
            await asyncio.sleep(min(_BEAT_SECONDS, self._slow_seconds / 2))

    def _note_beat(self) -> None:
        """A loop that was busy is told for as long as it was: while it is, nobody can be answered at all."""
        now = self._clock()
        late = now - self._beat
        if late > self._slow_seconds:
            self._busy = (now, late)
        self._beat = now

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        answers = {"/metrics": self._metrics, "/healthz": self._healthz, "/readyz": self._readyz}
        answer = answers.get(request.path)
        return web.Response(status=404, text="not found\n") if answer is None else answer()

    def _metrics(self) -> web.Response:
        self._measure()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _healthz(self) -> web.Response:
        self._note_beat()
        if self._busy is not None and self._clock() - self._busy[0] < self._busy[1]:
            return web.Response(status=500, text=f"the event loop was busy for {self._busy[1]:.1f} s\n")
        return _told(self._why_stuck(), 500)

    def _readyz(self) -> web.Response:
        return _told(self._why_not_ready(), 503)


def _told(why_not: str | None, status: int) -> web.Response:
    return web.Response(text="ok\n") if why_not is None else web.Response(status=status, text=f"{why_not}\n")
