"""The cache of memoized steps whose values stay in this process: what an instance keeps for `execute_in_process`."""

from __future__ import annotations

from typing import Any

from kedge.core.graph import OpNode
from kedge.core.memo import can_be_kept
from kedge.core.protocol import Outcome
from kedge.io.cache import Cached


class MemoryCache:
    """Outputs and values by cache key. Values are held, not copied: an op that changes its input changes them."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Cached, dict[str, Any]]] = {}

    def find(self, key: str) -> Cached | None:
        """What stands for a key."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def values(self, key: str) -> dict[str, Any]:
        """The values by output, a dynamic one's by mapping key."""
        return self._entries[key][1]

    def keep(self, key: str, outcome: Outcome, node: OpNode, run: str, values: dict[str, Any]) -> None:
        """Let later steps with this key take over the outputs of a success, where they can."""
        if can_be_kept(outcome, node):
            self._entries[key] = (Cached(outcome.outputs, run), dict(values))
