"""Telling people: the status of an OpJob in coalesced patches, and Kubernetes Events, both at a bounded rate."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from kedge.core.errors import KedgeError
from kedge_operator import labels, statuses
from kedge_operator.cluster import Cluster
from kedge_operator.errors import ClusterError, Conflict, Forbidden, Invalid, NotFound, Unavailable

_log = logging.getLogger("kedge.operator")
PATCH_SECONDS, LONGEST_PATCH_SECONDS = 0.5, 10.0
"""Between two patches of one run's status."""
_REST = 4
"""So many times as long as a patch took is the pause after it: at each, a server goes through the rules for all of an
OpJob, which takes it a second for 1,500 ops of six inputs."""
_EVENTS_AT_ONCE = 20
_EVENTS_A_SECOND = 0.5
_NOTE_MAX = 1000
"""Bytes."""
_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


class OpJobGone(KedgeError):
    """The OpJob was deleted, whether or not the watch has told, or will: it tells no deletes of while it was off."""


class StatusWriter:
    """Writes one OpJob's status. `compute()` gives it whole; equal ones are not written again."""

    def __init__(
        self, cluster: Cluster, namespace: str, name: str, uid: str, compute: Callable[[], dict[str, Any]]
    ) -> None:
        self._cluster = cluster
        self._target = (namespace, name, uid)
        self._compute = compute
        self._dirty = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._sent: dict[str, Any] | None = None

    def changed(self) -> None:
        """Something is to be told, soon."""
        self._dirty.set()

    async def serve(self) -> None:
        """Write when something has changed, at most twice a second, and more seldom where that takes the server long.

        Runs until it is cancelled. Raises OpJobGone.
        """
        while True:
            await self._dirty.wait()
            began = time.monotonic()
            await self.write()
            took = time.monotonic() - began
            await asyncio.sleep(min(max(PATCH_SECONDS, _REST * took), LONGEST_PATCH_SECONDS))

    async def write(self) -> None:
        """Write now, and again until it is written. Raises OpJobGone.

        One that is refused is told of and tried, too: rights come back, and a newer CRD knows more. Without it nobody
        would learn of a run's end.
        """
        pause = _PAUSE
        while True:
            self._dirty.clear()
            # A patch that is under way is not cut off, for the server may carry it out all the same, and later than the
            # next one, which would then be overwritten with what was true before.
            attempt = asyncio.get_running_loop().create_task(self._patch())
            attempt.add_done_callback(_seen)
            try:
                await asyncio.shield(attempt)
            except ClusterError as error:
                wait = error.retry_after if isinstance(error, Unavailable) else None
                if isinstance(error, Forbidden | Invalid):
                    _log.error("the status of %s/%s is refused, and is tried again: %s", *self._target[:2], error)
                await asyncio.sleep(wait or pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return

    async def _patch(self) -> None:
        """One patch at a time, each computed when the one before it is done."""
        async with self._one_at_a_time:
            status = self._compute()
            if status == self._sent:
                return
            try:
                await self._cluster.patch_opjob_status(*self._target, status)
            except (NotFound, Conflict):  # a conflict is also what a server says that was asked by too many at once
                await self.look()
                raise
            self._sent = status

    async def look(self) -> None:
        """Is the OpJob still there? Raises OpJobGone, and ClusterError when that can't be told."""
        if not await self._cluster.has_opjob(*self._target):
            raise OpJobGone(f"{'/'.join(self._target[:2])}: there is no OpJob of uid {self._target[2]} any more")


def _seen(patch: asyncio.Task[None]) -> None:
    """Whoever waited for it may be cut off by now, and asyncio complains of errors that nobody has looked at."""
    if not patch.cancelled():
        patch.exception()


class Notices:
    """Posts Events about one OpJob; beyond a burst, some are dropped, and the next one says how many."""

    def __init__(self, cluster: Cluster, body: Mapping[str, Any], instance: str) -> None:
        metadata = body["metadata"]
        self._cluster = cluster
        self._instance = instance
        self._regarding = {
            "apiVersion": labels.API_VERSION,
            "kind": labels.KIND,
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
        self._room = float(_EVENTS_AT_ONCE)
        self._last = time.monotonic()
        self._dropped = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, reason: str, message: str, warning: bool = False, action: str = "Reconcile") -> None:
        """Post an Event, without waiting for it. None is ever worth failing for."""
        now = time.monotonic()
        self._room = min(_EVENTS_AT_ONCE, self._room + (now - self._last) * _EVENTS_A_SECOND)
        self._last = now
        if self._room < 1:
            self._dropped += 1
            return
        self._room -= 1
        if self._dropped:
            message = f"{message} (and {self._dropped} events that are not shown)"
            self._dropped = 0
        task = asyncio.get_running_loop().create_task(self._post(reason, message, warning, action))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, reason: str, message: str, warning: bool, action: str) -> None:
        at = time.time_ns()
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 10**9)) + f".{at % 10**9 // 1000:06d}Z"
        event = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "namespace": self._regarding["namespace"],
                "name": f"{self._regarding['name'][:200]}.{at:x}",
            },
            "eventTime": moment,
            "reportingController": "kedge.dev/operator",
            "reportingInstance": self._instance[:128],
            "action": action,
            "reason": reason,
            "regarding": self._regarding,
            "note": statuses.cut(message, _NOTE_MAX),
            "type": "Warning" if warning else "Normal",
        }
        try:
            await self._cluster.create_event(event)
        except ClusterError as error:
            _log.debug("an event was not posted: %s", error)

    async def flush(self) -> None:
        """Wait for those under way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
