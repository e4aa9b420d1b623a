"""The cache of memoized steps whose values stay in this process: what an instance keeps for `execute_in_process`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedge.core.graph import OpNode
from kedge.core.ids import StepKey
from kedge.core.memo import Memo, can_be_kept
from kedge.core.protocol import Outcome
from kedge.engine.memoization import Memoization
from kedge.io.cache import Cached, ResultCache

if TYPE_CHECKING:
    from kedge.core.run import Run
    from kedge.worker.program import Program
    from kedge.worker.step import StepEnvironment


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


class _OfRun:
    """The cache of an instance, with the values of one run in this process."""

    def __init__(self, cache: MemoryCache, values: dict[StepKey, Any]) -> None:
        self._cache = cache
        self._values = values

    def find(self, key: str, step: StepKey, node: OpNode) -> Cached | None:
        found = self._cache.find(key)
        if found is not None:
            self._values[step] = self._cache.values(key)
        return found

    def keep(self, key: str, outcome: Outcome, node: OpNode, run: str) -> None:
        self._cache.keep(key, outcome, node, run, self._values[outcome.step])


def memoization_of(program: Program, run: Run, env: StepEnvironment) -> Memoization:
    """The memoization of a run in this process."""
    constants: dict[str, dict[str, object]] = {}
    for (op, name), value in program.config.inputs.items():
        constants.setdefault(op, {})[name] = value
    memo = Memo(program.job.name, program.config.given, program.run.tags, constants)
    if env.memory is not None:
        return Memoization(memo, _OfRun(program.instance.memoized, env.memory), run, program.run.run_id)
    return Memoization(memo, ResultCache(env.io.store, env.io.paths.namespace), run, env.io.paths.prefix)
