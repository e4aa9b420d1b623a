"""A control plane alone: ready in seconds, several at a time, gone without a trace."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from cluster import fakes, processes
from cluster import plane as planes
from cluster.tools import need

pytestmark = pytest.mark.plane


def kubectl(plane: planes.Running, *arguments: str, given: str | None = None) -> str:
    command = [str(need("kubectl")), f"--kubeconfig={plane.kubeconfig}", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return done.stdout.strip()


POD = """
apiVersion: v1
kind: Pod
metadata: {name: lonely}
spec: {containers: [{name: main, image: nothing}]}
"""


def test_it_takes_objects_and_nothing_happens_to_them(plane: planes.Running) -> None:
    kubectl(plane, "apply", "-f", "-", given=POD)
    assert kubectl(plane, "get", "pod", "lonely", "-o", "jsonpath={.status.phase}") == "Pending"
    status = '{"status": {"phase": "Succeeded"}}'
    kubectl(plane, "patch", "pod", "lonely", "--subresource=status", "--type=merge", "-p", status)
    assert kubectl(plane, "get", "pod", "lonely", "-o", "jsonpath={.status.phase}") == "Succeeded"


def test_pods_on_fake_nodes_end_as_their_annotations_say() -> None:
    with planes.running(nodes=3) as plane:
        ends = {"none": {}, "well": {fakes.DURATION: "100ms"}, "ill": {fakes.DURATION: "1ms", fakes.EXIT_CODE: "3"}}
        for name, annotations in ends.items():
            kubectl(plane, "apply", "-f", "-", given=yaml.safe_dump(fake_pod(name, annotations)))
        for name, phase in {"none": "Running", "well": "Succeeded", "ill": "Failed"}.items():
            kubectl(plane, "wait", f"pod/{name}", f"--for=jsonpath={{.status.phase}}={phase}", "--timeout=60s")
        code = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"
        assert [kubectl(plane, "get", "pod", name, "-o", code) for name in ends] == ["", "0", "3"]
        kubectl(plane, "delete", "pod", "none", "--timeout=60s")


def fake_pod(name: str, annotations: dict[str, str]) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "nothing"}]},
    }


def test_two_side_by_side_know_nothing_of_each_other(plane: planes.Running) -> None:
    with planes.running() as other:
        kubectl(plane, "create", "namespace", "mine")
        assert "mine" in kubectl(plane, "get", "namespaces")
        assert "mine" not in kubectl(other, "get", "namespaces")


def test_nothing_of_it_stays(plane: planes.Running) -> None:
    records = [processes.Record(plane.folder / f"{name}.pid") for name in ("etcd", "kube-apiserver")]
    pids = [record.pid for record in records]
    assert None not in pids
    plane.stop()
    assert not any(processes.started(pid) for pid in pids if pid)
    assert not plane.folder.exists()


def test_a_process_that_has_another_ones_number_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    record = processes.Record(tmp_path / "some.pid")
    record.path.write_text(f'[{other.pid}, "1"]')
    try:
        assert record.pid is None
        record.end()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
