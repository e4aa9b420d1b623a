"""Names that YAML would take for something else, as they come out of the chart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from rendered import named, objects

pytestmark = pytest.mark.charts

NUMBERS = {
    "scope": ["123"],
    "steps.namespaces": ["456"],
    "steps.serviceAccount": {"create": True, "name": "789"},
    "serviceAccount": {"create": False, "name": "12"},
    "priorityClassName": "34",
    "store.existingSecret": "56",
    "metrics.serviceMonitor": {"enabled": True},
    "networkPolicy.enabled": True,
    "admission.enabled": True,
    "rbac.jobStores.enabled": True,
}
TEXTS = ("name", "namespace", "serviceAccountName", "priorityClassName", "secretName")


def test_names_that_look_like_numbers_are_names() -> None:
    found = objects(NUMBERS)
    config = yaml.safe_load(named(found, "ConfigMap", "kedge-operator")["data"]["config.yaml"])
    told = [value for one in (*found, config) for value in values_of(one, TEXTS)]
    assert {"123", "456", "789", "12", "34", "56"} <= set(told)


def values_of(found: Any, keys: tuple[str, ...]) -> Iterator[Any]:
    """All values of some keys, at any depth; those that are mappings themselves are gone through."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key in keys and not isinstance(value, dict):
                assert isinstance(value, str), (key, value)
                yield value
            yield from values_of(value, keys)
    elif isinstance(found, list):
        for one in found:
            yield from values_of(one, keys)
