"""The status of a run as it reaches the API server: in order, at a bounded rate, whatever is slow or cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kedge_operator.errors import Conflict, NotFound, Unavailable
from kedge_operator.reporting import OpJobGone, StatusWriter

Status = dict[str, Any]


class SlowServer:
    """Takes statuses as the API server's client does; each patch waits until it is let go."""

    def __init__(self) -> None:
        self.arrived: list[asyncio.Future[None]] = []
        self.kept: list[Status] = []
        self.errors: list[Exception] = []
        self.uid = "uid"
        self._came: asyncio.Event = asyncio.Event()

    async def patch_opjob_status(self, namespace: str, name: str, uid: str, status: Status) -> None:
        let_go: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.arrived.append(let_go)
        self._came.set()
        await let_go
        if self.errors:
            raise self.errors.pop(0)
        self.kept.append(status)

    async def has_opjob(self, namespace: str, name: str, uid: str) -> bool:
        return self.uid == uid

    async def patch(self, number: int) -> asyncio.Future[None]:
        """The patch of this number, once it has arrived."""
        while len(self.arrived) <= number:
            self._came.clear()
            await self._came.wait()
        return self.arrived[number]


def writer(server: SlowServer, compute: Callable[[], Status]) -> StatusWriter:
    return StatusWriter(server, "ns", "job", "uid", compute)  # type: ignore[arg-type]


def test_a_last_word_is_not_overwritten_by_one_that_is_still_under_way() -> None:
    async def play() -> list[Status]:
        server, now = SlowServer(), {"phase": "Running"}
        status = writer(server, lambda: dict(now))
        serving = asyncio.create_task(status.serve())
        status.changed()
        first = await server.patch(0)
        now["phase"] = "Succeeded"
        last = asyncio.create_task(status.write())
        await asyncio.sleep(0)
        assert len(server.arrived) == 1, "the second patch waits for the first one"
        first.set_result(None)
        (await server.patch(1)).set_result(None)
        await last
        serving.cancel()
        return server.kept

    assert asyncio.run(play()) == [{"phase": "Running"}, {"phase": "Succeeded"}]


def test_a_patch_that_takes_the_server_long_is_followed_by_a_longer_pause() -> None:
    async def play() -> float:
        server, now = SlowServer(), {"progress": "0/2"}
        status = writer(server, lambda: dict(now))
        serving = asyncio.create_task(status.serve())
        status.changed()
        first = await server.patch(0)
        asyncio.get_running_loop().call_later(0.3, first.set_result, None)
        await first
        let_go = asyncio.get_running_loop().time()
        now["progress"] = "1/2"
        status.changed()
        await server.patch(1)
        serving.cancel()
        return asyncio.get_running_loop().time() - let_go

    assert asyncio.run(play()) > 1.1


def test_a_patch_that_is_cut_off_is_still_waited_for() -> None:
    async def play() -> list[Status]:
        server, now = SlowServer(), {"phase": "Running"}
        status = writer(server, lambda: dict(now))
        serving = asyncio.create_task(status.serve())
        status.changed()
        first = await server.patch(0)
        serving.cancel()
        now["phase"] = "Failed"
        last = asyncio.create_task(status.write())
        await asyncio.sleep(0)
        first.set_result(None)
        (await server.patch(1)).set_result(None)
        await last
        return server.kept

    assert asyncio.run(play()) == [{"phase": "Running"}, {"phase": "Failed"}]


def test_what_is_there_already_is_not_written_again() -> None:
    async def play() -> int:
        server = SlowServer()
        status = writer(server, lambda: {"phase": "Running"})
        first = asyncio.create_task(status.write())
        (await server.patch(0)).set_result(None)
        await first
        await status.write()
        return len(server.arrived)

    assert asyncio.run(play()) == 1


def test_a_busy_server_is_asked_again() -> None:
    async def play() -> list[Status]:
        server = SlowServer()
        server.errors = [Unavailable("opjob ns/job", "busy", 503, 0.001)]
        written = asyncio.create_task(writer(server, lambda: {"phase": "Running"}).write())
        (await server.patch(0)).set_result(None)
        (await server.patch(1)).set_result(None)
        await written
        return server.kept

    assert asyncio.run(play()) == [{"phase": "Running"}]


@pytest.mark.parametrize("error", [NotFound("opjob ns/job", "not found"), Conflict("opjob ns/job", "was modified")])
def test_a_refusal_is_asked_again_where_the_opjob_is_there(error: Exception) -> None:
    async def play() -> list[Status]:
        server = SlowServer()
        server.errors = [error]
        told = asyncio.create_task(writer(server, lambda: {"phase": "Succeeded"}).write())
        async with asyncio.timeout(60):
            (await server.patch(0)).set_result(None)
            (await server.patch(1)).set_result(None)
            await told
        return server.kept

    assert asyncio.run(play()) == [{"phase": "Succeeded"}]


@pytest.mark.parametrize("error", [NotFound("opjob ns/job", "not found"), Conflict("opjob ns/job", "another uid")])
def test_a_refusal_because_the_opjob_is_gone_or_another_has_its_name_ends_it(error: Exception) -> None:
    async def play() -> None:
        server = SlowServer()
        server.uid, server.errors = "another's", [error]
        told = asyncio.create_task(writer(server, lambda: {"phase": "Succeeded"}).write())
        (await server.patch(0)).set_result(None)
        with pytest.raises(OpJobGone, match="ns/job: there is no OpJob of uid uid any more"):
            await told

    asyncio.run(play())
