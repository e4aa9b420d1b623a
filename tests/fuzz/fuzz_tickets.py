"""Tickets, references to tickets, and tickets of plan pods: what stands in $KEDGE_TICKET, or in the store for it."""

from __future__ import annotations

import json
import uuid

from fuzzing import as_json, check_run_paths, golden, large_json, refusals, text_of

from kedge.core.layout import RunPaths, is_path
from kedge.core.planning import PlanTicket
from kedge.core.protocol import Index, Listing, Single, SourceRef, Ticket, TicketRef, read_json
from kedge.io.errors import StoreError
from kedge.io.stores import open_store
from kedge.io.tickets import read_ticket

_TICKET = json.loads(golden("protocol/ticket.v1.json")[0])
SEEDS = [
    *golden("protocol/ticket.v1.json", "protocol/ticket-announced.v1.json", "protocol/ticket-ref.v1.json"),
    *golden("protocol/plan-ticket.v1.json"),
    *as_json(
        {**_TICKET, "prefix": "runs/../x"},
        {**_TICKET, "prefix": ["runs/a/b"]},
        {**_TICKET, "inputs": {"x": {"index": {"path": 1, "count": "y", "digest": None}}}},
        {**_TICKET, "inputs": {"x": {"from": {"step": "a", "output": 7, "key": [], "record": "x"}}}},
        {**_TICKET, "attempt": 1e308},
        {"version": 1, "at": ["x"], "digest": {}},
    ),
]
LARGE = {
    **large_json(),
    **large_json(json.dumps({**_TICKET, "inputs": {"x": {"list": "%"}}}).replace('"%"', "%s").encode()),
}
_STORE = open_store(f"memory://{uuid.uuid4().hex}")
QUICK = ["nested", "keys", "a wide text"]


def check(data: bytes) -> None:
    with refusals(StoreError):
        _check_read(read_ticket(_STORE, text_of(data)))
    for kind in (Ticket, TicketRef, PlanTicket):
        with refusals():
            found = kind.from_json(read_json(data, "it"))
            again = found.to_text()
            assert kind.from_json(json.loads(again)).to_text() == again
            if isinstance(found, Ticket):
                _check_read(found)


def _check_read(found: Ticket | PlanTicket) -> None:
    paths = RunPaths(found.prefix)
    assert is_path(found.prefix)
    if isinstance(found, PlanTicket):
        return
    assert 1 <= found.attempt < 10**9
    check_run_paths(paths, [found.step], [])
    for binding in found.inputs.values():
        if isinstance(binding, Single):
            _check_source(binding.source)
        elif isinstance(binding, Index):
            paths.has_index(binding.path)
        elif isinstance(binding, Listing):
            for member in binding.members:
                if isinstance(member, SourceRef):
                    _check_source(member)


def _check_source(source: SourceRef) -> None:
    assert isinstance(source.output, str)
    assert source.record is None or hasattr(source.record, "get")
