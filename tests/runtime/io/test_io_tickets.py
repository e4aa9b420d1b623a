"""Tickets of every size find their way to a worker, and no other than the one that was meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kedge.core.errors import ProtocolError
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.planning import PlanTicket
from kedge.core.protocol import MOST_BYTES, Binding, Constant, Index, Listing, Single, SourceRef, Ticket
from kedge.io.errors import ObjectMissing
from kedge.io.stores import Store
from kedge.io.tickets import TICKET_BYTES, read_index, read_ticket, ticket_text, with_indexes

PATHS = RunPaths("runs/team/sizes-01234567")
STEP = StepKey("total", ("gen_1",))


def ticket(value: object) -> Ticket:
    return Ticket("sizes", PATHS.prefix, "00", STEP, 2, 1, {"x": Constant(value)}, 1.0, 2.0)


def test_a_small_ticket_is_its_text(file_store: Store) -> None:
    text = ticket(1).to_text()
    assert ticket_text(file_store, PATHS, ticket(1)) == text
    assert read_ticket(file_store, text) == ticket(1)
    assert list(file_store.list()) == []


def test_a_large_ticket_lies_in_the_store_and_its_text_stays_small(store: Store) -> None:
    large = ticket("ü" * TICKET_BYTES)
    text = ticket_text(store, PATHS, large)
    assert len(text) < 300
    assert [info.path for info in store.list()] == [PATHS.ticket(STEP, 2)]
    assert read_ticket(store, text) == large


def test_the_limit_is_in_bytes_and_just_fits(file_store: Store) -> None:
    room = TICKET_BYTES - len(ticket("").to_text())
    assert read_ticket(file_store, ticket_text(file_store, PATHS, ticket("x" * room))) == ticket("x" * room)
    assert list(file_store.list()) == []
    ticket_text(file_store, PATHS, ticket("x" * (room + 1)))
    assert file_store.exists(PATHS.ticket(STEP, 2))


def test_the_ticket_that_an_earlier_engine_put_there_stands(file_store: Store) -> None:
    first = ticket("x" * TICKET_BYTES)
    of_first = ticket_text(file_store, PATHS, first)
    of_second = ticket_text(file_store, PATHS, replace(first, launched=3.0))
    assert of_second == of_first
    assert read_ticket(file_store, of_first) == first


@pytest.mark.parametrize("there", ["other", "elsewhere", "nothing", "large"])
def test_what_no_engine_has_put_there_does_not_stand(file_store: Store, there: str) -> None:
    """A step pod could put it there, for another to be started with."""
    mine = ticket("x" * TICKET_BYTES)
    theirs = {
        "other": ticket("y" * TICKET_BYTES).to_text(),
        "elsewhere": replace(mine, prefix="runs/other/job-89abcdef").to_text(),
        "nothing": "[" * 100_000,
        "large": " " * (MOST_BYTES + 1),
    }
    file_store.put(PATHS.ticket(STEP, 2), theirs[there].encode())
    assert read_ticket(file_store, ticket_text(file_store, PATHS, mine)) == mine


def test_another_ticket_than_the_one_meant_is_refused(file_store: Store) -> None:
    text = ticket_text(file_store, PATHS, ticket("x" * TICKET_BYTES))
    file_store.put(PATHS.ticket(STEP, 2), ticket("y" * TICKET_BYTES).to_text().encode())
    with pytest.raises(ProtocolError, match=r"tickets/total\[gen_1\]/2.json in file://.* is not the ticket that was"):
        read_ticket(file_store, text)
    file_store.delete([PATHS.ticket(STEP, 2)])
    with pytest.raises(ObjectMissing):
        read_ticket(file_store, text)


@pytest.mark.parametrize("text", ["", "no json", "null", "[1]", '{"version": 1}', '{"version": 2, "at": "x"}'])
def test_what_is_no_ticket_is_refused(file_store: Store, text: str) -> None:
    with pytest.raises(ProtocolError, match="ticket"):
        read_ticket(file_store, text)


def test_a_plan_ticket_is_read_as_one(file_store: Store) -> None:
    plan = PlanTicket("sizes", PATHS.prefix, "sha256:00", 1)
    assert read_ticket(file_store, plan.to_text()) == plan


def listing(count: int) -> Listing:
    return Listing([SourceRef(StepKey("size", (f"k{n}",)), "result") for n in range(count)])


def test_a_long_listing_becomes_an_index_and_all_else_stays(file_store: Store) -> None:
    bindings: dict[str, Binding] = {
        "one": Single(SourceRef(StepKey("size"), "result")),
        "fits": listing(3),
        "long": listing(4),
        "nested": Listing([listing(2), listing(2)]),
    }
    found = with_indexes(file_store, PATHS, STEP, bindings, 3)
    assert (found["one"], found["fits"]) == (bindings["one"], bindings["fits"])
    long, nested = found["long"], found["nested"]
    assert isinstance(long, Index)
    assert isinstance(nested, Index)
    assert (long.path, long.count, nested.count) == (PATHS.index(STEP, "long"), 4, 2)
    assert read_index(file_store, PATHS, long) == bindings["long"]
    assert read_index(file_store, PATHS, nested) == bindings["nested"]


def test_another_listing_than_the_one_meant_is_refused(file_store: Store) -> None:
    index = with_indexes(file_store, PATHS, STEP, {"x": listing(2)}, 1)["x"]
    assert isinstance(index, Index)
    with_indexes(file_store, PATHS, STEP, {"x": listing(3)}, 1)
    with pytest.raises(ProtocolError, match="is not the listing that was meant"):
        read_index(file_store, PATHS, index)
