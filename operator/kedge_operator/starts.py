"""Pods that were created and don't start: what is told of it meanwhile, and when waiting is given up.

A pod's status tells of images, containers and the scheduler. Of volumes and the network it is silent; the kubelet's
events are not, and are asked for once a pod takes longer than it should.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kedge_operator import observe
from kedge_operator.attempts import Attempt
from kedge_operator.cluster import Cluster
from kedge_operator.errors import ClusterError
from kedge_operator.labels import Reason
from kedge_operator.observe import PodView, Stuck, StuckKind

if TYPE_CHECKING:
    from kedge_operator.actor import Actor

_log = logging.getLogger("kedge.operator")
_LEAST_SECONDS = 1.0
REASONS = (Reason.UNSCHEDULABLE, Reason.NOT_STARTING)
_MAY_PASS = frozenset({StuckKind.UNSCHEDULABLE, StuckKind.HELD_UP})
"""What may come to an end by itself, however long it lasts."""


def may_pass(stuck: Stuck) -> bool:
    """Whether a pod is waited for until its deadline, and not for the grace of what is missing."""
    return stuck.kind in _MAY_PASS


def reason_of(stuck: Stuck) -> str:
    """The reason that is told while a pod does not start."""
    return Reason.UNSCHEDULABLE if stuck.kind is StuckKind.UNSCHEDULABLE else Reason.NOT_STARTING


async def why_held_up(cluster: Cluster, namespace: str, uid: str) -> Stuck | None:
    """What a pod's events say that keeps it from starting; None when nothing does, or when they can't be read."""
    try:
        return observe.held_up(await cluster.list_warnings(namespace, uid))
    except ClusterError as error:
        _log.info("the events of pod %s can't be read: %s", uid, error)
        return None


class Starts:
    """The attempts of one run that have a pod and have not started. `give_up`: what to do with one that never will."""

    def __init__(self, actor: Actor, give_up: Callable[[Attempt, str], None]) -> None:
        self._actor = actor
        self._give_up = give_up

    def began(self, attempt: Attempt) -> None:
        """It has started."""
        attempt.stuck_since = attempt.held_up = None
        self._no_longer_told()

    def awaited(self, attempt: Attempt, pod: PodView) -> None:
        """It has not started yet, and its pod is like this."""
        actor, now = self._actor, time.time()
        grace = actor.settings.start_grace_seconds
        if attempt.stuck_since is None:
            deadline = actor.job.spec.pending_deadline_seconds
            attempt.stuck_since = pod.created or now
            actor.timers.at(attempt.stuck_since + deadline, lambda: self._pending_too_long(attempt, deadline))
            actor.timers.at(now + max(grace, _LEAST_SECONDS), lambda: self._ask(attempt))
        stuck = pod.stuck
        if stuck is None:
            return
        if stuck.kind is StuckKind.BAD_IMAGE:
            self._end(attempt, stuck.cause)
            return
        actor.waits(reason_of(stuck), f"{attempt.step}: {stuck.cause}")
        if not may_pass(stuck):
            actor.timers.at(now + grace, lambda: self._still_stuck(attempt))

    def _still_stuck(self, attempt: Attempt) -> None:
        pod = _unstarted(attempt)
        if pod is not None and pod.stuck is not None and not may_pass(pod.stuck):
            self._end(attempt, pod.stuck.cause)

    def _ask(self, attempt: Attempt) -> None:
        """Look at its events, and again after twice the time while nothing moves."""
        since = attempt.stuck_since
        pod = _unstarted(attempt)
        if pod is None or since is None:
            return
        now = time.time()
        self._actor.timers.at(now + max(now - since, _LEAST_SECONDS), lambda: self._ask(attempt))
        if pod.stuck is None:
            self._actor.spawn(self._read_events(attempt, pod))

    async def _read_events(self, attempt: Attempt, pod: PodView) -> None:
        found = await why_held_up(self._actor.cluster, self._actor.namespace, pod.uid)
        if found is None or _unstarted(attempt) is None:
            return
        attempt.held_up = found
        if may_pass(found):
            self._actor.waits(reason_of(found), f"{attempt.step}: {found.cause}")
        else:
            self._end(attempt, found.cause)

    def _pending_too_long(self, attempt: Attempt, seconds: float) -> None:
        pod = _unstarted(attempt)
        if pod is None:
            return
        stuck = pod.stuck or attempt.held_up
        cause = "nothing more is told" if stuck is None else stuck.cause
        self._end(attempt, f"its pod was Pending for more than {seconds:g} s: {cause}")

    def _end(self, attempt: Attempt, cause: str) -> None:
        self._give_up(attempt, cause)
        self._no_longer_told()

    def _no_longer_told(self) -> None:
        for reason in REASONS:
            self._actor.goes_on(reason)


def _unstarted(attempt: Attempt) -> PodView | None:
    """Its pod, as long as that could still start."""
    pod = attempt.pod
    if pod is None or pod.started is not None or pod.is_over:
        return None
    return None if attempt.settled or attempt.unstartable is not None else pod
