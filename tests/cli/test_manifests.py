"""What is sent to a cluster: a manifest as it is, compiled Python, and a run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kedge.cli.manifests import Wanted, again, to_submit
from kedge.core.errors import ProtocolError

JOBS = Path(__file__).parents[1] / "engines" / "jobs" / "conformance_jobs.py"
SPEC = {"entrypoint": "not_here:job", "runConfig": {"ops": {"a": {}}}, "maxConcurrent": 3}


def written(folder: Path, metadata: dict[str, Any], **spec: Any) -> str:
    path = folder / "job.yaml"
    body = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": metadata, "spec": {**SPEC, **spec}}
    path.write_text(yaml.safe_dump(body))
    return str(path)


def test_a_manifest_is_sent_as_it_is_and_its_code_is_not_imported(tmp_path: Path) -> None:
    path = written(tmp_path, {"name": "mine", "labels": {"a": "b"}}, newField=1)
    assert to_submit(path, Wanted(), False) == yaml.safe_load(Path(path).read_text())


def test_the_command_line_goes_over_the_manifest(tmp_path: Path) -> None:
    wanted = Wanted({"resources": {}}, ("a*",), "mine:2", "other", None, 7, "monday")
    found = to_submit(written(tmp_path, {"name": "mine"}), wanted, False)
    assert found["metadata"] == {"name": "other"}
    assert found["spec"] == {
        **SPEC,
        "runConfig": {"ops": {"a": {}}, "resources": {}},
        "opSelection": ["a*"],
        "image": "mine:2",
        "maxConcurrent": 7,
        "partitionKey": "monday",
    }


def test_a_name_may_be_asked_to_be_generated(tmp_path: Path) -> None:
    assert to_submit(written(tmp_path, {"name": "mine"}), Wanted(), True)["metadata"] == {"generateName": "mine-"}
    kept = written(tmp_path, {"generateName": "mine-"})
    assert to_submit(kept, Wanted(), False)["metadata"] == {"generateName": "mine-"}
    assert to_submit(kept, Wanted(), True)["metadata"] == {"generateName": "mine-"}


def test_a_manifest_without_any_name_is_refused_with_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="give --name"):
        to_submit(written(tmp_path, {}), Wanted(), False)


def test_python_is_compiled_and_can_be_submitted_again_and_again() -> None:
    found = to_submit(f"{JOBS}:map_in_map", Wanted(image="mine:1"), False)
    assert found["metadata"]["generateName"] == "map-in-map-"
    assert "name" not in found["metadata"]
    assert found["spec"]["image"] == "mine:1"
    assert found["spec"]["ops"]
    named = to_submit(f"{JOBS}:map_in_map", Wanted(name="only-one"), False)
    assert named["metadata"]["name"] == "only-one"
    assert "image" not in named["spec"]


BEFORE = {
    "apiVersion": "kedge.dev/v1alpha1",
    "kind": "OpJob",
    "metadata": {
        "name": "mine",
        "namespace": "team",
        "uid": "1",
        "resourceVersion": "5",
        "labels": {"a": "b"},
        "annotations": {"kedge.dev/graph-hash": "f00", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    },
    "spec": {**SPEC, "suspend": False, "cancel": True, "reexecute": {"from": "first", "steps": ["a"]}},
    "status": {"phase": "Failed"},
}


def test_a_run_again_is_the_same_job_without_what_was_of_one_run() -> None:
    found = again(BEFORE, ())
    assert found["metadata"] == {
        "generateName": "mine-",
        "namespace": "team",
        "labels": {"a": "b"},
        "annotations": {"kedge.dev/graph-hash": "f00"},
    }
    assert found["spec"] == {**SPEC, "reexecute": {"from": "mine", "steps": "FromFailure"}}
    assert "status" not in found


def test_steps_to_run_again_and_more_of_them_at_once_can_be_named() -> None:
    spec = again(BEFORE, ("a[k]", "b*"), 9)["spec"]
    assert (spec["reexecute"]["steps"], spec["maxConcurrent"]) == (["a[k]", "b*"], 9)


def test_names_do_not_grow_with_each_time_a_run_is_tried_again() -> None:
    body = {**BEFORE, "metadata": {**BEFORE["metadata"], "name": "mine-x1y2z", "generateName": "mine-"}}  # type: ignore[dict-item]
    assert again(body, ())["metadata"]["generateName"] == "mine-"
