"""The pod of one attempt, as plain data: what Kedge sets, what the operator's defaults say, the job, and the op."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedge.core.ids import StepKey
from kedge_operator import labels, quantities, templates

IMAGE_PULL = "IfNotPresent"
_TMP = "kedge-tmp"


@dataclass(frozen=True)
class MemoryGrowth:
    """By which factor a step's memory grows after it was OOMKilled, and the quantity beyond which it does not."""

    factor: float
    limit: str


@dataclass(frozen=True)
class RunPods:
    """What the pods of one run have in common. `template` is the operator's defaults with the job's over them."""

    namespace: str
    job: str
    uid: str
    image: str
    store_url: str
    store_environment: Mapping[str, str] = field(default_factory=dict)
    store_secret: str | None = None
    template: Mapping[str, Any] = field(default_factory=dict)
    growth: MemoryGrowth | None = None


def step_pod(
    run: RunPods, step: StepKey, attempt: int, ticket: str, op_pod: Mapping[str, Any] | None = None, ooms: int = 0
) -> dict[str, Any]:
    """The pod of one attempt of a step. `ooms`: how often the step was OOMKilled before.

    Raises PlanError when the op's `pod` is none.
    """
    above = templates.of_op(op_pod, f"op {step.op}: pod") if op_pod else {}
    name = labels.pod_name(run.job, run.uid, step.op, step.digest, attempt)
    pod = _pod(run, name, labels.of_step(run.job, run.uid, step, attempt), str(step), ticket, above)
    if ooms and run.growth is not None:
        _grow(pod["spec"]["containers"][0], run.growth, ooms)
    return pod


def plan_pod(run: RunPods, attempt: int, ticket: str) -> dict[str, Any]:
    """The pod that compiles the run's job."""
    name = labels.pod_name(run.job, run.uid, labels.PLANNING, labels.PLANNING, attempt)
    marks = labels.of_run(run.job, run.uid)
    marks |= {"app.kubernetes.io/component": "plan", labels.STEP_HASH: labels.PLANNING, labels.ATTEMPT: str(attempt)}
    return _pod(run, name, marks, "", ticket, {})


def _pod(
    run: RunPods, name: str, marks: Mapping[str, str], step: str, ticket: str, above: Mapping[str, Any]
) -> dict[str, Any]:
    merged = templates.merge(templates.merge(_defaults(run), run.template), above)
    metadata = merged.get("metadata") or {}
    spec = merged["spec"]
    first, *others = _step_first(spec["containers"])
    environment = [one for one in first.get("env", ()) if one.get("name") not in ("KEDGE_TICKET", "KEDGE_STORE")]
    given = [{"name": "KEDGE_TICKET", "value": ticket}, {"name": "KEDGE_STORE", "value": run.store_url}]
    spec |= {"containers": [{**first, "env": [*environment, *given]}], "restartPolicy": "Never"}
    if others:
        # As containers of their own they would keep the pod alive after its step has ended.
        sidecars = [{**one, "restartPolicy": "Always"} for one in others]
        spec["initContainers"] = [*spec.get("initContainers", ()), *sidecars]
    annotations = {**(metadata.get("annotations") or {}), **({labels.STEP: step} if step else {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": run.namespace,
            "labels": {**(metadata.get("labels") or {}), **marks},
            **({"annotations": annotations} if annotations else {}),
            "ownerReferences": [
                {
                    "apiVersion": labels.API_VERSION,
                    "kind": labels.KIND,
                    "name": run.job,
                    "uid": run.uid,
                    "controller": True,
                }
            ],
        },
        "spec": spec,
    }


def _step_first(containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(containers, key=lambda one: one.get("name") != labels.STEP_CONTAINER)


def _defaults(run: RunPods) -> dict[str, Any]:
    """What a pod is unless somebody says otherwise: as restricted Pod Security wants it."""
    container: dict[str, Any] = {
        "name": labels.STEP_CONTAINER,
        "image": run.image,
        "imagePullPolicy": IMAGE_PULL,
        "command": ["python", "-m", "kedge.worker"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": _TMP, "mountPath": "/tmp"}],
        "env": [{"name": name, "value": value} for name, value in sorted(run.store_environment.items())],
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
    resources = {name: dict(part) for name, part in (container.get("resources") or {}).items() if name != "claims"}
    for part in resources.values():
        if "memory" in part:
            part["memory"] = quantities.grown(part["memory"], growth.factor, times, growth.limit) or part["memory"]
    if resources:
        container["resources"] = {**container["resources"], **resources}
