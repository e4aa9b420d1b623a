"""From a `Start` of the core to a pod: inputs, cache, ticket, and a create that may be made twice and counts once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kedge.core.actions import RunStatus
from kedge.core.bindings import bind
from kedge.core.errors import KedgeError, PlanError
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.protocol import Binding, Outcome, Ticket
from kedge.io.errors import StoreError
from kedge.io.stores import Store
from kedge.io.tickets import ticket_text, with_indexes
from kedge_operator import labels, metrics, observe, pods
from kedge_operator.attempts import Attempt
from kedge_operator.cluster import Cluster
from kedge_operator.errors import (
    AlreadyExists,
    ClusterError,
    NotFound,
    QuotaExceeded,
    RightsMissing,
    Unavailable,
    may_pass,
)
from kedge_operator.labels import Reason
from kedge_operator.observe import EndKind

if TYPE_CHECKING:
    from kedge_operator.actor import Actor

_log = logging.getLogger("kedge.operator")
INDEX_FROM = 20
"""A listing with more members than this goes into the store: pods stay small, and so does what etcd keeps of them."""
_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


async def launch(actor: Actor, attempt: Attempt, retries: int) -> None:
    """Bring about one attempt: its pod, or its outcome where it can be taken over."""
    assert actor.run is not None
    step = actor.run.state.steps[attempt.step]
    bindings = bind(actor.run.state, step)
    if actor.memo is not None and await _take_over(actor, attempt, bindings):
        return
    digest = attempt.step.digest
    announce = actor.services.announcements.announce(actor.document.run_id, digest, attempt.number)
    head = (actor.document.run_id, actor.paths.prefix, actor.plan_digest, attempt.step, attempt.number, retries)

    def ticket(store: Store, paths: RunPaths) -> str:
        inputs = with_indexes(store, paths, attempt.step, bindings, INDEX_FROM)
        return ticket_text(store, paths, Ticket(*head, inputs, attempt.ready, attempt.launched, announce))

    text = await actor.store.call("put", ticket, actor.paths)
    ooms = actor.endings.ooms.get(attempt.step, 0)
    try:
        pod = pods.step_pod(actor.pods, attempt.step, attempt.number, text, step.node.op.pod, ooms)
    except PlanError as error:  # the job was accepted under other rules, or its plan was changed in the store
        actor.endings.unstartable(attempt, str(error))
        return
    await _create(actor, attempt, pod)


def name_of(actor: Actor, attempt: Attempt) -> str:
    """The name of an attempt's pod."""
    step = attempt.step
    return labels.pod_name(actor.job_name, actor.uid, step.op, step.digest, attempt.number)


def step_of(pod: Mapping[str, Any]) -> StepKey | None:
    """The step that a pod says it is for."""
    text = (pod["metadata"].get("annotations") or {}).get(labels.STEP)
    try:
        return None if text is None else StepKey.parse(text)
    except KedgeError:
        return None


async def _take_over(actor: Actor, attempt: Attempt, bindings: Mapping[str, Binding]) -> bool:
    """For a memoized step: write down that it takes over an earlier success, if there is one."""
    memo = actor.memo
    assert memo is not None
    now = time.time()

    def look(store: Store) -> Outcome | None:
        return memo.record_take_over(store, actor.paths, attempt.step, attempt.number, bindings, attempt.ready, now)

    try:
        outcome = await actor.store.call("get", look)
    except StoreError as error:
        _log.warning("%r: %s runs, as the cache can't be asked: %s", actor, attempt.step, error)
        return False
    if outcome is None:
        return False
    actor.settled(attempt, outcome)
    return True


async def _create(actor: Actor, attempt: Attempt, pod: Mapping[str, Any]) -> None:
    """Create the pod, however long that takes; or give the attempt up, saying why."""
    pause, refused_since = _PAUSE, None
    while True:
        if attempt.stopping is not None:
            await _never(actor, attempt, pod)
            return
        if _is_suspended(actor) and not attempt.made:
            await _until(actor, lambda: attempt.stopping is not None or not _is_suspended(actor))
            continue
        wait: float | None = None
        try:
            made = await create_or_find(actor.cluster, pod)
        except QuotaExceeded as error:
            actor.waits(Reason.QUOTA, f"{attempt.step}: {error.message}")
        except RightsMissing as error:
            actor.waits(Reason.RIGHTS, f"{attempt.step}: {error.message}")
        except Unavailable as error:
            attempt.made = True  # perhaps: the answer is missing
            wait = error.retry_after
        except ClusterError as error:
            refused_since = refused_since or time.time()
            if not may_pass(error) or time.time() - refused_since >= actor.settings.start_grace_seconds:
                actor.endings.unstartable(attempt, error.message)
                return
        else:
            actor.goes_on(Reason.QUOTA)
            actor.goes_on(Reason.RIGHTS)
            _made(actor, attempt, made)
            return
        await _until(actor, lambda: attempt.stopping is not None, wait or pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _is_suspended(actor: Actor) -> bool:
    return actor.run is not None and actor.run.status is RunStatus.SUSPENDED


async def create_or_find(cluster: Cluster, pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """Create an attempt's pod, or find the one that was created for it before. Raises ClusterError."""
    try:
        return await cluster.create_pod(pod)
    except AlreadyExists:
        pass
    try:
        found = await cluster.get_pod(pod["metadata"]["namespace"], pod["metadata"]["name"])
    except NotFound as error:
        raise Unavailable(error.what, "it was there, and is gone", error.status) from error
    marks, wanted = found["metadata"].get("labels") or {}, pod["metadata"]["labels"]
    if any(marks.get(name) != wanted[name] for name in (labels.RUN, labels.STEP_HASH, labels.ATTEMPT)):
        what = f"pod {found['metadata']['namespace']}/{found['metadata']['name']}"
        raise ClusterError(what, "a pod of this name is there that is not this attempt's")
    return found


def _made(actor: Actor, attempt: Attempt, pod: Mapping[str, Any]) -> None:
    attempt.made = True
    now = time.time()
    if attempt.ready is not None:
        metrics.QUEUED.observe(max(0.0, now - attempt.ready))
    actor.endings.seen(observe.view(pod))


async def _never(actor: Actor, attempt: Attempt, pod: Mapping[str, Any]) -> None:
    """The attempt was stopped before its pod was made, as far as is known."""
    while attempt.made:
        try:
            await actor.cluster.delete_pod(actor.namespace, pod["metadata"]["name"], None)
        except Unavailable:
            await actor.pulse.wait(_LONGEST_PAUSE)
        else:
            attempt.made = False
    actor.endings.never(attempt, EndKind.DELETED, "it was stopped before its pod was made")


async def _until(actor: Actor, holds: Callable[[], bool], seconds: float | None = None) -> None:
    """Wait until something holds that the core was told of, or so long."""
    until = None if seconds is None else time.monotonic() + seconds
    while not holds():
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            return
        await actor.pulse.wait(left)
