"""Reading runs back whose records, or those of whose predecessors, somebody has tampered with."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from kedge.core.document import PlanDocument, Reexecution
from kedge.core.errors import KedgeError, ProtocolError
from kedge.core.graph import OpGraph
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.protocol import MOST_BYTES, MOST_VALUES, Outcome, OutcomeStatus
from kedge.engine import records
from kedge.io.errors import ObjectMissing
from kedge.io.stores import Store, open_store
from kedge.local import runs
from kedge.local.home import engine_lock, engine_of

GRAPH = OpGraph.from_json([{"name": "one"}, {"name": "two"}])
PATHS = RunPaths("runs/local/job-01234567")
ONE, TWO = StepKey("one"), StepKey("two")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"file://{tmp_path}/store")


def put_large(store: Store, path: str, folder: Path) -> None:
    """An object that is larger than what is read, and takes no room."""
    store.put(path, b"")
    with (folder / "store" / path).open("r+b") as file:
        file.truncate(MOST_BYTES + 1)


def success(step: StepKey) -> Outcome:
    return Outcome(step, 1, OutcomeStatus.SUCCEEDED, {"result": {"metadata": {}}})


def begin(store: Store, name: str, takes_over: str | None = None, steps: tuple[str, ...] | None = None) -> RunPaths:
    """A run's plan in the store."""
    again = None if takes_over is None else Reexecution(takes_over, steps)
    paths = RunPaths(name if "/" in name else f"runs/local/{name}")
    store.put(paths.plan, PlanDocument(name, "job", GRAPH, "x:y", reexecute=again).to_bytes())
    return paths


# -- records -----------------------------------------------------------------------------------------------------------


def test_a_record_that_is_too_large_counts_as_lost_and_stops_no_other(store: Store, tmp_path: Path) -> None:
    put_large(store, PATHS.outcome(ONE, 1), tmp_path)
    store.put(PATHS.outcome(TWO, 1), success(TWO).to_bytes())
    found = records.read_outcomes(store, PATHS)
    assert [one.status for one in found[ONE]] == [OutcomeStatus.LOST]
    assert found[TWO] == [success(TWO)]
    assert records.read_record(store, PATHS.outcome(ONE, 1), ONE, 1).status is OutcomeStatus.LOST
    assert records.read_record(store, PATHS.outcome(TWO, 1), TWO, 1) == success(TWO)
    with pytest.raises(ObjectMissing):
        records.read_record(store, PATHS.outcome(TWO, 2), TWO, 2)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"version":1,"outputs":' + b'{"a":' * 100_000,
        b"[" + b"0," * (MOST_VALUES + 1) + b"0]",
        b'{"version":1,"attempt":' + b"9" * 10_000 + b"}",
        b"\xff\xfe\xfd",
        b"null",
        b'{"version":1,"step":"one","attempt":1,"status":"succeeded","events":7}',
        b'{"version":1,"step":"one","attempt":1,"status":"succeeded","events":[{"kind":7}]}',
        b'{"version":1,"step":"one","attempt":1,"status":"failed","failure":{"error":"E","message":"m","metadata":7}}',
    ],
    ids=lambda data: data[:30].decode(errors="replace"),
)
def test_a_record_that_makes_no_sense_counts_as_lost(data: bytes) -> None:
    found = records.parse_record(PATHS.outcome(ONE, 1), data)
    assert found is not None
    assert (found.step, found.attempt, found.status) == (ONE, 1, OutcomeStatus.LOST)


def test_an_attempt_of_a_number_that_no_pod_could_have_is_no_record(store: Store) -> None:
    for number in ("0", "-1", "1000000000", "9" * 100):
        store.put(f"{PATHS.outcomes}one/{number}.json", b"{}")
    assert records.read_outcomes(store, PATHS) == {}


def test_half_of_a_surrogate_pair_in_what_a_step_says_can_be_printed() -> None:
    failure = {"error": "E\udc00", "message": "caf\udce9", "stack": "\ud800"}
    data = {"version": 1, "step": "one", "attempt": 1, "status": "failed", "failure": failure}
    found = Outcome.from_json(json.loads(json.dumps(data))).failure
    assert found is not None
    assert (found.error, found.message, found.stack) == ("E?", "caf?", "?")


def test_many_large_records_are_not_held_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_BYTES", 1000)
    sizes = []
    get_many = store.get_many

    def measured(paths: Any, *, most: int | None = None) -> list[bytes]:
        found = get_many(paths, most=most)
        sizes.append(sum(map(len, found)))
        return found

    monkeypatch.setattr(store, "get_many", measured)
    steps = [StepKey("one", (f"k{n}",)) for n in range(30)]
    for step in steps:
        store.put(PATHS.outcome(step, 1), success(step).to_bytes())
    assert set(records.read_outcomes(store, PATHS)) == set(steps)
    assert len(sizes) > 1
    assert max(sizes) <= 1000


# -- runs that take over from others -----------------------------------------------------------------------------------


def test_re_executions_of_re_executions_inherit_what_succeeded_last(store: Store) -> None:
    first, second = begin(store, "a-1"), begin(store, "b-2", "runs/local/a-1")
    third = begin(store, "c-3", "runs/local/b-2", ("two",))
    store.put(first.outcome(ONE, 1), success(ONE).to_bytes())
    store.put(second.outcome(TWO, 1), success(TWO).to_bytes())
    assert set(records.successes(store, second)) == {ONE, TWO}
    assert set(records.successes(store, third)) == {ONE}
    assert set(records.history_of(store, third, records.read_document(store, third)).inherited) == {ONE}


def test_a_long_line_of_re_executions_is_no_trouble(store: Store) -> None:
    last = begin(store, "r-0")
    store.put(last.outcome(ONE, 1), success(ONE).to_bytes())
    for number in range(1, 1200):
        last = begin(store, f"r-{number}", last.prefix)
    assert set(records.successes(store, last)) == {ONE}


def test_runs_that_take_over_from_each_other_are_refused(store: Store) -> None:
    begin(store, "a-1", "runs/local/b-2")
    paths = begin(store, "b-2", "runs/local/a-1")
    with pytest.raises(ProtocolError, match="takes over from itself"):
        records.history_of(store, paths, records.read_document(store, paths))


@pytest.mark.parametrize("depth", [1, 2])
def test_a_run_takes_nothing_over_from_another_namespace(store: Store, depth: int) -> None:
    other = begin(store, "runs/other/a-1")
    store.put(other.outcome(ONE, 1), success(ONE).to_bytes())
    paths = begin(store, "b-1", other.prefix)
    if depth == 2:
        paths = begin(store, "b-2", paths.prefix)
    with pytest.raises(ProtocolError, match="another namespace"):
        records.history_of(store, paths, records.read_document(store, paths))


@pytest.mark.parametrize("prefix", ["", "../x", "runs/local/../other/a-1", "runs/local"])
def test_a_plan_that_takes_over_from_no_runs_place_is_refused(store: Store, prefix: str) -> None:
    paths = begin(store, "b-1", prefix)
    with pytest.raises(KedgeError, match="no run's place"):
        records.read_document(store, paths)


# -- the catalogue -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run.json", "result.json"])
@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"[" * 100_000,
        b"\xff",
        b"7",
        b'{"created":[]}',
        b'{"created":1e300,"ended":1e300}',
        b'{"created":NaN,"ended":-1}',
        b'{"status":"Failed","steps":[1]}',
        b'{"status":"Failed","steps":{"failed":"x"}}',
        b'{"status":"Failed","steps":{"failed":1' + b"0" * 400 + b"}}",
        b"",
    ],
    ids=lambda data: data[:40].decode(errors="replace"),
)
def test_a_run_whose_files_make_no_sense_hides_no_other(store: Store, name: str, data: bytes) -> None:
    document = PlanDocument("b" * 8, "job", GRAPH, "x:y")
    good = runs.create(store, document, "x:y")
    bad = runs.create(store, PlanDocument("c" * 8, "job", GRAPH, "x:y"), "x:y")
    store.put(f"{bad.prefix}/{name}", data)
    found = runs.catalogue(store)
    assert good in [entry.paths for entry in found]
    assert all(0 <= sum(entry.steps.values()) < 10 and 0 <= (entry.ended or 0) < time.time() for entry in found)


@pytest.mark.parametrize("run", ["../../project/poetry", "..", "a/b", ""])
def test_a_run_s_id_leads_to_no_lock_but_its_own(run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_HOME", str(tmp_path / "home"))
    other = tmp_path / "project" / "poetry.lock"
    other.parent.mkdir()
    other.write_text("kept")
    with pytest.raises(ProtocolError, match="no id of a run"), engine_lock(run):
        pass
    assert engine_of(run) is None
    assert other.read_text() == "kept"
