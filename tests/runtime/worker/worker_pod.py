"""A worker as a pod runs it: `python -m kedge.worker` with a ticket and a store in its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from kedge.core.document import digest_of
from kedge.core.hints import Announce
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.protocol import Binding, Outcome, Ticket
from kedge.core.settings import RunSettings
from kedge.io.stores import Store
from kedge.worker.documents import document_of
from kedge.worker.loading import load_job

JOBS = Path(__file__).parent / "jobs"
PATHS = RunPaths("runs/team/job-01234567")
SECONDS = 180


@dataclass
class Pod:
    """What the operator gives a pod, in a process: an environment, a store, and a place for the termination message."""

    folder: Path
    store: Store
    environment: dict[str, str] = field(default_factory=dict)
    job: str = "step_jobs.py:steps"
    settings: RunSettings | None = None

    @property
    def message(self) -> str:
        """What was left as the termination message."""
        return (self.folder / "termination-log").read_text()

    @property
    def notes(self) -> list[str]:
        """What the ops of step_jobs noted."""
        path = self.folder / "notes"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def log(self) -> str:
        """What was shipped of the logs of all steps."""
        return "".join(self.store.get(info.path).decode() for info in self.store.list(f"{PATHS.prefix}/logs"))

    def ticket(self, step: str, announce: Announce | None = None, **inputs: Binding) -> Ticket:
        """The first attempt of a step of the job, whose plan is put into the store."""
        target = f"{JOBS}/{self.job}"
        plan = document_of(load_job(target), target, settings=self.settings).to_bytes()
        self.store.put(PATHS.plan, plan)
        if not (self.folder / "pipe").exists():
            os.mkfifo(self.folder / "pipe")
        self.environment["KEDGE_TEST_DIR"] = str(self.folder)
        return Ticket("job-01234567", PATHS.prefix, digest_of(plan), StepKey(step), 1, 0, inputs, announce=announce)

    def outcome(self, step: str) -> Outcome | None:
        """The record of a step's first attempt, if there is one."""
        path = PATHS.outcome(StepKey(step), 1)
        return Outcome.from_json(json.loads(self.store.get(path))) if self.store.exists(path) else None

    def caught(self) -> int:
        """The pipe, once an op has come to it. The op goes on when it is closed."""
        opened: SimpleQueue[int] = SimpleQueue()
        opening = Thread(target=lambda: opened.put(os.open(self.folder / "pipe", os.O_WRONLY)), daemon=True)
        opening.start()
        return opened.get(timeout=SECONDS)

    def start(self, ticket: str, **environment: str) -> subprocess.Popen[str]:
        """Begin with a ticket."""
        (self.folder / "termination-log").touch()
        given = {
            **os.environ,
            "KEDGE_STORE": self.store.url,
            "KEDGE_TICKET": ticket,
            "KEDGE_TERMINATION_LOG": str(self.folder / "termination-log"),
            "PYTHONPATH": str(JOBS),
            **self.environment,
            **environment,
        }
        command = [sys.executable, "-m", "kedge.worker"]
        return subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, ticket: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a ticket to its end."""
        with self.start(ticket, **environment) as process:
            out, err = process.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)
