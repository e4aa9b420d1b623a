"""Kills, hangs, time-outs, resumes and retries, on real processes behind the real command."""

from __future__ import annotations

import json
import os
import platform
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import PATIENT, SECONDS, Place, ends, placed

from kedge.core.layout import RunPaths
from kedge.core.protocol import Ticket
from kedge.engine.records import replay

JOBS = Path(__file__).parent / "jobs" / "rough_jobs.py"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("KEDGE_HOME", str(tmp_path / "home"))
    with placed(tmp_path, JOBS) as found:
        yield found


def test_a_killed_step_runs_again_and_the_ops_own_retries_are_untouched(place: Place) -> None:
    code, result = place.run("dies")
    assert (code, result["status"], result["retries"]) == (0, "Succeeded", 1)
    assert place.attempts()["dies_once"] == ["lost", "succeeded"]
    assert place.trace() == ["start", "report 0"]


def test_a_step_that_is_always_killed_fails_with_the_cause(place: Place) -> None:
    code, result = place.run("dies_for_good")
    assert code == 1
    assert place.attempts()["always_dies"] == ["lost"] * 4
    assert "SIGKILL" in result["failures"][0]["message"]


def test_a_store_that_is_away_for_a_moment_costs_no_step_that_runs(place: Place) -> None:
    process = place.begin("run", f"{JOBS}:interrupted", "--json")
    step = place.caught()
    limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))  # so that it can't open a file of its store
    os.kill(step, signal.SIGKILL)
    assert process.stderr is not None
    assert "has to wait for its store" in process.stderr.readline()
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert json.loads(out)["retries"] == 1


def test_a_run_that_its_store_ends_tells_how_to_go_on(place: Place) -> None:
    place.environment["KEDGE_STORE_PATIENCE"] = "0"
    process = place.begin("run", f"{JOBS}:interrupted", "--json")
    step = place.caught()
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    os.kill(step, signal.SIGKILL)
    error = json.loads(process.communicate()[0])
    assert (process.returncode, error["error"]) == (2, "StoreUnavailable")
    assert f"kedge resume {place.entry().name}" in error["message"]
    assert place.kedge("resume", "latest")[0] == 0


def test_a_process_that_ends_without_a_record_is_lost(place: Place) -> None:
    code, result = place.run("leaves_early")
    assert (code, result["failures"][0]["error"]) == (1, "Lost")
    assert "exited with code 0" in result["failures"][0]["message"]


def test_sys_exit_in_an_op_is_a_failure_that_says_so(place: Place) -> None:
    code, result = place.run("exits_early")
    assert (code, result["failures"][0]["error"]) == (1, "SystemExit")
    assert place.attempts()["exits"] == ["failed"]


def test_what_an_op_raises_besides_exceptions_is_a_failure_that_says_so(place: Place) -> None:
    code, result = place.run("gives_up_early")
    (failure,) = result["failures"]
    assert (code, failure["error"], failure["message"]) == (1, "CancelledError", "nobody wants it")
    assert place.trace() == ["start", "gives up"]


def test_ctrl_c_cancels_tears_down_and_leaves_no_process(place: Place) -> None:
    place.environment |= PATIENT
    process = place.begin("run", f"{JOBS}:waits", "--json")
    step, grandchild = map(int, place.told().split())
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 1
    assert json.loads(out)["status"] == "Cancelled"
    assert ends(step)
    assert ends(grandchild)
    assert place.trace() == ["start", "torn down"]


def test_only_the_first_request_to_end_unwinds_a_step(place: Place) -> None:
    place.environment |= PATIENT
    process = place.begin("run", f"{JOBS}:torn_down", "--json")
    place.caught()
    process.send_signal(signal.SIGINT)
    assert json.loads(process.communicate()[0])["status"] == "Cancelled"
    assert place.trace() == ["start", "torn down"]


def test_cancel_from_another_process_stops_the_run(place: Place) -> None:
    process = place.begin("run", f"{JOBS}:waits", "--json")
    place.told()
    assert place.entry().status == "Running"
    assert place.kedge("cancel", "latest")[0] == 0
    process.communicate()
    assert place.entry().status == "Cancelled"
    code, _, err = place.kedge("cancel", "latest")
    assert (code, "nothing is running" in err) == (2, True)


def test_a_killed_engine_takes_its_steps_with_it_and_resume_repeats_nothing(place: Place) -> None:
    process = place.begin("run", f"{JOBS}:interrupted", "--json")
    step = place.caught()
    code, _, err = place.kedge("resume", "latest")
    assert (code, "Running" in err) == (2, True)
    process.kill()
    process.communicate()
    assert ends(step)
    assert place.entry().status == "Interrupted"
    code, out, err = place.kedge("resume", "latest", "--json")
    assert code == 0, err
    assert json.loads(out)["status"] == "Succeeded"
    assert place.trace() == ["start", "hangs_once", "hangs_once", "report 0"]
    code, _, err = place.kedge("resume", "latest")
    assert (code, "Succeeded" in err) == (2, True)


def test_a_step_waits_where_there_may_be_no_more_processes(place: Place) -> None:
    place.environment["KEDGE_TEST_ONE_CHILD"] = "yes"
    code, _ = place.run("consumed", "-j", "4")
    assert code == 0
    assert {tuple(found) for found in place.attempts().values()} == {("succeeded",)}


def test_a_step_that_waits_for_room_can_be_cancelled(place: Place) -> None:
    place.environment["KEDGE_TEST_ONE_CHILD"] = "yes"
    process = place.begin("run", f"{JOBS}:hang_together", "--json", "-j", "2")
    place.told()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert json.loads(out)["status"] == "Cancelled", err


def test_a_run_of_another_machine_is_taken_over_only_when_it_is_said(place: Place, tmp_path: Path) -> None:
    """Another home stands for another machine: neither sees the other's locks."""
    process = place.begin("run", f"{JOBS}:interrupted", "--json")
    step = place.caught()
    name = place.entry().name
    first = place.environment
    place.environment = {**first, "KEDGE_HOME": str(tmp_path / "other"), "KEDGE_STORE": place.store.url}
    (seen,) = json.loads(place.kedge("runs", "--json")[1])
    assert (seen["run"], seen["status"]) == (name, "Elsewhere")
    for command, said in (("resume", "--take-over"), ("retry", "--take-over"), ("cancel", "cancel it there")):
        code, _, err = place.kedge(command, name)
        assert (code, said in err, platform.node() in err) == (2, True, True), err
    process.kill()
    process.communicate()
    assert ends(step)
    code, out, err = place.kedge("resume", name, "--take-over", "--json")
    assert code == 0, err
    assert json.loads(out)["status"] == "Succeeded"
    assert place.trace() == ["start", "hangs_once", "hangs_once", "report 0"]


def test_a_killed_fork_server_costs_the_running_attempt_and_no_more(place: Place) -> None:
    process = place.begin("run", f"{JOBS}:interrupted", "--json")
    step = place.caught()
    server = int(Path(f"/proc/{step}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(server, signal.SIGKILL)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert json.loads(out)["status"] == "Succeeded"
    assert place.attempts()["hangs_once"] == ["lost", "succeeded"]
    assert place.trace().count("start") == 1


def test_an_op_that_overruns_its_time_fails_and_is_stopped(place: Place) -> None:
    code, result = place.run("overrun")
    assert (code, result["failures"][0]["error"]) == (1, "Timeout")


def test_a_value_that_cannot_be_stored_names_its_type_and_the_fix(place: Place) -> None:
    code, result = place.run("cannot_store")
    assert code == 1
    assert "unstorable" in result["failures"][0]["step"]
    assert "function" in result["failures"][0]["message"]


def test_a_log_holds_what_the_step_and_its_children_wrote(place: Place) -> None:
    assert place.run("talkative")[0] == 0
    _, out, _ = place.kedge("logs", "latest", "talks")
    assert out.index("from python") < out.index("from a child")
    parts = json.loads(place.kedge("logs", "latest", "--json")[1])
    assert [part["step"] for part in parts] == ["talks"]


def test_retry_goes_on_from_the_failure_and_copies_no_value(place: Place) -> None:
    assert place.run("mended", "-j", "1")[0] == 1
    first = place.entry()
    assert "total" not in place.trace()
    (place.folder / "mended").touch()
    (place.folder / "trace").unlink()
    code, out, err = place.kedge("retry", first.name, "--json")
    assert code == 0, err
    assert place.trace() == ["work k1", "echo k1", "total"]
    second = place.entry(json.loads(out)["run"])
    values = [info.path for info in place.store.list(f"{second.paths.prefix}/values")]
    assert sorted({path.split("/")[4] for path in values}) == ["echo[k1]", "total", "work[k1]"]
    assert json.loads(place.kedge("steps", second.name, "--json")[1])[0]["state"] == "cached"


def test_retry_by_selection_runs_what_was_selected_and_a_retry_can_be_retried(place: Place) -> None:
    (place.folder / "mended").touch()
    assert place.run("mended", "-j", "1")[0] == 0
    first = place.entry().name
    code, _, err = place.kedge("retry", first)
    assert (code, "succeeded" in err) == (2, True)
    (place.folder / "trace").unlink()
    assert place.kedge("retry", first, "-s", "work[k2]", "-q")[0] == 0
    assert place.trace() == ["work k2"]
    assert place.kedge("retry", "latest", "-s", "total", "-q")[0] == 0
    assert place.trace() == ["work k2", "total"]


def test_a_retry_of_clones_that_never_were_is_refused(place: Place) -> None:
    assert place.run("mended", "-j", "1")[0] == 1
    code, _, err = place.kedge("retry", "latest", "-s", "work[k_2]")
    assert (code, "had no step work[k_2]" in err) == (2, True)


def test_a_retry_of_other_code_is_refused(place: Place) -> None:
    copy = place.folder / "changing.py"
    copy.write_text(JOBS.read_text())
    assert place.kedge("run", f"{copy}:dies_for_good", "-q")[0] == 1
    copy.write_text(JOBS.read_text().replace("report(always_dies(start()))", "always_dies(start())"))
    code, _, err = place.kedge("retry", "latest")
    assert (code, "another graph" in err) == (2, True)


@pytest.mark.parametrize("damage", ["altered", "cut", "removed"])
def test_a_damaged_value_is_a_clear_error_of_its_reader(place: Place, damage: str) -> None:
    assert place.run("mended", "-j", "1")[0] == 1
    (place.folder / "mended").touch()
    entry = place.entry()
    path = place.folder / "home" / "store" / f"{entry.paths.prefix}/values/few/1/result/k1"
    assert path.exists()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(b"7" if damage == "altered" else b"")
    code, out, _ = place.kedge("retry", "latest", "--json")
    assert code == 1
    failure = json.loads(out)["failures"][0]
    assert failure["step"] == "work[k1]"
    assert "values/few/1/result/k1" in failure["message"]


def test_a_long_fan_in_is_one_pointer(place: Place) -> None:
    assert place.run("wide_fan_in")[0] == 0
    entry = place.entry()
    index = [info.path for info in place.store.list(f"{entry.paths.prefix}/indexes")]
    assert [path.rsplit("/", 2)[1:] for path in index] == [["total", "values.json"]]


def test_consumed_values_are_gone_and_results_stay(place: Place) -> None:
    assert place.run("consumed", "--retain", "UntilConsumed")[0] == 0
    left = {info.path.split("/")[4] for info in place.store.list(f"{place.entry().paths.prefix}/values")}
    assert left == {"report"}
    assert place.run("consumed", "--retain", "UntilFinished")[0] == 0
    assert list(place.store.list(f"{place.entry().paths.prefix}/values")) == []


def test_a_tag_limit_holds_across_processes(place: Place) -> None:
    assert place.run("narrow", "-j", "4", "--tag-limit", "pool:1")[0] == 0
    assert [line for line in place.trace() if line in ("enter", "leave")] == ["enter", "leave"] * 4


def test_a_lost_attempt_that_comes_back_is_refused(place: Place) -> None:
    """The engine has given an attempt up; its worker, only slow, writes its record after all."""
    from kedge.core.document import digest_of
    from kedge.core.ids import StepKey
    from kedge.worker.records import EXIT_SUPERSEDED

    assert place.run("dies")[0] == 0
    entry = place.entry()
    ticket = Ticket(
        entry.run_id, entry.paths.prefix, digest_of(place.store.get(entry.paths.plan)), StepKey("start"), 1, 0
    )
    before = place.store.get(entry.paths.outcome(StepKey("start"), 1))
    environment = {**place.environment, "KEDGE_TICKET": json.dumps(ticket.to_json()), "KEDGE_STORE": place.store.url}
    done = subprocess.run(
        [sys.executable, "-m", "kedge.worker"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == EXIT_SUPERSEDED, done.stderr
    assert place.store.get(entry.paths.outcome(StepKey("start"), 1)) == before


def test_the_state_that_records_tell_is_that_of_the_engine(place: Place) -> None:
    place.run("mended")
    _, run, _ = replay(place.store, RunPaths(place.entry().paths.prefix))
    states = {str(step.key): step.state.value for step in run.state.steps.values()}
    assert states["work[k1]"] == "failed"
    assert states["total"] == "untouched"


def test_steps_of_code_that_starts_threads_are_spawned(place: Place) -> None:
    code = "import threading\nt = threading.Thread(target=threading.Event().wait, daemon=True)\nt.start()\n"
    module = place.folder / "threaded.py"
    module.write_text(code + "import kedge as dg\n@dg.op\ndef a(): return 1\n@dg.job\ndef j(): a()\n")
    done, out, err = place.kedge("run", f"{module}:j", "--json")
    assert done == 0, err
    assert json.loads(out)["status"] == "Succeeded"
    assert json.loads(out)["startMethod"] == "spawn"
    assert "started threads" in place.kedge("run", f"{module}:j")[2]
