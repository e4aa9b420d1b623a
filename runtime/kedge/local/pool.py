"""The engine's side of the fork server: start it, send it tickets and signals, hear of hints and exits."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

from kedge.core.errors import ProtocolError
from kedge.core.ids import StepKey
from kedge.core.protocol import Ticket
from kedge.worker.forking import fork, reason_against_fork
from kedge.worker.server import CANCELLING, ForkServer, ServerSettings

AttemptId = tuple[StepKey, int]


@dataclass(frozen=True, slots=True)
class Hinted:
    """A worker says that its record is stored. Never truth: the record is."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Exited:
    """A step process has ended; `status` says how, in words."""

    attempt: AttemptId
    status: str


@dataclass(frozen=True, slots=True)
class ServerDied:
    """The fork server is gone, and all its children with it."""


PoolEvent = Hinted | Exited | ServerDied


class ProcessPool:
    """Step processes behind one fork server. `files` are to be watched for reading; then call `read`."""

    def __init__(self, store_url: str, plan: bytes, method: str = "auto") -> None:
        self._store_url = store_url
        self._plan = plan
        self._wanted = method
        self.method = "?"
        self.why_not_fork: str | None = None
        self._launch()

    def _launch(self) -> None:
        self._hints, hint_write = os.pipe()
        os.set_blocking(self._hints, False)
        self._connection, theirs = socket.socketpair()
        self._inbox = {"hints": b"", "replies": b""}
        # A fork is the quickest way to a server that has the user's code; an exec is the safe one.
        if self._wanted != "spawn" and reason_against_fork() is None:
            self._pid = self._fork_server(theirs, hint_write)
        else:
            self._pid = self._exec_server(theirs, hint_write)
        theirs.close()
        os.close(hint_write)

    def _fork_server(self, theirs: socket.socket, hint: int) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        settings = ServerSettings(self._store_url, self._plan, hint, self._wanted, os.getpid())
        # The server has the engine's handlers until it sets its own: a signal there would count as one to the engine.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, CANCELLING)
        try:
            pid = fork()
            if pid == 0:
                self._become_server(theirs, settings)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid

    def _become_server(self, theirs: socket.socket, settings: ServerSettings) -> NoReturn:
        code = 1
        try:
            os.setsid()
            self._connection.close()
            os.close(self._hints)
            ForkServer(theirs, settings).serve()
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)

    def _exec_server(self, theirs: socket.socket, hint: int) -> int:
        arguments = [str(theirs.fileno()), str(hint), self._wanted, str(os.getpid()), self._store_url]
        server = subprocess.Popen(
            [sys.executable, "-m", "kedge.worker.server", *arguments],
            stdin=subprocess.PIPE,
            pass_fds=(theirs.fileno(), hint),
            start_new_session=True,
        )
        assert server.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            server.stdin.write(self._plan)
            server.stdin.close()
        pid = server.pid
        server.returncode = 0  # reaped in close, by pid
        return pid

    @property
    def ready(self) -> bool:
        """Whether the server has imported the user's code."""
        return self.method != "?"

    @property
    def files(self) -> tuple[int, int]:
        """What to watch for reading."""
        return self._connection.fileno(), self._hints

    def start(self, ticket: Ticket) -> None:
        """Start a process for one attempt."""
        self._send({"start": _name(ticket.step, ticket.attempt), "ticket": ticket.to_json()})

    def signal(self, attempt: AttemptId, number: signal.Signals) -> None:
        """Signal an attempt's process and all that it started."""
        self._send({"signal": _name(*attempt), "number": int(number)})

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    def read(self) -> list[PoolEvent]:
        """What has happened since. Never blocks."""
        found: list[PoolEvent] = []
        for line in self._lines("hints", self._read_hints()):
            with contextlib.suppress(ValueError, ProtocolError):  # user code may write there, too
                found.append(Hinted(_attempt(line.decode())))
        replies, alive = self._read_replies()
        for line in self._lines("replies", replies):
            message = json.loads(line)
            if "ready" in message:
                self.method, self.why_not_fork = message["method"], message["why"]
            else:
                found.append(Exited(_attempt(message["exited"]), message["status"]))
        if not alive:
            found.append(ServerDied())
        return found

    def _lines(self, which: str, data: bytes) -> list[bytes]:
        *lines, self._inbox[which] = (self._inbox[which] + data).split(b"\n")
        return lines

    def _read_hints(self) -> bytes:
        try:
            return os.read(self._hints, 1 << 16)
        except BlockingIOError:
            return b""

    def _read_replies(self) -> tuple[bytes, bool]:
        try:
            data = self._connection.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b"", True
        except ConnectionError:
            return b"", False
        return data, bool(data)

    def restart(self) -> None:
        """A new server in the place of one that died."""
        self.close()
        self.method = "?"
        self._launch()

    def kill(self) -> None:
        """End the server at once, whatever it does; `ServerDied` follows."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """Hang up; the server ends its children and itself. One that is still importing has no children yet."""
        if not self.ready:
            self.read()
        if not self.ready:
            self.kill()
        self._connection.close()
        os.close(self._hints)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _name(step: StepKey, attempt: int) -> str:
    return f"{step}\t{attempt}"


def _attempt(name: str) -> AttemptId:
    step, _, attempt = name.rpartition("\t")
    return StepKey.parse(step), int(attempt)
