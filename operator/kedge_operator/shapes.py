"""The shape of what authors say of pods: lists and mappings where they belong, names for items that go by names.

Only what merging relies on is checked here, with the author's own path in the text; all else the API server checks
when a pod is tried at the door. Called by `templates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedge.core.errors import PlanError

Fields = Mapping[str, Any]
"""A mapping's known fields: each is again `Fields`, or `Items`; others may be anything."""


@dataclass(frozen=True)
class Items:
    """A list of mappings, each with the field `key`; where `once`, no two have the same."""

    key: str | None = None
    fields: Fields = field(default_factory=dict)
    once: bool = True


METADATA: Fields = {"labels": {}, "annotations": {}}
CONTAINER: Fields = {
    "env": Items("name", {"valueFrom": {}}, once=False),
    "envFrom": Items(),
    "volumeMounts": Items("mountPath"),
    "volumeDevices": Items("devicePath"),
    "ports": Items("containerPort", once=False),
    "resources": {"limits": {}, "requests": {}},
    "securityContext": {},
    "lifecycle": {},
    "livenessProbe": {},
    "readinessProbe": {},
    "startupProbe": {},
}
SPEC: Fields = {
    "containers": Items("name", CONTAINER),
    "initContainers": Items("name", CONTAINER),
    "volumes": Items("name"),
    "imagePullSecrets": Items("name"),
    "tolerations": Items(),
    "hostAliases": Items("ip", once=False),
    "topologySpreadConstraints": Items("topologyKey", once=False),
    "resourceClaims": Items("name"),
    "securityContext": {},
    "affinity": {},
    "nodeSelector": {},
    "dnsConfig": {},
}
TEMPLATE: Fields = {"metadata": METADATA, "spec": SPEC}
SHORT: Fields = {**SPEC, **CONTAINER, "podSecurityContext": {}, "metadata": METADATA}
"""An op's `pod`: the fields of its container and of its pod side by side."""


def check(given: Any, fields: Fields, where: str) -> None:
    """Raise PlanError for the first thing that is of another shape. `null` is none: it takes away what is there."""
    if not isinstance(given, Mapping):
        raise _is_not(given, where, "a mapping")
    for name, shape in fields.items():
        value = given.get(name)
        if value is None:
            continue
        if isinstance(shape, Items):
            _check_items(value, shape, f"{where}.{name}")
        else:
            check(value, shape, f"{where}.{name}")


def _check_items(given: Any, shape: Items, where: str) -> None:
    if not isinstance(given, list | tuple):
        raise _is_not(given, where, "a list")
    seen: set[str | int] = set()
    for number, one in enumerate(given):
        check(one, shape.fields, f"{where}[{number}]")
        if shape.key is None:
            continue
        name = one.get(shape.key)
        if name is None:
            raise PlanError(f"{where}[{number}] has no {shape.key}")
        if not isinstance(name, str | int):
            raise _is_not(name, f"{where}[{number}].{shape.key}", "a name or a number")
        if shape.once and name in seen:
            raise PlanError(f"{where} has two items with the {shape.key} {name!r}")
        seen.add(name)


def _is_not(given: Any, where: str, wanted: str) -> PlanError:
    text = repr(given)
    return PlanError(f"{where} is {text if len(text) <= 80 else f'{text[:77]}...'}; give {wanted}")
