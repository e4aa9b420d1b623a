"""What jobs say of their pods, and what a cluster says of them: made into pods, looked at, or refused."""

from __future__ import annotations

import json
from dataclasses import replace

from fuzzing import as_json, large_json, refusals

from kedge.core.ids import StepKey
from kedge.core.protocol import read_json
from kedge_operator import labels, observe, pods, templates
from kedge_operator.pods import MemoryGrowth, RunPods
from kedge_operator.policy import Guard, PodPolicy

_RUN = RunPods(
    "team",
    "job",
    "0b7d6a2e-4a53-4f1c-9d27-1f6a0c9d3e55",
    "image",
    "s3://bucket",
    growth=MemoryGrowth(2, "4Gi"),
    allow_pickle=False,
)
_GUARDED = replace(_RUN, guard=Guard(PodPolicy(), pods.plan_pod(_RUN, 1, "")))
_MARKS = {labels.RUN: "r", labels.STEP_HASH: "plan", labels.ATTEMPT: "1"}
_POD = {"metadata": {"name": "p", "uid": "u", "labels": _MARKS}, "status": {"phase": "Failed"}}
SEEDS = [
    *as_json(
        {"image": "x", "env": [{"name": "KEDGE_TICKET", "value": "x"}], "resources": {"limits": {"memory": "1Gi"}}},
        {"spec": {"containers": [{"name": "step"}, {"name": "other"}], "volumes": [{"name": "v", "emptyDir": {}}]}},
        {"spec": {"containers": [{"name": "step", "env": [5]}]}},
        {"spec": {"containers": [5]}},
        {"spec": {"containers": {"name": "x"}}, "metadata": {"labels": 5}},
        {"resources": {"limits": {"memory": "9" * 400 + "E"}}},
        {"resources": {"limits": {"memory": "1e999999"}}},
        {"resources": {"limits": {"memory": [1]}}},
        {"env": None, "volumes": [None], "securityContext": []},
        {"metadata": {"labels": {"a": "b"}, "annotations": {"kedge.dev/step": "x"}}, "initContainers": [{"name": "i"}]},
        {"env": [{"name": ["x"], "value": 7}]},
        {"podSecurityContext": 5, "containers": [{"name": "step", "command": ["x"]}]},
        {"podSecurityContext": None, "containers": [{"name": "step", "command": None, "args": None}]},
        {"spec": {"containers": [{"name": "step", "command": None, "env": None}], "restartPolicy": None}},
        _POD,
        {**_POD, "status": {"containerStatuses": [5]}},
        {
            **_POD,
            "status": {
                "containerStatuses": [{"name": "step", "state": {"terminated": {"exitCode": "x", "reason": 5}}}]
            },
        },
        {**_POD, "metadata": {**_POD["metadata"], "creationTimestamp": "yesterday"}},
    ),
    *(json.dumps(one).encode() for one in ({"spec": {"hostNetwork": True}}, {"spec": None}, {"spec": 5}, [])),
]
LARGE = {
    **{f"pod: {name}": made for name, made in large_json(b"%s").items()},
    **{f"containers: {name}": made for name, made in large_json(b'{"spec":{"containers":%s}}').items()},
    **{f"env: {name}": made for name, made in large_json(b'{"env":%s}').items()},
    "names": lambda: b'{"env":[' + b",".join(b'{"name":"n%d","value":""}' % n for n in range(20_000)) + b"]}",
}
_STEP = StepKey("size", ("a_txt",))
QUICK = ["pod: nested", "pod: keys", "containers: numbers", "env: objects", "names"]


def check(data: bytes) -> None:
    with refusals():
        found = read_json(data, "it")
        if not isinstance(found, dict):
            found = {"spec": found}
        with refusals():
            observe.view(found)
        for run in (_RUN, _GUARDED):
            with refusals():
                _check_pod(pods.step_pod(run, _STEP, 1, '{"ticket": 1}', found, 2))
            with refusals():
                _check_pod(pods.plan_pod(replace(run, templates=(templates.of_job(found),)), 1, '{"ticket": 1}'))


def _check_pod(pod: dict[str, object]) -> None:
    text = json.dumps(pod)
    made = json.loads(text)
    step = made["spec"]["containers"][0]
    assert len(made["spec"]["containers"]) == 1
    assert (step["command"], made["spec"]["restartPolicy"]) == (["python", "-m", "kedge.worker"], "Never")
    ours = {one["name"]: one.get("value") for one in step["env"] if str(one.get("name")).startswith("KEDGE_")}
    assert ours["KEDGE_TICKET"] == '{"ticket": 1}'
    assert ours["KEDGE_ALLOW_PICKLE"] == "false"
