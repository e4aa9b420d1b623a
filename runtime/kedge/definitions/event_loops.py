"""The event loop of a run's asynchronous code: what a resource opens in it, ops go on using there.

asyncio takes 20 ms to import; most processes never need it.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any


class RunLoop:
    """One event loop, made when it is first needed. A loop that was `given` is used as it is and left open."""

    __slots__ = ("_given", "_loop")

    def __init__(self, given: Any = None) -> None:
        self._given = given
        self._loop = given

    def get(self) -> Any:
        """The loop."""
        if self._loop is None:
            import asyncio

            self._loop = asyncio.new_event_loop()
        return self._loop

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end."""
        return self.get().run_until_complete(coroutine)

    def close(self) -> None:
        """Cancel what still runs in the loop and close it; a later use makes another."""
        loop, self._loop = self._loop, self._given
        if loop is None or loop is self._given:
            return
        import asyncio

        try:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
