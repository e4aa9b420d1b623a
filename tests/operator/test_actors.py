"""Which OpJobs get an actor, by what the watch tells; the API server is played."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from kedge_operator.actor import Services
from kedge_operator.announced import Announcements
from kedge_operator.errors import NotFound, Unavailable
from kedge_operator.runs import Runs
from kedge_operator.settings import Settings
from kedge_operator.stores import Stores

Object = dict[str, Any]
BROKEN: Object = {
    "metadata": {"namespace": "team", "name": "broken", "uid": "0b7d6a2e-4a53-4f1c-9d27-1f6a0c9d3e55"},
    "spec": {"ops": [{"name": "no name"}]},
}


class Server:
    """Keeps the statuses that are written; there are no pods."""

    def __init__(self) -> None:
        self.statuses: list[Object] = []
        self.told = asyncio.Event()
        self.faults: list[Exception] = []
        self.asked = asyncio.Queue[str]()

    async def list_pods(self, namespace: str, selector: str, fields: str = "") -> AsyncIterator[Object]:
        for pod in ():
            yield pod

    async def patch_opjob_status(self, namespace: str, name: str, uid: str, status: Object) -> None:
        if self.faults:
            raise self.faults.pop()
        self.statuses.append(status)

    async def has_pods(self, namespace: str, selector: str) -> bool:
        return False

    async def get_secret(self, namespace: str, name: str) -> Object:
        self.asked.put_nowait(name)
        if self.faults:
            raise self.faults.pop()
        raise NotFound(name, "there is none")

    async def create_event(self, event: Object) -> None:
        self.told.set()


def test_a_watch_that_is_behind_begins_no_run_that_has_ended() -> None:
    async def play() -> list[str]:
        server: Any = Server()
        found = Settings.model_validate({"store": {"url": "memory://"}})
        stores = Stores(found, server, {})
        runs = Runs(Services(server, stores, found, Announcements(lambda hint: None), "operator-0"))
        runs.opjob("ADDED", BROKEN)
        await server.told.wait()
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name().startswith("run ")))
        ended = {**BROKEN, "status": server.statuses[-1]}
        runs.opjob("MODIFIED", {**BROKEN, "status": {"phase": "Pending"}})
        runs.opjob("MODIFIED", ended)
        names = [task.get_name() for task in asyncio.all_tasks()]
        await runs.close()
        stores.close()
        assert [one["reason"] for one in server.statuses] == ["InvalidSpec"]
        return [name for name in names if name.startswith("run ")]

    assert asyncio.run(play()) == []


def test_no_fault_ends_an_actor_before_its_run() -> None:
    async def play() -> None:
        server: Any = Server()
        server.faults = [RuntimeError("that nobody foresaw") for _ in range(2)]
        found = Settings.model_validate({"store": {"url": "memory://"}})
        stores = Stores(found, server, {})
        runs = Runs(Services(server, stores, found, Announcements(lambda hint: None), "operator-0"))
        runs.opjob("ADDED", BROKEN)
        async with asyncio.timeout(60):
            await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name().startswith("run ")))
        await runs.close()
        stores.close()
        assert [one["reason"] for one in server.statuses] == ["InvalidSpec"]

    asyncio.run(play())


def test_what_a_run_has_left_is_asked_for_again_when_the_api_server_does_not_answer() -> None:
    async def play() -> None:
        server: Any = Server()
        server.faults = [Unavailable("secret team/own", "no answer")]
        found = Settings.model_validate({"store": {"url": "memory://"}})
        stores = Stores(found, server, {})
        runs = Runs(Services(server, stores, found, Announcements(lambda hint: None), "operator-0"))
        runs.opjob("DELETED", {**BROKEN, "spec": {"store": {"url": "s3://bucket/own", "secretName": "own"}}})
        async with asyncio.timeout(60):
            assert [await server.asked.get() for _ in range(2)] == ["own", "own"]
        await runs.close()
        stores.close()

    asyncio.run(play())


def test_a_run_whose_opjob_goes_while_its_actor_fails_is_not_begun_again() -> None:
    class Failing(Server):
        async def get_secret(self, namespace: str, name: str) -> Object:
            self.asked.put_nowait(name)
            try:
                return await asyncio.Future()
            finally:
                if self.faults:
                    raise self.faults.pop()

    async def play() -> None:
        server: Any = Failing()
        server.faults = [RuntimeError("as it was cut off")]
        found = Settings.model_validate({"store": {"url": "memory://"}})
        stores = Stores(found, server, {})
        runs = Runs(Services(server, stores, found, Announcements(lambda hint: None), "operator-0"))
        own = {"url": "s3://bucket/own", "secretName": "own", "reclaimPolicy": "Retain"}
        body = {**BROKEN, "spec": {"image": "x", "ops": [{"name": "one", "entrypoint": "x:one"}], "store": own}}
        runs.opjob("ADDED", body)
        await server.asked.get()
        (actor,) = (task for task in asyncio.all_tasks() if task.get_name().startswith("run "))
        runs.opjob("DELETED", body)
        await asyncio.wait([actor], timeout=60)
        assert actor.cancelled()
        assert server.statuses == []
        await runs.close()
        stores.close()

    asyncio.run(play())
