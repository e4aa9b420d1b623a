"""A worker as a pod runs it: `python -m kedge.worker` with a ticket and a store in its environment."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from kedge.io.stores import Store

JOBS = Path(__file__).parent / "jobs"


@dataclass
class Pod:
    """What the operator gives a pod, in a process: an environment, a store, and a place for the termination message."""

    folder: Path
    store: Store
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What was left as the termination message."""
        return (self.folder / "termination-log").read_text()

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
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)
