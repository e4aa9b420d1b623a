"""The ready steps: highest priority first, ties in plan order, within the limits.

Steps that count against the same limits share one heap, so that a full limit hides its steps at once and the
choice costs as many looks as there are kinds of limits, however many steps wait.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from kedge.core.state import Step, StepState

Entry = tuple[int, tuple[int, ...], int, Step]


class ReadyQueue:
    """Ready steps and the limits they run under. `max_concurrent` None: no limit on the whole."""

    def __init__(self, limits: Sequence[int], max_concurrent: int | None) -> None:
        self.max_concurrent = max_concurrent
        self.running = 0
        self._room = list(limits)
        self._heaps: dict[tuple[int, ...], list[Entry]] = {}

    def push(self, step: Step) -> None:
        """Put in a step that has become ready."""
        node = step.node
        heap = self._heaps.get(node.signature)
        if heap is None:
            heap = self._heaps[node.signature] = []
        heapq.heappush(heap, (-node.priority, step.order, step.attempt, step))

    def take(self) -> Step | None:
        """The next step to start, now counted as running; None when none is ready or the limits are reached."""
        if self.max_concurrent is not None and self.running >= self.max_concurrent:
            return None
        best: list[Entry] | None = None
        for signature, heap in self._heaps.items():
            self._drop_stale(heap)
            if heap and (best is None or heap[0] < best[0]) and self._has_room(signature):
                best = heap
        if best is None:
            return None
        step = heapq.heappop(best)[3]
        self.occupy(step)
        return step

    def occupy(self, step: Step) -> None:
        """Count a step as running, even beyond a limit (it was found running after a restart)."""
        self.running += 1
        for slot in step.node.signature:
            self._room[slot] -= 1

    def release(self, step: Step) -> None:
        """A running step has ended."""
        self.running -= 1
        for slot in step.node.signature:
            self._room[slot] += 1

    def _has_room(self, signature: tuple[int, ...]) -> bool:
        return all(self._room[slot] > 0 for slot in signature)

    @staticmethod
    def _drop_stale(heap: list[Entry]) -> None:
        """Steps leave READY without being taken (an outcome was read first, a cancel): their entries go here."""
        while heap and (heap[0][3].state is not StepState.READY or heap[0][3].attempt != heap[0][2]):
            heapq.heappop(heap)
