"""The pods of steps and of plans, whole, as golden files: what is made of what operator, job and op say."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from kedge.core.errors import PlanError
from kedge.core.ids import StepKey
from kedge_operator import labels, pods, templates
from kedge_operator.pods import MemoryGrowth, RunPods

Golden = Callable[[str, Any], None]
RUN = RunPods("team", "sizes", "0b7d6a2e-4a53-4f1c-9d27-1f6a0c9d3e55", "registry.example/sizes:1", "s3://bucket/kedge")
TICKET = '{"version":1}'

EVERYTHING: dict[str, Any] = {
    "metadata": {"labels": {"team": "etl", "kedge.dev/run": "another"}, "annotations": {"note": "a"}},
    "spec": {
        "containers": [
            {
                "name": "main",
                "image": "registry.example/other:2",
                "env": [{"name": "LEVEL", "value": "debug"}, {"name": "KEDGE_TICKET", "value": "forged"}],
                "envFrom": [{"configMapRef": {"name": "settings"}}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
            },
            {"name": "proxy", "image": "registry.example/proxy:3"},
        ],
        "initContainers": [{"name": "fetch", "image": "registry.example/fetch:1"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "nodeSelector": {"disk": "ssd"},
        "affinity": {"nodeAffinity": {}},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "steps",
        "priorityClassName": "batch",
        "runtimeClassName": "gvisor",
        "hostNetwork": True,
    },
}
OP = {
    "image": "registry.example/gpu:4",
    "env": [{"name": "LEVEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    "envFrom": [{"secretRef": {"name": "token"}}],
    "resources": {"limits": {"memory": "1Gi", "nvidia.com/gpu": 1}},
    "tolerations": [{"key": "spot", "operator": "Exists"}],
    "volumes": [{"name": "data", "emptyDir": {}}],
    "priorityClassName": None,
    "metadata": {"labels": {"team": None, "kedge.dev/attempt": "7"}, "annotations": {"note": "b"}},
}


def step(text: str) -> StepKey:
    return StepKey.parse(text)


def pod(op_pod: Mapping[str, Any] | None = None, run: RunPods = RUN, ooms: int = 0) -> dict[str, Any]:
    return pods.step_pod(run, step("size[a_txt]"), 1, TICKET, op_pod, ooms)


def with_job(template: Mapping[str, Any], run: RunPods = RUN) -> RunPods:
    return replace(run, templates=(*run.templates, templates.of_job(template)))


def container(found: Mapping[str, Any]) -> dict[str, Any]:
    (one,) = found["spec"]["containers"]
    return dict(one)


# -- whole -------------------------------------------------------------------------------------------------------------


def test_a_pod_that_nobody_shapes(golden: Golden) -> None:
    golden("pods/plain.yaml", pod())


def test_a_pod_with_the_operators_store(golden: Golden) -> None:
    environment = {"AWS_REGION": "eu-1", "AWS_ENDPOINT_URL": "http://store:7070/$(HOME)"}
    golden("pods/store.yaml", pod(run=replace(RUN, store_environment=environment, store_secret="credentials")))


def test_a_pod_with_all_that_a_job_can_say(golden: Golden) -> None:
    golden("pods/job.yaml", pod(run=with_job(EVERYTHING)))


def test_a_pod_of_an_op_that_says_other_things_than_its_job(golden: Golden) -> None:
    golden("pods/op.yaml", pod(OP, with_job(EVERYTHING)))


def test_the_pod_that_plans_a_job(golden: Golden) -> None:
    golden("pods/plan.yaml", pods.plan_pod(with_job(EVERYTHING), 2, TICKET))


# -- what Kedge decides ------------------------------------------------------------------------------------------------


def test_the_same_attempt_is_the_same_pod_and_another_one_is_not() -> None:
    assert pod() == pod()
    names = {
        pods.step_pod(RUN, step(key), number, TICKET)["metadata"]["name"] for key in ("a", "b") for number in (1, 2)
    }
    assert len(names) == 4


def test_no_author_allows_pickles_that_the_administrator_forbids() -> None:
    mine = {"name": "KEDGE_ALLOW_PICKLE", "value": "true"}
    job = {"spec": {"containers": [{"name": "step", "env": [mine]}]}}
    forbidding = with_job(job, replace(RUN, allow_pickle=False))
    for found in (pod({"env": [mine]}, forbidding), pods.plan_pod(forbidding, 1, TICKET)):
        said = [one["value"] for one in container(found)["env"] if one["name"] == mine["name"]]
        assert said == ["false"]
    assert "KEDGE_ALLOW_PICKLE" not in str(pod())


def test_the_worker_is_what_runs_though_an_author_takes_the_command_away() -> None:
    nothing = {"command": None, "args": None}
    job = {"spec": {"containers": [{"name": "step", **nothing}]}}
    for found in (pod(nothing), pod(run=with_job(job))):
        assert container(found)["command"] == ["python", "-m", "kedge.worker"]


def test_labels_that_kedge_knows_pods_by_are_its_own() -> None:
    theirs = dict.fromkeys(labels.of_step("j", "u", step("s"), 1), "another") | {"mine": "kept"}
    found = pod({"metadata": {"labels": theirs}})["metadata"]["labels"]
    assert found == {**labels.of_step("sizes", RUN.uid, step("size[a_txt]"), 1), "mine": "kept"}


def test_the_steps_key_is_its_own() -> None:
    found = pod({"metadata": {"annotations": {labels.STEP: "another", "mine": "kept"}}})
    assert found["metadata"]["annotations"] == {"mine": "kept", labels.STEP: "size[a_txt]"}


@pytest.mark.parametrize("name", ["KEDGE_TICKET", "KEDGE_STORE"])
def test_nobody_else_gives_the_ticket_and_the_store(name: str) -> None:
    found = container(pod({"env": [{"name": name, "value": "forged"}, {"name": "A", "value": "1"}]}))
    assert [one["name"] for one in found["env"]] == ["KEDGE_TICKET", "KEDGE_STORE", "A"]
    assert found["env"][0]["value"] == TICKET


def test_what_looks_like_a_variable_in_a_ticket_reaches_the_worker_as_it_is() -> None:
    found = pods.step_pod(RUN, step("size"), 1, '{"value":"$(HOME) for $$5"}')
    assert container(found)["env"][0]["value"] == '{"value":"$$(HOME) for $$$$5"}'


def test_a_step_is_never_restarted_in_its_pod() -> None:
    assert pod({"restartPolicy": "Never"})["spec"]["restartPolicy"] == "Never"
    with pytest.raises(PlanError, match=r"op size: pod: restartPolicy OnFailure can't be set.*retryPolicy"):
        pod({"restartPolicy": "OnFailure"})


def test_sidecars_end_with_their_step_and_keep_to_restricted_pod_security() -> None:
    found = pod({"containers": [{"name": "proxy", "image": "p", "restartPolicy": "Never"}]})["spec"]
    assert [one["name"] for one in found["containers"]] == ["step"]
    assert found["initContainers"] == [
        {
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "name": "proxy",
            "image": "p",
            "restartPolicy": "Always",
        }
    ]


def test_init_containers_come_before_sidecars() -> None:
    given = {"containers": [{"name": "proxy", "image": "p"}], "initContainers": [{"name": "fetch", "image": "f"}]}
    assert [one["name"] for one in pod(given)["spec"]["initContainers"]] == ["fetch", "proxy"]


# -- layers ------------------------------------------------------------------------------------------------------------


def test_an_op_counts_before_its_job_and_the_job_before_the_operator() -> None:
    run = with_job({"spec": {"containers": [{"name": "step", "image": "job"}], "nodeSelector": {"a": "job"}}})
    run = replace(run, templates=(templates.of_job({"spec": {"nodeSelector": {"a": "op", "b": "op"}}}), *run.templates))
    found = pod({"nodeSelector": {"c": "op"}}, run)
    assert container(found)["image"] == "job"
    assert found["spec"]["nodeSelector"] == {"a": "job", "b": "op", "c": "op"}


def test_null_takes_away_what_kedge_sets_by_itself() -> None:
    found = pod(run=with_job({"spec": {"securityContext": {"runAsUser": None, "fsGroup": None}}}))
    assert found["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_null_in_a_template_goes_before_what_a_later_one_adds() -> None:
    run = with_job({"spec": {"securityContext": None}})
    found = pod({"podSecurityContext": {"fsGroup": 7}}, run)
    assert found["spec"]["securityContext"] == {"fsGroup": 7}


def test_no_containers_at_all_are_the_steps_alone() -> None:
    for nothing in (None, []):
        assert pod(run=with_job({"spec": {"containers": nothing}})) == pod()
        assert pod({"containers": nothing}) == pod()


def test_another_volume_for_tmp_takes_the_place_of_ours() -> None:
    given = {
        "volumes": [{"name": "fast", "emptyDir": {"medium": "Memory"}}],
        "volumeMounts": [{"name": "fast", "mountPath": "/tmp"}],
    }
    assert container(pod(given))["volumeMounts"] == [{"name": "fast", "mountPath": "/tmp"}]


def test_what_was_given_is_not_changed() -> None:
    run, op = with_job(EVERYTHING), copy.deepcopy(OP)
    before = copy.deepcopy(run)
    found = pods.step_pod(replace(run, growth=MemoryGrowth(2, "4Gi")), step("size"), 1, TICKET, op, 1)
    found["spec"]["containers"][0]["env"].append("changed")
    found["metadata"]["labels"]["changed"] = "yes"
    assert (run, op) == (before, OP)


# -- memory ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ooms", "expected"),
    [(0, ("64Mi", "128Mi")), (1, (str(128 << 20), str(200 << 20))), (9, (str(200 << 20), str(200 << 20)))],
)
def test_memory_grows_with_each_oom_kill_up_to_its_limit(ooms: int, expected: tuple[str, str]) -> None:
    given = {"resources": {"requests": {"memory": "64Mi", "cpu": "1"}, "limits": {"memory": "128Mi"}}}
    found = container(pod(given, replace(RUN, growth=MemoryGrowth(2, "200Mi")), ooms))["resources"]
    assert (found["requests"]["memory"], found["limits"]["memory"]) == expected
    assert found["requests"]["cpu"] == "1"


@pytest.mark.parametrize("resources", [None, {}, {"limits": None}, {"limits": {"memory": "much"}}, {"claims": []}])
def test_what_can_not_grow_stays(resources: Any) -> None:
    run = replace(RUN, growth=MemoryGrowth(2, "200Mi"))
    assert pod({"resources": resources}, run, 1) == pod({"resources": resources}, run, 0)
