"""Hints: the one datagram by which a worker says that its record is stored, so that the engine looks at once.

A worker writes them, the operator reads them. A hint is never truth: lost, late, doubled or forged, it changes nothing
but the time at which a record is looked at. Its key holds for one attempt alone, so that a pod can't speak for others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from kedge.core.errors import ProtocolError

PLAN = "plan"
"""Stands where a step's digest would, in the hint of a plan pod."""
HINT_BYTES = 512
_KEY_DIGITS = 32
_HINT = rb"kedge1 ([!-~]+) ([0-9a-f]{16}|plan) ([1-9][0-9]{0,8}) ([0-9a-f]{32})"


class Announce(NamedTuple):
    """Where a worker sends its hint, and the key of its attempt. `host` is an address, or a name to be looked up."""

    host: str
    port: int
    key: str

    def to_json(self) -> dict[str, Any]:
        return {"host": self.host, "port": self.port, "key": self.key}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Announce:
        """Raises KeyError, TypeError or ValueError for another shape; a ticket makes a ProtocolError of it."""
        port = int(data["port"])
        if not 0 < port < 1 << 16:
            raise ValueError(f"{port} is no port")
        return cls(str(data["host"]), port, str(data["key"]))


class Hint(NamedTuple):
    """An attempt whose record is there to be read. `step_digest` is `StepKey.digest`, or "plan"."""

    run: str
    step_digest: str
    attempt: int
    key: str

    def to_bytes(self) -> bytes:
        """`kedge1 <run> <step digest> <attempt> <key>` in ASCII. Raises ProtocolError for what could not be read."""
        data = f"kedge1 {self.run} {self.step_digest} {self.attempt} {self.key}".encode(errors="surrogatepass")
        self.parse(data)
        return data

    @classmethod
    def parse(cls, data: bytes) -> Hint:
        """Read a datagram. Raises ProtocolError for anything else, and for more than 512 bytes."""
        found = re.fullmatch(_HINT, data) if len(data) <= HINT_BYTES else None
        if found is None:
            raise ProtocolError(f"{data[:80]!r} is no hint; one reads `kedge1 RUN STEP-DIGEST ATTEMPT KEY`")
        run, step, attempt, key = (part.decode() for part in found.groups())
        return cls(run, step, int(attempt), key)


def key_of(secret: bytes, run: str, step_digest: str, attempt: int) -> str:
    """The key of one attempt: 32 hex digits of an HMAC-SHA256, to be compared with `hmac.compare_digest`."""
    import hmac

    return hmac.digest(secret, f"{run} {step_digest} {attempt}".encode(), "sha256").hex()[:_KEY_DIGITS]
