"""Merging what is said of a pod: the operator's defaults, the job's `podTemplate`, an op's `pod`, in this order.

The rules are those of Kubernetes' strategic merge patch, for the lists that matter in a pod: mappings are merged key by
key; a list whose items have a name (containers, env, volumes, mounts by their path, ...) is merged item by item; lists
of sources and tolerations are appended; any other list or value replaces what was there; `null` removes it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from kedge.core.errors import PlanError
from kedge_operator.labels import STEP_CONTAINER

_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "resourceClaims": "name",
}
_APPENDED = frozenset({"envFrom", "tolerations"})
CONTAINER_FIELDS = frozenset(
    {
        "image",
        "imagePullPolicy",
        "env",
        "envFrom",
        "resources",
        "volumeMounts",
        "volumeDevices",
        "workingDir",
        "lifecycle",
        "ports",
        "securityContext",
        "livenessProbe",
        "startupProbe",
        "terminationMessagePath",
        "terminationMessagePolicy",
    }
)
"""What an op's `pod` says of its container; all other fields there are the pod's own, but for `metadata`."""
_OURS = ("command", "args")


def merge(below: Any, above: Any, name: str = "") -> Any:
    """`above` merged over `below`; neither is changed."""
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        found = dict(below)
        for key, value in above.items():
            if value is None:
                found.pop(key, None)
            else:
                found[key] = merge(found[key], value, key) if key in found else copy.deepcopy(value)
        return found
    if isinstance(below, list) and isinstance(above, list):
        return _merge_lists(below, above, name)
    return copy.deepcopy(above)


def _merge_lists(below: Sequence[Any], above: Sequence[Any], name: str) -> list[Any]:
    if name in _APPENDED:
        return [*below, *(copy.deepcopy(one) for one in above if one not in below)]
    key = _KEYS.get(name)
    if key is None:
        return copy.deepcopy(list(above))
    found = list(below)
    for one in above:
        at = next((i for i, other in enumerate(found) if _same(other, one, key)), None)
        if at is None:
            found.append(copy.deepcopy(one))
        else:
            found[at] = merge(found[at], one)
    return found


def _same(one: Any, other: Any, key: str) -> bool:
    return (
        isinstance(one, Mapping)
        and isinstance(other, Mapping)
        and one.get(key) is not None
        and one.get(key) == other.get(key)
    )


def of_job(template: Mapping[str, Any] | None, where: str = "podTemplate") -> dict[str, Any]:
    """A job's template with its step container named as ours is: the one called `step`, else the first.

    Raises PlanError for what is no pod template, and for a command: what runs in the container is Kedge's worker.
    """
    found = copy.deepcopy(dict(template or {}))
    unknown = sorted(set(found) - {"metadata", "spec"})
    if unknown:
        raise PlanError(f"{where}: a pod template has metadata and spec, not {', '.join(unknown)}")
    spec = found.setdefault("spec", {})
    if not isinstance(spec, Mapping) or not isinstance(found.get("metadata", {}), Mapping):
        raise PlanError(f"{where}: metadata and spec are mappings")
    containers = spec.get("containers") or []
    if not isinstance(containers, list) or not all(isinstance(one, Mapping) for one in containers):
        raise PlanError(f"{where}: spec.containers is a list of containers")
    if containers:
        at = next((i for i, one in enumerate(containers) if one.get("name") == STEP_CONTAINER), 0)
        step = {**containers[at], "name": STEP_CONTAINER}
        _check_command(step, f"{where}: the step's container")
        found["spec"] = {**spec, "containers": [step, *containers[:at], *containers[at + 1 :]]}
    return found


def of_op(pod: Mapping[str, Any] | None, where: str) -> dict[str, Any]:
    """An op's `pod` as a pod template. Raises PlanError for a command: the container runs Kedge's worker."""
    given = dict(pod or {})
    _check_command(given, where)
    if "containers" in given and "spec" not in given:
        given = {"spec": given}
    if "spec" in given:
        return of_job(given, where)
    metadata = given.pop("metadata", None)
    container = {key: given.pop(key) for key in list(given) if key in CONTAINER_FIELDS}
    if "podSecurityContext" in given:
        given["securityContext"] = given.pop("podSecurityContext")
    spec: dict[str, Any] = dict(given)
    if container:
        spec["containers"] = [{"name": STEP_CONTAINER, **container}]
    return {"spec": spec} if metadata is None else {"metadata": metadata, "spec": spec}


def _check_command(container: Mapping[str, Any], where: str) -> None:
    given = [name for name in _OURS if container.get(name) is not None]
    if given:
        raise PlanError(f"{where}: {' and '.join(given)} can't be set: the container runs Kedge's worker")
