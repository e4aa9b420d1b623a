"""Calls of kubectl: the only module that talks to a cluster. See docs/adr/0012 for why it is not a client library.

Whoever has a cluster has kubectl, set up with contexts, proxies and logins of every kind; a call takes 50 ms.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, Any

from kedge.cli.cluster.refusals import NoKubectl, error_of
from kedge.core.protocol import API_LEVELS

_SECONDS = 30
"""So long one request may take; streams have no limit."""


class Kubectl:
    """kubectl with a context and a namespace; None stands for the current ones of the kubeconfig."""

    def __init__(self, context: str | None = None, namespace: str | None = None) -> None:
        self.context = context
        self.namespace = namespace
        sys.setrecursionlimit(max(API_LEVELS, sys.getrecursionlimit()))

    def __call__(self, *arguments: str, given: str | None = None) -> str:
        """What a call writes; `given` is its input. Raises ClusterError."""
        command = self._command(*arguments, f"--request-timeout={_SECONDS}s")
        done = subprocess.run(command, input=given or "", capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            raise error_of(done.stderr)
        return done.stdout

    def read(self, *arguments: str, given: str | None = None) -> Any:
        """What a call answers, as data. Raises ClusterError."""
        return json.loads(self(*arguments, "-o", "json", given=given))

    def raw(self, path: str) -> Any:
        """What the API server answers at a path. Raises ClusterError."""
        return json.loads(self("get", "--raw", path))

    def stream(self, *arguments: str) -> Stream:
        """A call that writes line after line."""
        return Stream(self._command(*arguments))

    def _command(self, *arguments: str) -> list[str]:
        program = shutil.which("kubectl")
        if program is None:
            raise NoKubectl("there is no kubectl on the PATH; install it, and set it up for your cluster")
        context = [] if self.context is None else [f"--context={self.context}"]
        namespace = [] if self.namespace is None else [f"--namespace={self.namespace}"]
        return [program, *context, *namespace, *arguments]


class Stream:
    """The lines of a call that goes on until it ends by itself or is stopped, from any thread. A context manager."""

    def __init__(self, command: list[str]) -> None:
        self._errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__
        self._stopped = False
        self._reader: threading.Thread | None = None
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, text=True, errors="replace"
        )

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self._process.wait()
        if self._reader is not None:
            self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def __iter__(self) -> Iterator[str]:
        """The lines, with their ends. Raises ClusterError when the call fails."""
        assert self._process.stdout is not None
        for line in self._process.stdout:  # noqa: UP028 - `yield from` closes the pipe with the iterator, under the call
            yield line
        if self._process.wait() not in (0, -signal.SIGINT) and not self._stopped:  # Ctrl-C is for us as well
            self._errors.seek(0)
            raise error_of(self._errors.read())

    def read_on(self) -> None:
        """Let nobody miss its further lines: it would stand still once its pipe is full."""
        self._reader = threading.Thread(target=self._read, name="kubectl", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for _ in self._process.stdout:
            pass

    def stop(self) -> None:
        """End it."""
        self._stopped = True
        self._process.kill()
