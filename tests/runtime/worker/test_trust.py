"""What a worker believes of records and tickets that anybody may have written: no more than it has to."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from worker_pod import PATHS, Pod

from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.protocol import Failure, Index, Listing, Single, SourceRef, TicketRef
from kedge.core.settings import RunSettings
from kedge.io.digests import digest
from kedge.io.values import write_value

GIVES, MANY = StepKey("gives"), StepKey("many")
OTHER = RunPaths("runs/other/job-89abcdef")
EARLIER = RunPaths("runs/team/earlier-89abcdef")


class Trap:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return io.open, (str(self.path), "w")


@pytest.fixture
def pod(pod: Pod) -> Pod:
    """A pod of the jobs that read."""
    pod.job = "trust_jobs.py:trusts"
    return pod


def sprung(pod: Pod) -> bool:
    """Whether what was laid out has been unpickled."""
    return (pod.folder / "sprung").exists()


def trapped(pod: Pod, path: str) -> dict[str, Any]:
    """A record of a pickle at a path, which is there."""
    return {"value": write_value(pod.store, path, Trap(pod.folder / "sprung")).to_json()}


def single(record: Any, step: str = "gives") -> Single:
    return Single(SourceRef(StepKey(step), "result", None, record))


def refused(pod: Pod, step: str) -> Failure:
    """Why a step failed, for good and without having read anything."""
    outcome = pod.outcome(step)
    assert outcome is not None
    failure = outcome.failure
    assert failure is not None
    assert not failure.retryable
    assert not (pod.folder / "read").exists()
    assert not sprung(pod)
    return failure


def test_a_value_of_another_namespace_is_refused_unread(pod: Pod) -> None:
    record = trapped(pod, OTHER.value(GIVES, "result", None, 1))
    assert pod.run(pod.ticket("reads", x=single(record)).to_text()).returncode == 1
    cause = refused(pod, "reads").cause
    assert cause is not None
    assert cause.error == "ValueForbidden"
    assert "namespace team" in cause.message


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../store/runs/other/job-89abcdef/values/gives/1/result",
        f"{PATHS.prefix}/values/../../../other/job-89abcdef/values/gives/1/result",
        f"{PATHS.prefix}/plan.json",
        f"{PATHS.prefix}/outcomes/gives/1.json",
        "cache/team/entry.json",
    ],
)
def test_a_path_that_is_no_values_is_refused(pod: Pod, path: str) -> None:
    record = trapped(pod, OTHER.value(GIVES, "result", None, 1))
    record["value"]["path"] = path
    assert pod.run(pod.ticket("reads", x=single(record)).to_text()).returncode == 1
    assert "ValueForbidden" in str(refused(pod, "reads").cause)


def test_a_value_of_an_earlier_run_of_the_namespace_is_read(pod: Pod) -> None:
    record = {"value": write_value(pod.store, EARLIER.value(GIVES, "result", None, 1), {"a": 1}).to_json()}
    assert pod.run(pod.ticket("reads", x=single(record)).to_text()).returncode == 0
    assert (pod.folder / "read").read_text() == "{'a': 1}"


@pytest.mark.parametrize("path", [OTHER.value(StepKey("writes"), "result", None, 1), f"{PATHS.prefix}/plan.json", 7])
def test_a_file_elsewhere_is_refused(pod: Pod, path: Any) -> None:
    pod.store.put(OTHER.value(StepKey("writes"), "result", None, 1), b"secret")
    assert pod.run(pod.ticket("reads_words", x=single({"file": path}, "writes")).to_text()).returncode == 1
    assert "ValueForbidden" in str(refused(pod, "reads_words").cause)


@pytest.mark.parametrize("run", ["../../elsewhere", "/elsewhere", "..", ["x"]])
def test_a_run_that_is_a_path_is_refused(pod: Pod, run: Any) -> None:
    for place in (pod.folder / "elsewhere", pod.folder / "base"):
        (place / "pickles").mkdir(parents=True)
        (place / "pickles" / "result").write_bytes(pickle.dumps(Trap(pod.folder / "sprung")))
    ticket = pod.ticket("reads_pickles", x=single({"external": True, "run": run}, "pickles"))
    assert pod.run(ticket.to_text()).returncode == 1
    assert "ValueForbidden" in str(refused(pod, "reads_pickles").cause)


def test_a_listing_of_another_run_is_refused(pod: Pod) -> None:
    record = {"value": write_value(pod.store, PATHS.value(MANY, "result", "a", 1), 1).to_json()}
    data = json.dumps(Listing([SourceRef(MANY, "result", "a", record)]).to_json()).encode()
    for paths, code in ((PATHS, 0), (EARLIER, 1)):
        path = paths.index(StepKey("reads_all"), "xs")
        pod.store.put(path, data)
        ticket = replace(pod.ticket("reads_all"), attempt=code + 1, inputs={"xs": Index(path, 1, digest(data))})
        assert pod.run(ticket.to_text()).returncode == code
    assert (pod.folder / "read").read_text() == "[1]"


def test_a_ticket_at_anothers_place_is_refused(pod: Pod) -> None:
    data = pod.ticket("gives").to_text().encode()
    places = (PATHS.ticket(GIVES, 1), PATHS.ticket(GIVES, 2), PATHS.ticket(MANY, 1), OTHER.ticket(GIVES, 1))
    codes = []
    for place in places:
        pod.store.put(place, data)
        done = pod.run(TicketRef(place, digest(data)).to_text())
        codes.append((done.returncode, "whose place is another" in done.stderr))
    assert codes == [(0, False), (4, True), (4, True), (4, True)]


# -- sizes -------------------------------------------------------------------------------------------------------------


def test_a_record_that_nobody_would_read_is_left_as_a_failure(pod: Pod) -> None:
    assert pod.run(pod.ticket("talks").to_text()).returncode == 1
    failure = refused(pod, "talks")
    assert failure.error == "ProtocolError"
    assert "the record of step talks, attempt 1 has 346" in failure.message


def test_a_value_larger_than_its_record_says_is_not_read(pod: Pod) -> None:
    record = {"value": write_value(pod.store, PATHS.value(GIVES, "result", None, 1), "x").to_json()}
    pod.store.put(record["value"]["path"], bytes(1000))
    assert pod.run(pod.ticket("reads", x=single(record)).to_text()).returncode == 1
    outcome = pod.outcome("reads")
    assert outcome is not None
    assert "torn; expected 3 bytes, found 1000" in str(outcome.failure)


# -- pickles -----------------------------------------------------------------------------------------------------------

FORBIDDEN = [(False, None), (False, "true"), (True, "false"), (True, "no"), (True, "")]


def forbid(pod: Pod, job: bool, administrator: str | None) -> None:
    pod.settings = RunSettings(allow_pickle=job)
    if administrator is not None:
        pod.environment["KEDGE_ALLOW_PICKLE"] = administrator


@pytest.mark.parametrize(("job", "administrator"), FORBIDDEN)
def test_where_pickles_are_forbidden_none_is_written(pod: Pod, job: bool, administrator: str | None) -> None:
    forbid(pod, job, administrator)
    assert pod.run(pod.ticket("gives_a_set").to_text()).returncode == 1
    cause = refused(pod, "gives_a_set").cause
    assert cause is not None
    assert (cause.error, "builtins.set" in cause.message, "allowPickle" in cause.message) == (
        "ValueForbidden",
        True,
        True,
    )
    assert list(pod.store.list(f"{PATHS.prefix}/values")) == []


@pytest.mark.parametrize(("job", "administrator"), FORBIDDEN)
def test_where_pickles_are_forbidden_none_is_read(pod: Pod, job: bool, administrator: str | None) -> None:
    forbid(pod, job, administrator)
    record = trapped(pod, PATHS.value(GIVES, "result", None, 1))
    assert pod.run(pod.ticket("reads", x=single(record)).to_text()).returncode == 1
    assert "ValueForbidden" in str(refused(pod, "reads").cause)


@pytest.mark.parametrize("step", ["pickles", "reads_pickles"])
def test_where_pickles_are_forbidden_folders_of_pickles_are_too(pod: Pod, step: str) -> None:
    forbid(pod, False, None)
    given = {} if step == "pickles" else {"x": single({"external": True, "run": "r"}, "pickles")}
    assert pod.run(pod.ticket(step, **given).to_text()).returncode == 1
    assert "ValueForbidden" in str(refused(pod, step).cause)


@pytest.mark.parametrize(("job", "administrator"), [(True, None), (True, "true")])
def test_elsewhere_pickles_are_written_and_read(pod: Pod, job: bool, administrator: str | None) -> None:
    forbid(pod, job, administrator)
    assert pod.run(pod.ticket("gives_a_set").to_text()).returncode == 0
    record = trapped(pod, PATHS.value(GIVES, "result", None, 1))
    assert pod.run(pod.ticket("reads", x=single(record)).to_text()).returncode == 0
    assert sprung(pod)


def test_other_values_need_no_pickles(pod: Pod) -> None:
    forbid(pod, False, "false")
    assert pod.run(pod.ticket("gives").to_text()).returncode == 0
    outcome = pod.outcome("gives")
    assert outcome is not None
    assert pod.run(pod.ticket("reads", x=single(outcome.outputs["result"])).to_text()).returncode == 0
    assert (pod.folder / "read").read_text() == "1"
