"""Records of plan pods, laid over the OpJob that they are for."""

from __future__ import annotations

import json
from typing import Any

from fuzzing import as_json, golden, large_json, refusals

from kedge.core import spec
from kedge.core.planning import PlanFault, Planned
from kedge.core.protocol import read_json
from kedge_operator import opening, statuses
from kedge_operator.opening import Refused

_GIVEN: dict[str, Any] = {
    "entrypoint": "jobs:j",
    "image": "given",
    "allowPickle": False,
    "store": {"url": "s3://given"},
}
_JOB = spec.parse({"apiVersion": spec.API_VERSION, "kind": spec.KIND, "metadata": {"name": "j"}, "spec": _GIVEN})
_PLANNED = {"version": 1, "attempt": 1, "spec": {"ops": [{"name": "one"}]}}
SEEDS = [
    *golden("protocol/planned.v1.json"),
    *as_json(
        {**_PLANNED, "spec": {"ops": [], "store": {"url": "s3://other"}, "image": "other", "allowPickle": True}},
        {**_PLANNED, "spec": {"ops": [{"name": "a"}, {"name": "a"}], "tags": {"x": "\ud800"}, "runConfig": {"a": [1]}}},
        {"version": 1, "attempt": 1, "errors": [{"error": [], "message": {"a": 1}, "path": "\udc00"}]},
        {"version": 1, "attempt": 1, "errors": [5]},
        {"version": 1, "attempt": 1, "errors": 5},
    ),
]
LARGE = {
    **large_json(),
    **{f"ops: {name}": made for name, made in large_json(b'{"version":1,"attempt":1,"spec":{"ops":%s}}').items()},
    **{
        f"config: {name}": made
        for name, made in large_json(b'{"version":1,"attempt":1,"spec":{"ops":[],"runConfig":{"a":%s}}}').items()
    },
    **{
        f"errors: {name}": made
        for name, made in large_json(b'{"version":1,"attempt":1,"errors":[{"error":"E","message":%s}]}').items()
    },
}
QUICK = ["nested", "ops: objects", "config: keys", "errors: a wide text"]


def check(data: bytes) -> None:
    with refusals():
        found = Planned.from_json(read_json(data, "it"))
        assert Planned.from_json(json.loads(found.to_bytes())).to_bytes() == found.to_bytes()
        for fault in found.errors:
            assert isinstance(fault, PlanFault)
            f"{fault.error}{fault.message}{fault.path}{fault.stack}".encode()
        try:
            job = opening.completed(_JOB, found)
        except Refused as error:
            statuses.cut(error.message, 24_000)
            return
        said = job.spec
        assert (said.image, said.allow_pickle, said.store and said.store.url) == ("given", False, "s3://given")
        assert said.reexecute is None
        document = opening.document_of(job, "uid", None, {})
        document.to_bytes()
