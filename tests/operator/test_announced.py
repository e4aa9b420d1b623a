"""Hints over real sockets: what counts, what is dropped, and what a flood costs."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
from collections.abc import Awaitable, Callable

import pytest

from kedge.core.hints import HINT_BYTES, Hint
from kedge_operator import announced
from kedge_operator.announced import Announcements
from kedge_operator.metrics import HINTS

RUN, DIGEST = "0b7d6a2e-4a53-4f1c-9d27-1f6a0c9d3e55", "0123456789abcdef"


class Listening:
    """Announcements that listen on loopback, what they told, and a socket to send by."""

    def __init__(self) -> None:
        self.told: list[Hint] = []
        self.news = asyncio.Event()
        self.announcements = Announcements(self._take)
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def _take(self, hint: Hint) -> None:
        self.told.append(hint)
        self.news.set()

    def hint(self, attempt: int = 1) -> bytes:
        announce = self.announcements.announce(RUN, DIGEST, attempt)
        assert announce is not None
        return Hint(RUN, DIGEST, attempt, announce.key).to_bytes()

    def send(self, data: bytes) -> None:
        announce = self.announcements.announce(RUN, DIGEST, 1)
        assert announce is not None
        self.sender.sendto(data, (announce.host, announce.port))

    async def until_told(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.told) < count:
                self.news.clear()
                await self.news.wait()


def listening(test: Callable[[Listening], Awaitable[None]]) -> None:
    async def run() -> None:
        found = Listening()
        found.announcements.open(0, "127.0.0.1")
        try:
            await test(found)
        finally:
            found.announcements.close()
            found.sender.close()

    asyncio.run(run())


def counted(result: str) -> float:
    return HINTS.labels(result)._value.get()


def test_a_genuine_hint_is_taken() -> None:
    async def test(found: Listening) -> None:
        found.send(found.hint(3))
        await found.until_told(1)
        assert found.told[0][:3] == (RUN, DIGEST, 3)

    listening(test)


FORGED = Hint(RUN, DIGEST, 1, "0" * 32).to_bytes()
DROPPED = {
    "forged": (FORGED, "forged"),
    "empty": (b"", "malformed"),
    "nonsense": (b"\xff\x00nonsense", "malformed"),
    "another version": (FORGED.replace(b"kedge1", b"kedge2"), "malformed"),
    "too long by a byte": (FORGED + b" " * (HINT_BYTES + 1 - len(FORGED)), "malformed"),
    "oversized": (b"x" * 60_000, "malformed"),
}


@pytest.mark.parametrize(("data", "result"), DROPPED.values(), ids=DROPPED.keys())
def test_what_is_no_genuine_hint_is_dropped_and_counted(data: bytes, result: str) -> None:
    before = counted(result)

    async def test(found: Listening) -> None:
        found.send(data)
        found.send(found.hint())  # comes after it, on one socket
        await found.until_told(1)
        assert len(found.told) == 1

    listening(test)
    assert counted(result) - before == 1


def test_the_key_of_one_attempt_is_none_for_another() -> None:
    async def test(found: Listening) -> None:
        key = found.hint(1).split()[-1].decode()
        found.send(Hint(RUN, DIGEST, 2, key).to_bytes())
        found.send(found.hint(1))
        await found.until_told(1)
        assert [hint.attempt for hint in found.told] == [1]

    listening(test)


def test_a_hint_that_is_repeated_counts_once() -> None:
    before = counted("repeated")

    async def test(found: Listening) -> None:
        for _ in range(5):
            found.send(found.hint(1))
        found.send(found.hint(2))
        await found.until_told(2)
        assert [hint.attempt for hint in found.told] == [1, 2]

    listening(test)
    assert counted("repeated") - before == 4


def test_only_so_many_hints_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced, "REMEMBERED", 2)

    async def test(found: Listening) -> None:
        for attempt in (1, 2, 3, 3, 1):
            found.send(found.hint(attempt))
        await found.until_told(4)
        assert [hint.attempt for hint in found.told] == [1, 2, 3, 1]

    listening(test)


def test_keys_of_another_operator_are_none_here() -> None:
    other = Listening()

    async def test(found: Listening) -> None:
        other.announcements.open(0, "127.0.0.1")
        found.send(other.hint())
        other.announcements.close()
        found.send(found.hint(2))
        await found.until_told(1)
        assert [hint.attempt for hint in found.told] == [2]

    listening(test)
    other.sender.close()


def test_a_flood_leaves_time_for_everything_else() -> None:
    """Between two turns of the event loop at most one burst is read; after the flood, hints are taken again."""

    async def test(found: Listening) -> None:
        flood = [found.hint(attempt) for attempt in range(1, 50_001)]
        sender = threading.Thread(target=lambda: [found.send(one) for one in flood])
        loop, reads = asyncio.get_running_loop(), [0]

        def turn() -> None:
            reads.append(len(found.told))
            loop.call_soon(turn)

        loop.call_soon(turn)
        sender.start()
        await loop.run_in_executor(None, sender.join)
        while found.hint(60_000) not in [hint.to_bytes() for hint in found.told[-1:]]:
            found.send(found.hint(60_000))  # the kernel drops what finds no room
            await asyncio.sleep(0)
        steps = [after - before for before, after in itertools.pairwise(reads)]
        assert max(steps) <= announced.BURST
        assert sum(steps) > announced.BURST

    listening(test)


def test_nothing_is_announced_while_nobody_listens() -> None:
    async def run() -> None:
        found = Announcements(lambda hint: None)
        assert found.announce(RUN, DIGEST, 1) is None
        found.open(0, "127.0.0.1")
        announce = found.announce(RUN, DIGEST, 1)
        found.close()
        assert announce is not None
        assert announce.host == "127.0.0.1"
        assert found.announce(RUN, DIGEST, 1) is None

    asyncio.run(run())


def test_a_port_that_is_taken_is_an_error_that_leaves_nothing_behind() -> None:
    async def test(found: Listening) -> None:
        announce = found.announcements.announce(RUN, DIGEST, 1)
        assert announce is not None
        second = Announcements(lambda hint: None)
        with pytest.raises(OSError, match="in use"):
            second.open(announce.port, "127.0.0.1")
        assert second.announce(RUN, DIGEST, 1) is None

    listening(test)
