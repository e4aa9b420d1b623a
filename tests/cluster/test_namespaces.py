"""One namespace's values are nothing to another's: credentials by namespace, as docs/security.md has them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from cluster_runs import op
from kedge_installed import conditions
from kedge_released import Place, Release, released
from minio import Minio

from cluster.places import ROOT
from cluster.tools import need
from manifests import first_store, names

pytestmark = [pytest.mark.cluster, pytest.mark.charts, pytest.mark.xdist_group("namespaces")]

ROOT_KEY, ROOT_SECRET = first_store.CREDENTIALS.values()
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def places(cluster: str, ours: None, request: pytest.FixtureRequest) -> Iterator[tuple[Place, Place]]:
    """Two namespaces of one release, each with the credentials of a user of its own, who may do what the page says."""
    with released(cluster, request, "etl", "ml") as (release, (etl, ml)):
        release.bring({"scope": [etl.namespace, ml.namespace]})
        keep_users(release)
        for place in (etl, ml):
            give_user(release, place)
        client = Minio(
            release.endpoint.removeprefix("http://"), ROOT_KEY, ROOT_SECRET, secure=False, region="us-east-1"
        )
        statements = [one for place in (etl, ml) for one in allowed(place.namespace)]
        client.set_bucket_policy(first_store.BUCKET, json.dumps({"Version": "2012-10-17", "Statement": statements}))
        yield etl, ml


def keep_users(release: Release) -> None:
    """Have the store know users besides its own."""
    container = {
        "name": "s3",
        "args": ["--port", f":{first_store.PORT}", "--iam-dir", "/iam", "posix", "/data"],
        "volumeMounts": [{"name": "iam", "mountPath": "/iam"}],
    }
    pod = {"containers": [container], "volumes": [{"name": "iam", "emptyDir": {}}]}
    patch = json.dumps({"spec": {"template": {"spec": pod}}})
    release.kubectl("patch", "deployment", names.STORE_SECRET, "-p", patch)
    release.ready()


def give_user(release: Release, place: Place) -> None:
    secret = f"not-a-secret-of-{place.namespace}"
    admin = [str(need("versitygw")), "admin", "-a", ROOT_KEY, "-s", ROOT_SECRET, "--endpoint-url", release.endpoint]
    user = ["create-user", "--access", place.namespace, "--secret", secret, "--role", "user"]
    subprocess.run([*admin, *user], check=True, capture_output=True)
    data = {"AWS_ACCESS_KEY_ID": place.namespace, "AWS_SECRET_ACCESS_KEY": secret}
    metadata = {"name": names.STORE_SECRET}
    place.kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})


def allowed(namespace: str) -> list[dict[str, Any]]:
    """The policy on the page, for a namespace and the bucket of these tests."""
    (text,) = re.findall(r"```json\n(\{.*?\n\})\n```", PAGE, re.DOTALL)
    text = text.replace("team-data", first_store.BUCKET).replace("kedge/runs", "runs").replace("kedge/cache", "cache")
    policy = json.loads(text.replace("/etl/", f"/{namespace}/"))
    return [{**one, "Principal": {"AWS": [namespace]}} for one in policy["Statement"]]


def test_jobs_run_with_the_credentials_of_their_namespace(places: tuple[Place, Place]) -> None:
    ops = [
        op("ten", outputs=[{"name": "result", "dynamic": True}]),
        op("add_one", inputs={"x": {"map": "ten"}}),
        op("total", inputs={"values": {"collect": "add_one"}}),
    ]
    for place in places:
        job = place.submit({"ops": ops, "maxConcurrent": 5})
        assert place.ended(job)["phase"] == "Succeeded"
        planned = place.submit(
            {"entrypoint": "pod_jobs:doubles", "runConfig": {"ops": {"numbers": {"config": {"count": 2}}}}}
        )
        assert place.ended(planned)["phase"] == "Succeeded"


def test_a_hostile_step_reads_and_writes_nothing_of_another_namespace(places: tuple[Place, Place]) -> None:
    etl, ml = places
    job = etl.submit({"ops": [op("one")]})
    assert etl.ended(job)["phase"] == "Succeeded"
    (outcome,) = etl.outcomes(job)["one"]
    config = {
        "theirs": {"value": outcome.outputs["result"]["value"]["path"], "prefix": etl.paths(job).prefix},
        "own": f"runs/{ml.namespace}",
    }
    tries = ml.submit({"ops": [{"name": "tries", "entrypoint": "greedy:tries_the_store", "config": config}]})
    assert ml.ended(tries)["phase"] == "Succeeded"
    (found,) = ml.outcomes(tries)["tries"]
    told = json.loads(ml.store.get(found.outputs["result"]["value"]["path"]))
    assert told == {"read": "refused", "written": "refused", "listed": "refused", "deleted": "refused", "own": "listed"}
    assert etl.store.exists(config["theirs"]["value"])


def test_a_job_takes_over_nothing_of_another_namespace(places: tuple[Place, Place]) -> None:
    etl, ml = places
    job = etl.submit({"ops": [op("one"), op("raises")]})
    assert etl.ended(job)["phase"] == "Failed"
    again = ml.submit({"ops": [op("one"), op("raises")], "reexecute": {"from": job}})
    status = ml.ended(again)
    assert conditions(status)["Planned"].startswith("False")
    assert f"{job} is no OpJob here" in status["message"]
