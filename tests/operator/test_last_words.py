"""A run is told to have ended when nothing is left to do in its store. The API server and its pods are played."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kedge.core.layout import RunPaths
from kedge.core.protocol import Outcome, OutcomeStatus, Ticket
from kedge.io.memory import MemoryStore
from kedge.io.stores import open_store
from kedge.io.tickets import read_ticket
from kedge_operator.actor import Services
from kedge_operator.announced import Announcements
from kedge_operator.runs import Runs
from kedge_operator.settings import Settings
from kedge_operator.stores import Stores

Object = dict[str, Any]
URL = "memory://last-words"
OPS = [
    {"name": "one", "entrypoint": "x:one"},
    {"name": "two", "entrypoint": "x:two", "codeVersion": "2", "inputs": {"x": {"from": "one"}}},
]
SECONDS = 0.5
"""How long the store takes; less, where a run's end is told meanwhile."""


class Server:
    """Its pods succeed at once. `told` is set when a run's end is."""

    runs: Runs

    def __init__(self) -> None:
        self.told = threading.Event()

    async def list_pods(self, namespace: str, selector: str, fields: str = "") -> AsyncIterator[Object]:
        for pod in ():
            yield pod

    async def create_pod(self, pod: Object, dry_run: bool = False) -> Object:
        made = {**pod, "metadata": {**pod["metadata"], "uid": "1"}}
        if not dry_run:
            variables = {one["name"]: one.get("value", "") for one in pod["spec"]["containers"][0]["env"]}
            store = open_store(URL)
            ticket = read_ticket(store, variables["KEDGE_TICKET"])
            assert isinstance(ticket, Ticket)
            path = f"{ticket.prefix}/values/{ticket.step}/1/result"
            value = {"path": path, "format": "json", "size": 1, "digest": f"sha256:{'0' * 64}"}
            outcome = Outcome(ticket.step, ticket.attempt, OutcomeStatus.SUCCEEDED, {"result": {"value": value}})
            store.put(RunPaths(ticket.prefix).outcome(ticket.step, ticket.attempt), outcome.to_bytes(), create=True)
            ended = {**made, "status": {"phase": "Succeeded"}}
            asyncio.get_running_loop().call_soon(self.runs.pod, "MODIFIED", ended)
        return made

    async def patch_opjob_status(self, namespace: str, name: str, uid: str, status: Object) -> None:
        if status["phase"] == "Succeeded":
            self.told.set()

    async def create_event(self, event: Object) -> None:
        pass


@pytest.mark.parametrize(("retain", "call"), [("UntilConsumed", "delete"), ("Always", "put")], ids=["values", "cache"])
def test_what_a_run_has_to_do_in_its_store_is_done_when_it_has_ended(
    monkeypatch: pytest.MonkeyPatch, retain: str, call: str
) -> None:
    server: Any = Server()
    early: list[bool] = []
    act: Any = getattr(MemoryStore, call)

    def slow(store: MemoryStore, what: Any, *more: Any, **named: Any) -> Any:
        if call == "delete" or what.startswith("cache/"):
            early.append(server.told.wait(SECONDS))
        return act(store, what, *more, **named)

    async def play() -> None:
        found = Settings.model_validate({"store": {"url": URL}, "image": "x"})
        stores = Stores(found, server, {})
        server.runs = Runs(Services(server, stores, found, Announcements(lambda hint: None), "operator-0"))
        uid = f"{retain.encode().hex()[:8]}-4a53-4f1c-9d27-1f6a0c9d3e55"
        metadata = {"namespace": "team", "name": "run", "uid": uid, "generation": 1}
        server.runs.opjob("ADDED", {"metadata": metadata, "spec": {"ops": OPS, "retainValues": retain}})
        async with asyncio.timeout(60):
            await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name().startswith("run ")))
        await server.runs.close()
        stores.close()

    monkeypatch.setattr(MemoryStore, call, slow)
    asyncio.run(play())
    assert server.told.is_set()
    assert early == [False]
