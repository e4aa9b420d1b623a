"""Operator and workers of two minor releases side by side: what each may find in what the other wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kedge.core.document import PlanDocument
from kedge.core.errors import ProtocolError, VersionMismatch
from kedge.core.planning import Planned, PlanTicket
from kedge.core.protocol import PROTOCOL_VERSION, READS, Outcome, Ticket, TicketRef

GOLDEN = Path(__file__).parents[1] / "data" / "protocol"
READERS: dict[str, Callable[[Any], Any]] = {
    "ticket": Ticket.from_json,
    "ticket-announced": Ticket.from_json,
    "ticket-ref": TicketRef.from_json,
    "outcome": Outcome.from_json,
    "plan-ticket": PlanTicket.from_json,
    "planned": Planned.from_json,
    "plan": lambda data: PlanDocument.from_bytes(json.dumps(data).encode()),
}
FREE = (
    "value",
    "metadata",
    "record",
    "runConfig",
    "spec",
    "config",
    "inputs",
    "outputs",
    "labels",
    "tags",
    "events",
    "pod",
    "resources",
)
"""What lies below these is data of users, or goes by names of theirs."""


def documents() -> Iterator[Any]:
    for kind, read in READERS.items():
        for version in sorted(READS):
            found = json.loads((GOLDEN / f"{kind}.v{version}.json").read_text(encoding="utf-8"))
            for number, one in enumerate(found if isinstance(found, list) else [found]):
                yield pytest.param(read, one, id=f"{kind} v{version} {number}")


DOCUMENTS = list(documents())


def with_news(found: Any) -> Any:
    """The same with a field that nobody has heard of in each object of ours."""
    if isinstance(found, list):
        return [with_news(one) for one in found]
    if not isinstance(found, dict):
        return found
    return {name: one if name in FREE else with_news(one) for name, one in found.items()} | {"news": {"of": ["a", 1]}}


@pytest.mark.parametrize(("read", "found"), DOCUMENTS)
def test_fields_that_a_newer_release_adds_are_passed_over(read: Callable[[Any], Any], found: Any) -> None:
    assert "news" in with_news(found)
    assert read(with_news(found)) == read(found)


@pytest.mark.parametrize(("read", "found"), DOCUMENTS)
@pytest.mark.parametrize("version", [0, PROTOCOL_VERSION + 1, 99])
def test_a_version_that_is_not_read_is_told_apart(read: Callable[[Any], Any], found: Any, version: int) -> None:
    with pytest.raises(
        VersionMismatch, match=f"of version {version}; this Kedge reads 1\\. Use an image of the same minor"
    ):
        read({**found, "version": version})


@pytest.mark.parametrize(("read", "found"), DOCUMENTS)
@pytest.mark.parametrize("version", [None, "1", 1.0, True, [1]])
def test_what_says_no_version_is_none(read: Callable[[Any], Any], found: Any, version: Any) -> None:
    with pytest.raises(ProtocolError, match="says no version") as told:
        read({**found, "version": version})
    assert not isinstance(told.value, VersionMismatch)


def test_there_is_a_golden_file_of_each_version_that_is_read() -> None:
    assert PROTOCOL_VERSION in READS
    kinds = {path.name.split(".")[0] for path in GOLDEN.iterdir()}
    for version in READS:
        assert {path.name.split(".")[0] for path in GOLDEN.glob(f"*.v{version}.json")} == kinds


def test_a_plan_of_version_1_is_still_read_and_written_the_same() -> None:
    data = json.loads((GOLDEN / "plan.v1.json").read_text(encoding="utf-8"))
    document = PlanDocument.from_bytes(json.dumps(data).encode())
    assert [op.name for op in document.graph] == ["list_files", "size", "total"]
    assert (document.settings.max_concurrent, document.settings.fail_fast) == (5, True)
    assert document.op_selection == ("*total",)
    assert document.to_json() == data
