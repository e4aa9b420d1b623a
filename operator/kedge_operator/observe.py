"""What a pod's status says of its attempt: a pure look at one object. The run's actor acts on it.

A pod never says how a step ended; the outcome record does. A pod says that no record will come any more, and why, or
that its container can't start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from kedge.core.errors import ProtocolError
from kedge_operator import labels


class EndKind(StrEnum):
    """How an attempt's pod came to its end; the `error` of the record that is written in place of a missing one."""

    EXITED = "Exited"
    OUT_OF_MEMORY = "OOMKilled"
    EVICTED = "Evicted"
    NODE_LOST = "NodeLost"
    DEADLINE = "PodDeadlineExceeded"
    DELETED = "PodDeleted"


class StuckKind(StrEnum):
    """Why a container doesn't start. The first two come to nothing by waiting."""

    BAD_IMAGE = "BadImage"
    BAD_CONTAINER = "BadContainer"
    IMAGE = "ImageUnavailable"
    CONFIG = "ConfigMissing"
    UNSCHEDULABLE = "Unschedulable"


@dataclass(frozen=True, slots=True)
class End:
    """How a pod ended. `cause` is for people."""

    kind: EndKind
    cause: str
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Stuck:
    """Why a pod's container doesn't start. `since`: seconds since the epoch, where the pod says."""

    kind: StuckKind
    cause: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class PodView:
    """What counts of one pod. Times in seconds since the epoch; None: not yet, or not told."""

    name: str
    uid: str
    run: str
    digest: str
    attempt: int
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    deleting: float | None = None
    end: End | None = None
    stuck: Stuck | None = None

    @property
    def is_over(self) -> bool:
        """Whether its container will do nothing more."""
        return self.end is not None


_BAD = {
    "InvalidImageName": StuckKind.BAD_IMAGE,
    "ErrImageNeverPull": StuckKind.BAD_IMAGE,
    "RunContainerError": StuckKind.BAD_CONTAINER,
    "CreateContainerError": StuckKind.BAD_CONTAINER,
    "StartError": StuckKind.BAD_CONTAINER,
    "CreateContainerConfigError": StuckKind.CONFIG,
    "ErrImagePull": StuckKind.IMAGE,
    "ImagePullBackOff": StuckKind.IMAGE,
    "ImageInspectError": StuckKind.IMAGE,
    "RegistryUnavailable": StuckKind.IMAGE,
    "SignatureValidationFailed": StuckKind.IMAGE,
}
_EVICTIONS = frozenset({"Evicted", "Preempting", "Shutdown", "NodeShutdown", "Terminated", "NodeAffinity"})
_DISRUPTIONS = frozenset(
    {
        "PreemptionByScheduler",
        "EvictionByEvictionAPI",
        "TerminationByKubelet",
        "DeletionByTaintManager",
        "DeletionByPodGC",
    }
)


def view(pod: Mapping[str, Any], gone: bool = False) -> PodView:
    """Look at a pod; `gone`: it has been removed, and this was its last state.

    Raises ProtocolError when it does not say whose it is.
    """
    metadata, status = pod["metadata"], pod.get("status") or {}
    marks = metadata.get("labels") or {}
    try:
        run, digest, attempt = marks[labels.RUN], marks[labels.STEP_HASH], int(marks[labels.ATTEMPT])
    except (KeyError, ValueError) as error:
        raise ProtocolError(f"pod {metadata.get('name')}: its labels do not say whose it is ({error!r})") from error
    state = _container_state(status)
    running, terminated = state.get("running") or {}, state.get("terminated") or {}
    return PodView(
        metadata["name"],
        metadata["uid"],
        run,
        digest,
        attempt,
        seconds(metadata.get("creationTimestamp")),
        seconds(running.get("startedAt") or terminated.get("startedAt")),
        seconds(terminated.get("finishedAt")),
        seconds(metadata.get("deletionTimestamp")),
        _end(status, terminated, gone, bool(metadata.get("deletionTimestamp"))),
        _stuck(status, state),
    )


def seconds(text: str | None) -> float | None:
    """A Kubernetes time in seconds since the epoch."""
    return None if not text else datetime.fromisoformat(text).timestamp()


def _container_state(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for one in status.get("containerStatuses") or ():
        if one.get("name") == labels.STEP_CONTAINER:
            found: Mapping[str, Any] = one.get("state") or {}
            return found
    return {}


def _end(status: Mapping[str, Any], terminated: Mapping[str, Any], gone: bool, deleting: bool) -> End | None:
    phase, reason = status.get("phase"), status.get("reason") or ""
    disruption = _disruption(status)
    over = terminated or phase in ("Failed", "Succeeded") or gone
    if not over:
        return None
    code = terminated.get("exitCode")
    if terminated.get("reason") == "OOMKilled":
        return End(EndKind.OUT_OF_MEMORY, "its container was killed for using more memory than its limit", code)
    if disruption is not None:
        kind = EndKind.NODE_LOST if disruption[0] == "DeletionByTaintManager" else EndKind.EVICTED
        return End(kind, f"its pod was evicted ({disruption[0]}: {disruption[1]})", code)
    if reason in _EVICTIONS:
        return End(EndKind.EVICTED, f"its pod was evicted: {status.get('message') or reason}", code)
    if reason == "DeadlineExceeded":
        return End(EndKind.DEADLINE, f"its pod ran into its deadline: {status.get('message') or reason}", code)
    if reason == "NodeLost":
        return End(EndKind.NODE_LOST, f"its node was lost: {status.get('message') or reason}", code)
    if terminated and deleting and code != 0:
        return End(EndKind.DELETED, f"its pod was deleted: {_exit_text(terminated)}", code)
    if terminated:
        return End(EndKind.EXITED, _exit_text(terminated), code)
    if gone and phase not in ("Failed", "Succeeded"):
        return End(EndKind.DELETED, "its pod was deleted")
    return End(
        EndKind.EXITED, f"its pod {str(phase).lower()}: {status.get('message') or reason or 'nothing more is told'}"
    )


def _exit_text(terminated: Mapping[str, Any]) -> str:
    code, signal = terminated.get("exitCode"), terminated.get("signal")
    told = (terminated.get("message") or "").strip()
    if signal or (isinstance(code, int) and code > 128):
        text = f"its container was ended by signal {signal or int(code or 0) - 128}"
    else:
        text = f"its container exited with code {code}"
    is_record = told.startswith("{")
    return f"{text}: {told[-500:]}" if told and not is_record else text


def _disruption(status: Mapping[str, Any]) -> tuple[str, str] | None:
    for one in status.get("conditions") or ():
        if one.get("type") == "DisruptionTarget" and one.get("status") == "True" and one.get("reason") in _DISRUPTIONS:
            return one["reason"], one.get("message") or "no more is told"
    return None


def _stuck(status: Mapping[str, Any], state: Mapping[str, Any]) -> Stuck | None:
    waiting = state.get("waiting") or {}
    kind = _BAD.get(waiting.get("reason", ""))
    if kind is not None:
        return Stuck(kind, f"{waiting['reason']}: {waiting.get('message') or 'nothing more is told'}")
    for one in status.get("conditions") or ():
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            cause = f"{one.get('reason')}: {one.get('message') or 'nothing more is told'}"
            return Stuck(StuckKind.UNSCHEDULABLE, cause, seconds(one.get("lastTransitionTime")))
    return None
