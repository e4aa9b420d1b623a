"""Secrets stay where they are: planted ones are looked for in all that Kedge writes, tells and stores."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cluster_runs import op
from kedge_installed import Installed, conditions

from manifests import first_store, names

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("secrets")]

SETTINGS: dict[str, Any] = {"log": {"level": "debug"}}
PLANTED = {
    "PLANTED_ENVIRONMENT": "not-a-real-secret-of-the-environment",
    "PLANTED_RESOURCE": "not-a-real-secret-of-a-resource",
    "AWS_SECRET_ACCESS_KEY": "not-a-real-secret-of-another-store",
}
KEY_ID = first_store.CREDENTIALS["AWS_ACCESS_KEY_ID"]
OPERATOR = first_store.CREDENTIALS["AWS_SECRET_ACCESS_KEY"]


@pytest.fixture(scope="module")
def told(kedge: Installed) -> dict[str, str]:
    """All that there is to read once jobs with secrets have ended, well and badly, by where it stands."""
    endpoint = f"http://{names.STORE_SECRET}.{kedge.namespace}:7070"
    of_store = {**first_store.ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": KEY_ID}
    kedge.kubectl.apply(
        secret("planted", {name: PLANTED[name] for name in ("PLANTED_ENVIRONMENT", "PLANTED_RESOURCE")}),
        secret("elsewhere", {**of_store, "AWS_SECRET_ACCESS_KEY": PLANTED["AWS_SECRET_ACCESS_KEY"]}),
    )
    kedge.allow_job_stores()
    template = {"spec": {"containers": [{"name": "step", "envFrom": [{"secretRef": {"name": "planted"}}]}]}}
    quiet = kedge.submit({"entrypoint": "secret_jobs:keeps_quiet", "podTemplate": template})
    store = {"url": "s3://kedge/elsewhere", "secretName": "elsewhere"}
    refused = kedge.submit({"ops": [op("one")], "store": store})
    assert kedge.ended(quiet)["steps"]["succeeded"] == 1
    status = kedge.ended(refused)
    assert conditions(status)["Failed"] == "True StoreUnavailable"
    assert "access refused" in status["message"]
    return dict(everything(kedge, quiet))


def secret(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def everything(kedge: Installed, job: str) -> Iterator[tuple[str, str]]:
    for kind in ("oj", "pods", "events", "configmaps", "leases", "jobs", "services"):
        yield kind, kedge.kubectl("get", kind, "-o", "json", "--show-managed-fields")
    for pod in kedge.pods(job) + kedge.operator_pods():
        name = pod["metadata"]["name"]
        yield f"the log of {name}", kedge.kubectl("logs", name, "--all-containers")
    yield (
        "metrics",
        kedge.kubectl(
            "get",
            "--raw",
            f"/api/v1/namespaces/{kedge.namespace}/pods/{kedge.operator_pods()[0]['metadata']['name']}:8080/proxy/metrics",
        ),
    )
    for info in kedge.store.list(""):
        yield f"the object {info.path}", kedge.store.get(info.path).decode("utf-8", "replace")


def test_all_that_could_tell_was_looked_at(told: dict[str, str]) -> None:
    """Else what follows would show nothing."""
    assert any("plan.json" in where for where in told)
    assert any("/planned/1.json" in where for where in told)
    assert sum("/outcomes/" in where for where in told) == 2
    assert any("a key of" in text for where, text in told.items() if "/logs/" in where)
    assert "the service refused" in told["oj"]
    assert "KEDGE_TICKET" in told["pods"]
    assert "secret_jobs:keeps_quiet" in told["pods"] or "keeps_quiet" in told["oj"]
    assert sum(where.startswith("the log of kedge-operator") for where in told) == 1
    assert "kedge_runs" in told["metrics"]


@pytest.mark.parametrize("planted", [*PLANTED.values(), OPERATOR], ids=[*PLANTED, "the operator's own"])
def test_a_secret_stands_nowhere(told: dict[str, str], planted: str) -> None:
    encoded = base64.b64encode(planted.encode()).decode().rstrip("=")
    found = [where for where, text in told.items() if planted in text or encoded in text or json.dumps(planted) in text]
    assert found == []
