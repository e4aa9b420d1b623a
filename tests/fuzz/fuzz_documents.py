"""Plan documents: what an operator takes a run up from, and what each worker reads of it."""

from __future__ import annotations

from typing import Any

from fuzzing import PREFIX, as_json, large_json, refusals

from kedge.core.document import PlanDocument, digest_of
from kedge.core.events import Begin
from kedge.core.graph import OpGraph
from kedge.core.layout import is_path
from kedge.core.run import Run
from kedge.core.selection import select_steps
from kedge.core.settings import RunSettings
from kedge.engine import records
from kedge.worker.loading import run_config_of

_GRAPH = OpGraph.from_json(
    [
        {"name": "a", "outputs": [{"name": "result", "dynamic": True}], "tags": {"kedge/priority": "3"}},
        {
            "name": "g.b",
            "inputs": {"x": {"map": "a"}, "y": {"value": 1}},
            "retryPolicy": {"maxRetries": 1, "delaySeconds": 2, "backoff": "Linear"},
        },
        {
            "name": "c",
            "inputs": {"xs": {"collect": "g.b"}, "ys": {"each": ["a"]}},
            "after": ["a"],
            "config": {"k": [1]},
        },
    ]
)
_DOCUMENT: dict[str, Any] = PlanDocument(
    "run", "job", _GRAPH, "x:y", settings=RunSettings(allow_pickle=False)
).to_json()
_FROM = {"from": "runs/team/earlier-01234567", "steps": ["a*"]}
SEEDS = as_json(
    _DOCUMENT,
    {**_DOCUMENT, "reexecute": _FROM, "tagConcurrencyLimits": [{"key": "k", "limit": 1}]},
    {**_DOCUMENT, "reexecute": {"from": "runs/other/../x", "steps": None}},
    {**_DOCUMENT, "reexecute": {"from": 5, "steps": 5}},
    {**_DOCUMENT, "settings": {}},
    {**_DOCUMENT, "settings": {**_DOCUMENT["settings"], "maxConcurrent": "many"}},
    {**_DOCUMENT, "settings": {**_DOCUMENT["settings"], "activeDeadlineSeconds": "soon"}},
    {**_DOCUMENT, "settings": {**_DOCUMENT["settings"], "retryPolicy": 5}},
    {**_DOCUMENT, "settings": {**_DOCUMENT["settings"], "infrastructureRetries": None}},
    {**_DOCUMENT, "ops": [5]},
    {**_DOCUMENT, "ops": "abc"},
    {**_DOCUMENT, "ops": [{"name": "a", "inputs": {"x": {"collect": "a", "levels": 1e300}}}]},
    {**_DOCUMENT, "ops": [{"name": "a", "tags": {"kedge/priority": "x"}, "timeoutSeconds": "nan"}]},
    {**_DOCUMENT, "runConfig": 5, "resources": [], "tags": "x", "opSelection": 7},
    {**_DOCUMENT, "runConfig": {"ops": 5}},
    {**_DOCUMENT, "tagConcurrencyLimits": [{"key": [], "limit": "x", "value": {}}]},
    {**_DOCUMENT, "tagConcurrencyLimits": [{"key": "k", "limit": "1"}]},
    {**_DOCUMENT, "runId": 5, "job": None},
)
LARGE = {
    **large_json(),
    **{
        f"ops: {name}": made
        for name, made in large_json(as_json({**_DOCUMENT, "ops": "%"})[0].replace(b'"%"', b"%s")).items()
    },
}


def check(data: bytes) -> None:
    digest_of(data)
    with refusals():
        found = PlanDocument.from_bytes(data)
        again = found.to_bytes()
        assert PlanDocument.from_bytes(again).to_bytes() == again
        if found.reexecute is not None:
            assert is_path(found.reexecute.prefix)
            PREFIX.other(found.reexecute.prefix)
            select_steps(found.graph, found.reexecute.steps or ())
        run_config_of(found)
        run = Run(records.plan_of(found), found.settings)
        run.apply(Begin(0.0))
