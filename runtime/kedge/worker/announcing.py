"""A worker's last act: one datagram that says its record is there, so that nobody waits for the kubelet to say so.

Nothing depends on it. It is sent once and never answered, and what goes wrong with it is nobody's concern.
"""

from __future__ import annotations

import contextlib
import threading

from kedge.core.errors import ProtocolError
from kedge.core.hints import Announce, Hint

_PATIENCE_SECONDS = 1.0


def announce(to: Announce, run: str, step_digest: str, attempt: int) -> None:
    """Tell whom the ticket names; for a second at most, should looking up a name take longer."""
    with contextlib.suppress(ProtocolError):
        data = Hint(run, step_digest, attempt, to.key).to_bytes()
        sender = threading.Thread(target=_send, args=(to, data), name="kedge-hint", daemon=True)
        sender.start()
        sender.join(_PATIENCE_SECONDS)


def _send(to: Announce, data: bytes) -> None:
    import _socket  # what the socket module stands on, without the ten modules that it brings along

    with contextlib.suppress(OSError, UnicodeError):
        host = to.host.encode("ascii")  # as bytes: for text, the codec of international names would be loaded
        family, kind, protocol, _, address = _socket.getaddrinfo(host, to.port, 0, _socket.SOCK_DGRAM)[0]
        sender = _socket.socket(family, kind, protocol)
        try:
            sender.setblocking(False)
            sender.sendto(data, address)
        finally:
            sender.close()
