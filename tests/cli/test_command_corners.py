"""Corners of the commands: errors as JSON, manifests compiled again, logs cut in the middle of a letter."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from kedge.cli.app import cli
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.io.stores import open_store
from kedge.local import home, runs
from kedge.worker.loading import load_job

JOBS = Path(__file__).parents[1] / "engines" / "jobs" / "conformance_jobs.py"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEDGE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kedge(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def a_run(folder: Path) -> RunPaths:
    """A run that nobody runs."""
    target = f"{JOBS}:diamond"
    store = open_store(f"file://{folder}/home/store")
    return runs.create(store, runs.document_of(load_job(target), target), target)


@pytest.mark.parametrize("command", ["run", "plan", "compile", "graph"])
def test_an_unusable_target_is_an_error_in_json_too(folder: Path, command: str) -> None:
    done = kedge(command, "nowhere.py:job", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout) == {"error": "TargetError", "message": "there is no file nowhere.py"}


@pytest.mark.parametrize("command", ["steps", "logs", "gantt", "retry", "resume", "cancel"])
def test_an_unknown_run_is_an_error_in_json_too(folder: Path, command: str) -> None:
    done = kedge(command, "nope", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"] == "NoSuchRun"


@pytest.mark.parametrize("text", ["ops: [", "just words", "- a\n- b\n", "a: 1\n---\nb: 2\n", ""])
def test_a_file_that_is_no_manifest_is_refused_in_words(folder: Path, text: str) -> None:
    (folder / "job.yaml").write_text(text)
    done = kedge("run", "job.yaml", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"] == "ProtocolError"


@pytest.mark.parametrize("text", ["a: [", "[1, 2]", "no-such-file.yaml"])
def test_a_config_file_that_is_none_is_bad_usage(folder: Path, text: str) -> None:
    (folder / "config.yaml").write_text(text)
    given = text if text.endswith(".yaml") else "config.yaml"
    done = kedge("plan", f"{JOBS}:configured", "-c", given)
    assert (done.exit_code, "--config" in done.stderr) == (2, True)


def test_compile_completes_a_manifest_that_names_the_entrypoint_alone(folder: Path) -> None:
    spec = {"image": "mine:1", "entrypoint": f"{JOBS}:configured", "maxConcurrent": 3, "failFast": True}
    head = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": "mine"}}
    (folder / "job.yaml").write_text(yaml.safe_dump({**head, "spec": spec}))
    compiled = yaml.safe_load(kedge("compile", "job.yaml").stdout)
    assert {key: compiled["spec"][key] for key in spec} == spec
    of_target = yaml.safe_load(kedge("compile", f"{JOBS}:configured").stdout)
    assert compiled["spec"]["ops"] == of_target["spec"]["ops"]
    assert compiled["metadata"]["annotations"] == of_target["metadata"]["annotations"]
    assert compiled["metadata"]["name"] == "mine"


def test_compile_takes_what_the_command_line_says_over_the_manifest(folder: Path) -> None:
    (folder / "job.yaml").write_text(kedge("compile", f"{JOBS}:diamond", "--image", "first:1").stdout)
    spec = yaml.safe_load(kedge("compile", "job.yaml", "--image", "second:2", "-j", "7").stdout)["spec"]
    assert (spec["image"], spec["maxConcurrent"]) == ("second:2", 7)


def test_a_log_is_joined_before_it_is_decoded(folder: Path) -> None:
    paths, store = a_run(folder), open_store(f"file://{folder}/home/store")
    for part, data in enumerate(("café".encode()[:-1], "é".encode()[-1:] + b" au lait\n")):
        store.put(paths.log_part(StepKey("one"), 1, part), data)
    assert "café au lait" in kedge("logs", "latest").stdout
    assert json.loads(kedge("logs", "latest", "--json").stdout) == [
        {"step": "one", "attempt": 1, "text": "café au lait\n"}
    ]


def test_cancel_of_a_run_whose_engine_is_gone_says_so(folder: Path) -> None:
    a_run(folder)
    done = kedge("cancel", "latest")
    assert (done.exit_code, "Interrupted; nothing is running" in done.stderr) == (2, True)


def test_cancel_signals_the_engine_that_holds_the_lock(folder: Path) -> None:
    """The engine is another process that only holds the lock."""
    import fcntl

    paths = a_run(folder)
    run_id = runs.find(open_store(f"file://{folder}/home/store"), "latest").run_id
    engine = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    lock = home._lock_path(run_id)
    lock.write_text(str(engine.pid))
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert json.loads(kedge("cancel", "latest", "--json").stdout)["cancelled"] is True
    assert os.waitstatus_to_exitcode(os.waitpid(engine.pid, 0)[1]) == -15
    engine.returncode = -15
    assert engine.stdin is not None
    engine.stdin.close()
    assert paths.prefix.startswith("runs/local/diamond-")
