"""Memoization of one run: what a step takes over instead of running, and what it leaves for others.

They come from a cache: that of the store, or where values stay in memory, one of the engine's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from kedge.core.memo import Memo
from kedge.core.protocol import Binding, Outcome, OutcomeStatus, Times
from kedge.core.settings import Retain
from kedge.io.cache import Cached, ResultCache
from kedge.io.errors import ObjectExists

if TYPE_CHECKING:
    from kedge.core.document import PlanDocument
    from kedge.core.graph import OpNode
    from kedge.core.ids import StepKey
    from kedge.core.layout import RunPaths
    from kedge.core.run import Run
    from kedge.io.stores import Store


class Cache(Protocol):
    """Where outputs are found by cache key; see ResultCache."""

    def find(self, key: str, step: StepKey, node: OpNode) -> Cached | None:
        """What stands for a key."""

    def keep(self, key: str, outcome: Outcome, node: OpNode, run: str) -> None:
        """Let later steps with this key take over the outputs of a success, where they can."""


class Memoization:
    """The memoization of one run, whichever engine drives it. `place` is what others are told as its origin."""

    def __init__(self, memo: Memo, cache: Cache, run: Run, place: str) -> None:
        self._memo = memo
        self._cache = cache
        self._run = run
        self._place = place

    def take_over(self, step: StepKey, attempt: int, inputs: Mapping[str, Binding], times: Times) -> Outcome | None:
        """The outcome of a step that need not run."""
        node = self._run.plan.by_name[step.op].op
        key = self._memo.key_of(step, node, inputs)
        found = self._cache.find(key, step, node) if key is not None and self._run.settings.cache else None
        if found is None:
            return None
        return Outcome(step, attempt, OutcomeStatus.SUCCEEDED, found.outputs, None, times, cached_from=found.run)

    def record_take_over(
        self,
        store: Store,
        paths: RunPaths,
        step: StepKey,
        attempt: int,
        inputs: Mapping[str, Binding],
        ready: float | None,
        now: float,
    ) -> Outcome | None:
        """Write down, create-only, that a step takes over an earlier success. None: it has to run, or has a record."""
        outcome = self.take_over(step, attempt, inputs, Times(now, ended=now, ready=ready, launched=now))
        if outcome is None:
            return None
        try:
            store.put(paths.outcome(step, attempt), outcome.to_bytes(), create=True)
        except ObjectExists:
            return None
        return outcome

    def keep(self, outcome: Outcome) -> None:
        """Let later runs take over the outputs of a step that succeeded, unless its values are to be deleted."""
        key = self._memo.known_key(outcome.step)
        if key is None or outcome.status is not OutcomeStatus.SUCCEEDED:
            return
        if self._run.settings.retain is Retain.ALWAYS:
            self._cache.keep(key, outcome, self._run.plan.by_name[outcome.step.op].op, self._place)


def of_stored(document: PlanDocument, job: str, store: Store, paths: RunPaths, run: Run) -> Memoization | None:
    """The memoization of a run whose values go into a store; None when no op is memoized. `job`: its name in keys."""
    if not document.graph.is_memoized:
        return None
    memo = Memo(job, document.run_config, document.tags)
    return Memoization(memo, ResultCache(store, paths.namespace), run, paths.prefix)
