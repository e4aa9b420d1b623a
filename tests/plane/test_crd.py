"""OpJob on a real API server: what it takes, what it refuses and in which words, what it shows, and who may do what."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plane_operator import install_crd

from cluster import plane as planes
from kedge.core import spec
from kedge.core.errors import ProtocolError
from kedge.core.status import Condition, OpJobStatus, OpStatus, Phase, StepCounts, StoredAt
from kedge_kubectl import Kubectl, await_right, until
from manifests import rules

pytestmark = pytest.mark.plane

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
WRITTEN = sorted([*(ROOT / "tests/data/manifests").iterdir(), *(MANIFESTS / "samples").iterdir()])
OPERATOR = "system:serviceaccount:kedge-system:kedge-operator"


class Server(Kubectl):
    """An API server that knows OpJobs."""

    def wait_for_the_schema(self) -> None:
        """By which kubectl explains it: published some time after the CRD counts as established."""
        asked = ("get", "--raw", "/openapi/v3")
        until(lambda: "apis/kedge.dev/v1alpha1" in json.loads(self(*asked))["paths"], "the schema")

    def spec_of(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("get", "oj", name, "-o", "json"))["spec"]
        return found


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with planes.running() as plane:
        install_crd(plane)
        found = Server(str(plane.kubeconfig), "")
        found("create", "namespace", "etl")
        found.wait_for_the_schema()
        yield found


def opjob(name: str, **fields: Any) -> dict[str, Any]:
    return spec.manifest(name, fields)


A: list[dict[str, Any]] = [{"name": "a", "entrypoint": "m:a"}]


def with_input(**source: Any) -> dict[str, Any]:
    return {"ops": [A[0] | {"inputs": {"x": source}}]}


REFUSED = {
    "no code": ({"image": "x"}, "give ops, entrypoint, or both"),
    "an op without code": ({"ops": [{"name": "a", "entrypoint": "m:a"}, {"name": "b"}]}, "or each op its own"),
    "op names twice": ({"ops": [*A, *A]}, 'spec.ops[1]: Duplicate value: {"name":"a"}'),
    "no source": (with_input(), "give exactly one of from, value, each, map and collect"),
    "two sources": (with_input(map="b", value=1), "give exactly one of from, value, each, map and collect"),
    "two sources, open ones": (with_input(each=["b"], value=None), "give exactly one of from, value"),
    "levels without collect": (with_input(map="b", levels=2), "levels goes with collect"),
    "levels alone": (with_input(levels=2), "give exactly one of from, value, each, map and collect"),
    "no levels": (with_input(collect="b", levels=0), "should be greater than or equal to 1"),
    "jitter without delay": ({"ops": A, "retryPolicy": {"jitter": "Full"}}, "give delaySeconds with them"),
    "backoff without delay": (
        {"ops": [A[0] | {"retryPolicy": {"backoff": "Linear"}}]},
        "backoff and jitter change a delay; give delaySeconds with them",
    ),
    "unknown backoff": ({"ops": A, "retryPolicy": {"backoff": "Odd", "delaySeconds": 1}}, '"Linear", "Exponential"'),
    "secret without url": ({"ops": A, "store": {"secretName": "s"}}, "secretName goes with url"),
    "store that is no url": ({"ops": A, "store": {"url": "bucket"}}, "spec.store.url"),
    "store by way of another": (
        {"ops": A, "store": {"url": "s3://team/a/../b"}},
        "no part of a store's URL is . or ..",
    ),
    "store by an escaped way": ({"ops": A, "store": {"url": "s3://team/a/%2e%2e/b"}}, "spec.store.url"),
    "store with a query": ({"ops": A, "store": {"url": "s3://team/a?b"}}, "spec.store.url"),
    "Secret elsewhere": (
        {"ops": A, "store": {"url": "s3://a", "secretName": "../../kube-system/secrets/admin"}},
        "spec.store.secretName",
    ),
    "earlier run elsewhere": ({"ops": A, "reexecute": {"from": "../../other/opjobs/b"}}, "spec.reexecute.from"),
    "unknown reclaim policy": ({"ops": A, "store": {"reclaimPolicy": "Keep"}}, '"Delete", "Retain"'),
    "nothing at once": ({"ops": A, "maxConcurrent": 0}, "spec.maxConcurrent"),
    "negative time to live": ({"ops": A, "ttlSecondsAfterFinished": -1}, "spec.ttlSecondsAfterFinished"),
    "no time for an attempt": ({"ops": [A[0] | {"timeoutSeconds": 0}]}, "should be greater than 0"),
    "op name": ({"ops": [A[0] | {"name": "a-b"}]}, "spec.ops[0].name"),
    "entrypoint": ({"entrypoint": "module"}, "spec.entrypoint"),
    "no growth": ({"ops": A, "memoryGrowth": {"factor": 1, "limit": "1Gi"}}, "spec.memoryGrowth.factor"),
    "steps to run again": ({"ops": A, "reexecute": {"from": "b", "steps": "All"}}, "spec.reexecute.steps"),
    "tag that is no text": ({"ops": A, "tags": {"kedge/priority": 1}}, "spec.tags.kedge/priority"),
}
BY_GRAPH = ("op names twice", "jitter without delay", "backoff without delay")
"""What local runs find when they read the op graph."""


@pytest.mark.parametrize("situation", REFUSED)
def test_what_can_be_refused_at_the_door_is(server: Server, situation: str) -> None:
    fields, message = REFUSED[situation]
    assert message in server.refusal("create", "-f", "-", given=opjob("refused", **fields))


@pytest.mark.parametrize("situation", [one for one in REFUSED if one not in BY_GRAPH])
def test_the_models_refuse_the_same(situation: str) -> None:
    with pytest.raises(ProtocolError, match="this is no valid OpJob"):
        spec.parse(opjob("refused", **REFUSED[situation][0]))


SOURCES = [
    {"from": "b.out"},
    {"value": 1},
    {"value": None},
    {"value": {"deep": [{"er": None}]}},
    {"each": ["b", {"map": "c"}, {"collect": "d", "levels": 2}]},
    {"map": "b"},
    {"collect": "b"},
    {"collect": "b", "levels": 2},
]


def test_each_kind_of_source_is_kept_as_it_was_given(server: Server) -> None:
    ops = [{"name": f"op{number}", "inputs": {"x": source}} for number, source in enumerate(SOURCES)]
    server("create", "-f", "-", given=opjob("sources", entrypoint="m:job", ops=ops))
    assert server.spec_of("sources")["ops"] == ops


def test_what_is_open_is_kept_whole(server: Server) -> None:
    anything = {"a": [1, "two", {"three": None}], "b": {"c": 1.5}}
    template = {"spec": {"containers": [{"name": "step", "someday": anything}]}}
    fields = {
        "entrypoint": "m:job",
        "ops": [{"name": "a", "config": anything, "pod": anything}, {"name": "b", "config": 5}],
        "runConfig": {"ops": {"a": {"config": anything}}},
        "resources": {"io": {"entrypoint": "m:io", "config": anything}},
        "podTemplate": template,
    }
    server("create", "-f", "-", given=opjob("open", **fields))
    assert fields.items() <= server.spec_of("open").items()


def test_unknown_fields_are_refused_by_name(server: Server) -> None:
    wrong = opjob("unknown", ops=[{"name": "a", "retires": 3}], maxConcurent=3, store={"bucket": "b"})
    told = server.refusal("create", "-f", "-", given=wrong)
    for path in ("spec.maxConcurent", "spec.ops[0].retires", "spec.store.bucket"):
        assert f'unknown field "{path}"' in told


def test_defaults_appear(server: Server) -> None:
    server("create", "-f", "-", given=opjob("defaults", ops=A, store={}, reexecute={"from": "b"}))
    assert server.spec_of("defaults") == {
        "cancel": False,
        "failFast": False,
        "infrastructureRetries": 3,
        "ops": A,
        "pendingDeadlineSeconds": 600,
        "reexecute": {"from": "b", "steps": "FromFailure"},
        "retainValues": "Always",
        "store": {"reclaimPolicy": "Delete"},
        "suspend": False,
    }


BEFORE: dict[str, Any] = {
    "image": "x",
    "ops": [
        {"name": "a", "entrypoint": "m:a", "config": {"k": 1}, "pod": {"k": 1}, "inputs": {"x": {"value": {"k": 1}}}},
        {"name": "b", "entrypoint": "m:b"},
    ],
    "runConfig": {"ops": {"a": 1}},
    "tags": {"team": "a"},
    "tagConcurrencyLimits": [{"key": "t", "limit": 1, "value": {"applyLimitPerUniqueValue": True}}],
    "reexecute": {"from": "b", "steps": ["a"]},
    "podTemplate": {"spec": {"nodeSelector": {"disk": "ssd"}}},
    "maxConcurrent": 3,
}


def with_op(**fields: Any) -> dict[str, Any]:
    return {"ops": [BEFORE["ops"][0] | fields, BEFORE["ops"][1]]}


CHANGES = {
    "another image": ("image", {"image": "y"}),
    "no image": ("image", {"image": None}),
    "an entrypoint beside": ("entrypoint", {"entrypoint": "m:a"}),
    "one op less": ("ops", {"ops": BEFORE["ops"][:1]}),
    "ops in another order": ("ops", {"ops": BEFORE["ops"][::-1]}),
    "an op by another name": ("ops", with_op(name="c")),
    "another config": ("ops", with_op(config={"k": 2})),
    "a config by another key": ("ops", with_op(config={"l": 1})),
    "a constant by another key": ("ops", with_op(inputs={"x": {"value": {"l": 1}}})),
    "pod settings by another key": ("ops", with_op(pod={"l": 1})),
    "another run config": ("runConfig", {"runConfig": {"ops": {"a": 2}}}),
    "a run config by another key": ("runConfig", {"runConfig": {"resources": {"a": 1}}}),
    "another tag": ("tags", {"tags": {"team": "b"}}),
    "no limit per value": (
        "tagConcurrencyLimits",
        {"tagConcurrencyLimits": [{"key": "t", "limit": 1, "value": {"applyLimitPerUniqueValue": False}}]},
    ),
    "other steps": ("reexecute", {"reexecute": {"from": "b", "steps": ["b"]}}),
    "a pod template by another key": ("podTemplate", {"podTemplate": {"spec": {"nodeName": {"disk": "ssd"}}}}),
    "a label by another key": ("podTemplate", {"podTemplate": {"spec": {"nodeSelector": {"disc": "ssd"}}}}),
    "no pod template": ("podTemplate", {"podTemplate": None}),
    "a store": ("store", {"store": {"reclaimPolicy": "Retain"}}),
    "a default spelled otherwise": ("retries", {"retries": False}),
}


@pytest.fixture(scope="module")
def made(server: Server) -> Server:
    server("create", "-f", "-", given=opjob("made", **BEFORE))
    return server


@pytest.mark.parametrize("change", CHANGES)
def test_the_spec_does_not_change_after_creation(made: Server, change: str) -> None:
    name, fields = CHANGES[change]
    after = {key: value for key, value in (BEFORE | fields).items() if value is not None}
    told = made.refusal("replace", "-f", "-", given=opjob("made", **after))
    assert f"spec.{name}: Forbidden: {name} can't change after creation; make another OpJob" in told


def test_the_same_again_is_no_change(made: Server) -> None:
    made("replace", "-f", "-", given=opjob("made", **BEFORE))


@pytest.mark.parametrize(
    ("field", "values"),
    {
        "suspend": [True, False],
        "cancel": [True],
        "maxConcurrent": [1, 50],
        "ttlSecondsAfterFinished": [60, 0, None],
    }.items(),
)
def test_what_may_change_does(server: Server, field: str, values: list[Any]) -> None:
    assert field in rules.MUTABLE
    name = f"changes-{field.lower()}"
    server("create", "-f", "-", given=opjob(name, ops=A))
    for value in values:
        server("patch", "oj", name, "--type=merge", "-p", json.dumps({"spec": {field: value}}))
        assert server.spec_of(name).get(field) == value


@pytest.mark.parametrize("value", [False, None])
def test_a_cancelled_run_stays_cancelled(server: Server, value: bool | None) -> None:
    server("apply", "-f", "-", given=opjob("cancelled", ops=A, cancel=True))
    patch = json.dumps({"spec": {"cancel": value}})
    told = server.refusal("patch", "oj", "cancelled", "--type=merge", "-p", patch)
    assert "spec.cancel: Invalid value" in told
    assert "a cancelled run stays cancelled; make another OpJob" in told


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_manifest_that_is_written_down_is_taken(server: Server, path: Path) -> None:
    server("apply", "--dry-run=server", "-f", str(path))


@pytest.mark.parametrize(
    "target",
    [
        "examples/pokemon/jobs.py:static",
        "examples/pokemon/jobs.py:dynamic_priority",
        "examples/file_sizes/jobs.py:diamond",
        "examples/dynamic/jobs.py:several_dynamic_outputs",
        "examples/dynamic/jobs.py:chain_in_one_map",
        "examples/dynamic/nested.py:nested",
    ],
)
def test_what_compile_prints_is_taken(server: Server, target: str) -> None:
    command = [sys.executable, "-m", "kedge.cli", "compile", target]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    server("apply", "--dry-run=server", "-f", "-", given=printed)


def test_a_thousand_ops_are_taken_and_changed(server: Server) -> None:
    chain = [{"name": f"op_{n}", "inputs": {"x": {"from": f"op_{n - 1}"}} if n else {}} for n in range(1000)]
    server("apply", "-f", "-", given=opjob("thousand", entrypoint="m:job", ops=chain))
    server("apply", "-f", "-", given=opjob("thousand", entrypoint="m:job", ops=chain, suspend=True))
    assert len(server.spec_of("thousand")["ops"]) == 1000


STATUS = OpJobStatus(
    phase=Phase.RUNNING,
    reason="StepFailed",
    message="size[a] failed",
    progress="12/40",
    observed_generation=1,
    start_time="2030-01-02T03:04:05Z",
    conditions=[
        Condition(
            type="Planned",
            status="True",
            reason="Planned",
            message="",
            last_transition_time="2030-01-02T03:04:05Z",
            observed_generation=1,
        )
    ],
    store=StoredAt(url="s3://kedge", path="runs/default/shown-1"),
    steps=StepCounts(total=40, waiting=20, running=8, succeeded=10, failed=2),
    ops=[OpStatus(name="a", steps=3, failed=1, failed_keys=["a[x]"], message="no")],
).model_dump(mode="json", by_alias=True, exclude_unset=True)


def test_the_status_is_written_apart_and_shown(server: Server) -> None:
    job = opjob("shown", ops=A, image="registry.example/jobs:1") | {"status": STATUS}
    server("create", "-f", "-", given=job)
    assert "status" not in json.loads(server("get", "oj", "shown", "-o", "json"))
    patch = json.dumps({"status": STATUS, "spec": {"maxConcurrent": 99}})
    server("patch", "oj", "shown", "--subresource=status", "--type=merge", "-p", patch)
    found = json.loads(server("get", "oj", "shown", "-o", "json"))
    assert OpJobStatus.model_validate(found["status"]).ops[0].failed_keys == ["a[x]"]
    assert "maxConcurrent" not in found["spec"]
    assert found["metadata"]["generation"] == 1
    server("wait", "--for=condition=Planned", "oj/shown", "--timeout=60s")
    header, line = server("get", "oj", "shown").splitlines()
    assert header.split() == ["NAME", "PHASE", "STEPS", "RUNNING", "FAILED", "AGE", "REASON"]
    assert [one for number, one in enumerate(line.split()) if number != 5] == [
        "shown",
        "Running",
        "12/40",
        "8",
        "2",
        "StepFailed",
    ]
    header, line = server("get", "oj", "shown", "-o", "wide").splitlines()
    assert header.split()[7:] == ["MESSAGE", "IMAGE", "ENTRYPOINT"]
    assert line.split()[7:] == [*STATUS["message"].split(), "registry.example/jobs:1"]
    assert "opjob.kedge.dev/shown" in server("get", "all", "-o", "name")


def test_a_status_that_is_none_is_refused(server: Server) -> None:
    server("create", "-f", "-", given=opjob("wrong-status", ops=A))
    patch = json.dumps({"status": {"phase": "Sleeping"}})
    told = server.refusal("patch", "oj", "wrong-status", "--subresource=status", "--type=merge", "-p", patch)
    assert 'status.phase: Unsupported value: "Sleeping"' in told


@pytest.mark.parametrize(
    ("path", "text"),
    {
        "opjob": "One run of a job",
        "opjob.spec.store.reclaimPolicy": "Whether what the run has stored is deleted with its OpJob",
        "opjob.spec.ops.inputs.each": "A fan-in list",
        "opjob.spec.ops.pod": "merged over the job's podTemplate",
        "opjob.status.conditions.lastTransitionTime": "When the status last changed",
    }.items(),
)
def test_kubectl_explains_it(server: Server, path: str, text: str) -> None:
    assert text in " ".join(server("explain", path).split())


@pytest.fixture(scope="module")
def installed(server: Server) -> Server:
    server("apply", "-k", str(MANIFESTS))
    await_right(server, OPERATOR, "create", "pods", "--namespace=etl")
    await_right(server, OPERATOR, "create", "leases.coordination.k8s.io", "--namespace=kedge-system")
    return server


def may(server: Server, who: str, verb: str, resource: str, namespace: str) -> bool:
    """`resource` is TYPE, TYPE/SUBRESOURCE or TYPE:NAME."""
    resource, _, part = resource.partition("/")
    command = ["auth", "can-i", verb, resource.replace(":", "/"), f"--as={who}", f"--namespace={namespace}"]
    if part:
        command.append(f"--subresource={part}")
    return server(*command, check=False).strip() == "yes"


@pytest.mark.parametrize(
    ("verb", "resource", "namespace", "allowed"),
    [
        ("watch", "opjobs", "etl", True),
        ("delete", "opjobs", "etl", True),
        ("patch", "opjobs/status", "etl", True),
        ("patch", "opjobs", "etl", False),
        ("create", "pods", "etl", True),
        ("patch", "pods", "etl", False),
        ("create", "events.events.k8s.io", "etl", True),
        ("get", "secrets", "etl", False),
        ("get", "secrets", "kedge-system", False),
        ("create", "leases.coordination.k8s.io", "kedge-system", True),
        ("update", "leases.coordination.k8s.io:kedge-operator", "kedge-system", True),
        ("update", "leases.coordination.k8s.io:kube-scheduler", "kedge-system", False),
        ("update", "leases.coordination.k8s.io:kedge-operator", "etl", False),
        ("list", "namespaces", "", False),
        ("list", "customresourcedefinitions.apiextensions.k8s.io", "", False),
    ],
)
def test_the_operator_may_do_its_work_and_no_more(
    installed: Server, verb: str, resource: str, namespace: str, allowed: bool
) -> None:
    assert may(installed, OPERATOR, verb, resource, namespace) is allowed


def test_first_steps_and_one_namespace_can_be_applied(installed: Server) -> None:
    installed("apply", "-k", str(MANIFESTS / "first-steps"))
    config = installed("get", "configmap", "kedge-operator", "--namespace=kedge-system", "-o", "jsonpath={.data}")
    assert "http://kedge-store.kedge-system:7070" in config
    installed("apply", "--namespace=etl", "-k", str(MANIFESTS / "rbac/namespaced"))
    installed("apply", "--dry-run=server", "-k", str(MANIFESTS / "namespaced"))
    installed("apply", "-f", str(MANIFESTS / "rbac/optional/job-stores.yaml"))


def test_an_operator_for_one_namespace_has_no_rights_elsewhere() -> None:
    with planes.running() as plane:
        other = Server(str(plane.kubeconfig), "")
        other("create", "namespace", "etl")
        other("apply", "-k", str(MANIFESTS / "namespaced"))
        other("apply", "--namespace=etl", "-k", str(MANIFESTS / "rbac/namespaced"))
        await_right(other, OPERATOR, "create", "pods", "--namespace=etl")
        assert not may(other, OPERATOR, "create", "pods", "default")


@pytest.mark.parametrize(
    ("role", "taken_up_by", "verbs"),
    [
        ("kedge-viewer", ["view", "edit", "admin"], {"get": True, "create": False, "delete": False}),
        ("kedge-editor", ["edit", "admin"], {"create": True, "patch": True, "delete": True}),
    ],
)
def test_people_see_runs_and_start_them_where_they_may(
    installed: Server, role: str, taken_up_by: list[str], verbs: dict[str, bool]
) -> None:
    installed("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}", "--namespace=etl")
    await_right(installed, role, next(verb for verb in verbs if verbs[verb]), "opjobs", "--namespace=etl")
    assert {verb: may(installed, role, verb, "opjobs", "etl") for verb in verbs} == verbs
    assert not may(installed, role, "patch", "opjobs/status", "etl")
    labels = json.loads(installed("get", "clusterrole", role, "-o", "json"))["metadata"]["labels"]
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    assert [key.removeprefix(prefix) for key in labels if key.startswith(prefix)] == sorted(taken_up_by)
