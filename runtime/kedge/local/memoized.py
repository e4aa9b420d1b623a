"""Memoization of runs in this process: what a step takes over instead of running, and what it leaves for others.

Where values stay in memory, they come from earlier runs of the same instance; where they go into
a store, from its cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kedge.core.actions import Start
from kedge.core.memo import Memo
from kedge.core.protocol import Binding, Outcome, OutcomeStatus, Times
from kedge.core.settings import Retain
from kedge.io.cache import ResultCache
from kedge.local.memory_cache import MemoryCache

if TYPE_CHECKING:
    from kedge.core.run import Run
    from kedge.worker.program import Program
    from kedge.worker.step import StepEnvironment


class InProcessMemo:
    """The memoization of one run in this process."""

    def __init__(self, program: Program, run: Run, env: StepEnvironment) -> None:
        constants: dict[str, dict[str, object]] = {}
        for (op, name), value in program.config.inputs.items():
            constants.setdefault(op, {})[name] = value
        self._memo = Memo(program.job.name, program.config.given, program.run.tags, constants)
        self._run = run
        self._env = env
        self._use = run.settings.cache
        self._keeps = run.settings.retain is Retain.ALWAYS
        memory: MemoryCache = program.instance.memoized
        self._cache = memory if env.memory is not None else ResultCache(env.io.store, env.io.paths.namespace)
        self._prefix = program.run.run_id if env.memory is not None else env.io.paths.prefix

    def take_over(self, start: Start, inputs: Mapping[str, Binding]) -> Outcome | None:
        """The outcome of a step that need not run."""
        node = self._run.plan.by_name[start.step.op].op
        key = self._memo.key_of(start.step, node, inputs)
        found = self._cache.find(key, start.step, node) if key is not None and self._use else None
        if key is None or found is None:
            return None
        if self._env.memory is not None and isinstance(self._cache, MemoryCache):
            self._env.memory[start.step] = self._cache.values(key)
        now = self._env.clock()
        times = Times(now, ended=now)
        status = OutcomeStatus.SUCCEEDED
        return Outcome(start.step, start.attempt, status, found.outputs, None, times, cached_from=found.run)

    def keep(self, outcome: Outcome) -> None:
        """Let later runs take over the outputs of a step that succeeded, unless its values are to be deleted."""
        key = self._memo.known_key(outcome.step)
        if key is None or outcome.status is not OutcomeStatus.SUCCEEDED or not self._keeps:
            return
        node = self._run.plan.by_name[outcome.step.op].op
        if isinstance(self._cache, MemoryCache):
            assert self._env.memory is not None
            self._cache.keep(key, outcome, node, self._prefix, self._env.memory[outcome.step])
        else:
            self._cache.keep(key, outcome, node, self._prefix)
