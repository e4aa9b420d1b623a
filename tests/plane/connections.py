"""asyncio.run, for tests that cancel what talks to an API server: it ends when all connections are closed.

Where a request is cancelled, aiohttp lets its connection end by itself, for which TLS waits for the other side. One
that is left when the loop ends is a ResourceWarning, in whichever test the garbage is collected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

SECONDS = 90


class _Loop(asyncio.SelectorEventLoop):
    """Knows the sockets of the connections that it has made."""

    def __init__(self) -> None:
        super().__init__()
        self._made: list[asyncio.trsock.TransportSocket] = []

    async def create_connection(self, *arguments: Any, **named: Any) -> Any:
        made = await super().create_connection(*arguments, **named)
        self._made.append(made[0].get_extra_info("socket"))
        return made

    async def closed(self) -> None:
        """Until all are closed."""
        async with asyncio.timeout(SECONDS):
            while any(one.fileno() != -1 for one in self._made):
                await asyncio.sleep(0)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Do it in a loop of its own."""
    loop = _Loop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main)
        runner.run(loop.closed())
