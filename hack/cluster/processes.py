"""Processes that outlive the command which started them, known by number and start time: only they are ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

GRACE_SECONDS = 10.0


def started(pid: int) -> str | None:
    """When a process started, as the kernel counts: with it a number names one process for good. None: it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


@dataclass(frozen=True)
class Record:
    """The file that says which process it is."""

    path: Path

    def write(self, pid: int) -> None:
        """Note a process that was just started."""
        self.path.write_text(json.dumps([pid, started(pid)]), encoding="utf-8")

    @property
    def pid(self) -> int | None:
        """Its number, while it is alive."""
        try:
            pid, since = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return pid if since is not None and started(pid) == since else None

    def end(self) -> None:
        """Ask the process to end, make it end after a while, and forget it."""
        pid = self.pid
        if pid is not None:
            until = time.monotonic() + GRACE_SECONDS
            with contextlib.suppress(ProcessLookupError):  # it has ended since it was looked for
                os.kill(pid, signal.SIGTERM)
                while self.pid is not None:
                    if time.monotonic() > until:
                        os.kill(pid, signal.SIGKILL)
                    time.sleep(0.02)
        self.path.unlink(missing_ok=True)


def start(command: Sequence[str], folder: Path, name: str) -> Record:
    """Start a program apart from this one, its messages in `folder`."""
    record = Record(folder / f"{name}.pid")
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    record.write(process.pid)
    process.returncode = 0  # whoever ends it may be another process; nobody waits for it here
    return record


def free_ports(count: int, address: str = "127.0.0.1") -> list[int]:
    """Ports of an address that nobody listens on, and that the kernel gives to nobody else for a minute.

    A connection that was closed is remembered so long: who names the port, as servers do, may have it meanwhile.
    """
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server((address, 0))) for _ in range(count)]
        for probe in probes:
            with socket.create_connection(probe.getsockname()):
                probe.accept()[0].close()
        return [probe.getsockname()[1] for probe in probes]
