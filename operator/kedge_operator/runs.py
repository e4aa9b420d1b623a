"""All runs of this operator: one actor for each OpJob that has not ended, and what is left to do for those that have.

The handlers tell what the watch sees; nothing here waits, so that a slow run holds up nobody.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from kedge.core.errors import KedgeError
from kedge.core.hints import Hint
from kedge.core.layout import RunPaths
from kedge_operator import beginning, labels, metrics, observe, statuses, stores
from kedge_operator.actor import Actor, Hinted, PodSeen, Services, SpecSeen
from kedge_operator.errors import ClusterError, Unavailable
from kedge_operator.stores import AsyncStore, StoreGone

_log = logging.getLogger("kedge.operator")
_PHASES = ("Pending", "Running", "Suspended")
_STEP_STATES = ("waiting", "running")
_PAUSE = 2.0


class Runs:
    """Actors by the uid of their OpJob."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._actors: dict[str, Actor] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._over: set[str] = set()
        self._ttls: dict[str, asyncio.TimerHandle] = {}
        self._aside: set[asyncio.Task[None]] = set()

    # -- what is seen -----------------------------------------------------------------------------------------------

    def opjob(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """An OpJob was listed (None), added, changed or deleted."""
        uid = body["metadata"]["uid"]
        if kind == "DELETED":
            self._deleted(uid, body)
            return
        actor = self._actors.get(uid)
        if body["metadata"].get("deletionTimestamp"):
            self._stop(uid)  # its pods go first, and are not to be made again
        elif actor is not None:
            actor.tell(SpecSeen(body))
        elif statuses.is_final(body.get("status")):
            self._over.discard(uid)
            self._expire_when_due(body)
        elif uid not in self._over:  # else the watch is behind: that it has ended is written down already
            self._start(uid, body)

    def pod(self, kind: str | None, pod: Mapping[str, Any]) -> None:
        """A pod of some run was listed (None), added, changed or deleted. Anybody can say so of pods elsewhere."""
        view = beginning.view_of(pod, gone=kind == "DELETED")
        actor = self._actors.get(view.run) if view is not None else None
        if actor is not None and view is not None and pod["metadata"].get("namespace") == actor.namespace:
            actor.tell(PodSeen(view))

    def hint(self, hint: Hint) -> None:
        """A step pod has announced its record."""
        actor = self._actors.get(hint.run)
        if actor is not None:
            actor.tell(Hinted((hint.step_digest, hint.attempt)))

    # -- actors -----------------------------------------------------------------------------------------------------

    def _start(self, uid: str, body: Mapping[str, Any]) -> None:
        actor = self._actors[uid] = Actor(self._services, body)
        task = self._tasks[uid] = asyncio.get_running_loop().create_task(actor.serve(), name=f"run {actor!r}")
        task.add_done_callback(lambda _: self._ended(uid, task))

    def _ended(self, uid: str, task: asyncio.Task[None]) -> None:
        actor = self._actors.pop(uid, None)
        self._tasks.pop(uid, None)
        if task.cancelled() or actor is None:
            return
        error = task.exception()
        if error is not None:
            _log.error("%r: its actor ended: %r", actor, error)
            return
        self._over.add(uid)
        if actor.is_gone:
            self._do_aside(self._clean(uid, actor.body))
            return
        status = {"completionTime": statuses.time_text(actor.facts.ended)}
        self._expire_when_due({**actor.body, "status": status})

    def _stop(self, uid: str) -> None:
        """Let go of a run as it is."""
        task = self._tasks.get(uid)
        self._actors.pop(uid, None)
        if task is not None:
            task.cancel()

    def _deleted(self, uid: str, body: Mapping[str, Any]) -> None:
        self._stop(uid)
        self._over.discard(uid)
        handle = self._ttls.pop(uid, None)
        if handle is not None:
            handle.cancel()
        self._do_aside(self._clean(uid, body))

    def _do_aside(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    # -- what is left of a run --------------------------------------------------------------------------------------

    def _expire_when_due(self, body: Mapping[str, Any]) -> None:
        """Delete a finished OpJob when its time is over. The field may have changed: the last word counts."""
        metadata = body["metadata"]
        uid = metadata["uid"]
        handle = self._ttls.pop(uid, None)
        if handle is not None:
            handle.cancel()
        ttl = (body.get("spec") or {}).get("ttlSecondsAfterFinished")
        ended = observe.seconds((body.get("status") or {}).get("completionTime"))
        if not isinstance(ttl, int) or ended is None:
            return
        delay = max(0.0, ended + ttl - time.time())
        self._expire_later(delay, metadata["namespace"], metadata["name"], uid)

    def _expire_later(self, delay: float, namespace: str, name: str, uid: str) -> None:
        """Nothing of the OpJob is held but its names: those that have ended are many, and some are large."""
        loop = asyncio.get_running_loop()
        self._ttls[uid] = loop.call_later(delay, lambda: self._do_aside(self._expire(namespace, name, uid)))

    async def _expire(self, namespace: str, name: str, uid: str) -> None:
        self._ttls.pop(uid, None)
        try:
            await self._services.cluster.delete_opjob(namespace, name, uid)
        except ClusterError as error:
            _log.warning("an OpJob whose time is over could not be deleted; tried again in 30 s: %s", error)
            self._expire_later(30, namespace, name, uid)

    async def _clean(self, uid: str, body: Mapping[str, Any]) -> None:
        """An OpJob was deleted: its place in the store goes too, once its pods can't write there any more."""
        metadata, asked = body["metadata"], (body.get("spec") or {}).get("store")
        if isinstance(asked, Mapping) and asked.get("reclaimPolicy") == "Retain":
            return
        namespace = metadata["namespace"]
        while await self._may_write(namespace, uid):
            await asyncio.sleep(_PAUSE)
        try:
            store = await self._opened(namespace, asked)
            paths = RunPaths.of(namespace, metadata["name"], uid)
            await store.call("delete", stores.delete_below, paths.prefix)
        except (KedgeError, StoreGone) as error:
            _log.warning(
                "%s/%s: what it left in the store could not be removed: %s", namespace, metadata["name"], error
            )

    async def _opened(self, namespace: str, asked: Any) -> AsyncStore:
        """The store of a run that was deleted, however long the API server is silent on its Secret."""
        while True:
            try:
                return await self._services.stores.open(namespace, asked, lambda why: None)
            except Unavailable as error:
                _log.warning("the store of a run that was deleted could not be opened; tried again soon: %s", error)
                await asyncio.sleep(_PAUSE)

    async def _may_write(self, namespace: str, uid: str) -> bool:
        """Whether pods of the run are there, as far as can be told."""
        try:
            return await self._services.cluster.has_pods(namespace, f"{labels.RUN}={uid}")
        except ClusterError as error:
            _log.warning("pods of a run that was deleted could not be looked for; tried again soon: %s", error)
            return True

    # -- for metrics and the end ------------------------------------------------------------------------------------

    def measure(self) -> None:
        """Set the gauges."""
        phases = dict.fromkeys(_PHASES, 0)
        steps = dict.fromkeys(_STEP_STATES, 0)
        for actor in self._actors.values():
            run = actor.run
            phase = "Pending" if run is None else "Suspended" if actor.facts.suspended else "Running"
            phases[phase] += 1
            if run is not None:
                counts = {state.value: count for state, count in run.state.counts.items()}
                steps["running"] += counts["running"]
                steps["waiting"] += counts["waiting"] + counts["ready"] + counts["delayed"]
        for phase, count in phases.items():
            metrics.RUNS.labels(phase).set(count)
        for state, count in steps.items():
            metrics.STEPS.labels(state).set(count)
        metrics.BACKLOG.set(max((len(actor.inbox) for actor in self._actors.values()), default=0))

    async def close(self) -> None:
        """Stop all actors where they are; another operator takes their runs up."""
        tasks = [*self._tasks.values(), *self._aside]
        for handle in self._ttls.values():
            handle.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
