"""Announced outcomes: step pods send one datagram each when their record is stored, and the operator looks at once.

A hint changes nothing but the time at which a record is looked at. It counts once, and only with the key of its
attempt; what is forged, repeated, malformed or too much is dropped, at a bounded cost: so many datagrams are read in so
much time, and what comes beyond that the kernel throws away.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
from collections.abc import Callable

from kedge.core.errors import ProtocolError
from kedge.core.hints import HINT_BYTES, Announce, Hint, key_of
from kedge_operator import metrics

BURST = 100
PAUSE_SECONDS = 0.01
"""At most BURST datagrams are read, then nothing for so long: 10,000 a second, a few percent of a core."""
REMEMBERED = 10_000
"""So many hints are known again; an older one that is repeated makes an actor look once more, and no harm."""


class Announcements:
    """Listens for hints. `told(hint)` is called once for each that is genuine."""

    def __init__(self, told: Callable[[Hint], None]) -> None:
        self._told = told
        self._secret = secrets.token_bytes(32)
        self._socket: socket.socket | None = None
        self._address: tuple[str, int] | None = None
        self._taken: dict[Hint, None] = {}

    def open(self, port: int, host: str) -> None:
        """Listen at `port` (0: a free one) of all addresses; step pods are told `host`. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        found = socket.socket(family, socket.SOCK_DGRAM)
        try:
            found.setblocking(False)
            found.bind(("", port))
        except OSError:
            found.close()
            raise
        self._socket, self._address = found, (host, found.getsockname()[1])
        self._listen()

    def close(self) -> None:
        """Listen no more."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = self._address = None

    def announce(self, run: str, digest: str, attempt: int) -> Announce | None:
        """What an attempt's ticket says of this; None while nobody listens."""
        if self._address is None:
            return None
        return Announce(*self._address, key_of(self._secret, run, digest, attempt))

    def _listen(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)

    def _read(self) -> None:
        assert self._socket is not None
        for _ in range(BURST):
            try:
                data = self._socket.recv(HINT_BYTES + 1)
            except OSError:
                return
            self._take(data)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket.fileno())
        loop.call_later(PAUSE_SECONDS, self._listen)

    def _take(self, data: bytes) -> None:
        try:
            hint = Hint.parse(data)
        except ProtocolError:
            metrics.HINTS.labels("malformed").inc()
            return
        wanted = key_of(self._secret, hint.run, hint.step_digest, hint.attempt)
        if not hmac.compare_digest(wanted, hint.key):
            metrics.HINTS.labels("forged").inc()
            return
        if hint in self._taken:
            metrics.HINTS.labels("repeated").inc()
            return
        self._taken[hint] = None
        if len(self._taken) > REMEMBERED:
            del self._taken[next(iter(self._taken))]
        metrics.HINTS.labels("taken").inc()
        self._told(hint)
