"""One run's data are as bad as they can be; the runs of others go on, and lose nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plane_operator import install_crd, kubectl, operator, submit
from played_workers import Workers

from cluster import plane as planes
from cluster import s3
from cluster.tools import need
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.protocol import MOST_BYTES, Ticket
from kedge.io.stores import Store, open_store
from kedge.io.tickets import read_ticket

pytestmark = [pytest.mark.plane, pytest.mark.s3]

VICTIM = "runs/other/victim-01234567/values/s/1/result"
OPS = [
    {"name": "make", "entrypoint": "x:make"},
    {"name": "read", "entrypoint": "x:read", "inputs": {"x": {"from": "make"}}},
]


class Hostile(Workers):
    """Workers whose op `make` leaves whatever stands in `records` for its run, as often as it is tried."""

    records: dict[str, bytes]

    def _work(self, pod: dict[str, Any]) -> None:
        environment = {one["name"]: one.get("value", "") for one in pod["spec"]["containers"][0]["env"]}
        ticket = read_ticket(self._store, environment["KEDGE_TICKET"])
        assert isinstance(ticket, Ticket)
        record = self.records.get(ticket.prefix.rpartition("/")[2][:-9])
        if record is None or ticket.step.op != "make":
            super()._work(pod)
            return
        own = record.replace(b"%attempt", str(ticket.attempt).encode()).replace(b"%prefix", ticket.prefix.encode())
        self._store.put(RunPaths(ticket.prefix).outcome(ticket.step, ticket.attempt), own)


def record(**fields: Any) -> bytes:
    said = {"version": 1, "step": "make", "attempt": "%attempt", "status": "succeeded", **fields}
    return json.dumps(said).replace('"%attempt"', "%attempt").encode()


def names(path: str) -> dict[str, Any]:
    return {"value": {"path": path, "format": "json", "size": 1, "digest": "sha256:0"}}


RECORDS = {
    "nested": b'{"version":1,"step":' + b"[" * 200_000,
    "large": b" " * (MOST_BYTES + 1),
    "shapeless": record(outputs={"result": 5}),
    "no-value": record(outputs={"result": {"value": 5}}),
    "theirs": record(outputs={"result": names(VICTIM)}),
    "round": record(outputs={"result": names(f"%prefix/values/../../../../{VICTIM}")}),
    "plan": record(outputs={"result": names("%prefix/plan.json")}),
    "said": record(status="failed", failure={"error": "E" * 100_000, "message": "\ud800\x1b[2J" * 50_000}),
}


def outputs(step: StepKey) -> dict[str, object]:
    return {"result": names(f"values/{step}")}


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[planes.Running, Store]]:
    """A control plane with an S3 server, and the store there."""
    with planes.running(nodes=1) as found, s3.running() as environment:
        for name, text in environment.items():
            monkeypatch.setenv(name, text)
        install_crd(found)
        yield found, open_store(f"s3://{s3.BUCKET}/hostile")


def test_hostile_records_end_their_own_run_alone(plane: tuple[planes.Running, Store], tmp_path: Path) -> None:
    running, store = plane
    store.put(VICTIM, b"1")
    Hostile.records = RECORDS
    spec = {"image": "x", "ops": OPS, "retainValues": "UntilConsumed"}
    with operator(running.kubeconfig, tmp_path, store.url), Hostile(running.kubeconfig, store, outputs):
        for name in (*RECORDS, "good"):
            submit(running, name, spec)
        kubectl(
            running, "wait", "--for=condition=Complete", "oj/good", "oj/theirs", "oj/round", "oj/plan", "--timeout=180s"
        )
        bad = [f"oj/{name}" for name in ("nested", "large", "shapeless", "no-value", "said")]
        kubectl(running, "wait", "--for=condition=Failed", *bad, "--timeout=180s")
        jobs = {
            one["metadata"]["name"]: one for one in json.loads(kubectl(running, "get", "oj", "-o", "json"))["items"]
        }
    told = {name: job["status"]["message"] for name, job in jobs.items()}
    assert "its record can't be read" in told["nested"]
    assert "its record can't be read" in told["large"]
    assert "its record is '5', no object" in told["shapeless"]
    assert "its record says nothing of its value" in told["no-value"]
    assert all(len(json.dumps(job["status"])) < 100_000 for job in jobs.values())
    assert store.exists(VICTIM)
    plans = {info.path.split("/")[2][:-9] for info in store.list("runs/default") if info.path.endswith("/plan.json")}
    assert plans == {*RECORDS, "good"}


def test_an_opjob_that_is_nested_too_deep_stops_no_other(plane: tuple[planes.Running, Store], tmp_path: Path) -> None:
    running, store = plane
    ops = [{**OPS[0], "config": "%s"}]
    deep = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": "deep"}, "spec": {"ops": ops}}
    given = json.dumps(deep).replace('"%s"', "[" * 9000 + "]" * 9000)
    with operator(running.kubeconfig, tmp_path, store.url), Workers(running.kubeconfig, store, outputs):
        spec = {"image": "x", "ops": OPS}
        submit(running, "before", spec)
        kubectl(running, "wait", "--for=condition=Complete", "oj/before", "--timeout=120s")
        kubectl(
            running, "create", "--raw", "/apis/kedge.dev/v1alpha1/namespaces/default/opjobs", "-f", "-", given=given
        )
        submit(running, "after", spec)
        kubectl(running, "wait", "--for=condition=Complete", "oj/after", "--timeout=120s")
        kubectl(running, "wait", "--for=condition=Failed", "oj/deep", "--timeout=120s")
        told = kubectl(running, "get", "oj", "deep", "-o", "jsonpath={.status.message}")
        assert runs_of(running, tmp_path) == {"before": "Succeeded", "after": "Succeeded", "deep": "Failed"}
    assert "it is nested in more than 100 levels" in told


def runs_of(plane: planes.Running, folder: Path) -> dict[str, str]:
    """What `kedge runs` tells of the cluster: phases by name."""
    path = os.pathsep.join([str(need("kubectl").parent), os.environ["PATH"]])
    environment = {"PATH": path, "KUBECONFIG": str(plane.kubeconfig), "HOME": str(folder)}
    command = [sys.executable, "-m", "kedge.cli", "runs", "--cluster", "--json"]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {one["run"]: one["status"] for one in json.loads(done.stdout)}
