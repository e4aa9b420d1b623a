"""The fork server: imports the user's code once, then starts a process for each step attempt.

Its one client is an engine on the same machine, over a socket with a JSON object on each line::

    engine -> server    {"start": id, "ticket": {...}}      {"signal": id, "number": 15}
    server -> engine    {"ready": true, "method": "fork"}   {"exited": id, "status": text}

Children write a hint (their id) to a pipe of the engine's once their record is stored. The server's end is the end
of its children: they die with it.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from kedge.core.protocol import Ticket
from kedge.io.stores import Store, open_store
from kedge.worker import forking, process
from kedge.worker.endings import HintPipe
from kedge.worker.records import EXIT_NO_RECORD

CANCELLING = (signal.SIGINT, signal.SIGTERM)
"""What tells an engine to cancel its run. Its server goes by the hang-up."""

_NO_ROOM = frozenset({errno.EAGAIN, errno.ENOMEM})
"""So a kernel refuses a process where there are as many as there may be, or no memory for one more."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a server is told at its start. `method`: fork, spawn, or auto (fork where it is safe).

    `engine` is the process of its engine, which is its parent.
    """

    store_url: str
    plan: bytes
    hint: int
    method: str
    engine: int


class ForkServer:
    """Starts, signals and reaps step processes until its engine hangs up."""

    def __init__(self, connection: socket.socket, settings: ServerSettings) -> None:
        self._connection = connection
        self._settings = settings
        self._store = open_store(settings.store_url)
        self._ids: dict[int, str] = {}
        self._pids: dict[str, int] = {}
        self._waiting: dict[str, dict[str, Any]] = {}
        self._inbox = b""
        self._outbox = b""

    def serve(self) -> None:
        """Work until the engine hangs up; then end all children and return."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, CANCELLING)  # a pool that forks keeps them back
        forking.prepare_parent()
        with forking.dying_with(self._settings.engine):  # an import that hangs hears of no hang-up
            method, why = self._choose_method()
        self._fork = method == "fork"
        if self._fork:
            gc.collect()
            gc.freeze()
        wake, wake_write = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._tell({"ready": True, "method": method, "why": why})
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj: events for key, events in selector.select()}
                if wake in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake, 4096)
                    self._reap()
                    self._start_waiting()
                if ready.get(self._connection, 0) & selectors.EVENT_READ and not self._listen():
                    break
                self._send()
                waits = selectors.EVENT_WRITE if self._outbox else 0
                selector.modify(self._connection, selectors.EVENT_READ | waits)
        self._end_children()

    def _choose_method(self) -> tuple[str, str | None]:
        """Import the user's code, unless each step is to do so, and see whether a fork is safe then."""
        if self._settings.method == "spawn":
            return "spawn", None
        try:
            process.warm_up(self._settings.plan)
        except Exception as error:
            # Each step will fail with this same error, and say so in its own record and log.
            return "spawn", f"{type(error).__name__}: {error}"
        reason = forking.reason_against_fork()
        if reason is not None and self._settings.method == "auto":
            return "spawn", reason
        return "fork", reason

    def _tell(self, message: dict[str, Any]) -> None:
        self._outbox += json.dumps(message).encode() + b"\n"
        self._send()

    def _send(self) -> None:
        """Send what the engine has room for. It may be sending, too: who waited for it would wait for ever."""
        with contextlib.suppress(OSError):
            while self._outbox:
                sent = self._connection.send(self._outbox, socket.MSG_DONTWAIT)
                self._outbox = self._outbox[sent:]

    def _listen(self) -> bool:
        """Take in what the engine says; False when it has hung up."""
        try:
            data = self._connection.recv(1 << 16)
        except ConnectionError:
            return False
        if not data:
            return False
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "start" in message:
                self._start(message["start"], message["ticket"])
            elif "signal" in message:
                self._signal(message["signal"], message["number"])
        return True

    def _start(self, name: str, ticket: dict[str, Any]) -> None:
        try:
            pid = self._fork_child(name, ticket) if self._fork else self._spawn_child(name, ticket)
        except OSError as error:
            if error.errno in _NO_ROOM and self._ids:  # there is some when one of these ends
                self._waiting[name] = ticket
            else:
                self._tell({"exited": name, "status": f"it could not be started: {error}"})
            return
        self._ids[pid] = name
        self._pids[name] = pid

    def _fork_child(self, name: str, ticket: dict[str, Any]) -> int:
        parent = os.getpid()
        pid = forking.fork()
        if pid == 0:
            code = EXIT_NO_RECORD
            try:
                self._become_child(parent)
                code = _run_child(Ticket.from_json(ticket), self._store, self._settings, name)
            except KeyboardInterrupt:
                code = 130
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(code)
        return pid

    def _become_child(self, parent: int) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, _interrupt)
        forking.settle_child(parent)
        self._connection.close()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)

    def _spawn_child(self, name: str, ticket: dict[str, Any]) -> int:
        hint = self._settings.hint
        environment = {
            **os.environ,
            "KEDGE_STORE": self._settings.store_url,
            "KEDGE_TICKET": json.dumps(ticket),
            "KEDGE_HINT_FD": str(hint),
            "KEDGE_HINT": name,
            "KEDGE_ENGINE_PID": str(os.getpid()),
        }
        with open(os.devnull, "r+b") as null:
            child = subprocess.Popen(
                [sys.executable, "-m", "kedge.worker"],
                stdin=null,
                stdout=null,
                stderr=null,
                env=environment,
                pass_fds=(hint,),
                start_new_session=True,
            )
        pid = child.pid
        child.returncode = 0  # reaped below, by pid, with the forked ones
        return pid

    def _start_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for name, ticket in waiting.items():
            self._start(name, ticket)

    def _signal(self, name: str, number: int) -> None:
        pid = self._pids.get(name)
        if pid is not None:
            _signal_session(pid, number)
        elif self._waiting.pop(name, None) is not None:
            self._tell({"exited": name, "status": "it was stopped before there was room for its process"})

    def _reap(self) -> None:
        while self._ids:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            name = self._ids.pop(ended.si_pid, None)
            if name is not None:
                # What the step itself started and left behind goes with it; its id is ours until it is reaped.
                _signal_session(ended.si_pid, signal.SIGKILL)
            _, status = os.waitpid(ended.si_pid, 0)
            if name is not None:
                del self._pids[name]
                self._tell({"exited": name, "status": describe(status)})

    def _end_children(self) -> None:
        for pid in list(self._ids):
            _signal_session(pid, signal.SIGKILL)
        while self._ids:
            try:
                pid, _ = os.waitpid(-1, 0)
            except ChildProcessError:
                return
            self._ids.pop(pid, None)


def _signal_session(pid: int, number: int) -> None:
    """Signal a step process and what it started; it alone while it has not yet come to make a session of its own."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    except PermissionError:
        pass  # only what has changed its user is left of it


def describe(status: int) -> str:
    """A wait status in words."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(number).name}"
        return f"killed by signal {number}"
    code = os.waitstatus_to_exitcode(status)
    if code == EXIT_NO_RECORD:
        return "its outcome could not be stored"
    return f"exited with code {code}"


def _interrupt(number: int, frame: object) -> None:
    """The first SIGTERM unwinds the step, so that its resources are torn down; no other disturbs that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run_child(ticket: Ticket, store: Store, settings: ServerSettings, name: str) -> int:
    return process.run_ticket(ticket, store, HintPipe(settings.hint, name), echo=False, plan=settings.plan)


def main() -> None:
    """`python -m kedge.worker.server CONNECTION_FD HINT_FD METHOD ENGINE_PID STORE_URL`, with the plan on stdin."""
    connection, hint, method, engine, url = sys.argv[1:6]
    plan = sys.stdin.buffer.read()
    with socket.socket(fileno=int(connection)) as sock:
        ForkServer(sock, ServerSettings(url, plan, int(hint), method, int(engine))).serve()


if __name__ == "__main__":
    main()
