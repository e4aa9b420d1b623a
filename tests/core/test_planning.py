from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kedge.core.errors import ProtocolError
from kedge.core.hints import Announce
from kedge.core.planning import PlanFault, Planned, PlanTicket
from kedge.core.protocol import Ticket, Times

GOLDEN = Path(__file__).parents[1] / "data" / "protocol"
TICKET = json.loads((GOLDEN / "plan-ticket.v1.json").read_text())
RECORDS = json.loads((GOLDEN / "planned.v1.json").read_text())


def test_a_plan_ticket_of_version_1_is_still_read_and_written_the_same() -> None:
    ticket = PlanTicket.from_json(TICKET)
    to = Announce("10.0.0.7", 7420, "0123456789abcdef0123456789abcdef")
    assert ticket == PlanTicket("sizes-01234567", "runs/team/sizes-01234567", "sha256:00", 2, to)
    assert ticket.to_json() == json.loads(ticket.to_text()) == TICKET


def test_plan_records_of_version_1_are_still_read_and_written_the_same() -> None:
    good, bad = [Planned.from_json(one) for one in RECORDS]
    assert good.graph_digest == "00112233445566778899aabbccddeeff"
    assert good.times == Times(1000.0, ended=1002.5)
    assert bad.spec is None
    assert bad.errors == (
        PlanFault("DagsterInvalidConfigError", "ops:one:config:n: expected an integer", "ops:one:config:n"),
        PlanFault("TargetError", "importing jobs failed: KeyError: 'X'", stack='  File "jobs.py", line 1\n'),
    )
    assert [json.loads(one.to_bytes()) for one in (good, bad)] == RECORDS


def test_what_was_planned_is_laid_over_what_was_given() -> None:
    planned = Planned(1, {"ops": [], "tags": {"a": "1", "b": "2"}})
    given = {"entrypoint": "jobs:j", "tags": {"a": "1"}}
    assert planned.over(given) == {"entrypoint": "jobs:j", "ops": [], "tags": {"a": "1", "b": "2"}}
    assert Planned(1).over(given) == given


def test_no_plan_record_says_more_than_a_compiler_and_an_executor() -> None:
    planned = Planned(
        1,
        {
            "ops": [],
            "image": "theirs",
            "maxConcurrent": 3,
            "podTemplate": {},
            "store": {"url": "s3://elsewhere"},
            "reexecute": {"from": "other"},
            "allowPickle": True,
            "cancel": True,
        },
    )
    given = {"entrypoint": "jobs:j", "image": "given", "allowPickle": False}
    assert planned.over(given) == {**given, "ops": [], "maxConcurrent": 3, "podTemplate": {}}


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "step"}, {"kind": None}, {"attempt": 0}, {"attempt": None}, {"announce": {"host": "h"}}],
)
def test_a_plan_ticket_of_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="no plan ticket"):
        PlanTicket.from_json({**TICKET, **wrong})


def test_a_ticket_of_one_kind_is_not_read_as_the_other() -> None:
    step = json.loads((GOLDEN / "ticket.v1.json").read_text())
    with pytest.raises(ProtocolError, match="no plan ticket"):
        PlanTicket.from_json(step)
    with pytest.raises(ProtocolError, match="no ticket"):
        Ticket.from_json(TICKET)


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempt": "one"},
        {"spec": None},
        {"spec": {"maxConcurrent": 2}},
        {"spec": {"ops": "many"}},
        {"spec": None, "errors": []},
        {"errors": ["bad"]},
        {"errors": [{"message": "bad"}]},
        {"times": {"started": float("nan")}},
    ],
)
def test_a_poisoned_plan_record_is_refused_as_such(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="no plan record"):
        Planned.from_json({**RECORDS[0], **wrong})
