"""Plan pods: an OpJob that names its entrypoint alone is compiled by one pod in the user's image.

The operator never imports user code. It writes the OpJob down, starts a worker with a plan ticket, and reads the one
record that the worker leaves. A plan pod that is lost is tried again, as a step is.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedge.core.errors import ProtocolError, VersionMismatch
from kedge.core.layout import RunPaths
from kedge.core.planning import PlanFault, Planned, PlanTicket
from kedge.core.protocol import MOST_BYTES, MOST_PLANNED
from kedge.core.spec import OpJob
from kedge.engine import records
from kedge.io.digests import digest
from kedge.io.errors import ObjectExists, ObjectMissing
from kedge.io.stores import Store
from kedge_operator import labels, launching, observe, opening, pods, starts
from kedge_operator.errors import ClusterError, NotFound, QuotaExceeded, RightsMissing, Unavailable, may_pass
from kedge_operator.labels import Reason
from kedge_operator.observe import EndKind, PodView, StuckKind
from kedge_operator.opening import Refused
from kedge_operator.policy import PodRefused

if TYPE_CHECKING:
    from kedge_operator.actor import Actor

_log = logging.getLogger("kedge.operator")
_LOST = frozenset(kind.value for kind in EndKind)
_LOOK_SECONDS = 10.0
_MOST_SECONDS = 900.0


async def plan(actor: Actor, job: OpJob) -> OpJob:
    """The job with its ops. Raises Refused with all that is wrong with it, or with why no pod could say."""
    found, attempt = await actor.store.call("list", stored_plan, actor.paths)
    run = opening.run_pods(job, actor.uid, actor.namespace, actor.settings)
    while found is None:
        if attempt > 1 + job.spec.infrastructure_retries:
            last = await actor.store.call("get", _record, actor.paths, attempt - 1)
            cause = last.errors[0].message
            raise Refused(Reason.PLAN_REFUSED, f"{attempt - 1} plan pods were lost; of the last one: {cause}")
        planned = await _Attempt(actor, job, run, attempt).record()
        if _is_lost(planned):
            actor.notices.note(Reason.STEP_LOST, f"plan, attempt {attempt}: {planned.errors[0].message}", warning=True)
            attempt += 1
        else:
            found = planned
    return opening.completed(opening.parse(actor.body), found)  # what may change has perhaps changed meanwhile


def stored_plan(store: Store, paths: RunPaths) -> tuple[Planned | None, int]:
    """The record of the plan pod that was not lost, if there is one, and the number of the next attempt."""
    attempt = 1
    while True:
        try:
            planned = _record(store, paths, attempt)
        except ObjectMissing:
            return None, attempt
        if not _is_lost(planned):
            return planned, attempt
        attempt += 1


def _is_lost(planned: Planned) -> bool:
    return planned.spec is None and bool(planned.errors) and planned.errors[0].error in _LOST


def _record(store: Store, paths: RunPaths, attempt: int) -> Planned:
    """What a plan pod has left; one fault where that can't be read. Raises ObjectMissing."""
    try:
        return Planned.from_json(records.read_json_at(store, paths.planned(attempt), MOST_PLANNED))
    except ProtocolError as error:
        fault = PlanFault(type(error).__name__, f"what the plan pod left can't be read: {error}")
        return Planned(attempt, errors=(fault,))


@dataclass
class _Attempt:
    """One plan pod, from its create to its record."""

    actor: Actor
    job: OpJob
    run: pods.RunPods
    number: int
    pod: PodView | None = None

    async def record(self) -> Planned:
        """The record that the pod leaves, or the one that is written in its place."""
        await self._while_suspended()
        pod = await self._pod()
        await self._create(pod)
        self._compiles()
        try:
            return await self._outcome()
        finally:
            for reason in (Reason.PLANNING, *starts.REASONS):
                self.actor.goes_on(reason)

    def _compiles(self) -> None:
        self.actor.facts.waits = (Reason.PLANNING, "a pod of the job's image compiles it")
        self.actor.status.changed()

    async def _pod(self) -> dict[str, Any]:
        actor = self.actor
        given = {key: value for key, value in actor.body.items() if key != "status"}
        given = {**given, "metadata": {"name": actor.job_name, "annotations": dict(self.job.metadata.annotations)}}
        data = json.dumps(given, separators=(",", ":"), sort_keys=True).encode()
        data = await actor.store.call("put", self._manifest, data)
        announce = actor.services.announcements.announce(actor.uid, labels.PLANNING, self.number)
        ticket = PlanTicket(actor.uid, actor.paths.prefix, digest(data), self.number, announce)
        try:
            return pods.plan_pod(self.run, self.number, ticket.to_text())
        except PodRefused as error:
            raise Refused(Reason.POD_REFUSED, str(error)) from error

    def _manifest(self, store: Store, data: bytes) -> bytes:
        """Write down the OpJob, once: the ticket of a pod that is there already was made for it as it was then."""
        path = self.actor.paths.manifest
        try:
            store.put(path, data, create=True)
        except ObjectExists:
            return store.get(path, most=MOST_BYTES)
        return data

    async def _create(self, pod: Mapping[str, Any]) -> None:
        pause, since = 0.2, time.time()
        while True:
            try:
                self.pod = observe.view(await launching.create_or_find(self.actor.cluster, pod))
                return
            except QuotaExceeded as error:
                self.actor.waits(Reason.QUOTA, f"plan: {error.message}")
            except RightsMissing as error:
                self.actor.waits(Reason.RIGHTS, f"plan: {error.message}")
            except Unavailable:
                pass
            except ClusterError as error:
                if not may_pass(error) or time.time() - since >= self.actor.settings.start_grace_seconds:
                    raise Refused(Reason.POD_REFUSED, error.message) from error
            await self._next(pause)
            pause = min(pause * 2, 10.0)

    async def _outcome(self) -> Planned:
        since = time.time()
        while True:
            over = self.pod is not None and self.pod.is_over
            found = await self.actor.store.call("get", self._read)
            if found is not None:
                return found
            if over:
                return await self._instead()
            await self._check_start(since)
            await self._check_time(since)
            if not await self._next(min(_LOOK_SECONDS, self.actor.settings.resync_seconds)):
                await self._look_again()

    async def _look_again(self) -> None:
        """At the pod, in case the watch has missed something."""
        assert self.pod is not None
        try:
            self.pod = observe.view(await self.actor.cluster.get_pod(self.run.namespace, self.pod.name))
        except NotFound:
            self.pod = observe.vanished(self.pod)
        except (ClusterError, ProtocolError) as error:
            _log.warning("%r: its plan pod could not be looked at: %s", self.actor, error)

    def _read(self, store: Store) -> Planned | None:
        try:
            return _record(store, self.actor.paths, self.number)
        except ObjectMissing:
            return None

    async def _instead(self) -> Planned:
        assert self.pod is not None
        assert self.pod.end is not None
        end = self.pod.end
        error = VersionMismatch.__name__ if end.is_version_mismatch else end.kind.value
        planned = Planned(self.number, errors=(PlanFault(error, end.cause),))

        def write(store: Store) -> Planned:
            try:
                store.put(self.actor.paths.planned(self.number), planned.to_bytes(), create=True)
            except ObjectExists:
                return self._read(store) or planned
            return planned

        return await self.actor.store.call("put", write)

    async def _check_start(self, since: float) -> None:
        """What keeps the pod from starting is told; where it stays so, it ends the planning."""
        if self.pod is None:
            return
        if self.pod.started is not None:
            if any(self.actor.is_waiting(reason) for reason in starts.REASONS):
                self._compiles()
            return
        spent = time.time() - since
        patience = self.actor.settings.start_grace_seconds
        stuck = self.pod.stuck
        if stuck is None and spent > patience:
            stuck = await starts.why_held_up(self.actor.cluster, self.run.namespace, self.pod.uid)
        if stuck is None:
            return
        self.actor.waits(starts.reason_of(stuck), f"the plan pod does not start: {stuck.cause}")
        if starts.may_pass(stuck):
            patience = self.job.spec.pending_deadline_seconds
        if stuck.kind is StuckKind.BAD_IMAGE or spent > patience:
            await self._delete(self.pod)
            raise Refused(Reason.POD_REFUSED, f"the plan pod can't start: {stuck.cause}")

    async def _check_time(self, since: float) -> None:
        """Importing a job takes seconds; one that hangs must not hold the run for ever."""
        most = min(_MOST_SECONDS, self.job.spec.active_deadline_seconds or _MOST_SECONDS)
        if time.time() - since > most:
            if self.pod is not None:
                await self._delete(self.pod)
            raise Refused(Reason.PLAN_REFUSED, f"the plan pod did not end within {most:g} s; does an import hang?")

    async def _delete(self, pod: PodView) -> None:
        try:
            await self.actor.cluster.delete_pod(self.run.namespace, pod.name, pod.uid)
        except ClusterError as error:
            _log.warning("%r: its plan pod could not be deleted: %s", self.actor, error)

    async def _while_suspended(self) -> None:
        while self.actor.facts.suspended:
            self.actor.status.changed()
            if not await self._next(self.actor.settings.resync_seconds):
                await self.actor.look_for_opjob()

    async def _next(self, seconds: float) -> bool:
        """Until something is seen, or so long. Returns whether something was."""
        actor = self.actor
        await actor.woken(seconds)
        seen = bool(actor.inbox)
        while actor.inbox:
            message = actor.inbox.popleft()
            body, pod = getattr(message, "body", None), getattr(message, "pod", None)
            if body is not None:
                await self._spec_seen(body)
            elif pod is not None and pod.name == self._name:
                self.pod = pod
        return seen

    @property
    def _name(self) -> str:
        """The plan pod's; others may have its labels."""
        return labels.plan_pod_name(self.actor.job_name, self.actor.uid, self.number)

    async def _spec_seen(self, body: Mapping[str, Any]) -> None:
        actor = self.actor
        job = actor.take_in(body)
        actor.status.changed()
        if job.spec.cancel:
            if self.pod is not None:
                await self._delete(self.pod)
            raise Refused(Reason.CANCELLED, "the run was cancelled before it was planned")
