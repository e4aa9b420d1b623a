"""What is due at a time: callbacks in a heap, called by the one who waits."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timers:
    """Callbacks by time, in seconds since the epoch."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = count()

    def at(self, when: float, then: Callable[[], None]) -> None:
        """Call `then` at a time."""
        heapq.heappush(self._heap, (when, next(self._count), then))

    @property
    def next(self) -> float | None:
        """When the next one is due."""
        return self._heap[0][0] if self._heap else None

    def fire(self, now: float) -> None:
        """Call all that are due."""
        while self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2]()
