"""Waiting for the next change of something, whoever else waits for it too: an Event would have to be cleared by one."""

from __future__ import annotations

import asyncio


class Pulse:
    """Beats when something has changed."""

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def beat(self) -> None:
        """Wake all who wait now."""
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

    async def wait(self, seconds: float | None = None) -> None:
        """Until the next beat, or so long."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._next], timeout=seconds)
