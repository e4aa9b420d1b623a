"""What an API server is told about an OpJob beyond its shape: rules in CEL, keys of lists, which fields may change.

A rule here has its twin in a validator of `kedge.core.spec`, apart from those about changes: an API server alone sees
them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kedge.core.spec import OpJobSpec

MUTABLE = ("suspend", "cancel", "maxConcurrent", "ttlSecondsAfterFinished")
"""The fields of the spec that may change after creation."""

Rule = dict[str, str]


def unchanged(name: str) -> Rule:
    """A field is there as it was, or is absent as it was.

    By way of `dyn`, because CEL sees no field that is open. `in` stands for `==`, whose cost can't be told beforehand
    for what is dynamic.
    """
    now, before = f"dyn(self).{name}", f"dyn(oldSelf).{name}"
    return {
        "rule": f"has({now}) == has({before}) && (!has({now}) || {now} in [{before}])",
        "message": f"{name} can't change after creation; make another OpJob. {', '.join(MUTABLE)} can",
        "fieldPath": f".{name}",
        "reason": "FieldValueForbidden",
    }


def immutable() -> Iterable[Rule]:
    """A rule for each field of the spec that can't change."""
    names = (field.alias or name for name, field in OpJobSpec.model_fields.items())
    yield from (unchanged(name) for name in names if name not in MUTABLE)
    # Lists by name are equal in any order, but steps of equal priority start in that of the graph.
    now, before = "self.ops.map(op, op.name)", "oldSelf.ops.map(op, op.name)"
    rule = f"!has(self.ops) || !has(oldSelf.ops) || size(self.ops) != size(oldSelf.ops) || {now} == {before}"
    yield unchanged("ops") | {"rule": rule}


def _rules(*rules: Rule) -> dict[str, Any]:
    return {"x-kubernetes-validations": list(rules)}


def _list_by_name() -> dict[str, Any]:
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


EXTRAS: dict[str, dict[str, Any]] = {
    "OpJobSpec": _rules(
        {"rule": "has(self.ops) || has(self.entrypoint)", "message": "give ops, entrypoint, or both"},
        {
            "rule": "has(self.entrypoint) || !has(self.ops) || self.ops.all(op, has(op.entrypoint))",
            "message": "give the job's entrypoint, or each op its own",
        },
        *immutable(),
    ),
    "OpJobSpec.cancel": _rules(
        {"rule": "!oldSelf || self", "message": "a cancelled run stays cancelled; make another OpJob"}
    ),
    "OpJobSpec.ops": _list_by_name(),
    "OpModel.outputs": _list_by_name(),
    "InputModel": _rules(
        {
            # Counted, because `has` takes a constant that is null for none at all.
            "rule": "size(dyn(self)) - (has(self.levels) ? 1 : 0) == 1",
            "message": "give exactly one of from, value, each, map and collect",
        },
        {"rule": "!has(self.levels) || has(self.collect)", "message": "levels goes with collect"},
    ),
    "RetryPolicyModel": _rules(
        {
            "rule": "has(self.delaySeconds) || !(has(self.backoff) || has(self.jitter))",
            "message": "backoff and jitter change a delay; give delaySeconds with them",
        }
    ),
    "StoreModel": _rules(
        {
            "rule": "has(self.url) || !has(self.secretName)",
            "message": "secretName goes with url: the operator's own store has its credentials",
        },
        {
            "rule": "!has(self.url) || !self.url.split('/').exists(part, part in ['.', '..'])",
            "message": "no part of a store's URL is . or ..",
        },
    ),
    "OpJobStatus.conditions": {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
}
"""By model, or model and field: what is added to its schema."""
SILENT = frozenset(f"OpJobSpec.{name}" for name in ("maxConcurrent", "retries", "cache", "allowPickle"))
"""No default of these is written into OpJobs: the job's code may say it, or an older operator would refuse it."""
