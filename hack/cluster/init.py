"""The first process of a node: its own namespaces of processes, mounts and network make the node's machine.

Whatever is started here ends with it, and what it mounts, bridges and filters is gone with its namespaces. It starts
the programs of its specification (a JSON file), starts one again that ends, and reaps what others leave behind. Run
by `cluster.node`, in fresh namespaces; nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

AGAIN_SECONDS = 0.3
GRACE_SECONDS = 2.0


def main(specification: Path) -> None:
    """Make the machine, run the programs, end with them."""
    spec: dict[str, Any] = json.loads(specification.read_text(encoding="utf-8"))
    make_machine(spec)
    programs = Programs(spec["programs"], Path(spec["logs"]))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: programs.stop())
    programs.run()


def make_machine(spec: dict[str, Any]) -> None:
    """Mounts and network of this node alone."""
    call("mount", "--make-rprivate", "/")
    call("mount", "--make-rshared", "/")
    for folder in ("/run", "/var/lib", "/var/log"):
        call("mount", "-t", "tmpfs", "tmpfs", folder)
    for folder in ("/var/lib/kubelet", "/var/log/pods", "/var/log/containers", "/run/lock"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    call("hostname", spec["name"])
    call("ip", "link", "set", "lo", "up")
    wait_for_link(spec["link"])
    call("ip", "addr", "add", spec["address"], "dev", spec["link"])
    call("ip", "link", "set", spec["link"], "up")
    call("ip", "route", "add", "default", "via", spec["gateway"])
    for path in ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/bridge/bridge-nf-call-iptables"):
        if os.path.exists(path):
            Path(path).write_text("1", encoding="ascii")


def wait_for_link(name: str) -> None:
    """The other side moves its end of the cable in here as soon as this process exists."""
    until = time.monotonic() + 60
    while not os.path.exists(f"/sys/class/net/{name}") and not _has_link(name):
        if time.monotonic() > until:
            sys.exit(f"the link {name} did not come")
        time.sleep(0.01)


def _has_link(name: str) -> bool:
    return subprocess.run(["ip", "link", "show", name], capture_output=True, check=False).returncode == 0


def call(*command: str) -> None:
    """Run a command. Ends the node when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")


class Programs:
    """The programs of the node, by name."""

    def __init__(self, specs: list[dict[str, Any]], logs: Path) -> None:
        self._specs = {spec["name"]: spec for spec in specs}
        self._logs = logs
        self._pids: dict[int, str] = {}
        self._again: dict[str, float] = dict.fromkeys(self._specs, 0.0)
        self._stopping = False

    def run(self) -> None:
        """Until stopped."""
        while not self._stopping:
            self._start_due()
            self._reap()
            time.sleep(0.05)
        self._end()

    def stop(self) -> None:
        """End soon."""
        self._stopping = True

    def _start_due(self) -> None:
        now = time.monotonic()
        for name in [name for name, due in self._again.items() if due <= now]:
            del self._again[name]
            spec = self._specs[name]
            with (self._logs / f"{name}.log").open("ab") as log:
                environment = {**os.environ, **spec.get("env", {})}
                process = subprocess.Popen(
                    spec["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
                )
            self._pids[process.pid] = name

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            name = self._pids.pop(pid, None)
            if name is not None:
                self._again[name] = time.monotonic() + AGAIN_SECONDS

    def _end(self) -> None:
        """Ask all to end; what is still there when this process ends is ended by the kernel."""
        for pid in [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]:
            with_suppressed(pid, signal.SIGTERM)
        until = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < until and any(name.isdigit() and name != "1" for name in os.listdir("/proc")):
            self._reap()
            time.sleep(0.02)


def with_suppressed(pid: int, number: signal.Signals) -> None:
    """Signal a process that may have ended meanwhile."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
