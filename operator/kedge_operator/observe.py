"""What a pod's status says of its attempt: a pure look at one object. The run's actor acts on it.

A pod never says how a step ended; the outcome record does. A pod says that no record will come any more, and why, or
that its container can't start.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from kedge.core.errors import ProtocolError
from kedge.core.protocol import EXIT_VERSION_MISMATCH, NO_TICKET
from kedge_operator import labels


class EndKind(StrEnum):
    """How an attempt's pod came to its end; the `error` of the record that is written in place of a missing one."""

    EXITED = "Exited"
    OUT_OF_MEMORY = "OOMKilled"
    EVICTED = "Evicted"
    REJECTED = "RejectedByNode"
    START_ERROR = "StartError"
    NODE_LOST = "NodeLost"
    DEADLINE = "PodDeadlineExceeded"
    DELETED = "PodDeleted"


class StuckKind(StrEnum):
    """Why a container doesn't start. The first two come to nothing by waiting."""

    BAD_IMAGE = "BadImage"
    BAD_CONTAINER = "BadContainer"
    IMAGE = "ImageUnavailable"
    CONFIG = "ConfigMissing"
    HELD_UP = "HeldUp"
    UNSCHEDULABLE = "Unschedulable"


@dataclass(frozen=True, slots=True)
class End:
    """How a pod ended. `cause` is for people."""

    kind: EndKind
    cause: str
    exit_code: int | None = None

    @property
    def is_version_mismatch(self) -> bool:
        """Whether its worker could not read its ticket, because that is of another version."""
        return self.exit_code == EXIT_VERSION_MISMATCH and NO_TICKET in self.cause


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
_NOT_YET_KNOWN = "failed to sync"
"""So a kubelet says that it has not been told yet whether a ConfigMap or Secret is there."""
_EVICTIONS = frozenset({"Evicted", "Preempting", "Shutdown", "NodeShutdown", "Terminated"})
_REJECTIONS = re.compile("OutOf.*|UnexpectedAdmissionError|NodeAffinity|Topology.*|.*Forbidden|PodFeatureUnsupported")
"""Reasons of a kubelet that does not take a pod which a scheduler gave it."""
_HOLD_UPS = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox"})
"""Reasons of events about what must be there before containers are thought of. A pod's status is silent on these."""
_MISSING = re.compile(r'(configmap|secret) "[^"]*" not found|references non-existent (config|secret) key')
_IN_SUM = "Unable to attach or mount volumes"
"""So begins an event that sums up others, and names no cause where the wait was only too long."""
_DISRUPTIONS = {
    "PreemptionByScheduler": EndKind.EVICTED,
    "EvictionByEvictionAPI": EndKind.EVICTED,
    "TerminationByKubelet": EndKind.EVICTED,
    "DeletionByTaintManager": EndKind.NODE_LOST,
    "DeletionByPodGC": EndKind.NODE_LOST,
}
_MALFORMED = (AttributeError, KeyError, IndexError, OverflowError, OSError, TypeError, ValueError)
_NOTHING = "nothing more is told"
_OUT_OF_MEMORY = (
    "its container was killed for using more memory than its limit; "
    "resources.limits.memory gives it more, memoryGrowth from attempt to attempt"
)
_STOPPED = 130
"""The exit code of a worker that was told to stop, and says by which signal."""
_TOLD_MAX = 500
_NO_WORKER = re.compile(r"""exec: "python"|'kedge\.worker'|No module named '?kedge\b""")
"""So do the container's runtime and Python say that there is nothing to run a step with."""
_NEEDED = "a step's image needs Python and kedge, such as one made from the kedge-runtime image"


DELETED = End(EndKind.DELETED, "its pod was deleted")


def vanished(pod: PodView) -> PodView:
    """A pod that is not there any more, and that nobody saw go."""
    return replace(pod, end=DELETED)


def view(pod: Mapping[str, Any], gone: bool = False) -> PodView:
    """Look at a pod; `gone`: it has been removed, and this was its last state.

    Raises ProtocolError when it does not say whose it is, and when it is no pod at all.
    """
    try:
        return _view(pod["metadata"], pod.get("status") or {}, gone)
    except _MALFORMED as error:
        metadata = pod.get("metadata") if isinstance(pod, Mapping) else None
        name = metadata.get("name") if isinstance(metadata, Mapping) else None
        raise ProtocolError(f"pod {name} can't be read: {type(error).__name__}: {error}") from error


def _view(metadata: Mapping[str, Any], status: Mapping[str, Any], gone: bool) -> PodView:
    run, digest, attempt = _whose(metadata)
    state = _container_state(status)
    running, terminated = state.get("running") or {}, state.get("terminated") or {}
    deleting = seconds(metadata.get("deletionTimestamp"))
    return PodView(
        _text(metadata["name"]),
        _text(metadata["uid"]),
        run,
        digest,
        attempt,
        seconds(metadata.get("creationTimestamp")),
        seconds(running.get("startedAt") or terminated.get("startedAt")),
        seconds(terminated.get("finishedAt")),
        deleting,
        _end(status, terminated, gone, deleting is not None),
        _stuck(status, state),
    )


def held_up(events: Iterable[Mapping[str, Any]]) -> Stuck | None:
    """What keeps a pod from starting, by its warnings (`events.k8s.io/v1`): the last one that names a cause."""
    found = [one for one in events if one.get("reason") in _HOLD_UPS and one.get("note")]
    if not found:
        return None
    last = max(found, key=lambda one: (not str(one["note"]).startswith(_IN_SUM), _last_seen(one)))
    note = " ".join(str(last["note"]).split())
    kind = StuckKind.CONFIG if _MISSING.search(note) else StuckKind.HELD_UP
    return Stuck(kind, f"{last['reason']}: {note}")


def _last_seen(event: Mapping[str, Any]) -> float:
    series = (event.get("series") or {}).get("lastObservedTime")
    return seconds(series or event.get("deprecatedLastTimestamp") or event.get("eventTime")) or 0.0


def _whose(metadata: Mapping[str, Any]) -> tuple[str, str, int]:
    """Run, step's digest and attempt of a pod."""
    marks = metadata.get("labels") or {}
    try:
        attempt = int(marks[labels.ATTEMPT])
        if attempt < 1:
            raise ValueError(f"attempt {attempt}")
        return _text(marks[labels.RUN]), _text(marks[labels.STEP_HASH]), attempt
    except _MALFORMED as error:
        raise ProtocolError(f"pod {metadata.get('name')}: its labels do not say whose it is ({error!r})") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def seconds(text: str | None) -> float | None:
    """A Kubernetes time in seconds since the epoch. The epoch itself stands for no time."""
    return (datetime.fromisoformat(text).timestamp() or None) if text else None


def _container_state(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for one in status.get("containerStatuses") or ():
        if one.get("name") == labels.STEP_CONTAINER:
            found: Mapping[str, Any] = one.get("state") or {}
            return found
    return {}


def _end(status: Mapping[str, Any], terminated: Mapping[str, Any], gone: bool, deleting: bool) -> End | None:
    failed = status.get("phase") in ("Failed", "Succeeded")
    if not (terminated or failed or gone):
        return None
    code = terminated.get("exitCode")
    if terminated.get("reason") == "OOMKilled":
        return End(EndKind.OUT_OF_MEMORY, _OUT_OF_MEMORY, code)
    if terminated.get("reason") in ("StartError", "ContainerCannotRun"):
        return End(EndKind.START_ERROR, _start_text(terminated), code)
    taken = _taken_away(status)
    if taken is not None:
        return End(*taken, code)
    if terminated and not (deleting and code != 0):
        return End(EndKind.EXITED, _exit_text(terminated), code)
    if terminated:
        return End(EndKind.DELETED, f"its pod was deleted: {_exit_text(terminated)}", code)
    if failed:
        return End(EndKind.EXITED, _failed_text(status))
    return DELETED


def _taken_away(status: Mapping[str, Any]) -> tuple[EndKind, str] | None:
    """What the cluster did to the pod, for reasons of its own."""
    for one in status.get("conditions") or ():
        kind = _DISRUPTIONS.get(one.get("reason"))
        if kind is not None and one.get("type") == "DisruptionTarget" and one.get("status") == "True":
            return kind, f"its pod was evicted ({one['reason']}: {_told(one)})"
    reason = _text(status.get("reason") or "")
    told = status.get("message") or reason
    if reason in _EVICTIONS:
        return EndKind.EVICTED, f"its pod was evicted: {told}"
    if reason == "DeadlineExceeded":
        return EndKind.DEADLINE, f"its pod ran into its deadline: {told}"
    if reason == "NodeLost":
        return EndKind.NODE_LOST, f"its node was lost: {told}"
    if _REJECTIONS.fullmatch(reason):
        return EndKind.REJECTED, f"its pod was refused by its node ({reason}): {told}"
    return None


def _start_text(terminated: Mapping[str, Any]) -> str:
    told = _told(terminated)
    return f"its container could not be started: {told}{_needs(told)}"


def _exit_text(terminated: Mapping[str, Any]) -> str:
    code, signal = terminated.get("exitCode"), terminated.get("signal")
    told = (terminated.get("message") or "").strip()
    if signal or (isinstance(code, int) and code > 128 and code != _STOPPED):
        text = f"its container was ended by signal {signal or int(code or 0) - 128}"
    else:
        text = f"its container exited with code {code}"
    is_record = told.startswith("{")
    return f"{text}: {_last_lines(told)}{_needs(told)}" if told and not is_record else text


def _last_lines(text: str) -> str:
    """The end of a text: whole lines, where that can be."""
    if len(text) <= _TOLD_MAX:
        return text
    end = text[-_TOLD_MAX:]
    return end.partition("\n")[2] or end


def _needs(text: str) -> str:
    """What to do about an image that can't run a step."""
    return f"; {_NEEDED}" if _NO_WORKER.search(text) else ""


def _failed_text(status: Mapping[str, Any]) -> str:
    """Why a pod ended whose step's container never ran."""
    for one in status.get("initContainerStatuses") or ():
        ended = (one.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            return f"its init container {one.get('name')} failed: {_exit_text(ended).replace('its container', 'it')}"
    return f"its pod {_text(status['phase']).lower()}: {status.get('message') or status.get('reason') or _NOTHING}"


def _told(one: Mapping[str, Any]) -> str:
    return str(one.get("message") or _NOTHING).strip()


def _stuck(status: Mapping[str, Any], state: Mapping[str, Any]) -> Stuck | None:
    for name, waiting in _waiting(status, state):
        kind = _BAD.get(waiting.get("reason", ""))
        if kind is not None and not _told(waiting).startswith(_NOT_YET_KNOWN):
            return Stuck(kind, f"{name}{waiting['reason']}: {_told(waiting)}")
    for one in status.get("conditions") or ():
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            reason = one.get("reason")
            cause = _told(one) if reason == "Unschedulable" else f"{reason}: {_told(one)}"
            return Stuck(StuckKind.UNSCHEDULABLE, cause, seconds(one.get("lastTransitionTime")))
    return None


def _waiting(status: Mapping[str, Any], state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the step's container waits for, and while it has not begun, what those before it wait for."""
    waiting = state.get("waiting") or {}
    yield "", waiting
    for one in (status.get("initContainerStatuses") or ()) if waiting else ():
        yield f"container {one.get('name')}: ", (one.get("state") or {}).get("waiting") or {}
