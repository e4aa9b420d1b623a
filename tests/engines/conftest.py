"""The engines as the conformance suite sees them: run a job, observe its steps and values."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kedge.core.run import Run
from kedge.core.settings import RunSettings
from kedge.core.state import StepState
from kedge.io.stores import Store, open_store
from kedge.io.values import ValueRecord, read_value
from kedge.local import runs
from kedge.local.inprocess import execute
from kedge.local.processes import ProcessEngine
from kedge.local.records import read_outcomes
from kedge.worker.loading import load_job

JOBS = Path(__file__).parent / "jobs"
S3_BUCKET = os.environ.get("KEDGE_TEST_S3_BUCKET", "kedge-test")


@dataclass
class Observed:
    """What a user can see of a run that has ended."""

    status: str
    states: dict[str, str]
    values: dict[str, Any]
    started: list[str]
    retries: int
    errors: dict[str, str]


def observe(run: Run, values: dict[str, Any], started: list[str]) -> Observed:
    steps = run.state.steps.values()
    return Observed(
        run.status.value,
        {str(step.key): step.state.value for step in steps},
        values,
        started,
        run.retries,
        {str(step.key): step.failure.error for step in steps if step.failure is not None},
    )


def in_process(target: str, settings: RunSettings, tmp_path: Path) -> Observed:
    result = execute(load_job(target), raise_on_error=False, settings=settings)
    values = {
        str(step.key): result._values[step.key]["result"]
        for step in result.run.state.steps.values()
        if step.state is StepState.SUCCEEDED and "result" in result._values.get(step.key, {})
    }
    started = [
        event.step_key for event in result.all_events if event.event_type_value in ("STEP_START", "STEP_RESTARTED")
    ]
    return observe(result.run, values, [key for key in started if key is not None])


def across_processes(method: str, over_s3: bool = False) -> Callable[..., Observed]:
    def run(target: str, settings: RunSettings, tmp_path: Path) -> Observed:
        store = open_store(f"s3://{S3_BUCKET}/{uuid.uuid4().hex}" if over_s3 else f"file://{tmp_path}/store")
        job = load_job(target)
        document = runs.document_of(job, target, settings=settings)
        document = replace(document, settings=replace(document.settings, max_concurrent=settings.max_concurrent))
        paths = runs.create(store, document, target)
        engine = ProcessEngine(store, paths, document, method=method)
        engine.run()
        assert engine.start_method[0] == method
        records = read_outcomes(store, paths)
        values = {}
        for key, outcomes in records.items():
            given = outcomes[-1].outputs.get("result")
            if given and "value" in given:
                values[str(key)] = read_value(store, ValueRecord.from_json(given["value"]))
            elif isinstance(given, dict) and given:
                values[str(key)] = {k: read_value(store, ValueRecord.from_json(r["value"])) for k, r in given.items()}
        flat = sorted((one for outcomes in records.values() for one in outcomes), key=_launched)
        return observe(engine.state, values, [str(one.step) for one in flat])

    return run


def _launched(outcome: Any) -> float:
    assert outcome.times is not None
    return float(outcome.times.launched)


ENGINES = {
    "in process": in_process,
    "forked": across_processes("fork"),
    "spawned": across_processes("spawn"),
    "over S3": across_processes("fork", over_s3=True),
}
NO_S3 = pytest.mark.skipif("KEDGE_TEST_S3_ENDPOINT" not in os.environ, reason="KEDGE_TEST_S3_ENDPOINT isn't set")


@pytest.fixture(params=[pytest.param(name, marks=NO_S3 if name == "over S3" else ()) for name in ENGINES])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Observed]:
    """Run a job of conformance_jobs.py on one of the engines."""
    chosen = ENGINES[request.param]

    def run(name: str, **settings: Any) -> Observed:
        target = f"{JOBS / 'conformance_jobs.py'}:{name}"
        return chosen(target, RunSettings(**{"max_concurrent": 1, **settings}), tmp_path)

    return run


@pytest.fixture
def file_store(tmp_path: Path) -> Store:
    """A store in a fresh folder."""
    return open_store(f"file://{tmp_path}/store")
