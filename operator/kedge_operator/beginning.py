"""How a run begins, or is taken up again: its document, its history and its pods, and the core that goes on from them.

Everything is read from the truth: the spec, the store, and the pods that are there. The actor calls `begin`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from kedge.core.document import PlanDocument, digest_of
from kedge.core.errors import KedgeError
from kedge.core.events import Begin, Cancel, Resize, Suspend
from kedge.core.ids import StepKey
from kedge.core.plan import Plan
from kedge.core.protocol import Outcome
from kedge.core.run import History, Run
from kedge.core.state import StepState
from kedge.engine import memoization, records
from kedge_operator import labels, launching, metrics, observe, opening, planning, statuses
from kedge_operator.attempts import Attempt
from kedge_operator.endings import Endings
from kedge_operator.labels import RUN, Reason
from kedge_operator.observe import PodView
from kedge_operator.opening import Refused
from kedge_operator.stores import AsyncStore, SecretMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kedge_operator.actor import Actor

_log = logging.getLogger("kedge.operator")
_LOOK_SECONDS = 1.0


async def begin(actor: Actor) -> None:
    """Open the run and let the core begin. Raises Refused when it can't start, and what store and cluster raise."""
    job = actor.take_in(actor.body)
    asked = None if job.spec.store is None else job.spec.store.model_dump(by_alias=True)
    actor.store = await _opened(actor, asked)
    actor.facts.place = (actor.store.store.url, actor.paths.prefix)
    document = await actor.store.call("get", opening.stored_document, actor.paths)
    if job.spec.ops is None:
        job = await planning.plan(actor, job)
    actor.job = job
    actor.pods = opening.run_pods(job, actor.uid, actor.namespace, actor.settings)
    if document is None:
        await _start(actor)
    else:
        await _take_up(actor, document)


async def _opened(actor: Actor, asked: Mapping[str, Any] | None) -> AsyncStore:
    """The run's store. Its Secret, and the right to read it, may come a moment later, as what pods need may."""
    until = time.monotonic() + actor.settings.start_grace_seconds
    while True:
        try:
            found = await actor.services.stores.open(actor.namespace, asked, actor.store_away)
        except SecretMissing as error:
            if time.monotonic() >= until:
                raise
            actor.store_away(str(error))
            await asyncio.sleep(_LOOK_SECONDS)
        else:
            actor.store_away(None)
            return found


async def _start(actor: Actor) -> None:
    """A run that nobody has begun before."""
    again, tags = await opening.reexecution(actor.cluster, actor.store, actor.namespace, actor.job)
    document = opening.document_of(actor.job, actor.uid, again, tags)
    history = History()
    if again is not None:
        history = await actor.store.call("list", opening.history, actor.paths, document)
    plan = _plan_of(document)
    await opening.try_pods(actor.cluster, actor.job, actor.pods)
    now = time.time()
    document = await actor.store.call("put", opening.write_document, actor.paths, document, now)
    run = _go_on(actor, document, plan, history, now)
    ops, steps = statuses.counted(len(plan.nodes), "op"), statuses.counted(len(run.state.steps), "step")
    actor.notices.note(Reason.PLANNED, f"{ops}, {steps} so far")


async def _take_up(actor: Actor, document: PlanDocument) -> None:
    """A run that another operator, or an earlier life of this one, has begun.

    Its pods are listed before its records: a pod that ends in between has left its record then.
    """
    found = [(step, view) async for step, view in own_pods(actor) if step is not None]
    history: History = await actor.store.call("list", opening.history, actor.paths, document)
    began = await actor.store.call("get", opening.began, actor.paths, time.time())
    live = _adopt(actor, found, history.records)
    history = History(history.records, live, history.inherited, history.selected)
    _go_on(actor, document, _plan_of(document), history, began)
    for _, view in found:
        actor.endings.seen(view)


async def own_pods(actor: Actor, fields: str = "") -> AsyncIterator[tuple[StepKey | None, PodView]]:
    """The run's pods, of these fields if any are given, and the steps that they are of; None: a plan pod.

    An attempt's pod, or a plan pod, has the very name that the run gives it; others may have its labels. Raises
    ClusterError.
    """
    async for pod in actor.cluster.list_pods(actor.namespace, f"{RUN}={actor.uid}", fields):
        step, view = launching.step_of(pod), view_of(pod)
        if view is None:
            continue
        if view.digest == labels.PLANNING:
            step, name = None, labels.plan_pod_name(actor.job_name, actor.uid, view.attempt)
        elif step is not None and step.digest == view.digest:
            name = labels.pod_name(actor.job_name, actor.uid, step.op, step.digest, view.attempt)
        else:
            continue
        if view.name == name:
            yield step, view


def _adopt(
    actor: Actor, found: Sequence[tuple[StepKey, PodView]], known: Mapping[StepKey, Sequence[Outcome]]
) -> frozenset[tuple[StepKey, int]]:
    """Take the attempts that have pods for this run's own. Returns which they are."""
    live = set()
    for step, view in found:
        attempt = Attempt(step, view.attempt, view.created or time.time(), made=True)
        live.add((step, view.attempt))
        actor.attempts.add(attempt)
        attempt.settled = view.attempt in {one.attempt for one in known.get(step, ())}
    return frozenset(live)


def _go_on(actor: Actor, document: PlanDocument, plan: Plan, history: History, began: float) -> Run:
    """Let the core begin with what is known."""
    actor.document = document
    actor.plan_digest = digest_of(document.to_bytes())
    actor.history = history
    actor.run = Run(plan, document.settings, history)
    job = actor.document.entrypoint or ""  # not the OpJob's name: each has another
    actor.memo = memoization.of_stored(actor.document, job, actor.store.store, actor.paths, actor.run)
    actor.endings = Endings(actor)
    actor.facts.began = began
    actor.facts.planned = statuses.Condition(True, Reason.PLANNED, statuses.counted(len(plan.nodes), "op"))
    now, spec = time.time(), actor.job.spec
    if spec.suspend:
        actor.apply(Suspend(now))
    actor.apply(Resize(spec.max_concurrent, now))
    if spec.cancel:
        actor.apply(Cancel(now))
    actor.apply(Begin(now, began))
    for step in actor.run.state.steps.values():
        if step.state is StepState.FAILED:
            actor.facts.failed.setdefault(step.key.op, []).append(step)
        actor.facts.cached += step.cached
    actor.resync_later()
    return actor.run


def _plan_of(document: PlanDocument) -> Plan:
    try:
        return records.plan_of(document)
    except KedgeError as error:
        raise Refused(Reason.PLAN_REFUSED, f"{type(error).__name__}: {error}") from error


def view_of(pod: Mapping[str, Any], gone: bool = False) -> PodView | None:
    """A pod of some run; one that can't be read is told of and left alone. `gone`: it was removed."""
    try:
        return observe.view(pod, gone)
    except KedgeError as error:
        metrics.BROKEN.labels("pod").inc()
        _log.warning("pod %s can't be read: %s", (pod.get("metadata") or {}).get("name"), error)
        return None
