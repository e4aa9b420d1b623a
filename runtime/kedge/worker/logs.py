"""A step's log: all it writes to stdout and stderr, shipped to the store in parts while it runs.

The two descriptors are led through a pipe; a thread copies what comes out to where it went before (so that
`kubectl logs` shows it too) and to the store, a part a second. If the process is killed, at most the last
second is missing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable

PART_SECONDS = 1.0
PART_BYTES = 1 << 20
_CLOSE_SECONDS = 3.0
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def set_up_logging(level: int = logging.INFO) -> None:
    """Send the messages of `context.log` to stderr."""
    logger = logging.getLogger("kedge")
    if not logger.handlers:
        handler = logging.StreamHandler(_Stderr())
        handler.setFormatter(logging.Formatter(_FORMAT))
        logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False


class _Stderr:
    """Whatever `sys.stderr` is at the time of writing."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class LogShipper:
    """Leads stdout and stderr through a pipe until `close`, and is done with `finish`.

    `write_part(number, data)` stores one part.

    A part that can't be stored is kept and tried again with the next; the log never fails the step.
    """

    def __init__(self, write_part: Callable[[int, bytes], None], echo: bool) -> None:
        self._write_part = write_part
        self._buffer = bytearray()
        self._part = 0
        self._read, write = os.pipe()
        self._saved = (os.dup(1), os.dup(2))
        self._echo = self._saved[1] if echo else None
        os.set_blocking(self._read, False)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.close(write)
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._pump, name="kedge-log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Put the descriptors back and ship what is left, for so long as a store that answers takes."""
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        for descriptor, saved in zip((1, 2), self._saved, strict=True):
            os.dup2(saved, descriptor)
        os.write(self._wake_write, b"x")
        self._thread.join(_CLOSE_SECONDS)

    def finish(self) -> None:
        """Ship what could not be shipped before: once the outcome is stored, the store is there again."""
        self._thread.join()
        self._ship()
        for descriptor in (*self._saved, self._read, self._wake_read, self._wake_write):
            os.close(descriptor)

    def _pump(self) -> None:
        poller = select.poll()
        poller.register(self._read, select.POLLIN)
        poller.register(self._wake_read, select.POLLIN)
        ship_at: float | None = None
        while True:
            now = time.monotonic()
            timeout = None if ship_at is None else max(0.0, ship_at - now) * 1000
            ready = [descriptor for descriptor, _ in poller.poll(timeout)]
            if self._read in ready and not self._drain():
                poller.unregister(self._read)
            if self._buffer and ship_at is None:
                ship_at = time.monotonic() + PART_SECONDS
            if self._wake_read in ready:
                self._drain()
                self._ship()
                return
            if len(self._buffer) >= PART_BYTES or (ship_at is not None and time.monotonic() >= ship_at):
                self._ship()
                ship_at = None

    def _drain(self) -> bool:
        """Take in what the pipe holds now; False at its end."""
        while True:
            try:
                data = os.read(self._read, 65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._buffer += data
            if self._echo is not None:
                with contextlib.suppress(OSError):
                    os.write(self._echo, data)
            if len(self._buffer) >= PART_BYTES:
                return True

    def _ship(self) -> None:
        if not self._buffer:
            return
        try:
            self._write_part(self._part, bytes(self._buffer))
        except Exception:
            # The store may be back for the next part; the step's fate hangs on its outcome, not on its log.
            return
        self._part += 1
        self._buffer.clear()
