"""The pod of one attempt, as plain data: Kedge's defaults, with what the operator, the job and the op say over them.

Whatever these say, the step's container runs the worker with its ticket, the pod is known by Kedge's labels, belongs
to its OpJob, and is never restarted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kedge.core.ids import StepKey
from kedge_operator import labels, quantities, templates
from kedge_operator.policy import Guard

IMAGE_PULL = "IfNotPresent"
COMMAND = ("python", "-m", "kedge.worker")
_TMP = "kedge-tmp"
_RESTRICTED: Mapping[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
"""What restricted Pod Security wants of each container; the rest of it stands in the pod's spec."""


@dataclass(frozen=True)
class MemoryGrowth:
    """By which factor a step's memory grows after it was OOMKilled, and the quantity beyond which it does not."""

    factor: float
    limit: str


@dataclass(frozen=True)
class RunPods:
    """What the pods of one run have in common. `templates` are the operator's and the job's, in this order.

    They are merged one after the other, because `null` in a later one takes away what all before it have said.
    """

    namespace: str
    job: str
    uid: str
    image: str
    store_url: str
    store_environment: Mapping[str, str] = field(default_factory=dict)
    store_secret: str | None = None
    templates: Sequence[Mapping[str, Any]] = ()
    growth: MemoryGrowth | None = None
    allow_pickle: bool = True
    guard: Guard | None = None
    """Refuses pods that the administrator does not allow; None: all are allowed."""


def step_pod(
    run: RunPods, step: StepKey, attempt: int, ticket: str, op_pod: Mapping[str, Any] | None = None, ooms: int = 0
) -> dict[str, Any]:
    """The pod of one attempt of a step. `ooms`: how often the step was OOMKilled before.

    Raises PlanError when the op's `pod` is none, and PodRefused for what the run's guard does not allow.
    """
    above = templates.of_op(op_pod, f"op {step.op}: pod") if op_pod else {}
    name = labels.pod_name(run.job, run.uid, step.op, step.digest, attempt)
    pod = _pod(run, name, labels.of_step(run.job, run.uid, step, attempt), str(step), ticket, above)
    _guard(run, pod, f"op {step.op}: pod" if op_pod else "spec")
    if ooms and run.growth is not None:
        _grow(pod["spec"]["containers"][0], run.growth, ooms)
    return pod


def plan_pod(run: RunPods, attempt: int, ticket: str) -> dict[str, Any]:
    """The pod that compiles the run's job. Raises PodRefused for what the run's guard does not allow."""
    name = labels.plan_pod_name(run.job, run.uid, attempt)
    marks = labels.of_run(run.job, run.uid)
    marks |= {"app.kubernetes.io/component": "plan", labels.STEP_HASH: labels.PLANNING, labels.ATTEMPT: str(attempt)}
    pod = _pod(run, name, marks, "", ticket, {})
    _guard(run, pod, "spec")
    return pod


def _guard(run: RunPods, pod: Mapping[str, Any], where: str) -> None:
    if run.guard is not None:
        run.guard.check(pod, where)


def _pod(
    run: RunPods, name: str, marks: Mapping[str, str], step: str, ticket: str, above: Mapping[str, Any]
) -> dict[str, Any]:
    merged = _defaults(run)
    for template in (*run.templates, above):
        merged = templates.merge(merged, template)
    metadata = merged.get("metadata") or {}
    annotations = {**metadata.get("annotations", {}), **({labels.STEP: step} if step else {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": run.namespace,
            "labels": {**metadata.get("labels", {}), **marks},
            **({"annotations": annotations} if annotations else {}),
            "ownerReferences": [_owner(run)],
        },
        "spec": _spec(merged["spec"], {labels.TICKET: ticket, "KEDGE_STORE": run.store_url, **_forbidden(run)}),
    }


def _forbidden(run: RunPods) -> dict[str, str]:
    """What tells the worker of things that the administrator forbids; see `kedge.worker.process`."""
    return {} if run.allow_pickle else {"KEDGE_ALLOW_PICKLE": "false"}


def _owner(run: RunPods) -> dict[str, Any]:
    return {
        "apiVersion": labels.API_VERSION,
        "kind": labels.KIND,
        "name": run.job,
        "uid": run.uid,
        "controller": True,
    }


def _spec(merged: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """A merged spec with what Kedge decides. `given` is the step's environment, which nobody else sets."""
    step, *others = merged["containers"]
    environment = [one for one in step.get("env", ()) if one["name"] not in given]
    # Ours come first, so that authors' variables can refer to them.
    step = {**step, "command": list(COMMAND), "env": [*_env(given), *environment]}
    found = {**merged, "containers": [step], "restartPolicy": "Never"}
    # As containers of their own, sidecars would keep the pod alive after its step has ended.
    sidecars = [{**one, "restartPolicy": "Always"} for one in others]
    first = [
        templates.merge({"securityContext": _RESTRICTED}, one) for one in (*merged.get("initContainers", ()), *sidecars)
    ]
    return {**found, "initContainers": first} if first else found


def _env(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Variables with just these values: a kubelet would replace `$(NAME)`, and makes one `$` of two."""
    return [{"name": name, "value": value.replace("$", "$$")} for name, value in values.items()]


def _defaults(run: RunPods) -> dict[str, Any]:
    """What a pod is unless somebody says otherwise: as restricted Pod Security wants it."""
    container: dict[str, Any] = {
        "name": labels.STEP_CONTAINER,
        "image": run.image,
        "imagePullPolicy": IMAGE_PULL,
        "command": list(COMMAND),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {**_RESTRICTED, "readOnlyRootFilesystem": True},
        "volumeMounts": [{"name": _TMP, "mountPath": "/tmp"}],
        "env": _env(dict(sorted(run.store_environment.items()))),
    }
    if run.store_secret is not None:
        container["envFrom"] = [{"secretRef": {"name": run.store_secret}}]
    return {
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [{"name": _TMP, "emptyDir": {}}],
        }
    }


def _grow(container: dict[str, Any], growth: MemoryGrowth, times: int) -> None:
    """Raise the memory that the container asks for and may use."""
    for part in ("requests", "limits"):
        amounts = container.get("resources", {}).get(part, {})
        if "memory" in amounts:
            grown = quantities.grown(amounts["memory"], growth.factor, times, growth.limit)
            amounts["memory"] = grown or amounts["memory"]
