"""One run: what the watch, hints and time tell goes in, the core decides, and pods, records and a status come out.

The truth is the spec, the outcome records and the live pods; an actor can be stopped at any moment and made anew from
these. All that changes the run happens between two awaits of one event loop, so that it needs no locks. What takes
time (requests to the API server and the store) are tasks of the actor's group; when one fails for a reason that nobody
foresaw, the group ends and the actor begins again from the truth.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from kedge.core.actions import Action, Discard, Finish, RunStatus, Start, Stop, Wake
from kedge.core.document import PlanDocument
from kedge.core.events import Cancel, Ended, Event, Resize, Resume, Suspend, Tick
from kedge.core.layout import RunPaths
from kedge.core.protocol import Outcome, OutcomeStatus
from kedge.core.run import History, Run
from kedge.core.spec import OpJob
from kedge.core.state import Step, StepState
from kedge.engine import records
from kedge.engine.memoization import Memoization
from kedge.io.confinement import own_values
from kedge.io.errors import StoreError
from kedge_operator import beginning, launching, metrics, opening, statuses, stores
from kedge_operator.announced import Announcements
from kedge_operator.attempts import Attempt, Attempts, Name
from kedge_operator.cluster import UNFINISHED, Cluster
from kedge_operator.endings import Endings
from kedge_operator.errors import ClusterError, NotFound, RightsMissing
from kedge_operator.labels import RUN, Reason
from kedge_operator.observe import PodView
from kedge_operator.opening import Refused
from kedge_operator.pods import RunPods
from kedge_operator.pulse import Pulse
from kedge_operator.reporting import Notices, OpJobGone, StatusWriter
from kedge_operator.settings import Settings
from kedge_operator.stores import AsyncStore, StoreGone, Stores
from kedge_operator.timers import Timers

_log = logging.getLogger("kedge.operator")
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Services:
    """What all actors of an operator share."""

    cluster: Cluster
    stores: Stores
    settings: Settings
    announcements: Announcements
    instance: str


@dataclass(frozen=True, slots=True)
class SpecSeen:
    """The OpJob as it is now."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A pod of the run as it is now."""

    pod: PodView


@dataclass(frozen=True, slots=True)
class Hinted:
    """An attempt's record is said to be stored."""

    name: Name


Message = SpecSeen | PodSeen | Hinted


class Actor:
    """Drives one run to its end. Told by `tell`; `serve` returns when there is nothing left to do.

    What is declared here without a value is there once the run has begun; `run` is None until then. `is_gone`: there
    is nothing left to do as the OpJob was deleted, though the watch has not told.
    """

    job: OpJob
    store: AsyncStore
    pods: RunPods
    document: PlanDocument
    plan_digest: str
    history: History
    memo: Memoization | None
    endings: Endings

    def __init__(self, services: Services, body: Mapping[str, Any]) -> None:
        metadata = body["metadata"]
        self.services = services
        self.cluster = services.cluster
        self.settings = services.settings
        self.namespace: str = metadata["namespace"]
        self.job_name: str = metadata["name"]
        self.uid: str = metadata["uid"]
        self.paths = RunPaths.of(self.namespace, self.job_name, self.uid)
        self.body = body
        self.inbox: deque[Message] = deque()
        self.wake = asyncio.Event()
        self.pulse = Pulse()
        self.timers = Timers()
        self.attempts = Attempts()
        self.facts = statuses.Facts(conditions=_conditions(body))
        self.status = StatusWriter(self.cluster, self.namespace, self.job_name, self.uid, self._status)
        self.notices = Notices(self.cluster, body, services.instance)
        self.run: Run | None = None
        self.is_gone = False
        self._told_of_limits = False
        self._looked_at: int | None = None
        self._chores: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"{self.namespace}/{self.job_name}"

    def tell(self, message: Message) -> None:
        """Something has been seen; it is looked at in turn."""
        self.inbox.append(message)
        self.wake.set()

    # -- life -----------------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Live until the run has ended, or its OpJob is gone."""
        try:
            await self._serve()
        except OpJobGone as error:
            _log.warning("%s", error)
            self.is_gone = True

    async def _serve(self) -> None:
        """What breaks an actor is told, and it begins again from the truth."""
        pause = _PAUSE
        while True:
            try:
                await self._live_to_an_end()
            except OpJobGone:
                raise
            except RightsMissing as error:
                _log.warning("%r: begins again in %.0f s: %s", self, pause, error)
                await self._rest(pause, Reason.RIGHTS, str(error))
            except Exception as error:
                _log.exception("%r: its actor failed; it begins again in %.0f s", self, pause)
                await self._rest(pause, Reason.INTERNAL, f"the operator failed and tries again: {error!r}")
            else:
                await self.notices.flush()
                return
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _rest(self, seconds: float, reason: str, message: str) -> None:
        """Forget what is known of the run, say why, and wait. To say so is worth neither waiting longer nor failing.

        An actor that was let go of while it failed does not rest: of both, a group of tasks tells the failure alone.
        """
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        self.timers = Timers()
        self.attempts = Attempts()
        self.run = None
        self._looked_at = None
        self.facts = statuses.Facts(self.facts.generation, self.facts.suspended, conditions=self.facts.conditions)
        self.facts.waits = (reason, message)
        try:
            async with asyncio.timeout(seconds):
                await self.status.write()
        except TimeoutError:
            pass
        except OpJobGone:
            raise
        except Exception:
            _log.exception("%r: its status could not be written", self)
        await asyncio.sleep(seconds)

    async def _live_to_an_end(self) -> None:
        try:
            await self._live()
        except Refused as error:
            await self._refuse(error.reason, error.message)
        except (StoreGone, StoreError) as error:
            await self._refuse(Reason.STORE_AWAY, str(error))

    async def _live(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                writer = group.create_task(self.status.serve())
                try:
                    await beginning.begin(self)
                    await self._loop()
                    await self._finish()
                finally:
                    writer.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do this on the side; its failure is the actor's."""
        return self._group.create_task(work)

    def _spawn_chore(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this on the side, and before the run is said to have ended: afterwards nobody would do it again."""
        chore = self.spawn(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    # -- the loop -------------------------------------------------------------------------------------------------

    async def _loop(self) -> None:
        assert self.run is not None
        while not self._is_done():
            due = self.timers.next
            await self.woken(None if due is None else max(0.0, due - time.time()))
            while self.inbox:
                self._look_at(self.inbox.popleft())
            self.timers.fire(time.time())

    def _is_done(self) -> bool:
        """A run that was stopped has ended only when none of its pods is left."""
        assert self.run is not None
        if not self.run.finished:
            return False
        return self.run.stopping is None or all(one.is_over for one in self.attempts)

    async def woken(self, seconds: float | None) -> None:
        """Until something is told, or so long."""
        try:
            async with asyncio.timeout(seconds):
                await self.wake.wait()
        except TimeoutError:
            pass
        self.wake.clear()

    def _look_at(self, message: Message) -> None:
        if isinstance(message, SpecSeen):
            self._spec_seen(message.body)
        elif isinstance(message, PodSeen):
            self.endings.seen(message.pod)
        else:
            self.endings.hinted(message.name)

    def take_in(self, body: Mapping[str, Any]) -> OpJob:
        """The OpJob as it is now, and what its status says of it. Raises Refused when it can't be read."""
        self.body = body
        self.facts.generation = body["metadata"].get("generation", 0)
        job = opening.parse(body)
        self.facts.suspended = job.spec.suspend
        return job

    def _spec_seen(self, body: Mapping[str, Any]) -> None:
        """The fields that may change have perhaps changed; with the status alone they have not."""
        self.body, generation = body, body["metadata"].get("generation")
        if generation is not None and generation == self._looked_at:
            return
        self._looked_at = generation
        try:
            job = self.take_in(body)
        except Refused as error:
            self.notices.note(Reason.INVALID, error.message, warning=True)
            return
        before, now = self.job.spec, time.time()
        if "max_concurrent" in job.spec.model_fields_set and job.spec.max_concurrent != before.max_concurrent:
            self.apply(Resize(job.spec.max_concurrent, now))
        if job.spec.suspend != before.suspend:
            self.apply(Suspend(now) if job.spec.suspend else Resume(now))
            self.notices.note(Reason.SUSPENDED if job.spec.suspend else Reason.RESUMED, "spec.suspend has changed")
        if job.spec.cancel and not before.cancel:
            self.notices.note(Reason.CANCELLING, "spec.cancel is true")
            self.apply(Cancel(now))
        self.job = self.job.model_copy(update={"spec": _with_changes(before, job.spec)})
        self.status.changed()

    def resync_later(self) -> None:
        """Look at the OpJob and its pods after a while, and again and again, in case the watch has missed something."""
        self.timers.at(time.time() + self.settings.resync_seconds, self._resync)

    def _resync(self) -> None:
        self.resync_later()
        self.spawn(self.look_for_opjob())
        if any(not one.is_over for one in self.attempts):
            self.spawn(self._look_again())

    async def look_for_opjob(self) -> None:
        """Is the run still wanted? Raises OpJobGone."""
        try:
            await self.status.look()
        except ClusterError as error:
            _log.warning("%r: its OpJob could not be looked for: %s", self, error)

    async def _look_again(self) -> None:
        """At what the watch should have told: the pods that have not ended, and each that should be among them."""
        made = [one for one in self.attempts if one.made]
        waiting = [one for one in made if (one.settled if one.pod is None else not one.pod.is_over)]
        seen = set()
        try:
            async for pod in self.cluster.list_pods(self.namespace, f"{RUN}={self.uid}", UNFINISHED):
                view = beginning.view_of(pod)
                if view is not None:
                    seen.add((view.digest, view.attempt))
                    self.tell(PodSeen(view))
            for attempt in waiting:
                if attempt.name not in seen:
                    await self._look_for(attempt)
        except ClusterError as error:
            _log.warning("%r: its pods could not be listed: %s", self, error)

    async def _look_for(self, attempt: Attempt) -> None:
        """At an attempt whose pod has ended by now, or is gone."""
        try:
            view = beginning.view_of(await self.cluster.get_pod(self.namespace, launching.name_of(self, attempt)))
        except NotFound:
            self.endings.vanished(attempt)
            return
        if view is not None:
            self.tell(PodSeen(view))

    # -- what the core says ---------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Tell the core, and carry out what it answers."""
        assert self.run is not None
        for action in self.run.apply(event):
            self._carry_out(action)
        self._tell_of_limits(self.run)
        self.status.changed()
        self.pulse.beat()
        self.wake.set()

    def _tell_of_limits(self, run: Run) -> None:
        """Once a run: that steps are ready and wait for others to end."""
        ready = run.state.counts[StepState.READY]
        if not ready or self._told_of_limits or run.status is RunStatus.SUSPENDED or run.stopping is not None:
            return
        self._told_of_limits = True
        limit = f"maxConcurrent is {self.job.spec.max_concurrent}"
        others = " and there are tagConcurrencyLimits" if self.document.tag_limits else ""
        self.notices.note(Reason.WAITING_FOR_LIMIT, f"{ready} steps are ready and wait for others: {limit}{others}")

    def _carry_out(self, action: Action) -> None:
        assert self.run is not None
        if isinstance(action, Start):
            step = self.run.state.steps[action.step]
            if step.state is StepState.RUNNING and step.attempt == action.attempt:
                attempt = self.attempts.add(Attempt(action.step, action.attempt, time.time(), step.ready))
                self.spawn(launching.launch(self, attempt, action.retries))
        elif isinstance(action, Stop):
            attempt_known = self.attempts.get((action.step.digest, action.attempt))
            if attempt_known is not None:
                attempt_known.stopping = action.reason
                self.endings.stop(attempt_known)
        elif isinstance(action, Wake):
            self.timers.at(action.at, lambda: self.apply(Tick(time.time())))
        elif isinstance(action, Discard):
            self._spawn_chore(self._discard(own_values(self.paths, [source.record for source in action.values])))
        else:
            assert isinstance(action, Finish)

    async def _discard(self, paths: list[str]) -> None:
        """Delete values that have been consumed. That they stay is no reason to end a run."""
        try:
            await self.store.call("delete", stores.delete, paths)
        except (StoreGone, StoreError) as error:
            _log.warning("%r: %d values that were consumed could not be deleted: %s", self, len(paths), error)

    def settled(self, attempt: Attempt, outcome: Outcome) -> None:
        """An attempt's record is known: the step goes on from it."""
        assert self.run is not None
        attempt.settled = True
        step = self.run.state.steps.get(outcome.step)
        retries = self.run.retries
        self.apply(Ended(outcome, time.time()))
        metrics.STEPS_ENDED.labels(outcome.status.value).inc()
        if self.memo is not None and outcome.status is OutcomeStatus.SUCCEEDED:
            self._spawn_chore(self._keep(outcome))
        if step is not None:
            self._tell_of(step, outcome, retried=self.run.retries > retries)
        if attempt.is_over:
            self.attempts.forget(attempt)

    def _tell_of(self, step: Step, outcome: Outcome, retried: bool) -> None:
        self.facts.cached += outcome.cached_from is not None
        failure = outcome.failure
        if retried and failure is not None:
            kind = Reason.STEP_LOST if outcome.status is OutcomeStatus.LOST else Reason.STEP_RETRIED
            metrics.RETRIES.labels(metrics.loss_class(failure.error) if kind is Reason.STEP_LOST else "user").inc()
            message = f"{outcome.step}, attempt {outcome.attempt}: {failure.error}: {failure.message}"
            self.notices.note(kind, f"{message}; it is tried again", warning=True)
        elif step.state is StepState.FAILED:
            self.facts.failed.setdefault(step.key.op, []).append(step)
            self.notices.note(Reason.STEP_FAILED, statuses.said(step), warning=True)

    async def _keep(self, outcome: Outcome) -> None:
        memo = self.memo
        assert memo is not None
        try:
            await self.store.call("put", lambda store: memo.keep(outcome))
        except (StoreGone, StoreError) as error:
            _log.warning("%r: %s could not be kept for later runs: %s", self, outcome.step, error)

    # -- the end --------------------------------------------------------------------------------------------------

    async def _finish(self) -> None:
        run = self.run
        assert run is not None
        now = time.time()
        await self.store.call("put", records.close_run, self.paths, run, now)
        if self._chores:
            await asyncio.wait(self._chores)
        self.facts.ended = now
        self.facts.waits = None
        await self.status.write()
        status = self._status()
        metrics.RUNS_ENDED.labels(status["phase"], status["reason"]).inc()
        self.notices.note(status["reason"], status["message"], warning=run.status is not RunStatus.SUCCEEDED)

    async def _refuse(self, reason: str, message: str) -> None:
        """End a run that can't start, or whose store refuses or is gone: without it nothing can be known or done.

        All pods of the run are ended, those too that a run just taken up has not looked at. Raises ClusterError.
        """
        async for _, pod in beginning.own_pods(self, UNFINISHED):
            await self.cluster.delete_pod(self.namespace, pod.name, pod.uid)
        if self.run is None:
            self.facts.planned = statuses.Condition(False, reason, message)
        await self._end_with(reason, message)

    async def _end_with(self, reason: str, message: str) -> None:
        self.facts.ending = (reason, message)
        self.facts.ended = time.time()
        await self.status.write()
        metrics.RUNS_ENDED.labels("Cancelled" if reason == Reason.CANCELLED else "Failed", reason).inc()
        self.notices.note(reason, message, warning=True)

    def waits(self, reason: str, message: str) -> None:
        """The run waits for something that a person should know of."""
        if not self.is_waiting(reason):
            self.notices.note(reason, message, warning=True)
        self.facts.waits = (reason, message)
        self.status.changed()

    def is_waiting(self, reason: str) -> bool:
        """Whether the run waits for this, as far as is told."""
        return self.facts.waits is not None and self.facts.waits[0] == reason

    def goes_on(self, reason: str) -> None:
        """What the run waited for is there."""
        if self.is_waiting(reason):
            self.facts.waits = None
            self.status.changed()

    def store_away(self, why: str | None) -> None:
        """The store can't be reached, and why; or None: it can be again."""
        if why is None:
            self.goes_on(Reason.STORE_AWAY)
        else:
            self.waits(Reason.STORE_AWAY, why)

    def _status(self) -> dict[str, Any]:
        return statuses.of(self.run, self.facts, time.time())


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that matters of a group: one that has an answer goes before one that has none."""
    flat: list[BaseException] = []
    rest: list[BaseException] = [errors]
    while rest:
        one = rest.pop()
        if isinstance(one, BaseExceptionGroup):
            rest.extend(one.exceptions)
        else:
            flat.append(one)
    return next((one for one in flat if isinstance(one, StoreGone | Refused | StoreError | OpJobGone)), flat[0])


def _conditions(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The conditions that stand there, for the times of their last transitions."""
    found = (body.get("status") or {}).get("conditions")
    return [dict(one) for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _with_changes(before: Any, after: Any) -> Any:
    given = {name: getattr(after, name) for name in ("suspend", "cancel", "ttl_seconds_after_finished")}
    if "max_concurrent" in after.model_fields_set:
        given["max_concurrent"] = after.max_concurrent  # else it is as the job's code says
    return before.model_copy(update=given)
