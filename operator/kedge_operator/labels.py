"""Every name that Kedge gives to what it makes in Kubernetes: labels, annotations, pod names, reasons. One place."""

from __future__ import annotations

import re
from typing import Final

from kedge.core.digests import hex_digest
from kedge.core.ids import StepKey

GROUP: Final = "kedge.dev"
VERSION: Final = "v1alpha1"
PLURAL: Final = "opjobs"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "OpJob"

RUN: Final = f"{GROUP}/run"
"""The uid of the OpJob: by it the operator finds the pods of a run, and watches no others."""
JOB: Final = f"{GROUP}/job"
OP: Final = f"{GROUP}/op"
STEP_HASH: Final = f"{GROUP}/step-hash"
ATTEMPT: Final = f"{GROUP}/attempt"
STEP: Final = f"{GROUP}/step"
"""An annotation: the step's key, which may be longer than a label and hold brackets."""

STEP_CONTAINER: Final = "step"
TICKET: Final = "KEDGE_TICKET"
"""The variable of that container which says what it is to do."""
PLANNING: Final = "plan"
"""Stands where a step's hash does, for the pod that compiles a job."""

_LABEL_MAX = 63
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_NOT_IN_A_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")


def pod_name(job: str, uid: str, op: str, digest: str, attempt: int) -> str:
    """The name of an attempt's pod: a function of run, step and attempt, at most 63 characters.

    A second create of the same attempt is therefore a conflict, never a second pod.
    """
    unique = hex_digest(f"{uid}\0{digest}", 16)
    tail = f"{unique}-{attempt}"
    room = _LABEL_MAX - len(tail) - 2
    head = _word(job, room // 2)
    return f"{head}-{_word(op, room - len(head))}-{tail}"


def plan_pod_name(job: str, uid: str, attempt: int) -> str:
    """The name of a plan pod."""
    return pod_name(job, uid, PLANNING, PLANNING, attempt)


def _word(text: str, most: int) -> str:
    found = _NOT_IN_A_NAME.sub("-", text.lower()).strip("-")[:most].strip("-")
    return found or "x"


def value(text: str) -> str:
    """`text` as a label's value; shortened with a hash where it is too long for one."""
    clean = _NOT_IN_A_LABEL.sub("-", text).strip("-_.")
    if clean == text and len(text) <= _LABEL_MAX:
        return text
    return f"{clean[: _LABEL_MAX - 11].strip('-_.')}-{hex_digest(text, 10)}".lstrip("-")


def of_run(job: str, uid: str) -> dict[str, str]:
    """The labels of all pods of a run."""
    return {
        "app.kubernetes.io/name": "kedge",
        "app.kubernetes.io/component": "step",
        "app.kubernetes.io/instance": value(job),
        "app.kubernetes.io/managed-by": "kedge-operator",
        RUN: uid,
        JOB: value(job),
    }


def of_step(job: str, uid: str, step: StepKey, attempt: int) -> dict[str, str]:
    """The labels of one attempt's pod."""
    return {**of_run(job, uid), OP: value(step.op), STEP_HASH: step.digest, ATTEMPT: str(attempt)}


class Reason:
    """The reasons in conditions and events, in Kubernetes' CamelCase."""

    PLANNED: Final = "Planned"
    PLANNING: Final = "Planning"
    PLAN_REFUSED: Final = "PlanRefused"
    INVALID: Final = "InvalidSpec"
    NO_IMAGE: Final = "NoImage"
    POD_REFUSED: Final = "PodRefused"
    RUNNING: Final = "Running"
    SUSPENDED: Final = "Suspended"
    RESUMED: Final = "Resumed"
    NOT_SUSPENDED: Final = "NotSuspended"
    SUCCEEDED: Final = "AllStepsEnded"
    STEP_FAILED: Final = "StepFailed"
    STEP_RETRIED: Final = "StepRetried"
    STEP_LOST: Final = "StepLost"
    STEPS_FAILED: Final = "StepsFailed"
    CANCELLING: Final = "Cancelling"
    CANCELLED: Final = "Cancelled"
    DEADLINE: Final = "DeadlineExceeded"
    QUOTA: Final = "QuotaExceeded"
    RIGHTS: Final = "OperatorForbidden"
    UNSTARTABLE: Final = "Unstartable"
    UNSCHEDULABLE: Final = "Unschedulable"
    NOT_STARTING: Final = "NotStarting"
    STORE_AWAY: Final = "StoreUnavailable"
    WAITING_FOR_LIMIT: Final = "WaitingForLimit"
    INTERNAL: Final = "InternalError"
