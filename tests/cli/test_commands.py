"""Each command as a person or a script calls it: what it prints, plain and as JSON, and its exit code."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
JOBS = ROOT / "tests" / "engines" / "jobs" / "conformance_jobs.py"
GOLDEN = ROOT / "tests" / "data" / "manifests"


class Shell:
    """A folder of its own, and `kedge` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "KEDGE_HOME": str(folder / "home"), "COLUMNS": "100"}

    def kedge(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "kedge.cli", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def data(self, *arguments: str) -> Any:
        done = self.kedge(*arguments, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def on_terminal(self, *arguments: str) -> tuple[int, str]:
        """What a person sees: the command with a terminal for its output."""
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "kedge.cli", *arguments]
        environment = {**self.environment, "TERM": "xterm-256color"}
        process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=theirs, stderr=theirs)
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        os.close(ours)
        return process.wait(), seen.decode()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_run_tells_each_step_and_the_end(shell: Shell) -> None:
    done = shell.kedge("run", f"{JOBS}:diamond")
    assert done.returncode == 0
    assert done.stdout.startswith("Succeeded  diamond-")
    assert "4 succeeded" in done.stdout
    assert "succeeded add_one in" in done.stderr


def test_run_of_a_failing_job_names_the_step_the_error_and_what_to_do(shell: Shell) -> None:
    done = shell.kedge("run", f"{JOBS}:one_branch_fails")
    assert done.returncode == 1
    assert "boom failed: ValueError: no 1" in done.stderr
    assert "kedge logs one-branch-fails-" in done.stderr
    assert 'raise ValueError(f"no {x}")' in done.stderr
    assert "kedge/worker" not in done.stderr


def test_bars_are_drawn_on_a_terminal(shell: Shell) -> None:
    code, seen = shell.on_terminal("run", f"{JOBS}:mapped")
    assert code == 0
    assert "add_one" in seen
    assert "3/3" in seen
    assert "Succeeded" in seen


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nowhere.py:job"], "there is no file nowhere.py"),
        (["run", "no_such_module:job"], "there is no module 'no_such_module'"),
        (["run", f"{JOBS}:nothing"], "has no attribute 'nothing'; it has add_two"),
        (["run", f"{JOBS}:one"], "is a OpDefinition; give a job or a graph"),
        (["run", "just-a-word"], "write package.module:attribute"),
        (["run", "missing.yaml"], "there is no file missing.yaml"),
        (["run", f"{JOBS}:diamond", "-s", "nope"], "no op is called 'nope'; this job has one"),
        (["run", f"{JOBS}:diamond", "-c", "{bad"], "--config"),
        (["run", f"{JOBS}:diamond", "--tag", "x"], "write KEY=VALUE"),
        (["run", f"{JOBS}:diamond", "--tag-limit", "x"], "write KEY:N"),
        (["steps", "nope"], "there is no run 'nope'"),
        (["frobnicate"], "No such command"),
    ],
)
def test_a_mistake_is_told_in_words_with_exit_code_2(shell: Shell, arguments: list[str], said: str) -> None:
    done = shell.kedge(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_all_faults_of_a_config_are_listed_with_their_paths(shell: Shell) -> None:
    config = {"ops": {"scaled": {"config": {"factor": "x"}}, "shifted": {"config": {"by": 1.5}}, "nope": {}}}
    done = shell.kedge("run", f"{JOBS}:configured", "-c", json.dumps(config))
    assert done.returncode == 2
    for fault in ("ops:scaled:config:factor", "ops:shifted:config:by", "ops:nope"):
        assert fault in done.stderr
    told = shell.data("run", f"{JOBS}:configured", "-c", json.dumps(config))
    assert told["error"] == "DagsterInvalidConfigError"


def test_config_comes_from_a_yaml_file_too(shell: Shell) -> None:
    path = shell.folder / "config.yaml"
    path.write_text("ops:\n  scaled:\n    config:\n      factor: 5\n")
    assert shell.data("run", f"{JOBS}:configured", "-c", str(path))["status"] == "Succeeded"


def test_a_selection_runs_less(shell: Shell) -> None:
    assert shell.data("run", f"{JOBS}:diamond", "-s", "add_one", "-s", "one")["steps"] == {"succeeded": 2}


def test_plan_shows_the_order_and_runs_nothing(shell: Shell) -> None:
    plain = shell.kedge("plan", f"{JOBS}:depth_first").stdout.splitlines()
    assert plain[0].split() == ["#", "STEP", "PRIORITY", "AFTER"]
    assert [line.split()[1:3] for line in plain[1:]] == [
        ["three", "0"],
        ["extract[?]", "1"],
        ["transform[?]", "2"],
        ["load[?]", "3"],
        ["total", "0"],
    ]
    steps = shell.data("plan", f"{JOBS}:depth_first")
    assert steps[4] == {"step": "total", "op": "total", "priority": 0, "after": ["load[?]"]}
    assert shell.data("runs") == []


def test_runs_steps_and_logs_tell_of_a_run(shell: Shell) -> None:
    name = shell.data("run", f"{JOBS}:one_clone_fails")["run"]
    assert [run["run"] for run in shell.data("runs")] == [name]
    assert shell.kedge("runs").stdout.splitlines()[1].split()[:2] == [name, "Failed"]
    states = {step["step"]: step["state"] for step in shell.data("steps", name)}
    assert states["odd_only[k2]"] == "failed"
    assert states["total"] == "untouched"
    assert [step["step"] for step in shell.data("steps", "latest", "--failed")] == ["odd_only[k2]"]
    assert "ValueError: even" in shell.kedge("logs", name[:-2], "odd_only[k2]").stdout


def test_logs_of_a_step_that_the_run_does_not_have_name_those_that_it_has(shell: Shell) -> None:
    shell.kedge("run", f"{JOBS}:one_clone_fails", "-q")
    done = shell.kedge("logs", "latest", "odd_onyl")
    assert done.returncode == 2
    assert "latest has no op 'odd_onyl'; its ops: three, odd_only, add_one, total" in done.stderr
    done = shell.kedge("logs", "latest", "odd_only[k7]")
    assert done.returncode == 2
    assert "latest has no step odd_only[k7]; odd_only has odd_only[k3], odd_only[k1], odd_only[k2]" in done.stderr


def test_logs_of_a_step_that_wrote_nothing_say_why(shell: Shell) -> None:
    first = shell.data("run", f"{JOBS}:one_clone_fails")["run"]
    done = shell.kedge("logs", first, "total")
    assert (done.returncode, done.stderr) == (0, f"{first} has no log of total: it was not run\n")
    shell.kedge("retry", first, "-q")
    done = shell.kedge("logs", "latest", "odd_only[k1]")
    assert done.stderr == f"latest has no log of odd_only[k1]: it was taken over from {first}\n"
    assert shell.kedge("logs", "latest", "odd_only[k1]", "--attempt", "2").returncode == 0


def test_runs_count_the_steps_that_have_ended(shell: Shell) -> None:
    shell.kedge("run", f"{JOBS}:one_clone_fails", "-q")
    assert shell.kedge("runs").stdout.splitlines()[1].split()[2] == "8/8"


def test_gantt_and_graph_write_pages_and_give_data(shell: Shell) -> None:
    shell.data("run", f"{JOBS}:mapped")
    assert shell.kedge("gantt", "latest", "-o", "gantt.html").returncode == 0
    assert shell.kedge("graph", f"{JOBS}:mapped", "-o", "graph.html").returncode == 0
    assert "add_one[k3]" in (shell.folder / "gantt.html").read_text()
    assert "collect" in (shell.folder / "graph.html").read_text()
    spans = shell.data("gantt", "latest")["spans"]
    for span in spans:
        assert span["ready"] <= span["launched"] <= span["entered"] <= span["left"] <= span["ended"]
    edges = shell.data("graph", f"{JOBS}:mapped")["edges"]
    assert {"source": "three", "target": "add_one", "kind": "map"} in edges


def test_records_of_what_the_run_does_not_have_disturb_no_command(shell: Shell) -> None:
    shell.data("run", f"{JOBS}:mapped")
    (outcomes,) = (shell.folder / "home").rglob("outcomes")
    for step, outputs in {"stranger": {"result": {"value": 3}}, "add_one[k99]": {"result": 5}}.items():
        record = {"version": 1, "step": step, "attempt": 1, "status": "succeeded", "outputs": outputs}
        (outcomes / step).mkdir()
        (outcomes / step / "1.json").write_text(json.dumps({**record, "times": {"started": 1.0, "ended": 2.0}}))
    for command in (["gantt", "latest", "-o", "gantt.html"], ["steps", "latest"], ["runs"], ["logs", "latest"]):
        done = shell.kedge(*command)
        assert done.returncode == 0, done.stderr
    assert "add_one[k3]" in (shell.folder / "gantt.html").read_text()


def test_compile_prints_what_is_written_down(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.folder = JOBS.parent
    for job in ("map_in_map", "configured", "branches", "broadcast"):
        done = shell.kedge("compile", f"conformance_jobs.py:{job}", "--entrypoint", f"conformance_jobs:{job}")
        path = GOLDEN / f"{job}.yaml"
        if os.environ.get("KEDGE_REWRITE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(done.stdout)
        assert done.stdout == path.read_text(), "KEDGE_REWRITE_GOLDEN=1 rewrites it"


@pytest.mark.parametrize("job", ["map_in_map", "branches", "configured", "broadcast"])
def test_a_compiled_manifest_runs_like_the_job_it_came_from(shell: Shell, job: str) -> None:
    assert shell.kedge("compile", f"{JOBS}:{job}", "-o", "job.yaml").returncode == 0
    first = shell.data("run", f"{JOBS}:{job}")
    second = shell.data("run", "job.yaml")
    assert (first["status"], first["steps"]) == (second["status"], second["steps"])


def test_a_manifest_with_the_entrypoint_alone_runs(shell: Shell) -> None:
    manifest = {
        "apiVersion": "kedge.dev/v1alpha1",
        "kind": "OpJob",
        "metadata": {"name": "alone"},
        "spec": {"entrypoint": f"{JOBS}:configured", "runConfig": {"ops": {"scaled": {"config": {"factor": 10}}}}},
    }
    (shell.folder / "job.yaml").write_text(yaml.safe_dump(manifest))
    assert shell.data("run", "job.yaml")["status"] == "Succeeded"


def test_a_manifest_by_hand_runs_plain_functions_and_resources(shell: Shell) -> None:
    (shell.folder / "code.py").write_text(
        "import kedge as dg\n"
        "def names(config):\n"
        "    for name in config['names']:\n"
        "        yield dg.DynamicOutput(name, name)\n"
        "def size(name):\n    return len(name)\n"
        "def total(sizes, unit):\n    print(f'{sum(sizes)} {unit}')\n    return sum(sizes)\n"
    )
    ops = [
        {
            "name": "names",
            "entrypoint": "code:names",
            "config": {"names": ["aa", "b"]},
            "outputs": [{"name": "result", "dynamic": True}],
        },
        {
            "name": "size",
            "entrypoint": "code:size",
            "inputs": {"name": {"map": "names"}},
            "tags": {"kedge/priority": "1"},
            "retryPolicy": {"maxRetries": 3, "delaySeconds": 1, "backoff": "Exponential"},
        },
        {
            "name": "total",
            "entrypoint": "code:total",
            "inputs": {"sizes": {"collect": "size"}, "unit": {"value": "letters"}},
        },
    ]
    manifest = {
        "apiVersion": "kedge.dev/v1alpha1",
        "kind": "OpJob",
        "metadata": {"name": "by-hand"},
        "spec": {"maxConcurrent": 2, "ops": ops},
    }
    (shell.folder / "job.yaml").write_text(yaml.safe_dump(manifest))
    result = shell.data("run", "job.yaml")
    assert result["status"] == "Succeeded", result
    assert "3 letters" in shell.kedge("logs", "latest", "total").stdout
    compiled = shell.data("compile", "job.yaml")
    assert compiled["spec"]["ops"] == ops, "what was written by hand names its code still"
    assert "annotations" not in compiled["metadata"]


def test_a_manifest_that_names_no_op_of_a_module_is_told_of_those_that_it_has(shell: Shell) -> None:
    (shell.folder / "code.py").write_text(
        "import os\nfrom shutil import copy\nimport kedge as dg\n"
        "@dg.op\ndef load():\n    return 1\n"
        "def size(name):\n    return len(name)\n"
        "def _inner():\n    pass\n"
        "@dg.job\ndef nightly():\n    load()\n"
    )
    manifest = {
        "apiVersion": "kedge.dev/v1alpha1",
        "kind": "OpJob",
        "metadata": {"name": "by-hand"},
        "spec": {"ops": [{"name": "one", "entrypoint": "code.py:lod"}]},
    }
    (shell.folder / "job.yaml").write_text(yaml.safe_dump(manifest))
    assert "code.py has no attribute 'lod'; it has load, size\n" in shell.kedge("plan", "job.yaml").stderr
    assert "code.py has no attribute 'lod'; it has nightly\n" in shell.kedge("plan", "code.py:lod").stderr


def test_a_manifest_of_other_code_is_refused(shell: Shell) -> None:
    assert shell.kedge("compile", f"{JOBS}:diamond", "-o", "job.yaml").returncode == 0
    path = shell.folder / "job.yaml"
    path.write_text(path.read_text().replace(":diamond", ":mapped"))
    done = shell.kedge("run", "job.yaml")
    assert done.returncode == 2
    assert "has another graph" in done.stderr


def test_every_fault_of_a_manifest_is_listed(shell: Shell) -> None:
    (shell.folder / "job.yaml").write_text(
        "apiVersion: kedge.dev/v1alpha1\nkind: OpJob\nmetadata: {name: x}\n"
        "spec:\n  opps: []\n  ops:\n  - name: a b\n  - name: c\n    inputs: {x: {from: a, map: b}}\n"
    )
    done = shell.kedge("run", "job.yaml")
    assert done.returncode == 2
    for fault in ("spec.opps", "spec.ops.0.name", "spec.ops.1.inputs.x"):
        assert fault in done.stderr


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_completion_prints_code_for_the_shell(shell: Shell, kind: str) -> None:
    assert "_KEDGE_COMPLETE" in shell.kedge("completion", kind).stdout


def test_completion_completes_commands_and_runs(shell: Shell) -> None:
    name = shell.data("run", f"{JOBS}:diamond")["run"]
    shell.environment |= {"_KEDGE_COMPLETE": "bash_complete", "COMP_WORDS": "kedge steps ", "COMP_CWORD": "2"}
    assert name in shell.kedge().stdout


def test_what_a_step_process_imports_stays_light(shell: Shell) -> None:
    """A step of a file store needs none of these; each would cost every step its import."""
    code = (
        "import sys, kedge.worker.process, kedge.worker.__main__, kedge.io.files, kedge.worker.loading\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "kopf",
        "kubernetes",
        "aiohttp",
        "asyncio",
        "prometheus_client",
        "click",
        "rich",
        "yaml",
        "numpy",
        "obstore",
    }
    assert not heavy & set(done.stdout.split())


PARTITIONED = f"{JOBS}:partitioned"
MEMOIZED = f"{JOBS}:memoized"
BY_TEN = '{"ops": {"scale": {"config": {"by": 10}}}}'


def test_run_for_a_partition(shell: Shell) -> None:
    assert shell.kedge("run", PARTITIONED, "--partition", "bb", "-q").returncode == 0
    unknown = shell.kedge("run", PARTITIONED, "--partition", "z")
    assert unknown.returncode == 2
    assert "there is no partition 'z'; there are a, bb" in unknown.stderr
    without = shell.kedge("run", f"{JOBS}:mapped", "--partition", "a")
    assert without.returncode == 2
    assert "has no partitions" in without.stderr


def test_compile_for_a_partition_and_run_the_manifest(shell: Shell) -> None:
    manifest = shell.data("compile", PARTITIONED, "--partition", "bb")
    assert manifest["spec"]["partitionKey"] == "bb"
    assert manifest["spec"]["runConfig"] == {"ops": {"number": {"config": {"n": 2}}}}
    assert manifest["spec"]["tags"]["dagster/partition"] == "bb"
    (shell.folder / "job.json").write_text(json.dumps(manifest))
    assert shell.kedge("run", "job.json", "-q").returncode == 0


def test_a_manifest_with_an_entrypoint_and_a_partition_takes_the_config_from_the_code(shell: Shell) -> None:
    spec = {"entrypoint": PARTITIONED, "partitionKey": "a"}
    manifest = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": "p"}, "spec": spec}
    (shell.folder / "job.json").write_text(json.dumps(manifest))
    assert shell.kedge("run", "job.json", "-q").returncode == 0


def test_memoized_steps_are_shown_as_cached_unless_told_to_run(shell: Shell) -> None:
    assert shell.data("run", MEMOIZED, "-c", BY_TEN)["cached"] == 0
    again = shell.kedge("run", MEMOIZED, "-c", BY_TEN)
    assert "cached plus_one[n1] in 0ms" in again.stderr
    assert "7 succeeded, 6 taken over" in again.stdout
    states = {one["step"]: one["state"] for one in shell.data("steps", "latest")}
    assert states["fetch"] == states["plus_one[n2]"] == "cached"
    assert states["sum_each_time"] == "succeeded"
    assert shell.data("run", MEMOIZED, "-c", BY_TEN, "--no-cache")["cached"] == 0


def test_a_run_can_be_executed_again_from_steps_that_it_took_over(shell: Shell) -> None:
    shell.kedge("run", MEMOIZED, "-c", BY_TEN, "-q")
    shell.kedge("run", MEMOIZED, "-c", BY_TEN, "-q")
    again = shell.data("retry", "latest", "-s", "sum_each_time")
    assert again["status"] == "Succeeded"
    assert again["cached"] == 6


def test_an_executor_says_how_many_steps_run_at_once_and_the_command_beats_it(shell: Shell) -> None:
    target = f"{JOBS}:limited_by_its_executor"
    spec = shell.data("compile", target)["spec"]
    assert spec["maxConcurrent"] == 2
    assert spec["tagConcurrencyLimits"] == [{"key": "pool", "limit": 1, "value": "db"}]
    assert shell.data("compile", target, "-j", "5")["spec"]["maxConcurrent"] == 5
    assert (
        shell.data("compile", target, "-c", '{"execution": {"config": {"retries": {"disabled": {}}}}}')["spec"][
            "retries"
        ]
        is False
    )
    assert shell.kedge("run", target, "-q").returncode == 0


def test_a_wrong_executor_config_is_told_with_its_path(shell: Shell) -> None:
    target = f"{JOBS}:limited_by_its_executor"
    wrong = shell.kedge("run", target, "-c", '{"execution": {"config": {"max_concurrent": "many"}}}')
    assert wrong.returncode == 2
    assert "execution:config:max_concurrent" in wrong.stderr


def test_an_executor_of_ones_own_is_refused_with_what_to_use(shell: Shell) -> None:
    refused = shell.kedge("run", f"{JOBS}:with_an_executor_of_its_own")
    assert refused.returncode == 2
    assert "DagsterUnmetExecutorRequirementsError" in refused.stderr
    assert "multiprocess_executor" in refused.stderr


def test_the_config_of_the_k8s_executor_becomes_pod_settings(shell: Shell) -> None:
    manifest = shell.data("compile", f"{JOBS}:in_pods")
    (shell.folder / "job.json").write_text(json.dumps(manifest))
    assert shell.kedge("run", "job.json", "-q").returncode == 0
    manifest["spec"]["entrypoint"] = "jobs:in_pods"  # in a folder of this machine until here
    assert manifest == json.loads((GOLDEN / "in_pods.json").read_text(encoding="utf-8"))


def test_loggers_of_a_job_write_into_the_logs_of_its_steps(shell: Shell) -> None:
    config = '{"loggers": {"console": {"config": {"log_level": "INFO", "name": "mine"}}}}'
    assert shell.kedge("run", f"{JOBS}:talks", "-q", "-c", config).returncode == 0
    log = shell.kedge("logs", "latest", "talk").stdout
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [(one["name"], one["levelname"], one["dagster_meta"]["orig_message"]) for one in lines] == [
        ("mine", "INFO", "hello 1"),
        ("mine", "INFO", "from outside"),
    ]
    assert lines[1]["dagster_meta"]["step_key"] == "talk"


def test_plan_for_a_partition(shell: Shell) -> None:
    assert [one["step"] for one in shell.data("plan", PARTITIONED, "--partition", "a")] == ["number", "partition"]
