"""What is too long for a ticket, and a ticket too long for an environment variable, kept in the store.

Engines write them before they start an attempt; the worker reads them back and checks that they are what was meant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kedge.core.errors import ProtocolError
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.protocol import MOST_BYTES, UNREADABLE, Binding, Index, Listing, Ticket, TicketRef, read_json
from kedge.io.digests import digest
from kedge.io.errors import ObjectExists, ObjectMissing, ObjectTooLarge
from kedge.io.stores import Store

if TYPE_CHECKING:
    from kedge.core.planning import PlanTicket

TICKET_BYTES = 16 << 10
"""A larger ticket goes into the store: pods are kept small for etcd, and environments have a limit too."""
INDEX_BYTES = 1 << 30
"""The most that is read of a listing: engines write them, of as many members as a run has clones."""


def with_indexes(
    store: Store, paths: RunPaths, step: StepKey, bindings: Mapping[str, Binding], most: int
) -> dict[str, Binding]:
    """The bindings of a step, listings of more than `most` members put into the store and pointed to."""
    return {name: _indexed(store, paths.index(step, name), one, most) for name, one in bindings.items()}


def _indexed(store: Store, path: str, binding: Binding, most: int) -> Binding:
    if not isinstance(binding, Listing) or _size_of(binding) <= most:
        return binding
    data = json.dumps(binding.to_json(), separators=(",", ":")).encode()
    store.put(path, data)
    return Index(path, len(binding.members), digest(data))


def _size_of(listing: Listing) -> int:
    return sum(_size_of(one) if isinstance(one, Listing) else 1 for one in listing.members)


def read_index(store: Store, paths: RunPaths, index: Index) -> Listing:
    """The listing of this run behind a pointer.

    Raises ProtocolError when another one lies there, or it would be none of this run, and what the store raises.
    """
    if not paths.has_index(index.path):
        raise ProtocolError(f"{index.path[:500]!r} is no listing of {paths.prefix}; a ticket of it names no other")
    data = _checked(store, index.path, index.digest, "listing", INDEX_BYTES)
    try:
        return Listing.from_json(json.loads(data))
    except UNREADABLE as error:
        raise ProtocolError(f"{index.path} is no listing: {type(error).__name__}: {error}") from error


def ticket_text(store: Store, paths: RunPaths, ticket: Ticket) -> str:
    """What goes into $KEDGE_TICKET: the ticket, or where a ticket of more than 16 KiB was put.

    One that an earlier engine has put there for the same attempt stands: a pod that points to it may have been made.
    What says something else than this ticket is none of an engine, and is overwritten.
    """
    text = ticket.to_text()
    data = text.encode()
    if len(data) <= TICKET_BYTES:
        return text
    path = paths.ticket(ticket.step, ticket.attempt)
    try:
        store.put(path, data, create=True)
    except ObjectExists:
        earlier = _earlier(store, path, ticket)
        if earlier is None:
            store.put(path, data)
        else:
            data = earlier
    return TicketRef(path, digest(data)).to_text()


def _earlier(store: Store, path: str, ticket: Ticket) -> bytes | None:
    """The bytes of the ticket that is there, if it says the same but for when it was made and who is to be told."""
    try:
        data = store.get(path, most=MOST_BYTES)
        found = Ticket.from_json(read_json(data, "the ticket"))
    except (ProtocolError, ObjectMissing, ObjectTooLarge):
        return None
    same = replace(ticket, ready=found.ready, launched=found.launched, announce=found.announce)
    return data if found.to_json() == json.loads(same.to_text()) else None


def read_ticket(store: Store, text: str) -> Ticket | PlanTicket:
    """The ticket in $KEDGE_TICKET, or in the store where that points.

    Raises ProtocolError for what is no ticket, or not the one that was meant, and what the store raises.
    """
    data = read_json(text, "the ticket")
    if isinstance(data, dict) and "at" in data:
        return _referred(store, TicketRef.from_json(data))
    if isinstance(data, dict) and "kind" in data:
        from kedge.core.planning import PlanTicket  # steps are many, and go without

        return PlanTicket.from_json(data)
    return Ticket.from_json(data)


def _referred(store: Store, ref: TicketRef) -> Ticket:
    """The ticket in the store. It has to be that of the run and the attempt whose place it lies at."""
    found = Ticket.from_json(read_json(_checked(store, ref.at, ref.digest, "ticket", MOST_BYTES), "the ticket"))
    if ref.at != RunPaths(found.prefix).ticket(found.step, found.attempt):
        raise ProtocolError(
            f"{ref.at} in {store.url} is the ticket of {found.step}, attempt {found.attempt}, of {found.prefix}, whose "
            "place is another"
        )
    return found


def _checked(store: Store, path: str, wanted: str, what: str, most: int) -> bytes:
    data = store.get(path, most=most)
    if digest(data) != wanted:
        raise ProtocolError(f"{path} in {store.url} is not the {what} that was meant")
    return data
