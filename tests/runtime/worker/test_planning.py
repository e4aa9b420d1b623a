"""A plan pod: the OpJob that the operator stored becomes what `kedge compile` prints, or a list of its faults."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

import pytest
from worker_pod import JOBS, PATHS, Pod

from kedge.core import spec
from kedge.core.hints import PLAN, Announce, Hint
from kedge.core.planning import Planned, PlanTicket
from kedge.io.digests import digest

IMAGE = "registry.example/jobs:1"


def opjob(**given: Any) -> dict[str, Any]:
    return spec.manifest("job", {"image": IMAGE, **given})


def plan(pod: Pod, manifest: Any, attempt: int = 1, announce: Announce | None = None) -> tuple[int, Planned]:
    data = json.dumps(manifest).encode()
    pod.store.put(PATHS.manifest, data)
    done = pod.run(PlanTicket("job-01234567", PATHS.prefix, digest(data), attempt, announce).to_text())
    found = Planned.from_json(json.loads(pod.store.get(PATHS.planned(attempt))))
    assert found.times is not None
    assert found.times.ended is not None
    assert found.attempt == attempt
    for fault in found.errors:
        assert fault.message in done.stderr
    return done.returncode, found


def compiled(pod: Pod, manifest: dict[str, Any]) -> dict[str, Any]:
    """What `kedge compile` makes of the same manifest on a laptop."""
    path = pod.folder / "job.json"
    path.write_text(json.dumps(manifest))
    command = [sys.executable, "-m", "kedge.cli", "compile", str(path), "--json"]
    done = subprocess.run(command, cwd=JOBS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


GOOD = {
    "with config": {
        "entrypoint": "plan_jobs:needs_config",
        "runConfig": {
            "ops": {"number": {"config": {"factor": 2}}},
            "resources": {"db": {"config": {"url": "db://"}}},
        },
        "tags": {"asked": "by-hand"},
    },
    "with an executor": {"entrypoint": "plan_jobs:limited"},
    "with an executor that the manifest beats": {
        "entrypoint": "plan_jobs:limited",
        "maxConcurrent": 7,
        "retries": True,
    },
    "with pods": {"entrypoint": "plan_jobs:in_pods"},
    "for a partition": {"entrypoint": "plan_jobs:partitioned", "partitionKey": "bb"},
    "for some ops": {"entrypoint": "plan_jobs:limited", "opSelection": ["one"]},
}


@pytest.mark.parametrize("name", GOOD)
def test_a_plan_pod_comes_to_what_compile_prints(pod: Pod, name: str) -> None:
    manifest = opjob(**GOOD[name])
    code, planned = plan(pod, manifest)
    assert (code, planned.errors) == (0, ())
    printed = compiled(pod, manifest)
    printed["spec"].setdefault("maxConcurrent", 10)
    assert {"maxConcurrent": 10, **planned.over(manifest["spec"])} == printed["spec"]
    assert planned.graph_digest == printed["metadata"]["annotations"][spec.GRAPH_HASH]


def test_only_what_the_manifest_does_not_say_itself_is_in_the_record(pod: Pod) -> None:
    found = plan(pod, opjob(**GOOD["with config"]))[1].spec
    assert found is not None
    assert set(found) == {"ops", "tags"}
    assert found["tags"] == {"team": "data", "asked": "by-hand"}
    assert found["ops"][0]["pod"] == {"resources": {"limits": {"memory": "1Gi"}}}
    limited = plan(pod, opjob(**GOOD["with an executor"]), attempt=2)[1].spec
    assert limited is not None
    assert {name: limited[name] for name in set(limited) - {"ops"}} == {"maxConcurrent": 2, "retries": False}
    in_pods = plan(pod, opjob(**GOOD["with pods"]), attempt=3)[1].spec
    assert in_pods is not None
    assert set(in_pods) == {"ops", "podTemplate"}
    assert in_pods["podTemplate"] == {"spec": {"nodeSelector": {"disk": "ssd"}}}


def test_every_fault_of_a_config_is_told_with_its_path(pod: Pod) -> None:
    code, planned = plan(
        pod,
        opjob(
            entrypoint="plan_jobs:needs_config",
            runConfig={"ops": {"number": {"config": {"factor": "two", "offset": []}}}, "opps": {}},
        ),
    )
    assert (code, planned.spec, planned.graph_digest) == (1, None, None)
    assert {fault.error for fault in planned.errors} == {"DagsterInvalidConfigError"}
    assert sorted(fault.path for fault in planned.errors) == [
        "opps",
        "ops:number:config:factor",
        "ops:number:config:offset",
        "resources:db:config",
    ]


def test_selection_and_config_are_both_told(pod: Pod) -> None:
    wrong = {"entrypoint": "plan_jobs:partitioned", "partitionKey": "zzz", "opSelection": ["nothing"]}
    _, planned = plan(pod, opjob(**wrong))
    assert [fault.error for fault in planned.errors] == ["DagsterInvalidSubsetError", "DagsterUnknownPartitionError"]


FAULTS = {
    "plan_jobs:made": ("LookupError", "no job today", "in made"),
    "plan_jobs:leaves": ("SystemExit", "sys.exit(3)", "in leaves"),
    "plan_jobs:not_a_job": ("TargetError", "is a int; give a job or a graph", ""),
    "plan_jobs:nothing": ("TargetError", "has no attribute 'nothing'", ""),
    "no_such_module:job": ("TargetError", "there is no module 'no_such_module'", ""),
    "breaks:job": ("TargetError", "importing breaks failed: KeyError: 'A_VARIABLE'", 'os.environ["A_VARIABLE"]'),
    "garbled:job": ("TargetError", "SyntaxError", ""),
}


@pytest.mark.parametrize("entrypoint", FAULTS)
def test_code_that_gives_no_job_is_told_with_the_stack_of_the_user(pod: Pod, entrypoint: str) -> None:
    (pod.folder / "breaks.py").write_text('import os\n\nos.environ["A_VARIABLE"]\n')
    (pod.folder / "garbled.py").write_text("def (:\n")
    pod.environment["PYTHONPATH"] = f"{JOBS}:{pod.folder}"
    code, planned = plan(pod, {**opjob(), "spec": {"entrypoint": entrypoint}})
    assert code == 1
    (fault,) = planned.errors
    error, message, stack = FAULTS[entrypoint]
    assert (fault.error, message in fault.message, stack in fault.stack) == (error, True, True), fault
    assert "kedge/worker" not in fault.stack
    assert "importlib" not in fault.stack
    assert bool(fault.stack) == bool(stack)


def test_a_plan_that_no_operator_reads_is_a_fault(pod: Pod) -> None:
    code, planned = plan(pod, opjob(entrypoint="plan_jobs:large", partitionKey="all"))
    assert (code, planned.spec) == (1, None)
    assert "what the job compiles to holds 6" in planned.errors[0].message


def test_a_manifest_that_is_none_is_a_fault(pod: Pod) -> None:
    for attempt, manifest in enumerate(([], {"kind": "OpJob"}, opjob(entrypoint="a:b", opps=1)), start=1):
        code, planned = plan(pod, manifest, attempt)
        assert (code, planned.errors[0].error) == (1, "ProtocolError")


def test_another_manifest_than_the_one_meant_is_a_fault(pod: Pod) -> None:
    pod.store.put(PATHS.manifest, json.dumps(opjob(**GOOD["with an executor"])).encode())
    assert pod.run(PlanTicket("job", PATHS.prefix, "sha256:00", 1).to_text()).returncode == 1
    (fault,) = Planned.from_json(json.loads(pod.store.get(PATHS.planned(1)))).errors
    assert "not the OpJob that the ticket was made for" in fault.message


def test_without_a_manifest_there_is_no_record_but_a_cause(pod: Pod) -> None:
    done = pod.run(PlanTicket("job", PATHS.prefix, "sha256:00", 1).to_text())
    assert done.returncode == 4
    assert not pod.store.exists(PATHS.planned(1))
    assert "no object" in pod.message
    assert pod.message in done.stderr


def test_a_plan_is_announced_and_copied_once_its_record_is_stored(pod: Pod) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(30)
        to = Announce("127.0.0.1", listening.getsockname()[1], "ab" * 16)
        plan(pod, opjob(**GOOD["with an executor"]), attempt=2, announce=to)
        assert Hint.parse(listening.recv(1024)) == Hint("job-01234567", PLAN, 2, "ab" * 16)
    assert pod.message.encode() == pod.store.get(PATHS.planned(2))


def test_a_second_record_of_an_attempt_is_refused(pod: Pod) -> None:
    plan(pod, opjob(**GOOD["with an executor"]))
    before = pod.store.get(PATHS.planned(1))
    ticket = PlanTicket("job", PATHS.prefix, digest(pod.store.get(PATHS.manifest)), 1)
    assert pod.run(ticket.to_text()).returncode == 3
    assert pod.store.get(PATHS.planned(1)) == before
    assert "given up" in pod.message
