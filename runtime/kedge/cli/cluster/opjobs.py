"""OpJobs as the command line sees them: read, created, changed and watched through kubectl."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from kedge.cli.cluster.kubectl import Kubectl
from kedge.cli.cluster.refusals import NoSuchOpJob, Unreachable
from kedge.core.layout import RunPaths
from kedge.core.status import Phase

RESOURCE = "opjobs.kedge.dev"
_API = "/apis/kedge.dev/v1alpha1"
_WATCH_SECONDS = 300
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ClusterRun:
    """An OpJob as it was when it was read. Times are in seconds since the epoch."""

    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.body["metadata"]["namespace"])

    @property
    def uid(self) -> str:
        return str(self.body["metadata"]["uid"])

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.body.get("spec") or {}

    @property
    def status(self) -> Mapping[str, Any]:
        return self.body.get("status") or {}

    @property
    def phase(self) -> str:
        """A Phase's word; Pending as long as no operator has said anything."""
        return str(self.status.get("phase") or Phase.PENDING.value)

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or not."""
        return self.phase in _FINAL

    @property
    def steps(self) -> Mapping[str, int]:
        """How many steps are in which state, and the total; empty until it was planned."""
        return self.status.get("steps") or {}

    @property
    def created(self) -> float:
        return _seconds(self.body["metadata"]["creationTimestamp"])

    @property
    def completed(self) -> float | None:
        found = self.status.get("completionTime")
        return None if found is None else _seconds(found)

    @property
    def target(self) -> str:
        """What it runs: its entrypoint, or how many ops it names."""
        return str(self.spec.get("entrypoint") or f"{len(self.spec.get('ops') or ())} ops")

    @property
    def paths(self) -> RunPaths:
        """Where it is in its store."""
        path = (self.status.get("store") or {}).get("path")
        return RunPaths(path) if path else RunPaths.of(self.namespace, self.name, self.uid)


_FINAL = frozenset(phase.value for phase in Phase if phase.is_final)


def get(kubectl: Kubectl, name: str) -> ClusterRun:
    """An OpJob; `latest` is the newest one of the namespace. Raises NoSuchOpJob."""
    if name != "latest":
        return ClusterRun(kubectl.read("get", RESOURCE, name))
    found = all_of(kubectl)
    if not found:
        raise NoSuchOpJob("there is no OpJob in the namespace; -n names another one")
    return found[0]


def all_of(kubectl: Kubectl, everywhere: bool = False) -> list[ClusterRun]:
    """The OpJobs of the namespace, or of all namespaces; the newest first."""
    places = ["--all-namespaces"] if everywhere else []
    items = kubectl.read("get", RESOURCE, *places)["items"]
    return sorted(map(ClusterRun, items), key=lambda run: (run.created, run.name), reverse=True)


def names(kubectl: Kubectl) -> list[str]:
    """Their names alone."""
    return kubectl("get", RESOURCE, "-o", "jsonpath={.items[*].metadata.name}").split()


def create(kubectl: Kubectl, manifest: Mapping[str, Any]) -> ClusterRun:
    """Create an OpJob. Raises NameTaken, and SpecRefused with the API server's words."""
    return ClusterRun(kubectl.read("create", "-f", "-", given=json.dumps(manifest)))


def change(kubectl: Kubectl, run: ClusterRun, **spec: Any) -> None:
    """Change fields of an OpJob's spec. Raises NoSuchOpJob where another one has its name by now."""
    patch = {"metadata": {"uid": run.uid}, "spec": spec}
    where = f"--namespace={run.namespace}"
    kubectl("patch", RESOURCE, run.name, where, "--type=merge", "-p", json.dumps(patch))


def watch(kubectl: Kubectl, run: ClusterRun) -> Iterator[ClusterRun]:
    """The states of an OpJob, from now until nobody asks for more. The connection may break for up to a minute.

    Raises NoSuchOpJob once it is deleted, or when another one has its name.
    """
    query = {"watch": "true", "fieldSelector": f"metadata.name={run.name}", "timeoutSeconds": str(_WATCH_SECONDS)}
    path = f"{_API}/namespaces/{run.namespace}/opjobs?{urlencode(query)}"
    while True:
        yield _patiently(kubectl, run)
        with closing(_events(kubectl, path)) as events:
            for kind, body in events:
                if kind == "ERROR":
                    break
                if kind == "DELETED":
                    raise _deleted(run)
                yield _same(run, ClusterRun(body))


def _events(kubectl: Kubectl, path: str) -> Generator[tuple[str, Any], None, None]:
    """What a watch tells, until it ends or breaks."""
    with kubectl.stream("get", "--raw", path) as lines:
        try:
            for line in lines:
                event = event_in(line)
                if event is None:
                    return
                yield event["type"], event["object"]
        except Unreachable:
            return


def event_in(line: str) -> Any:
    """An event of a watch; None where the connection broke within the line."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _patiently(kubectl: Kubectl, run: ClusterRun) -> ClusterRun:
    """The OpJob as it is now, asked for again while the API server is away."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return _same(run, ClusterRun(kubectl.read("get", RESOURCE, run.name, f"--namespace={run.namespace}")))
        except Unreachable:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)


def _same(run: ClusterRun, found: ClusterRun) -> ClusterRun:
    if found.uid != run.uid:
        raise _deleted(run)
    return found


def _deleted(run: ClusterRun) -> NoSuchOpJob:
    return NoSuchOpJob(f"{run.namespace}/{run.name} was deleted before its end")


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
