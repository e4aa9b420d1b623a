"""The `kedge` command against a cluster, as people call it: the console script, with a kubeconfig and kubectl."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedge_installed import JOBS, Installed

from cluster import processes
from cluster.places import ROOT
from cluster.tools import need

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("commands")]

SCRIPTS = Path(sys.executable).parent
TEN = {"name": "ten", "entrypoint": "pod_ops:ten", "outputs": [{"name": "result", "dynamic": True}]}
OPS = [TEN, {"name": "says", "entrypoint": "pod_ops:says", "inputs": {"x": {"map": "ten"}}}]
FAILING = [
    {**TEN, "name": "three", "entrypoint": "pod_ops:three"},
    {"name": "fails_once", "entrypoint": "pod_ops:fails_once", "inputs": {"x": {"map": "three"}}},
    {"name": "total", "entrypoint": "pod_ops:total", "inputs": {"values": {"collect": "fails_once"}}},
]


def waiting_for(word: str) -> dict[str, Any]:
    pod = {"env": [{"name": "WORD", "value": word}]}
    return {"name": "waits_for_a_word", "entrypoint": "pod_ops:waits_for_a_word", "pod": pod}


class Person:
    """Somebody with a kubeconfig whose current namespace is the module's, in a folder of their own."""

    def __init__(self, kedge: Installed, folder: Path) -> None:
        self.kedge = kedge
        self.folder = folder
        self.kubeconfig = yaml.safe_load(Path(kedge.kubectl.kubeconfig).read_text(encoding="utf-8"))
        self.kubeconfig["contexts"][0]["context"]["namespace"] = kedge.namespace
        path = os.pathsep.join([str(need("kubectl").parent), str(SCRIPTS), os.environ["PATH"]])
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = {**clean, "PATH": path, "KUBECONFIG": str(folder / "kubeconfig"), "COLUMNS": "140"}
        self.environment["KEDGE_HOME"] = str(folder / "home")
        self.write_kubeconfig()

    def write_kubeconfig(self) -> None:
        (self.folder / "kubeconfig").write_text(yaml.safe_dump(self.kubeconfig))

    def manifest(self, ops: list[dict[str, Any]], name: str | None = None, **spec: Any) -> str:
        """A file with an OpJob, and a name that no other test uses."""
        metadata = {"name": name or f"job-{uuid.uuid4().hex[:6]}"}
        head = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": metadata}
        path = self.folder / "job.yaml"
        path.write_text(yaml.safe_dump({**head, "spec": {"ops": ops, **spec}}))
        return str(path)

    def __call__(self, *arguments: str, program: str = "kedge") -> subprocess.CompletedProcess[str]:
        command = [*program.split(), *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def says(self, *arguments: str, program: str = "kedge") -> str:
        """What a call that succeeds prints."""
        done = self(*arguments, program=program)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def data(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def on_terminal(self, *arguments: str) -> tuple[int, str]:
        """What a person sees."""
        ours, theirs = pty.openpty()
        environment = {**self.environment, "TERM": "xterm-256color"}
        process = subprocess.Popen(
            ["kedge", *arguments], cwd=self.folder, env=environment, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        seen = b""
        while True:
            try:
                seen += (piece := os.read(ours, 65536))
            except OSError:
                break
            if not piece:
                break
        os.close(ours)
        return process.wait(), seen.decode()


@pytest.fixture
def person(kedge: Installed, tmp_path: Path) -> Person:
    return Person(kedge, tmp_path)


@pytest.fixture(scope="module")
def ended(kedge: Installed, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run that has ended well, for tests that only look."""
    person = Person(kedge, tmp_path_factory.mktemp("ended"))
    name = person.says("submit", person.manifest(OPS, maxConcurrent=4)).strip()
    assert kedge.ended(name)["phase"] == "Succeeded"
    return name


def test_submit_creates_the_name_of_a_manifest_once_and_prints_it(person: Person) -> None:
    path = person.manifest([{"name": "one", "entrypoint": "pod_ops:one"}], "once")
    done = person("submit", path)
    assert (done.returncode, done.stdout) == (0, "once\n")
    assert "kedge status oj/once --watch" in done.stderr
    again = person("submit", path)
    assert again.returncode == 2
    assert '"once" already exists' in again.stderr
    assert "--generate-name" in again.stderr
    other = person.says("submit", path, "--generate-name").strip()
    assert other.startswith("once-")
    assert person.kedge.ended(other)["phase"] == "Succeeded"


def test_python_is_compiled_submitted_and_followed_to_its_end(person: Person) -> None:
    config = '{"ops": {"numbers": {"config": {"count": 2}}}}'
    target = f"{JOBS / 'pod_jobs.py'}:doubles"
    done = person("submit", target, "--entrypoint", "pod_jobs:doubles", "-c", config, "--watch")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Succeeded  doubles-")
    assert "4 succeeded" in done.stdout
    assert "Succeeded 4/4" in done.stderr


def test_a_failed_run_is_told_with_exit_code_1_and_goes_on_from_its_failure_by_retry(person: Person) -> None:
    done = person("submit", person.manifest(FAILING, "mended"), "--watch")
    assert done.returncode == 1
    assert done.stdout.startswith("Failed  mended: 3 succeeded, 1 failed, 1 skipped")
    assert "failed fails_once[n2]: ValueError: not mended" in done.stderr
    assert "kedge logs oj/mended 'fails_once[n2]'   Try again: kedge retry oj/mended" in done.stderr
    assert 'raise ValueError("not mended")' in person.says("logs", "oj/mended", "fails_once[n2]")
    assert [step["step"] for step in person.data("steps", "oj/mended", "--failed")] == ["fails_once[n2]"]
    assert person("status", "mended").returncode == 1
    person.kedge.store.put("words/mended", b"")
    again = person.data("retry", "oj/mended", "--watch")
    assert again["run"].startswith("mended-")
    assert (again["status"], again["cached"], again["steps"]) == ("Succeeded", 3, {"succeeded": 5})
    assert {one["state"] for one in person.data("steps", f"oj/{again['run']}")} == {"cached", "succeeded"}
    over = person("logs", f"oj/{again['run']}", "fails_once[n1]")
    assert "has no log of fails_once[n1]: it was taken over from oj/mended" in over.stderr
    wrong = person("logs", "oj/mended", "fails_twice")
    assert (wrong.returncode, "oj/mended has no op 'fails_twice'; its ops: " in wrong.stderr) == (2, True)
    nothing = person("retry", f"oj/{again['run']}")
    assert (nothing.returncode, "no failure to go on from" in nothing.stderr) == (2, True)


def test_status_tells_phase_conditions_and_each_op(person: Person, ended: str) -> None:
    said = person.says("status", ended)
    assert said.startswith(f"Succeeded  {ended}: 11 succeeded")
    assert [line.split()[:3] for line in said.splitlines() if line.startswith(("Planned", "Complete"))] == [
        ["Planned", "True", "Planned"],
        ["Complete", "True", "AllStepsEnded"],
    ]
    assert ["says", "10", "0", "10", "0", "0"] in [line.split() for line in said.splitlines()]
    told = person.data("status", f"oj/{ended}")
    assert (told["status"], told["steps"], told["waitsFor"]) == ("Succeeded", {"succeeded": 11}, None)


def test_bars_are_drawn_on_a_terminal_until_the_end(person: Person) -> None:
    code, seen = person.on_terminal("submit", person.manifest(OPS), "--watch")
    assert code == 0
    assert "10/10" in seen
    assert "Succeeded" in seen


def test_runs_are_listed_as_kubectls_plugin_does_and_by_the_option(person: Person, ended: str) -> None:
    assert person.data("runs") == []
    (found,) = [one for one in person.data("runs", "--cluster") if one["run"] == ended]
    assert (found["namespace"], found["status"], found["steps"]) == (
        person.kedge.namespace,
        "Succeeded",
        {"succeeded": 11},
    )
    line = next(line for line in person.says("runs", program="kubectl kedge").splitlines() if line.startswith(ended))
    assert line.split()[1:3] == ["Succeeded", "11/11"]
    everywhere = person.says("runs", "-A", "--limit", "1000").splitlines()
    assert everywhere[0].split()[0] == "NAMESPACE"
    assert [person.kedge.namespace, ended] in [line.split()[:2] for line in everywhere]


def test_records_are_read_through_a_port_that_kedge_forwards_for_itself(person: Person, ended: str) -> None:
    states = {one["step"]: one["state"] for one in person.data("steps", f"oj/{ended}")}
    assert len(states) == 11
    assert set(states.values()) == {"succeeded"}
    log = person.says("logs", ended, "says[n3]", program="kubectl kedge")
    assert "working on 3\nplain words\n" in log


def test_the_chart_of_a_run_in_pods_has_queue_start_up_and_work(person: Person, ended: str) -> None:
    assert person("gantt", f"oj/{ended}", "-o", "gantt.html").returncode == 0
    assert "says[n3]" in (person.folder / "gantt.html").read_text(encoding="utf-8")
    timeline = person.data("gantt", f"oj/{ended}")
    for span in timeline["spans"]:
        assert span["ready"] <= span["launched"] < span["entered"] <= span["left"] <= span["ended"]
    assert max(span["ended"] for span in timeline["spans"]) <= timeline["ended"]


def test_a_store_can_be_reached_where_the_user_says(person: Person, ended: str) -> None:
    store: Any = person.kedge.store
    endpoint = store._options["endpoint"]
    assert len(person.data("steps", f"oj/{ended}", "--store-endpoint", endpoint)) == 11
    person.environment["KEDGE_STORE_ENDPOINT"] = "http://127.0.0.1:9"
    away = person("steps", f"oj/{ended}")
    assert away.returncode == 2
    assert "nobody listens at http://127.0.0.1:9" in away.stderr
    assert "kubectl port-forward" in away.stderr
    kept = person("logs", f"oj/{ended}", "says[n3]")
    assert "plain words" in kept.stdout
    assert "this is what the pods that are left hold" in kept.stderr


def test_a_store_whose_service_has_no_pod_is_told_soon(person: Person, ended: str) -> None:
    person.kedge.cut_off_store()
    began = time.monotonic()
    try:
        done = person("steps", f"oj/{ended}")
    finally:
        person.kedge.reach_store()
    assert done.returncode == 2
    assert "no port could be forwarded to it: no pod of it is running" in done.stderr
    assert time.monotonic() - began < 50, "kubectl would wait for a minute"


def test_credentials_of_the_user_come_before_those_of_the_run(person: Person, ended: str) -> None:
    person.environment |= {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "else"}
    done = person("steps", f"oj/{ended}")
    assert done.returncode == 2
    assert "credentials" in done.stderr


@pytest.fixture
def waiting(person: Person) -> Iterator[str]:
    """A run whose first step waits for a word; the second says something."""
    word = uuid.uuid4().hex[:6]
    after = {"name": "says", "entrypoint": "pod_ops:says", "inputs": {"x": {"from": "waits_for_a_word"}}}
    name = person.says("submit", person.manifest([waiting_for(word), after], f"waits-{word}")).strip()
    person.kedge.running(name, "waits_for_a_word")
    person.kedge.until(name, lambda status: status["phase"] == "Running")
    yield name
    person.kedge.store.put(f"words/{word}", b"")


def say_the_word(person: Person, name: str) -> None:
    person.kedge.store.put(f"words/{name.removeprefix('waits-')}", b"")


def test_logs_follow_the_pods_of_a_run_until_it_ends(person: Person, waiting: str) -> None:
    command = ["kedge", "logs", f"oj/{waiting}", "--follow"]
    with subprocess.Popen(
        command, cwd=person.folder, env=person.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits_for_a_word | waiting\n"
        say_the_word(person, waiting)
        assert "says | plain words\n" in process.stdout.readlines()
    assert process.returncode == 0


@pytest.mark.parametrize("command", ["logs --follow", "status --watch"])
def test_an_interrupt_ends_looking_on_and_not_the_run(person: Person, waiting: str, command: str) -> None:
    words = ["kedge", *command.split(), f"oj/{waiting}"]
    with subprocess.Popen(
        words, cwd=person.folder, env=person.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    assert person.kedge.status(waiting)["phase"] == "Running"


def test_logs_of_one_step_end_with_it(person: Person, waiting: str) -> None:
    say_the_word(person, waiting)
    assert person.says("logs", f"oj/{waiting}", "waits_for_a_word", "-f") == "waits_for_a_word | waiting\n"


def test_logs_of_a_living_pod_come_from_the_pod(person: Person, waiting: str) -> None:
    assert next(person.kedge.lines(person.kedge.pods(waiting)[0]["metadata"]["name"])) == "waiting\n"
    assert person.says("logs", waiting, program="kubectl kedge").splitlines() == [
        "==> waits_for_a_word attempt 1 <==",
        "waiting",
    ]


def test_a_run_is_suspended_resumed_and_not_twice(person: Person, waiting: str) -> None:
    assert f"kedge resume oj/{waiting}" in person.says("suspend", waiting)
    person.kedge.until(waiting, lambda status: status.get("phase") == "Suspended")
    assert "waits: Suspended" in person.says("status", waiting)
    assert "already" in person("suspend", waiting).stderr
    say_the_word(person, waiting)
    assert "goes on" in person.says("resume", f"oj/{waiting}")
    assert person.kedge.ended(waiting)["phase"] == "Succeeded"
    assert "nothing is running" in person("resume", f"oj/{waiting}").stderr


def test_a_run_is_cancelled_and_its_steps_with_it(person: Person, waiting: str) -> None:
    assert person.data("cancel", f"oj/{waiting}")["cancelled"] is True
    told = person("status", waiting, "--watch", "--json")
    assert told.returncode == 1
    assert json.loads(told.stdout)["status"] == "Cancelled"
    states = {one["step"]: one["state"] for one in person.data("steps", f"oj/{waiting}")}
    assert states["waits_for_a_word"] == "cancelled"
    done = person("cancel", f"oj/{waiting}")
    assert (done.returncode, "Cancelled; nothing is running" in done.stderr) == (2, True)


def test_a_run_that_was_refused_has_no_steps_and_says_why(person: Person) -> None:
    a, b = ({"name": name, "entrypoint": "pod_ops:add_one"} for name in "ab")
    ops = [{**a, "inputs": {"x": {"from": "b"}}}, {**b, "inputs": {"x": {"from": "a"}}}]
    done = person("submit", person.manifest(ops, "cycle"), "--watch")
    assert done.returncode == 1
    assert "PlanRefused" in done.stderr
    steps = person("steps", "oj/cycle")
    assert steps.returncode == 2
    assert "was not planned" in steps.stderr
    assert "cycle" in steps.stderr


def test_mistakes_are_told_with_what_to_do(person: Person) -> None:
    good = Path(person.manifest(OPS)).rename(person.folder / "good.yaml")
    for arguments, said in (
        (["status", "nope"], '"nope" not found'),
        (["submit", person.manifest(OPS, bogus=1)], 'unknown field "spec.bogus"'),
        (["runs", "--context", "nowhere"], "get-contexts"),
        (["submit", str(good), "-n", "nowhere"], 'namespaces "nowhere" not found'),
    ):
        done = person(*arguments)
        assert done.returncode == 2, arguments
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert person.data("status", "nope")["error"] == "NoSuchOpJob"


def test_a_user_without_rights_is_told_which_role_to_ask_for(person: Person) -> None:
    person.kubeconfig["users"][0]["user"]["as"] = "somebody-else"
    person.write_kubeconfig()
    done = person("runs", "--cluster")
    assert done.returncode == 2
    assert "somebody-else" in done.stderr
    assert "the role view (to look) or edit" in done.stderr


def test_names_are_completed(person: Person, ended: str) -> None:
    person.environment |= {"_KEDGE_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    person.environment["COMP_WORDS"] = "kedge steps oj/job"
    assert f"plain,oj/{ended}" in person().stdout.splitlines()
    person.environment["COMP_WORDS"] = "kedge status job"
    assert f"plain,{ended}" in person().stdout.splitlines()


# -- the page ---------------------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
CHANGES = (
    (r"(squares|slow)-[a-z0-9]{5}\b", r"\1-NEW"),
    (r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME"),
    (r"<1s|\b(\d+h)?(\d+m)?\d+(\.\d+)?m?s\b", "SPAN"),
    (r"^\S+ \| [-\d]+ [\d:,]+ INFO .*$", "a line of a log"),
    (r" +", " "),
)
"""What differs from one run to the next, and how it is compared: names first, as one may end like a span (-7728s)."""


def compared(text: str) -> list[str]:
    for pattern, instead in CHANGES:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return [line.strip() for line in text.splitlines() if line.strip() not in ("", "...")]


def test_what_differs_between_runs_is_no_difference() -> None:
    assert compared("squares-7728s") == compared("squares-jcvqc") == ["squares-NEW"]
    for took in ("<1s", "340ms", "59.9s", "1m05s", "2h00m30s"):
        assert compared(f"22 succeeded  {took}\n") == ["22 succeeded SPAN"]


def followed() -> Iterator[tuple[str, str]]:
    """Each command on the page, with what it prints there."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, printed = command.partition("\n")
            yield line, printed


def test_the_page_can_be_followed_and_prints_what_it_says(person: Person) -> None:
    """From top to bottom, on the samples; what the page calls slow is a job that waits."""
    for name in ("squares", "pokemon"):
        shutil.copy(ROOT / f"manifests/samples/{name}.yaml", person.folder)
    person.kedge.ended(person.says("submit", "squares.yaml").strip())
    waits = person.says("submit", person.manifest([waiting_for("never")], "slow"), "--generate-name").strip()
    (port,) = processes.free_ports(1)
    there = {"kedge-system": person.kedge.namespace, "slow-b7zb7": waits}
    there |= {"kedge-store 7070": f"kedge-store {port}:7070", "127.0.0.1:7070": f"127.0.0.1:{port}"}
    forwarded: subprocess.Popen[bytes] | None = None
    seen = 0
    try:
        for line, printed in followed():
            for one, ours in there.items():
                line, printed = line.replace(one, ours), printed.replace(one, ours)
            if line.endswith("&"):
                forwarded = subprocess.Popen(
                    shlex.split(line.removesuffix("&")), env=person.environment, stdout=subprocess.PIPE
                )
                assert forwarded.stdout is not None
                assert b"Forwarding" in forwarded.stdout.readline()
                continue
            program, *arguments = shlex.split(line)
            done = person(*arguments, program=program)
            assert done.returncode in (0, 2), done.stderr
            assert (done.returncode == 0) != ("NameTaken" in printed), done.stderr
            answer = compared(done.stdout + done.stderr)
            missing = [one for one in compared(printed) if one not in answer]
            assert not missing, f"{line}\n{missing}\n{done.stdout}{done.stderr}"
            if arguments[:1] == ["submit"] and done.returncode == 0:
                person.kedge.ended(done.stdout.strip())
            seen += 1
    finally:
        if forwarded is not None:
            forwarded.kill()
            forwarded.wait()
            assert forwarded.stdout is not None
            forwarded.stdout.close()
    assert seen == len(list(followed())) - 1
