"""Announced outcomes change nothing but time: switched off, forged, or sent too often, runs end the same."""

from __future__ import annotations

from typing import Any

import pytest
from cluster_runs import hints, op
from kedge_installed import Installed, state_of

from kedge.core.hints import Hint

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("announcements")]

CHAIN = [
    op("one"),
    op("add_one", inputs={"x": {"from": "one"}}),
    op("more", "add_one", inputs={"x": {"from": "add_one"}}),
]


def test_each_step_announces_its_outcome(kedge: Installed) -> None:
    before = hints(kedge).get("taken", 0)
    job = kedge.submit({"ops": CHAIN})
    assert kedge.ended(job)["phase"] == "Succeeded"
    assert hints(kedge)["taken"] - before == 3


def test_the_next_step_starts_before_the_last_ones_pod_is_reported_ended(kedge: Installed) -> None:
    first = op("outlasts_its_record", pod={"env": [{"name": "WORD", "value": "announced"}]})
    job = kedge.submit({"ops": [first, op("says", inputs={"x": {"from": "outlasts_its_record"}})]})
    kedge.pod(job, "says")
    (pod,) = kedge.pods(job, "outlasts_its_record")
    assert "terminated" not in state_of(pod)
    kedge.store.put("words/announced", b"")
    assert kedge.ended(job)["phase"] == "Succeeded"


def test_forged_and_flooding_hints_are_dropped(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("waits_for_a_word", pod={"env": [{"name": "WORD", "value": "forged"}]})]})
    kedge.running(job, "waits_for_a_word")
    uid = kedge.get(job)["metadata"]["uid"]
    forged = Hint(uid, "0123456789abcdef", 1, "0" * 32).to_bytes().decode()
    address, port = kedge.operator_pods()[0]["status"]["podIP"], 8091
    code = (
        "import socket\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"[s.sendto(data, ({address!r}, {port})) for data in [{forged!r}.encode(), b'nonsense', b'x' * 2000] * 5000]\n"
    )
    kedge.run_python("floods", code)
    kedge.store.put("words/forged", b"")
    status = kedge.ended(job)
    assert (status["phase"], status["steps"]["retries"]) == ("Succeeded", 0)
    found = hints(kedge)
    assert found["forged"] > 0
    assert found["malformed"] > 0


@pytest.mark.parametrize(
    "announce", [{"enabled": False}, {"host": "192.0.2.9"}], ids=["switched off", "lost on their way"]
)
def test_without_announcements_runs_end_the_same(kedge: Installed, announce: dict[str, Any]) -> None:
    kedge.configure(announce=announce)
    try:
        job = kedge.submit({"ops": CHAIN})
        assert kedge.ended(job)["phase"] == "Succeeded"
        assert [len(found) for found in kedge.outcomes(job).values()] == [1, 1, 1]
        assert hints(kedge) == {}
    finally:
        kedge.configure()
