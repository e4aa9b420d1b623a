"""Runs kube-router while there are network policies, and not otherwise.

It goes through all rules whenever a pod comes or goes, which takes a tenth of a small machine where pods are many and
short; without policies there is nothing to enforce. It runs at the start, too, which shows that it can. Run by
`init.py` on the node; nothing but the standard library.
"""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

IDLE_SECONDS = 10.0
AGAIN_SECONDS = 0.3
CHAINS = ("KUBE-ROUTER-INPUT", "KUBE-ROUTER-FORWARD", "KUBE-ROUTER-OUTPUT")
LAST = "KUBE-NWPLCY-TAIL"
"""The chain that kube-router makes last."""
EVENT = 'jsonpath={.type} {.object.metadata.namespace}/{.object.metadata.name}{"\\n"}'
"""How kubectl prints an event: its type, and which policy it is about."""


class Enforcer:
    """kube-router, running or not."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Let it run; one that has ended is started again."""
        if self._process is not None and self._process.poll() is not None:
            time.sleep(AGAIN_SECONDS)
            self._process = None
        if self._process is None:
            self._process = subprocess.Popen(self._command)

    def stop(self) -> None:
        """End it, once it has begun to work, and let through all that it has kept."""
        if self._process is None or iptables("--list-rules", LAST):
            return
        self._process.terminate()
        self._process.wait()
        self._process = None
        for chain in CHAINS:
            iptables("--flush", chain)


def iptables(*arguments: str) -> int:
    """The exit code of a call of iptables."""
    return subprocess.run(["iptables", "--wait", *arguments], stdout=subprocess.DEVNULL, check=False).returncode


def lines(watching: subprocess.Popen[str]) -> queue.Queue[str]:
    """What a process writes, line by line, as it comes."""
    found: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in watching.stdout or ():
            found.put(line)

    threading.Thread(target=read, daemon=True).start()
    return found


def enforce(watch: Sequence[str], enforcer: Enforcer) -> None:
    """Follow a watch of policies until it ends."""
    policies: set[str] = set()
    idle_since = time.monotonic()
    watching = subprocess.Popen(watch, stdout=subprocess.PIPE, text=True)
    events = lines(watching)
    while watching.poll() is None:
        try:
            kind, policy = events.get(timeout=0.5).split()
        except queue.Empty:
            kind, policy = "", ""
        if kind == "DELETED":
            policies.discard(policy)
        elif kind:
            policies.add(policy)
        if policies:
            idle_since = time.monotonic()
        if time.monotonic() - idle_since < IDLE_SECONDS:
            enforcer.start()
        else:
            enforcer.stop()


def main(watch: Sequence[str], command: Sequence[str]) -> None:
    """As long as the node lives; a watch that has ended is followed by another."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    enforcer = Enforcer(command)
    while True:
        enforce([*watch, "--watch", "--output-watch-events", "-o", EVENT], enforcer)
        time.sleep(AGAIN_SECONDS)


if __name__ == "__main__":
    main(*(json.loads(one) for one in sys.argv[1:]))
