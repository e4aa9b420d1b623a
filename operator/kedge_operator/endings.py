"""How attempts come to their ends: what pods and hints tell, the record that is read for it, and the one that is
written in place of a record that will not come."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from kedge.core.errors import VersionMismatch
from kedge.core.events import Lost
from kedge.core.ids import StepKey
from kedge.core.protocol import Failure, Outcome, OutcomeStatus, Times
from kedge.engine import records
from kedge.io.errors import ObjectExists, ObjectMissing
from kedge_operator import launching, metrics, observe, stores
from kedge_operator.attempts import Attempt, Name
from kedge_operator.errors import ClusterError, RightsMissing
from kedge_operator.labels import Reason
from kedge_operator.observe import End, EndKind, PodView
from kedge_operator.starts import Starts

if TYPE_CHECKING:
    from kedge_operator.actor import Actor

_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
FORCE_AFTER_SECONDS = 10.0
"""After the end of a pod's grace period: then its node has nothing to say, and the attempt is lost."""


class Endings:
    """The ends of one run's attempts. `ooms` counts OOM kills by step."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self.ooms: dict[StepKey, int] = {}
        self._starts = Starts(actor, self.unstartable)
        for step, found in actor.history.records.items():
            self._count_ooms(step, *found)

    def _count_ooms(self, step: StepKey, *outcomes: Outcome) -> None:
        count = sum(1 for one in outcomes if one.failure is not None and one.failure.error == EndKind.OUT_OF_MEMORY)
        if count:
            self.ooms[step] = self.ooms.get(step, 0) + count

    # -- what is seen -----------------------------------------------------------------------------------------------

    def hinted(self, name: Name) -> None:
        """An attempt's record is said to be there."""
        attempt = self._actor.attempts.get(name)
        if attempt is not None and not attempt.settled:
            self._look(attempt)

    def seen(self, pod: PodView) -> None:
        """A pod is as it is now. An attempt's has its name, whatever the labels of others say."""
        attempt = self._actor.attempts.get((pod.digest, pod.attempt))
        if attempt is None or pod.name != launching.name_of(self._actor, attempt):
            return
        if attempt.pod is not None and attempt.pod.is_over:
            return
        before, attempt.pod, attempt.made = attempt.pod, pod, True
        self._measure(before, pod)
        if pod.is_over:
            self._over(attempt)
        elif pod.deleting is not None:
            self._actor.timers.at(pod.deleting + FORCE_AFTER_SECONDS, lambda: self._force(attempt))
        elif not attempt.settled:
            self._watch(attempt, pod)
        if attempt.stopping is not None and not pod.is_over and pod.deleting is None and before is None:
            self.stop(attempt)  # it was stopped while its pod was being made
        self._actor.wake.set()

    def vanished(self, attempt: Attempt) -> None:
        """A pod is not there any more, and nobody saw it go, nor perhaps come: then it was never made."""
        if attempt.pod is None:
            attempt.made = False
            if attempt.settled:
                self._actor.attempts.forget(attempt)
                self._actor.wake.set()
        elif not attempt.pod.is_over:
            attempt.pod = observe.vanished(attempt.pod)
            self._over(attempt)

    def _measure(self, before: PodView | None, pod: PodView) -> None:
        if pod.started is not None and (before is None or before.started is None) and pod.created is not None:
            metrics.PENDING.observe(max(0.0, pod.started - pod.created))

    def _over(self, attempt: Attempt) -> None:
        if attempt.settled:
            self._actor.attempts.forget(attempt)
        else:
            self._look(attempt)

    def _watch(self, attempt: Attempt, pod: PodView) -> None:
        """A pod that has not ended: is it late, or stuck?"""
        if pod.started is not None:
            self._starts.began(attempt)
            self._limit(attempt, pod.started)
        else:
            self._starts.awaited(attempt, pod)

    def _limit(self, attempt: Attempt, started: float) -> None:
        seconds = self._actor.run.plan.by_name[attempt.step.op].op.timeout if self._actor.run is not None else None
        if seconds is not None and not attempt.timed:
            attempt.timed = True
            self._actor.timers.at(started + seconds, lambda: self._time_out(attempt, seconds))

    def _time_out(self, attempt: Attempt, seconds: float) -> None:
        if not attempt.settled and attempt.pod is not None and not attempt.pod.is_over:
            attempt.overran = seconds
            self.stop(attempt)

    def unstartable(self, attempt: Attempt, cause: str) -> None:
        """Waiting will not help: the step fails, and its cause is told."""
        if attempt.settled or attempt.unstartable is not None:
            return
        attempt.unstartable = cause
        self._actor.spawn(self._give_up_pod(attempt))

    async def _give_up_pod(self, attempt: Attempt) -> None:
        if attempt.made:
            await self._delete(attempt, 0)
        await self._write_instead(attempt)

    # -- stopping ---------------------------------------------------------------------------------------------------

    def stop(self, attempt: Attempt) -> None:
        """Ask the pod to end: gently, as its grace period says; by force when that is over and its node is silent."""
        if attempt.made and not attempt.settled and not (attempt.pod is not None and attempt.pod.is_over):
            self._actor.spawn(self._delete(attempt, None))

    async def _delete(self, attempt: Attempt, grace: int | None) -> None:
        """Ask until it is heard; or, where the pod is asked gently, until it has ended by itself."""
        name = launching.name_of(self._actor, attempt)
        pause = _PAUSE
        while True:
            uid = None if attempt.pod is None else attempt.pod.uid
            try:
                there = await self._actor.cluster.delete_pod(self._actor.namespace, name, uid, grace)
            except ClusterError as error:
                if isinstance(error, RightsMissing):
                    self._actor.waits(Reason.RIGHTS, f"{attempt.step}: {error.message}")
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                if grace is None and attempt.pod is not None and attempt.pod.is_over:
                    return
                continue
            self._actor.goes_on(Reason.RIGHTS)
            if not there:
                self.vanished(attempt)
            return

    def _force(self, attempt: Attempt) -> None:
        """Its grace period is over, and it is still there: nobody will report its end."""
        pod = attempt.pod
        if pod is not None and not pod.is_over:
            self._actor.spawn(self._delete(attempt, 0))
            if not attempt.settled:
                end = End(EndKind.NODE_LOST, "its pod did not end within its grace period: its node does not answer")
                attempt.pod = replace(pod, end=end)
                self._look(attempt)

    def never(self, attempt: Attempt, kind: EndKind, cause: str) -> None:
        """The attempt was given up before it had a pod: nothing is to be recorded."""
        attempt.settled = True
        self._actor.attempts.forget(attempt)
        self._actor.apply(Lost(attempt.step, attempt.number, f"{kind}: {cause}", time.time()))

    # -- records ----------------------------------------------------------------------------------------------------

    def _look(self, attempt: Attempt) -> None:
        """Read the attempt's record; when its pod is over and there is none, write one in its place."""
        if not attempt.looking and not attempt.settled:
            attempt.looking = True
            self._actor.spawn(self._read(attempt))

    async def _read(self, attempt: Attempt) -> None:
        while not attempt.settled:
            was_over = attempt.pod is not None and attempt.pod.is_over
            outcome = await self._record(attempt)
            if outcome is not None:
                attempt.looking = False
                self._settle(attempt, outcome)
                return
            if was_over:
                attempt.looking = False
                await self._write_instead(attempt)
                return
            if attempt.pod is None or not attempt.pod.is_over:
                break  # a hint that came too early, or was no true one: the pod's end will be seen
        attempt.looking = False

    async def _record(self, attempt: Attempt) -> Outcome | None:
        path = self._actor.paths.outcome(attempt.step, attempt.number)
        try:
            return await self._actor.store.call("get", records.read_record, path, attempt.step, attempt.number)
        except ObjectMissing:
            return None

    async def _write_instead(self, attempt: Attempt) -> None:
        """Write a record for an attempt that will bring none; one that came all the same wins."""
        status, failure = _instead(attempt)
        now = time.time()
        times = Times(attempt.launched, ended=now, ready=attempt.ready, launched=attempt.launched)
        outcome = Outcome(attempt.step, attempt.number, status, {}, failure, times)
        path = self._actor.paths.outcome(attempt.step, attempt.number)
        try:
            await self._actor.store.call("put", stores.put, path, outcome.to_bytes(), create=True)
        except ObjectExists:
            found = await self._record(attempt)
            outcome = found or outcome
        self._settle(attempt, outcome)

    def _settle(self, attempt: Attempt, outcome: Outcome) -> None:
        if attempt.settled:
            return
        self._count_ooms(attempt.step, outcome)
        _observe_times(outcome)
        self._actor.settled(attempt, outcome)


def _instead(attempt: Attempt) -> tuple[OutcomeStatus, Failure]:
    """What is recorded of an attempt that left no record itself."""
    if attempt.unstartable is not None:
        return OutcomeStatus.FAILED, Failure(Reason.UNSTARTABLE, attempt.unstartable, retryable=False)
    if attempt.overran is not None:
        message = f"step {attempt.step} ran for more than its {attempt.overran:g} s"
        return OutcomeStatus.FAILED, Failure("Timeout", message)
    end = attempt.pod.end if attempt.pod is not None else None
    if end is not None and end.kind is EndKind.START_ERROR:
        return OutcomeStatus.FAILED, Failure(Reason.UNSTARTABLE, end.cause, retryable=False)
    if end is not None and end.is_version_mismatch:
        return OutcomeStatus.FAILED, Failure(VersionMismatch.__name__, end.cause, retryable=False)
    if end is None:
        end = observe.DELETED
    return OutcomeStatus.LOST, Failure(end.kind.value, end.cause)


def _observe_times(outcome: Outcome) -> None:
    times = outcome.times
    if times is None or times.entered is None:
        return
    metrics.STARTING.observe(max(0.0, times.entered - times.started))
    if times.left is not None:
        metrics.RUNNING.observe(max(0.0, times.left - times.entered))
        if times.ended is not None:
            metrics.STORING.observe(max(0.0, times.ended - times.left))
            metrics.REACTION.observe(max(0.0, time.time() - times.ended))
