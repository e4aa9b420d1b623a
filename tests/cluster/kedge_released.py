"""Kedge as the Helm chart installs it, with the embedded store, and its jobs in one namespace or in several."""

from __future__ import annotations

import contextlib
import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from kedge_installed import LEASE_SECONDS, RUNTIME, SECONDS, Installed, Object
from turns import turn

from cluster.tools import need
from kedge.io.stores import Store
from kedge_kubectl import Kubectl, make_namespace, tell
from manifests import documents, first_store

KEYS = {
    "accessKeyId": first_store.CREDENTIALS["AWS_ACCESS_KEY_ID"],
    "secretAccessKey": first_store.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
}


class Release(Installed):
    """A release in a namespace of its own; its objects are called as those of the manifests are."""

    def __init__(self, kubectl: Kubectl) -> None:
        super().__init__(kubectl)
        self.values: Object = {
            "fullnameOverride": "kedge",
            "scope": [self.namespace],
            "crds": {"install": False},
            "rbac": {"people": False},
            "store": {"embedded": {"enabled": True, **KEYS}},
            "config": {
                "image": RUNTIME,
                "podTemplate": self.pod_template(),
                "startGraceSeconds": 10,
                "leaderElection": {"leaseSeconds": LEASE_SECONDS},
            },
        }

    def bring(self, values: Mapping[str, Any], *flags: str, chart: Path = documents.CHART) -> str:
        """Install or upgrade with some values on top, which stay for the next time. Returns the notes."""
        self.values = merged(self.values, values)
        return self.helm("upgrade", "--install", str(chart), "--wait", f"--timeout={SECONDS}s", *flags)

    def helm(self, command: str, *arguments: str) -> str:
        """What Helm answers. The values go with an upgrade."""
        program = [str(need("helm")), f"--kubeconfig={self.kubectl.kubeconfig}", f"--namespace={self.namespace}"]
        flags = [one for one in arguments if one.startswith("-")]
        rest = [one for one in arguments if not one.startswith("-")]
        given = ["-f", "-"] if command == "upgrade" else []
        done = subprocess.run(
            [*program, command, "kedge", *rest, *flags, *given],
            input=json.dumps(self.values),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def at(self, namespace: str) -> Place:
        """The jobs of another namespace."""
        return Place(self, Kubectl(self.kubectl.kubeconfig, namespace))


class Place(Installed):
    """A namespace in which a release that is elsewhere runs jobs."""

    def __init__(self, release: Release, kubectl: Kubectl) -> None:
        super().__init__(kubectl)
        self._release = release

    @property
    def store(self) -> Store:
        """That of the release."""
        return self._release.store


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Object:
    """Values with others on top, as Helm merges them: dicts in depth, all else as a whole."""
    found = dict(one)
    for name, value in other.items():
        before = found.get(name)
        found[name] = merged(before, value) if isinstance(before, dict) and isinstance(value, Mapping) else value
    return found


@contextlib.contextmanager
def released(
    kubeconfig: str, request: pytest.FixtureRequest, *others: str, alone: bool = False
) -> Iterator[tuple[Release, list[Place]]]:
    """A release that is still to be brought, and namespaces besides its own, all with the code of the jobs.

    `alone`: it may be for the whole cluster, as no other operator runs.
    """
    with turn(alone), namespaces(kubeconfig, "kedge", *others) as (own, *rest):
        release = Release(own)
        release.install_crd()
        places = [release.at(one.namespace) for one in rest]
        for place in (release, *places):
            place.kubectl.apply(place.code())
        try:
            with told(request, own, *rest):
                yield release, places
        finally:
            release.close()
            release.helm("uninstall", "--ignore-not-found")


@contextlib.contextmanager
def namespaces(kubeconfig: str, *kinds: str) -> Iterator[list[Kubectl]]:
    """Fresh namespaces that enforce restricted Pod Security, for as long as the block lasts."""
    found = [Kubectl(kubeconfig, f"{kind}-{uuid.uuid4().hex[:8]}") for kind in kinds]
    for one in found:
        make_namespace(one)
    try:
        yield found
    finally:
        for one in found:
            one("delete", "namespace", one.namespace, "--wait=false")


@contextlib.contextmanager
def told(request: pytest.FixtureRequest, *places: Kubectl) -> Iterator[None]:
    """Print what is in some namespaces when the block, or a test meanwhile, fails."""
    failed_before, well = request.session.testsfailed, False
    try:
        yield
        well = True
    finally:
        if not well or request.session.testsfailed > failed_before:
            for one in places:
                tell(one)
