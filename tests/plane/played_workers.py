"""Step pods played by the test: this writes the records that their workers would, and then has their kubelets end them.

As in a real pod, no container ends before its record is there, however long the test may stand still.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from cluster import fakes
from cluster.tools import need
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.protocol import Outcome, OutcomeStatus
from kedge.io.errors import ObjectExists
from kedge.io.stores import Store
from kedge.io.tickets import read_ticket
from kedge_kubectl import SECONDS, objects, until

Object = dict[str, Any]
Outputs = Callable[[StepKey], dict[str, Any]]


class Workers:
    """Writes a success for each pod that appears, and ends it; those of the ops `lasting` stay.

    `tickets` holds the sizes of their tickets by step, in bytes.
    """

    def __init__(self, kubeconfig: Path, store: Store, outputs: Outputs, lasting: Collection[str] = ()) -> None:
        self._store = store
        self._outputs = outputs
        self._lasting = lasting
        self._server = _Server(kubeconfig)
        self._may = threading.Event()
        self._may.set()
        self.tickets: dict[str, int] = {}
        self.names: list[str] = []
        self._kubectl = [str(need("kubectl")), f"--kubeconfig={kubeconfig}"]
        self._command = [*self._kubectl, "get", "pods", "--watch", "-o", "json"]
        self._ready = threading.Event()
        self._seen: set[str] = set()
        self._ending = False
        self._process = self._watch()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> Workers:
        """They are there once they have seen a pod: fake ones end so soon that no worker may come late."""
        container = {"name": "main", "image": "nothing"}
        metadata = {"name": "seen-by-the-workers"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
        subprocess.run([*self._kubectl, "create", "-f", "-"], input=json.dumps(pod), text=True, check=True)
        self._thread.start()
        assert self._ready.wait(SECONDS), "the pods are not seen"
        return self

    def hold(self) -> None:
        """From now on no pod writes its record, nor ends, until `go`."""
        self._may.clear()

    def go(self) -> None:
        """They may."""
        self._may.set()

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._may.set()
        while self._thread.is_alive():
            self._process.kill()
            self._thread.join(0.5)
        self._server.close()

    def _watch(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)

    def _play(self) -> None:
        """A watch ends when the server says so, as one that starts may; then another one goes on."""
        while True:
            for pod in objects(self._process):
                self._ready.set()
                self._see(pod)
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            if self._ending:
                return
            self._process = self._watch()

    def _see(self, pod: Object) -> None:
        metadata = pod["metadata"]
        if "kedge.dev/run" in metadata.get("labels", {}) and metadata["uid"] not in self._seen:
            self._may.wait()
            self._seen.add(metadata["uid"])
            self.names.append(metadata["name"])
            self._work(pod)
            if metadata["labels"].get("kedge.dev/op") not in self._lasting:
                self._server.annotate(metadata, {fakes.DURATION: "1ms"})

    def _work(self, pod: Object) -> None:
        environment = {one["name"]: one.get("value", "") for one in pod["spec"]["containers"][0]["env"]}
        text = environment["KEDGE_TICKET"]
        ticket = read_ticket(self._store, text)
        self.tickets[str(ticket.step)] = len(text)  # type: ignore[union-attr]
        outcome = Outcome(ticket.step, ticket.attempt, OutcomeStatus.SUCCEEDED, self._outputs(ticket.step))  # type: ignore[union-attr]
        path = RunPaths(ticket.prefix).outcome(outcome.step, outcome.attempt)
        with contextlib.suppress(ObjectExists):  # the operator had given it up, and a worker can't change that
            self._store.put(path, outcome.to_bytes(), create=True)


class _Server:
    """An API server that is asked by an administrator, over one connection: kubectl takes too long for a thousand."""

    def __init__(self, kubeconfig: Path) -> None:
        found = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
        keys = kubeconfig.parent / "pki"
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(keys / "kubeconfig-client.crt", keys / "kubeconfig-client.key")
        self._connection = http.client.HTTPSConnection(urlsplit(found["server"]).netloc, context=context)

    def annotate(self, pod: Object, annotations: dict[str, str]) -> None:
        """Annotate a pod, unless it is gone."""
        path = f"/api/v1/namespaces/{pod['namespace']}/pods/{pod['name']}"
        body = json.dumps({"metadata": {"annotations": annotations}})
        until(lambda: self._patch(path, body) in (200, 404), f"the annotation of {pod['name']}")

    def _patch(self, path: str, body: str) -> int | None:
        """The answer's status; None where the connection has ended, as one does that was idle for long."""
        try:
            self._connection.request("PATCH", path, body, {"Content-Type": "application/merge-patch+json"})
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return None
        return answer.status

    def close(self) -> None:
        self._connection.close()
