"""Corners of the process engine: limits, locks, second signals, damaged records, and how little a worker loads."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from places import PATIENT, SECONDS, Place, ends, placed

from kedge.core.actions import RunStatus
from kedge.core.document import PlanDocument, digest_of
from kedge.core.ids import StepKey
from kedge.core.protocol import Ticket
from kedge.engine.records import read_outcomes
from kedge.local import home
from kedge.local.processes import ProcessEngine

JOBS = Path(__file__).parent / "jobs" / "process_jobs.py"
GOLDEN_IMPORTS = Path(__file__).parents[1] / "data" / "worker-imports.txt"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("KEDGE_HOME", str(tmp_path / "home"))
    with placed(tmp_path, JOBS) as found:
        yield found


def work(place: Place, step: str, attempt: int) -> subprocess.CompletedProcess[str]:
    """Run one ticket of the newest run as a pod does."""
    entry = place.entry()
    plan = digest_of(place.store.get(entry.paths.plan))
    ticket = Ticket(entry.run_id, entry.paths.prefix, plan, StepKey(step), attempt, 0)
    variables = {"KEDGE_TICKET": json.dumps(ticket.to_json()), "KEDGE_STORE": place.store.url}
    command = [sys.executable, "-m", "kedge.worker"]
    environment = {**place.environment, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def job_after(place: Place, code: str) -> str:
    """A job of one step, in a module that begins with this code."""
    module = place.folder / "module.py"
    module.write_text(f"{code}import kedge as dg\n@dg.op\ndef a(): return 1\n@dg.job\ndef j(): a()\n")
    return f"{module}:j"


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def until(holds: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What `holds` gives as soon as it is true: for what tells nobody, such as a file's appearance."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)
    return found


def test_a_second_ctrl_c_kills_a_step_that_does_not_listen(place: Place) -> None:
    place.environment |= PATIENT
    process = place.begin("run", f"{JOBS}:ignores_the_request", "--json")
    step = place.caught()
    process.send_signal(signal.SIGINT)
    assert place.told() == "told to end"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=SECONDS)  # and not at the grace period's end
    assert json.loads(out)["status"] == "Cancelled"
    assert process.returncode == 1
    assert ends(step)


@pytest.fixture
def hanging(place: Place) -> str:
    """A job whose module is imported once, and hangs when it is imported again."""
    return job_after(
        place,
        "import os, threading, pathlib\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()  # so that the import is repeated\n"
        "place = pathlib.Path(os.environ['KEDGE_TEST_DIR'])\n"
        "if (place / 'imported').exists():\n"
        "    (place / 'here').write_text(str(os.getpid()))\n"
        "    (place / 'never').read_text()\n"
        "(place / 'imported').touch()\n",
    )


def test_a_second_ctrl_c_ends_an_import_that_hangs(place: Place, hanging: str) -> None:
    process = place.begin("run", hanging, "--json")
    server = place.caught()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)  # two of one kind, sent at once, are one
    assert json.loads(process.communicate()[0])["status"] == "Cancelled"
    assert ends(server)


def test_an_import_that_hangs_ends_with_its_engine(place: Place, hanging: str) -> None:
    process = place.begin("run", hanging, "--json")
    server = place.caught()
    process.kill()
    assert ends(server)


def test_a_ctrl_c_while_the_server_starts_cancels_the_run(place: Place) -> None:
    job = job_after(
        place,
        "import os, signal\n"
        "engine = os.getpid()\n"
        "def interrupt():\n"
        "    if os.getpid() == engine: os.kill(engine, signal.SIGINT)\n"
        "os.register_at_fork(before=interrupt)\n",
    )
    process = place.begin("run", job, "--json")
    out, err = process.communicate()
    assert json.loads(out or "{}").get("status") == "Cancelled", err
    assert process.returncode == 1


def test_a_run_whose_engine_is_killed_again_and_again_repeats_only_what_was_unfinished(place: Place) -> None:
    process = place.begin("run", f"{JOBS}:stage_by_stage", "--json", "-j", "1")
    for _ in range(4):
        step = place.caught()
        process.kill()
        process.communicate()
        assert ends(step)
        process = place.begin("resume", "latest", "--json")
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert json.loads(out)["steps"] == {"succeeded": 6}
    assert place.trace() == [
        *(f"{what} k{i}" for i in range(4) for what in ("begin", "begin", "done")),
        "done total",
    ]


def test_resume_right_after_a_kill_waits_for_the_last_steps_to_end(place: Place) -> None:
    process = place.begin("run", f"{JOBS}:stage_by_stage", "--json", "-j", "1")
    place.caught()
    process.kill()
    process.wait()
    process = place.begin("resume", "latest", "--json")
    place.caught()
    assert place.trace() == ["begin k0", "begin k0", "done k0", "begin k1"]


def test_a_run_has_one_engine_at_a_time(place: Place) -> None:
    process = place.begin("run", f"{JOBS}:stage_by_stage", "--json")
    place.caught()
    entry = place.entry()
    assert home.engine_of(entry.run_id) == process.pid
    with pytest.raises(home.RunIsAlive, match=f"process {process.pid}"), home.engine_lock(entry.run_id):
        raise AssertionError
    code, _, err = place.kedge("retry", "latest")
    assert (code, "is Running" in err) == (2, True)


def test_the_lock_of_an_engine_that_is_gone_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "_DYING_SECONDS", 0.05)
    gone = subprocess.Popen(["true"])
    gone.wait()
    lock = home._lock_path("some-run")
    lock.write_text(str(gone.pid))
    with lock.open() as held_by_a_step:
        fcntl.flock(held_by_a_step, fcntl.LOCK_SH)
        assert home.engine_of("some-run") is None
        with pytest.raises(home.RunIsAlive, match="steps that do not end"), home.engine_lock("some-run"):
            raise AssertionError
    with home.engine_lock("some-run"):
        assert home.engine_of("some-run") == os.getpid()
    assert not lock.exists()


def test_spawned_steps_die_with_their_server_and_run_again(place: Place) -> None:
    process = place.begin("run", f"{JOBS}:stage_by_stage", "--json", "-j", "1", "--start-method", "spawn")
    step = place.caught()
    os.kill(parent_of(step), signal.SIGKILL)
    assert ends(step)
    for _ in range(3):
        os.kill(place.caught(), signal.SIGKILL)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert json.loads(out)["retries"] == 4


def test_a_record_that_cannot_be_read_counts_as_lost(place: Place) -> None:
    code, result = place.run("garbled")
    assert (code, result["retries"]) == (0, 1)
    assert place.attempts()["garbles"] == ["lost", "succeeded"]


def test_a_record_of_another_step_counts_as_lost(place: Place) -> None:
    assert place.run("side_by_side")[0] == 0
    paths = place.entry().paths
    place.store.put(paths.outcome(StepKey("total"), 1), place.store.get(paths.outcome(StepKey("four"), 1)))
    assert place.attempts()["total"] == ["lost"]


def test_a_run_deletes_no_more_than_its_own_values_whatever_its_records_name(place: Place) -> None:
    victim = "runs/local/victim-01234567/values/s/1/result"
    place.store.put(victim, b"1")
    assert place.run("claimed", "--retain", "UntilConsumed")[0] == 0
    assert place.trace() == ["after"]
    paths = place.entry().paths
    assert list(place.store.list(f"{paths.prefix}/values/claims")) == []
    assert place.store.exists(paths.plan)
    assert place.store.exists(victim)


@pytest.mark.parametrize("retain", ["UntilConsumed", "UntilFinished"])
def test_values_that_can_not_be_deleted_end_no_run(place: Place, retain: str) -> None:
    code, out, err = place.kedge("run", f"{JOBS}:undeletable", "--json", "--retain", retain)
    assert (code, json.loads(out)["status"]) == (0, "Succeeded")
    assert "could not be deleted" in err
    assert place.entry().status == "Succeeded"


def test_a_hint_that_is_none_is_no_trouble(place: Place) -> None:
    code, out, err = place.kedge("run", f"{JOBS}:noisy", "--json")
    assert (code, json.loads(out)["retries"]) == (0, 0), err


def test_a_run_without_pickles_fails_where_one_would_be_stored_and_tries_it_once(place: Place) -> None:
    assert place.run("pickled")[0] == 0
    code, result = place.run("pickled", "--no-pickle")
    assert (code, result["retries"]) == (1, 0)
    assert "allows no pickles" in result["failures"][0]["message"]
    assert place.attempts() == {"gives_a_set": ["failed"]}


def test_an_overrunning_step_keeps_its_slot_until_it_is_gone(place: Place) -> None:
    place.environment |= PATIENT
    code, result = place.run("two_branches", "-j", "1")
    assert (code, result["failures"][0]["error"]) == (1, "Timeout")
    assert place.trace() == ["enter", "leave", "next"]


@pytest.mark.parametrize("limit", [1, 2])
def test_never_more_op_bodies_at_once_than_allowed(place: Place, limit: int) -> None:
    assert place.run("side_by_side", "-j", str(limit))[0] == 0
    inside = most = 0
    for line in place.trace()[:-1]:
        inside += 1 if line == "enter" else -1
        most = max(most, inside)
    assert inside == 0
    assert 1 <= most <= limit


def test_steps_that_end_while_many_others_are_being_started_hold_nobody_up(place: Place) -> None:
    process = place.begin("run", f"{JOBS}:crowded", "--json", "-j", "1500")
    assert json.loads(process.communicate(timeout=3 * SECONDS)[0])["steps"] == {"succeeded": 1501}


def test_a_log_is_there_while_the_step_runs_and_after_it_was_killed(place: Place) -> None:
    process = place.begin("run", f"{JOBS}:chatty", "--json")
    step = place.caught()
    prefix = place.entry().paths.prefix
    until(lambda: list(place.store.list(f"{prefix}/logs/chatters/1")))
    os.kill(step, signal.SIGKILL)
    place.caught()
    process.kill()
    assert "some words, é" in place.kedge("logs", "latest", "chatters", "--attempt", "1")[1]


def test_a_ticket_stays_small_however_long_the_list(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.run("wide", "-j", "2")[0] == 0
    paths = place.entry().paths
    index = paths.index(StepKey("weighs_its_ticket"), "values")
    assert [info.path for info in place.store.list(f"{paths.prefix}/indexes")] == [index]
    place.store.delete([paths.outcome(StepKey("weighs_its_ticket"), 1)])
    monkeypatch.setenv("KEDGE_TEST_DIR", str(place.folder))
    document = PlanDocument.from_bytes(place.store.get(paths.plan))
    assert ProcessEngine(place.store, paths, document, method="spawn").run() is RunStatus.SUCCEEDED
    assert 0 < int(place.trace()[-1]) < 2048


def test_code_with_numpy_and_polars_is_forked(place: Place) -> None:
    pytest.importorskip("numpy")
    pytest.importorskip("polars")
    module = place.folder / "tables.py"
    module.write_text(
        "import numpy, polars\nimport kedge as dg\n"
        "@dg.op\ndef a(): return int(polars.DataFrame({'x': numpy.arange(5)})['x'].sum())\n"
        "@dg.job\ndef j(): a()\n"
    )
    code, out, err = place.kedge("run", f"{module}:j", "--json")
    assert code == 0, err
    assert json.loads(out)["startMethod"] == "fork", err


def test_a_worker_whose_code_broke_says_so_in_its_record(place: Place) -> None:
    module = place.folder / "breaking.py"
    module.write_text(JOBS.read_text())
    assert place.kedge("run", f"{module}:garbled", "-q")[0] == 0
    module.write_text("1 / 0\n")
    assert work(place, "begins", 2).returncode == 1
    record = read_outcomes(place.store, place.entry().paths)[StepKey("begins")][-1]
    assert record.failure is not None
    assert (record.failure.error, "ZeroDivisionError" in record.failure.message) == ("TargetError", True)


def test_a_forked_step_finds_loaded_what_it_loads_logs_stores_and_hooks_with(place: Place) -> None:
    code, out, err = place.kedge("run", f"{JOBS.with_name('warm_jobs.py')}:warm", "--json", "--start-method", "fork")
    assert (code, json.loads(out)["startMethod"]) == (0, "fork"), err
    assert (place.folder / "new").read_text() == ""


def test_a_worker_alone_loads_no_more_than_is_written_down(place: Place) -> None:
    """A package that creeps in costs every step of every pod; KEDGE_REWRITE_GOLDEN=1 rewrites the list."""
    assert place.run("light")[0] == 0
    assert work(place, "notes_modules", 2).returncode == 0
    loaded = set((place.folder / "modules").read_text().split("\n")) - {"__main__", "process_jobs"}
    ours = {name for name in loaded if name.partition(".")[0] == "kedge"}
    foreign = {top for name in loaded if (top := name.partition(".")[0]) not in sys.stdlib_module_names}
    found = "\n".join(sorted({*ours, *(name for name in foreign if not name.startswith("_"))})) + "\n"
    if os.environ.get("KEDGE_REWRITE_GOLDEN"):
        GOLDEN_IMPORTS.write_text(found)
    assert found == GOLDEN_IMPORTS.read_text()
    heavy = {
        "asyncio",
        "kopf",
        "kubernetes",
        "aiohttp",
        "prometheus_client",
        "click",
        "rich",
        "yaml",
        "numpy",
        "obstore",
    }
    assert not heavy & {name.partition(".")[0] for name in loaded}
