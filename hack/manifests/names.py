"""Names that several manifests share."""

from __future__ import annotations

from typing import Any

NAMESPACE = "kedge-system"
OPERATOR = "kedge-operator"
STORE_SECRET = "kedge-store"
SELECTOR = {"app.kubernetes.io/name": OPERATOR}
LABELS = {**SELECTOR, "app.kubernetes.io/part-of": "kedge"}

Object = dict[str, Any]


def metadata(name: str, namespace: str | None = None, labels: dict[str, str] | None = None) -> Object:
    """An object's metadata, with the labels that all objects have."""
    place = {} if namespace is None else {"namespace": namespace}
    return {"name": name, **place, "labels": {**LABELS, **(labels or {})}}
