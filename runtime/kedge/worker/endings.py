"""How the end of a worker is told besides its record: in a pod's termination message, by a local engine's pipe.

None of them is the truth, which is the record; they only say where to look, or why there is nothing to see.
"""

from __future__ import annotations

import contextlib
import os

TERMINATION_LOG = "KEDGE_TERMINATION_LOG"
_DEFAULT_LOG = "/dev/termination-log"
_MESSAGE_BYTES = 4000
"""A kubelet takes 4096 bytes, and cuts off what is beyond them."""


class Ending:
    """Told of a worker's end once. This one keeps it to itself."""

    def began(self) -> None:
        """The ticket is read; from now on user code may run, and may end the process without another word."""

    def stored(self, record: bytes) -> None:
        """The record, these bytes, is in the store."""

    def without_record(self, cause: str) -> None:
        """This attempt leaves no record; why not, for people to read."""


class HintPipe(Ending):
    """A local engine's pipe: a line with the attempt's name says that its record is there."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name

    def stored(self, record: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._descriptor, self._name.encode() + b"\n")


class TerminationLog(Ending):
    """The termination message of a pod: a copy of a record that fits, or the cause of there being none.

    The kubelet makes the file; where there is none, nothing is written. While it is empty, a kubelet takes the end of
    the container's log instead (`FallbackToLogsOnError`): so does an image tell that it has no worker, while what user
    code prints stays in its log.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def began(self) -> None:
        self._write(b"the worker began and left no record")

    def stored(self, record: bytes) -> None:
        fits = len(record) <= _MESSAGE_BYTES
        self._write(record if fits else b"the record is in the store; it is too long to stand here")

    def without_record(self, cause: str) -> None:
        self._write(cause.encode(errors="replace")[:_MESSAGE_BYTES])

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_TRUNC)
            try:
                os.write(descriptor, data)
            finally:
                os.close(descriptor)


def of_environment() -> Ending:
    """The ending of a worker with a process of its own: of a local engine's where that says so, else of a pod's."""
    pipe = os.environ.get("KEDGE_HINT_FD")
    if pipe is not None:
        return HintPipe(int(pipe), os.environ.get("KEDGE_HINT", ""))
    return TerminationLog(os.environ.get(TERMINATION_LOG, _DEFAULT_LOG))
