from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kedge.core.errors import ProtocolError
from kedge.core.hints import Announce
from kedge.core.ids import StepKey
from kedge.core.protocol import (
    MOST_CAUSES,
    Constant,
    Failure,
    Index,
    Listing,
    Outcome,
    OutcomeStatus,
    RetryRequest,
    Single,
    SourceRef,
    Ticket,
    TicketRef,
    Times,
    check_outputs,
)

GOLDEN = Path(__file__).parents[1] / "data" / "protocol"
TICKET = json.loads((GOLDEN / "ticket.v1.json").read_text())
ANNOUNCED = json.loads((GOLDEN / "ticket-announced.v1.json").read_text())
REF = json.loads((GOLDEN / "ticket-ref.v1.json").read_text())
OUTCOMES = json.loads((GOLDEN / "outcome.v1.json").read_text())


def test_a_ticket_of_version_1_is_still_read_and_written_the_same() -> None:
    ticket = Ticket.from_json(TICKET)
    assert ticket.step == StepKey("total", ("gen_1",))
    assert (ticket.attempt, ticket.retries) == (2, 1)
    assert (ticket.ready, ticket.launched) == (999.0, 999.5)
    size = {"value": {"size": 12}}
    assert ticket.inputs["element"] == Single(
        SourceRef(StepKey("list_files", ("gen_1",)), "names", "a_txt", {"value": {"size": 3}})
    )
    assert ticket.inputs["nothing"] == Constant(None)
    assert ticket.inputs["sizes"] == Listing(
        [
            SourceRef(StepKey("size", ("gen_1", "a_txt")), "result", None, size),
            Listing([SourceRef(StepKey("part", ("gen_1", "a_txt", "p")), "result")]),
            Listing([]),
        ]
    )
    assert ticket.inputs["many"] == Index(
        "runs/team/sizes-01234567/indexes/total[gen_1]/many.json", 10000, "blake2b:00"
    )
    assert ticket.announce is None
    assert ticket.to_json() == TICKET


def test_a_ticket_says_whom_to_tell() -> None:
    ticket = Ticket.from_json(ANNOUNCED)
    assert ticket.announce == Announce("10.0.0.7", 7420, "0123456789abcdef0123456789abcdef")
    assert ticket.to_json() == json.loads(ticket.to_text()) == ANNOUNCED


@pytest.mark.parametrize("wrong", ["10.0.0.7:7420", {}, {"host": "h", "port": 70000, "key": "k"}])
def test_a_ticket_that_names_nobody_to_tell_in_full_is_refused(wrong: Any) -> None:
    with pytest.raises(ProtocolError, match="no ticket"):
        Ticket.from_json({**ANNOUNCED, "announce": wrong})


def test_a_reference_to_a_ticket_of_version_1_is_still_read_and_written_the_same() -> None:
    ref = TicketRef.from_json(REF)
    assert ref == TicketRef("runs/team/sizes-01234567/tickets/total[gen_1]/2.json", "sha256:00")
    assert json.loads(ref.to_text()) == REF
    with pytest.raises(ProtocolError, match="no ticket"):
        TicketRef.from_json({"version": 1, "at": "x"})


def test_outcomes_of_version_1_are_still_read_and_written_the_same() -> None:
    found = [Outcome.from_json(one) for one in OUTCOMES]
    assert [one.status for one in found] == [OutcomeStatus.SUCCEEDED, OutcomeStatus.FAILED, OutcomeStatus.LOST]
    assert list(found[0].outputs["names"]) == ["b_txt", "a_txt"]
    assert found[0].times == Times(1000.0, 1000.5, 1002.25, 1002.5, ready=999.0, launched=999.5)
    assert found[1].failure == Failure(
        "RetryRequested",
        "again",
        "Traceback ...",
        request=RetryRequest(2, 1.5),
        metadata={"row": 7},
        cause=Failure("OSError", "disk", retryable=False),
    )
    assert [one.to_json() for one in found] == OUTCOMES


def _nested(depth: int) -> dict[str, Any]:
    failure: dict[str, Any] = {"error": "E", "message": "m"}
    for _ in range(depth):
        failure = {"error": "E", "message": "m", "cause": failure}
    return failure


@pytest.mark.parametrize(
    "wrong",
    [
        {"step": "a[", "attempt": 1},
        {"step": 7},
        {"attempt": "one"},
        {"attempt": None},
        {"attempt": 0},
        {"attempt": float("inf")},
        {"status": "finished"},
        {"outputs": ["result"]},
        {"outputs": None},
        {"times": {"started": "noon"}},
        {"times": {"started": 1, "ended": "later"}},
        {"times": {"started": 1, "ended": float("nan")}},
        {"times": {}},
        {"failure": "no"},
        {"failure": {"error": "E"}},
        {"failure": {"error": "E", "message": "m", "retryRequested": {"maxRetries": 1, "delaySeconds": float("nan")}}},
        {"failure": {"error": "E", "message": "m", "retryRequested": {"maxRetries": None, "delaySeconds": 1}}},
        {"failure": _nested(MOST_CAUSES + 1)},
        {"failure": _nested(5000)},
    ],
)
def test_a_poisoned_outcome_is_refused_as_such(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        Outcome.from_json({**OUTCOMES[0], **wrong})


@pytest.mark.parametrize("data", [None, [], "text", 1, {}, {"version": 1}])
def test_other_json_is_neither_ticket_nor_outcome(data: Any) -> None:
    for read in (Ticket.from_json, Outcome.from_json):
        with pytest.raises(ProtocolError):
            read(data)


@pytest.mark.parametrize("inputs", [{"x": {}}, {"x": 5}, {"x": {"from": {"step": "a"}}}, {"x": {"list": [5]}}, [1]])
def test_a_ticket_with_broken_inputs_is_refused(inputs: Any) -> None:
    with pytest.raises(ProtocolError):
        Ticket.from_json({**TICKET, "inputs": inputs})


@pytest.mark.parametrize(
    ("outputs", "fault"),
    [
        ({}, None),
        ({"plain": {}, "many": {}}, None),
        ({"many": {"a": {}, "b_1": {}}}, None),
        ({"other": {}}, "'other' that the op does not have"),
        ({"many": [1]}, "lists no keys"),
        ({"many": {"a/b": {}}}, "'a/b' is no mapping key"),
        ({"many": {"": {}}}, "is no mapping key"),
    ],
)
def test_outputs_must_fit_the_op(outputs: dict[str, Any], fault: str | None) -> None:
    outcome = Outcome(StepKey("a"), 1, OutcomeStatus.SUCCEEDED, outputs)
    found = check_outputs(outcome, {"plain": False, "many": True})
    assert found is None if fault is None else fault in (found or "")
