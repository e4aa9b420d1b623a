"""What submitters may not become, tried on the cluster: the operator's default policy answers, and nothing starts."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from cluster_runs import op
from kedge_installed import Installed, conditions

from kedge.core.protocol import Outcome
from manifests import first_store, names

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("policy")]

SETTINGS: dict[str, Any] = {"podPolicy": {"images": ["localhost/kedge-runtime", "localhost/kedge-examples"]}}


def refused(kedge: Installed, spec: dict[str, Any]) -> str:
    job = kedge.submit(spec)
    status = kedge.ended(job)
    assert conditions(status)["Planned"] == "False PodRefused", status
    assert not kedge.pods(job)
    message: str = status["message"]
    return message


def test_a_job_that_asks_for_more_is_refused_whole(kedge: Installed) -> None:
    ops = [op("one"), op("two", pod={"hostNetwork": True}), op("three", pod={"serviceAccountName": names.OPERATOR})]
    template = {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}
    told = refused(kedge, {"ops": ops, "podTemplate": template})
    for text in ("spec: the administrator", "hostPath", "op two: pod", "hostNetwork", "op three: pod", names.OPERATOR):
        assert text in told


def test_another_image_is_refused(kedge: Installed) -> None:
    assert "evil.example/miner" in refused(kedge, {"ops": [op("one")], "image": "evil.example/miner"})


def test_what_an_entrypoint_asks_for_is_refused_before_its_plan_pod(kedge: Installed) -> None:
    template = {"spec": {"automountServiceAccountToken": True}}
    assert "podPolicy.tokens" in refused(kedge, {"entrypoint": "pod_jobs:chain", "podTemplate": template})


def test_what_ops_of_an_entrypoint_ask_for_is_refused_after_it(kedge: Installed) -> None:
    job = kedge.submit({"entrypoint": "greedy:asks_for_the_host"})
    status = kedge.ended(job)
    assert conditions(status)["Planned"] == "False PodRefused", status
    assert "op takes_it: pod" in status["message"]
    assert [pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in kedge.pods(job)] == ["plan"]


def test_a_plan_that_is_changed_in_the_store_gets_no_further(kedge: Installed) -> None:
    """What a hostile step could do with credentials for the store, while the operator is away."""
    word = f"go-{uuid.uuid4().hex[:6]}"
    pod = {"env": [{"name": "WORD", "value": word}]}
    first = op("waits", "waits_for_a_word", pod=pod)
    job = kedge.submit({"ops": [first, op("after", "add_one", inputs={"x": {"from": "waits"}})]})
    kedge.running(job, "waits")
    kedge.scale(names.OPERATOR, 0)
    plan = json.loads(kedge.store.get(kedge.paths(job).plan))
    (after,) = [one for one in plan["ops"] if one["name"] == "after"]
    after["pod"] = {"hostNetwork": True}
    kedge.store.put(kedge.paths(job).plan, json.dumps(plan).encode())
    kedge.scale(names.OPERATOR, 1)
    kedge.store.put(f"words/{word}", b"go")
    status = kedge.ended(job)
    assert status["phase"] == "Failed"
    (ended,) = kedge.outcomes(job)["after"]
    assert isinstance(ended, Outcome)
    assert ended.failure is not None
    assert "hostNetwork" in ended.failure.message
    assert not kedge.pods(job, "after")


# -- stores -----------------------------------------------------------------------------------------------------------


def test_the_operator_opens_no_other_store_by_its_own_identity(kedge: Installed) -> None:
    before = {info.path for info in kedge.store.list("") if not info.path.startswith("runs/")}
    job = kedge.submit({"ops": [op("one")], "store": {"url": "s3://kedge/elsewhere"}})
    status = kedge.ended(job)
    assert conditions(status)["Failed"] == "True StoreUnavailable"
    assert "name a Secret with its credentials" in status["message"]
    assert {info.path for info in kedge.store.list("") if not info.path.startswith("runs/")} == before


def test_a_secret_without_credentials_does_not_borrow_the_operator_s(kedge: Installed) -> None:
    data = {"AWS_ENDPOINT_URL": f"http://{names.STORE_SECRET}.{kedge.namespace}:7070", "AWS_ALLOW_HTTP": "true"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "poor"}, "stringData": data}
    kedge.kubectl.apply(secret)
    kedge.allow_job_stores()
    job = kedge.submit({"ops": [op("one")], "store": {"url": "s3://kedge/poor", "secretName": "poor"}})
    status = kedge.ended(job)
    assert conditions(status)["Failed"] == "True StoreUnavailable"
    assert "holds no credentials; give it AWS_ACCESS_KEY_ID" in status["message"]
    assert first_store.CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in json.dumps(status)


# -- what a step finds ------------------------------------------------------------------------------------------------


def test_a_step_has_no_token_and_cannot_read_the_operator_s_secrets(kedge: Installed) -> None:
    job = kedge.submit({"ops": [{"name": "looks", "entrypoint": "greedy:looks_around"}]})
    assert kedge.ended(job)["phase"] == "Succeeded"
    (outcome,) = kedge.outcomes(job)["looks"]
    found = json.loads(kedge.store.get(outcome.outputs["result"]["value"]["path"]))
    assert found == {"token": False, "uid": 65532, "writable": False, "api": "403"}
