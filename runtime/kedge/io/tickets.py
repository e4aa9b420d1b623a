"""What is too long for a ticket, and a ticket too long for an environment variable, kept in the store.

Engines write them before they start an attempt; the worker reads them back and checks that they are what was meant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kedge.core.errors import ProtocolError
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.protocol import Binding, Index, Listing, Ticket, TicketRef
from kedge.io.digests import digest
from kedge.io.errors import ObjectExists
from kedge.io.stores import Store

if TYPE_CHECKING:
    from kedge.core.planning import PlanTicket

TICKET_BYTES = 16 << 10
"""A larger ticket goes into the store: pods are kept small for etcd, and environments have a limit too."""


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


def read_index(store: Store, index: Index) -> Listing:
    """The listing behind a pointer. Raises ProtocolError when another one lies there, and what the store raises."""
    return Listing.from_json(json.loads(_checked(store, index.path, index.digest, "listing")))


def ticket_text(store: Store, paths: RunPaths, ticket: Ticket) -> str:
    """What goes into $KEDGE_TICKET: the ticket, or where a ticket of more than 16 KiB was put.

    One that an earlier engine has put there for the same attempt stands: a pod that points to it may have been made.
    """
    text = ticket.to_text()
    data = text.encode()
    if len(data) <= TICKET_BYTES:
        return text
    path = paths.ticket(ticket.step, ticket.attempt)
    try:
        store.put(path, data, create=True)
    except ObjectExists:
        data = store.get(path)
    return TicketRef(path, digest(data)).to_text()


def read_ticket(store: Store, text: str) -> Ticket | PlanTicket:
    """The ticket in $KEDGE_TICKET, or in the store where that points.

    Raises ProtocolError for what is no ticket, or not the one that was meant, and what the store raises.
    """
    data = _parsed(text)
    if isinstance(data, dict) and "at" in data:
        ref = TicketRef.from_json(data)
        data = _parsed(_checked(store, ref.at, ref.digest, "ticket"))
    if isinstance(data, dict) and "kind" in data:
        from kedge.core.planning import PlanTicket  # steps are many, and go without

        return PlanTicket.from_json(data)
    return Ticket.from_json(data)


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ProtocolError(f"the ticket is no JSON: {error}") from error


def _checked(store: Store, path: str, wanted: str, what: str) -> bytes:
    data = store.get(path)
    if digest(data) != wanted:
        raise ProtocolError(f"{path} in {store.url} is not the {what} that was meant")
    return data
