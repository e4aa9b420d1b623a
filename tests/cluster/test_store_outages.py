"""A store that is away: for a while it is waited for, for good it fails the run with the cause."""

from __future__ import annotations

import pytest
from cluster_runs import op
from kedge_installed import STORE_URL, Installed, conditions

from manifests import first_store, names

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("outages")]

SETTINGS = {"store": {"patienceSeconds": 25}}
"""A test waits for this to be over; what a real operator is told is ten minutes."""


def test_a_store_that_is_away_for_a_while_is_waited_for(kedge: Installed) -> None:
    name = "waits_for_its_store_to_go"
    job = kedge.submit({"ops": [op(name), op("says", inputs={"x": {"from": name}})]})
    pod = kedge.running(job, name)["metadata"]["name"]
    kedge.cut_off_store()
    try:
        for line in kedge.lines(pod):
            if "has to wait" in line:
                break
        else:
            raise AssertionError("the worker did not wait for the store")
    finally:
        kedge.reach_store()
    status = kedge.ended(job)
    assert (status["phase"], status["steps"]["retries"]) == ("Succeeded", 0)


def test_a_store_that_does_not_come_back_fails_the_run_with_the_cause(kedge: Installed) -> None:
    kedge.cut_off_store()
    kedge.kill_operator()  # one that has a connection left would keep it
    try:
        job = kedge.submit({"ops": [op("one")]})
        waiting = kedge.until(job, lambda status: status.get("reason") == "StoreUnavailable")
        assert waiting["phase"] == "Pending"
        status = kedge.ended(job)
        assert conditions(status)["Failed"] == "True StoreUnavailable"
        assert STORE_URL in status["message"]
    finally:
        kedge.reach_store()


def test_a_job_has_a_store_of_its_own(kedge: Installed) -> None:
    data = {**first_store.CREDENTIALS, **first_store.ENVIRONMENT, "SOMETHING_ELSE": "of the steps"}
    data["AWS_ENDPOINT_URL"] = f"http://{names.STORE_SECRET}.{kedge.namespace}:7070"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "own"}, "stringData": data}
    kedge.kubectl.apply(secret)
    kedge.allow_job_stores()
    job = kedge.submit({"ops": [op("one")], "store": {"url": "s3://kedge/own", "secretName": "own"}})
    assert kedge.ended(job)["phase"] == "Succeeded"
    assert [info.path for info in kedge.store.list(f"own/{kedge.paths(job).prefix}/values")]


def test_a_store_that_is_none_is_told_at_once(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("one")], "store": {"url": "s3://kedge/elsewhere", "secretName": "nobodys"}})
    status = kedge.ended(job)
    assert conditions(status)["Failed"] == "True StoreUnavailable"
    assert "may not read Secret" in status["message"] or "no Secret nobodys" in status["message"]
