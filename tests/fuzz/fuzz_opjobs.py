"""OpJobs, as an API server or a file gives them: from JSON to a plan, or to a refusal that lists what is wrong."""

from __future__ import annotations

from typing import Any

from fuzzing import DATA, as_json, large_json, refusals

from kedge.core import plan, spec
from kedge.core.document import PlanDocument
from kedge.core.protocol import read_json
from kedge_operator import opening, statuses
from kedge_operator.settings import Settings

_SETTINGS = Settings.model_validate({"store": {"url": "s3://bucket"}, "image": "usual"})


def _job(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": "j"}, "spec": fields}


SEEDS = [
    *as_json(
        _job(ops=[{"name": "a"}, {"name": "b", "inputs": {"x": {"from": "a"}}}]),
        _job(entrypoint="jobs:j", maxConcurrent=3, retryPolicy={"maxRetries": 1, "delaySeconds": 1, "jitter": "Full"}),
        _job(ops=[{"name": "a", "inputs": {"x": {"collect": "a", "levels": 3}}}], tags={"t": "1"}, opSelection=["*a"]),
        _job(ops=[{"name": "a", "config": {"x": [1, {"y": None}]}, "pod": {"image": "x", "env": [{"name": "A"}]}}]),
        _job(ops=[{"name": "a"}], podTemplate={"spec": {"containers": [{"name": "step"}], "volumes": []}}),
        _job(ops=[{"name": "a", "pod": {"containers": 5}}], podTemplate=[]),
        _job(ops=[{"name": "a", "inputs": {"x": {"from": "nobody"}}}], opSelection=["*a"]),
        _job(ops=[{"name": "a", "tags": {"kedge/priority": "9" * 5000}}]),
        _job(ops=[{"name": "a", "outputs": [{"name": "../x"}]}]),
        _job(ops=[{"name": "a", "outputs": [{"name": "x"}, {"name": "x"}]}]),
        _job(ops=[{"name": "a", "after": ["a"]}], reexecute={"from": "b", "steps": ["a[k]"]}),
        _job(ops=[{"name": "a", "timeoutSeconds": float("nan")}], partitionKey="\ud800"),
        _job(
            ops=[{"name": "a"}],
            store={"url": "s3://x/../y", "secretName": "s"},
            memoryGrowth={"factor": 2, "limit": "1Gi"},
        ),
        _job(ops=[{"name": "a"}], runConfig={"ops": {"a": {"config": [[[[[[]]]]]]}}}, allowPickle="no"),
        {**_job(ops=[]), "metadata": {"annotations": {"kedge.dev/graph-hash": "x"}, "labels": 5}},
        {"kind": "OpJob"},
    ),
    (DATA / "manifests" / "in_pods.json").read_bytes(),
]
_HEAD = (
    b'{"apiVersion":"kedge.dev/v1alpha1","kind":"OpJob","metadata":{"name":"j"},"spec":{"entrypoint":"x:y","%n":%s}}'
)
LARGE = {
    f"{name}: {kind}": made
    for name in ("ops", "runConfig", "tags", "opSelection", "podTemplate", "unknown")
    for kind, made in large_json(_HEAD.replace(b"%n", name.encode())).items()
} | {
    "unknown fields": lambda: _HEAD.replace(b'"%n":%s', b",".join(b'"f%d":0' % n for n in range(800_000))),
    "bad ops": lambda: _HEAD.replace(
        b'"%n":%s', b'"ops":[' + b",".join(b'{"name":"%d"}' % n for n in range(600_000)) + b"]"
    ),
    "twins": lambda: _HEAD.replace(b'"%n":%s', b'"ops":[' + b",".join([b'{"name":"a"}'] * 5000) + b"]"),
    "a chain": lambda: _HEAD.replace(
        b'"%n":%s',
        b'"ops":[{"name":"n0"},'
        + b",".join(b'{"name":"n%d","inputs":{"x":{"from":"n%d"}}}' % (n, n - 1) for n in range(1, 5000))
        + b"]",
    ),
    "a ring": lambda: _HEAD.replace(
        b'"%n":%s',
        b'"ops":[' + b",".join(b'{"name":"n%d","after":["n%d"]}' % (n, (n + 1) % 5000) for n in range(5000)) + b"]",
    ),
}
QUICK = ["ops: objects", "runConfig: nested", "tags: keys", "unknown fields", "bad ops", "a chain", "a ring"]


def check(data: bytes) -> None:
    with refusals():
        body = read_json(data, "it")
        if not isinstance(body, dict):
            body = {"spec": body}
        try:
            job = opening.parse(body)
        except opening.Refused as error:
            statuses.cut(error.message, 24_000)
            raise
        pods = opening.run_pods(job, "0b7d6a2e-4a53-4f1c-9d27-1f6a0c9d3e55", "team", _SETTINGS)
        if job.spec.ops is not None:
            document = opening.document_of(job, "uid", None, {})
            plan.build(document.graph, document.tag_limits)
            again = document.to_bytes()
            assert PlanDocument.from_bytes(again).to_bytes() == again
        assert pods.namespace == "team"
        spec.settings_of(job.spec, "run")
