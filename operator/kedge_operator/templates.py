"""Merging what is said of a pod: Kedge's defaults, the operator's `podTemplate`, the job's, an op's `pod`.

They are merged in this order. The rules, after those of Kubernetes' strategic merge patch:

- Mappings are merged field by field; what is said later counts.
- `null` takes away what was said before.
- Containers are merged by their names, field by field.
- Other lists whose items have names (env, volumes, mounts by their path, ports by number and protocol, ...) are merged
  item by item; a later item replaces an earlier one of its name as a whole, so that no volume has two sources.
- `envFrom` and `tolerations` are appended.
- Any other list or value replaces what was there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kedge.core.errors import PlanError
from kedge_operator import shapes
from kedge_operator.labels import STEP_CONTAINER

_MERGED = frozenset({"containers", "initContainers"})
_KEYED: Mapping[str, Mapping[str, Any]] = {
    "containers": {"name": None},
    "initContainers": {"name": None},
    "env": {"name": None},
    "volumes": {"name": None},
    "volumeMounts": {"mountPath": None},
    "volumeDevices": {"devicePath": None},
    "imagePullSecrets": {"name": None},
    "ports": {"containerPort": None, "protocol": "TCP"},
    "hostAliases": {"ip": None},
    "topologySpreadConstraints": {"topologyKey": None, "whenUnsatisfiable": None},
    "resourceClaims": {"name": None},
}
"""By which fields the items of a list are known, with what such a field is when it isn't given."""
_APPENDED = frozenset({"envFrom", "tolerations"})
CONTAINER_FIELDS = frozenset(
    {
        "image",
        "imagePullPolicy",
        "env",
        "envFrom",
        "resources",
        "resizePolicy",
        "volumeMounts",
        "volumeDevices",
        "workingDir",
        "lifecycle",
        "ports",
        "securityContext",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "stdin",
        "stdinOnce",
        "tty",
        "terminationMessagePath",
        "terminationMessagePolicy",
    }
)
"""What an op's `pod` says of its container; all other fields there are the pod's own, but for `metadata`."""
_OURS = ("command", "args")
_RESTARTS = ("restartPolicy", "restartPolicyRules")

_NO_RESTARTS = "Kedge starts failed steps again itself, in new pods; see retryPolicy and infrastructureRetries"


def merge(below: Any, above: Any, name: str = "") -> Any:
    """`above` merged over `below`, both plain JSON data; neither is changed, and the result shares nothing with them.

    `name` is the field that they are values of.
    """
    if isinstance(above, Mapping):
        found = merge(None, below) if isinstance(below, Mapping) else {}
        for key, value in above.items():
            if value is None:
                found.pop(key, None)
            else:
                found[key] = merge(found.get(key), value, key)
        return found
    if isinstance(above, list | tuple):
        return _merge_lists(below if isinstance(below, list | tuple) else (), above, name)
    return above


def _merge_lists(below: Sequence[Any], above: Sequence[Any], name: str) -> list[Any]:
    if name not in _APPENDED and name not in _KEYED:
        return [merge(None, one) for one in above]
    found: dict[str, Any] = {}
    for one in (*below, *above):
        place = _place(one, _KEYED.get(name, {}))
        found[place] = merge(found.get(place) if name in _MERGED else None, one)
    return list(found.values())


def _place(one: Any, keys: Mapping[str, Any]) -> str:
    """By what an item is known: its name, or where it has none, all of it."""
    wanted = _identity(one, keys)
    return json.dumps([wanted] if wanted is not None else merge(None, one), sort_keys=True)


def _identity(one: Any, keys: Mapping[str, Any]) -> list[Any] | None:
    if not keys or not isinstance(one, Mapping) or one.get(next(iter(keys))) is None:
        return None
    found = [other if one.get(key) is None else one[key] for key, other in keys.items()]
    return None if any(isinstance(part, Mapping | list | tuple) for part in found) else found


def of_job(template: Mapping[str, Any] | None, where: str = "podTemplate") -> dict[str, Any]:
    """A job's template with its step container named as ours is: the one called `step`, else the first.

    Raises PlanError for what is no pod template, and for what Kedge decides: the command, when pods start again.
    """
    found = dict(template or {})
    unknown = sorted(set(found) - {"metadata", "spec"})
    if unknown:
        raise PlanError(f"{where}: a pod template has metadata and spec, not {', '.join(unknown)}")
    found["spec"] = _with_named_step({} if found.get("spec") is None else found["spec"])
    shapes.check(found, shapes.TEMPLATE, where)
    _check(found, where)
    return found


def _with_named_step(spec: Any) -> Any:
    """A pod's spec with its step container called so; what has another shape stays, to be refused."""
    containers = spec.get("containers") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or (containers and not isinstance(containers, list)):
        return spec
    if not containers:
        return {key: value for key, value in spec.items() if key != "containers"}
    at = next((i for i, one in enumerate(containers) if _is_step(one)), 0)
    if not isinstance(containers[at], Mapping):
        return spec
    step = {**containers[at], "name": STEP_CONTAINER}
    return {**spec, "containers": [step, *containers[:at], *containers[at + 1 :]]}


def _is_step(container: Any) -> bool:
    return isinstance(container, Mapping) and container.get("name") == STEP_CONTAINER


def of_op(pod: Mapping[str, Any] | None, where: str) -> dict[str, Any]:
    """An op's `pod` as a pod template: a whole one, or the fields of its container and of its pod side by side.

    Raises PlanError for what is neither, and for what Kedge decides: the command, when pods start again.
    """
    given = dict(pod or {})
    if given.get("spec") is not None:
        return of_job(given, where)
    _check_container(given, where)
    shapes.check(given, shapes.SHORT, where)
    metadata = given.pop("metadata", None)
    container = {key: given.pop(key) for key in list(given) if key in CONTAINER_FIELDS}
    if "podSecurityContext" in given:
        given["securityContext"] = given.pop("podSecurityContext")
    containers = list(given.pop("containers", None) or ())
    if container:
        containers.insert(0, {"name": STEP_CONTAINER, **container})
    spec = {**given, "containers": containers} if containers else given
    found = {"spec": spec} if metadata is None else {"metadata": metadata, "spec": spec}
    _check(found, where)
    return found


def _check(template: Mapping[str, Any], where: str) -> None:
    """Refuse what Kedge decides, whoever says it."""
    metadata, spec = template.get("metadata") or {}, template["spec"]
    unknown = sorted(key for key, value in metadata.items() if key not in shapes.METADATA and value is not None)
    if unknown:
        raise PlanError(
            f"{where}: metadata.{unknown[0]} can't be set; a template's metadata has labels and annotations"
        )
    for one in spec.get("containers") or ():
        if _is_step(one):
            _check_container(one, f"{where}: the step's container")
            again = [name for name in _RESTARTS if one.get(name) is not None]
            if again:
                raise PlanError(f"{where}: the step's container: {again[0]} can't be set: {_NO_RESTARTS}")
    if spec.get("restartPolicy") not in (None, "Never"):
        raise PlanError(f"{where}: restartPolicy {spec['restartPolicy']} can't be set: {_NO_RESTARTS}")


def _check_container(container: Mapping[str, Any], where: str) -> None:
    given = [name for name in _OURS if container.get(name) is not None]
    if given:
        raise PlanError(f"{where}: {' and '.join(given)} can't be set: the container runs Kedge's worker")
