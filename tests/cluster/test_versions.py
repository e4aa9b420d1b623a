"""Workers of other releases than the operator's: those next to it work, others are refused at once, with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cluster_runs import op
from kedge_installed import Installed, conditions

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("failures")]


def of_release(release: str) -> dict[str, Any]:
    return {"env": [{"name": "ANOTHER_RELEASE", "value": release}]}


def test_a_worker_of_the_next_release_works_beside_those_of_this_one(kedge: Installed) -> None:
    after = op("add_one", inputs={"x": {"from": "one"}})
    job = kedge.submit({"ops": [op("one", pod=of_release("newer")), after]})
    assert kedge.ended(job)["phase"] == "Succeeded"
    assert "news" in json.loads(kedge.store.get(f"{kedge.paths(job).outcomes}one/1.json"))


@pytest.mark.parametrize(
    ("release", "told"),
    [
        (
            "reads 2",
            "one: VersionMismatch: its container exited with code 5: kedge.worker: no usable ticket or store: ticket "
            "of version 1; this Kedge reads 2.",
        ),
        ("writes 2", "one: VersionMismatch: outcome of version 2; this Kedge reads 1."),
    ],
)
def test_a_worker_of_a_release_too_far_away_is_refused_at_once(kedge: Installed, release: str, told: str) -> None:
    job = kedge.submit({"ops": [op("one", pod=of_release(release)), op("more", "one")]})
    status = kedge.ended(job)
    assert status["phase"] == "Failed"
    assert told in status["message"]
    assert "Use an image of the same minor version" in status["message"]
    assert (status["steps"]["retries"], status["steps"]["succeeded"]) == (0, 1)
    assert len(kedge.pods(job, "one")) == 1


def test_a_plan_pod_of_a_release_too_far_away_is_refused_at_once(kedge: Installed) -> None:
    template = {"spec": {"containers": [{"name": "step", **of_release("reads 2")}]}}
    job = kedge.submit({"entrypoint": "pod_jobs:doubles", "podTemplate": template})
    status = kedge.ended(job)
    assert conditions(status)["Planned"].startswith("False")
    assert "plan ticket of version 1; this Kedge reads 2" in status["message"]
    assert len(kedge.pods(job)) == 1


def test_user_code_that_ends_its_process_with_that_code_is_no_other_release(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("ends_with_code_5")], "infrastructureRetries": 0})
    status = kedge.ended(job)
    assert "VersionMismatch" not in status["message"]
    assert "exited with code 5" in status["message"]
