"""A place for `kedge` on this machine: a folder with runs of its own, where steps of a test's jobs leave traces.

A step that is to be caught in the middle opens a named pipe for writing (`here`), which blocks until the test reads it,
and then waits on another that nobody writes to (`never`).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedge.engine.records import read_outcomes
from kedge.io.stores import Store, open_store
from kedge.local.runs import RunEntry, find

SECONDS = 120
PATIENT = {"KEDGE_TEST_GRACE_SECONDS": "3600"}
"""With these variables the engine leaves a step that ends, however slowly, in peace; see the jobs' files."""


class Place:
    """Runs jobs of one file. $KEDGE_HOME of the test itself must be its `home`, too."""

    def __init__(self, folder: Path, jobs: Path) -> None:
        self.folder = folder
        self.jobs = jobs
        self.home = folder / "home"
        self.environment = {**os.environ, "KEDGE_TEST_DIR": str(folder), "KEDGE_HOME": str(self.home)}
        self.store: Store = open_store(f"file://{self.home}/store")
        self.started: list[subprocess.Popen[str]] = []
        os.mkfifo(folder / "here")
        os.mkfifo(folder / "never")

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `kedge`."""
        command = [sys.executable, "-m", "kedge.cli", *arguments]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=pipe, stderr=pipe, text=True)
        self.started.append(process)
        return process

    def kedge(self, *arguments: str) -> tuple[int, str, str]:
        """Its exit code, and what it wrote to stdout and stderr."""
        process = self.begin(*arguments)
        out, err = process.communicate()
        return process.returncode, out, err

    def run(self, job: str, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run a job to its end: the exit code and the result."""
        code, out, err = self.kedge("run", f"{self.jobs}:{job}", "--json", *arguments)
        assert out, err
        return code, json.loads(out)

    def entry(self, name: str = "latest") -> RunEntry:
        return find(self.store, name)

    def attempts(self, name: str = "latest") -> dict[str, list[str]]:
        """How the attempts of each step ended."""
        records = read_outcomes(self.store, self.entry(name).paths)
        return {str(step): [one.status.value for one in outcomes] for step, outcomes in records.items()}

    def trace(self) -> list[str]:
        """The lines that steps have left."""
        path = self.folder / "trace"
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def told(self) -> str:
        """What a step says; blocks until one says something, and not for ever."""
        path = self.folder / "here"
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as pipe:
            assert is_readable(pipe.fileno(), SECONDS), "no step has said anything"
            os.set_blocking(pipe.fileno(), True)
            return pipe.read()

    def caught(self) -> int:
        """The process of a step that says that it is in the middle."""
        return int(self.told())


@contextlib.contextmanager
def placed(folder: Path, jobs: Path) -> Iterator[Place]:
    """A place; what was started in it is ended."""
    found = Place(folder, jobs)
    yield found
    for process in found.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def is_readable(descriptor: int, seconds: float) -> bool:
    """Whether there comes something to read within so many seconds."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def ends(pid: int) -> bool:
    """Whether a process that is not ours to reap ends: its descriptor becomes readable then."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return is_readable(descriptor, SECONDS)
    finally:
        os.close(descriptor)
