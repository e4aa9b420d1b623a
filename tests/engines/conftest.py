"""The engines as the conformance suite sees them: run a job, observe its steps and values."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kedge.core.ids import StepKey
from kedge.core.protocol import Outcome
from kedge.core.run import Run
from kedge.core.settings import RunSettings
from kedge.core.state import StepState
from kedge.engine.records import read_outcomes
from kedge.io.errors import ObjectMissing
from kedge.io.stores import Store, open_store
from kedge.io.values import ValueRecord, read_value
from kedge.local import runs
from kedge.local.inprocess import execute
from kedge.local.instance import DagsterInstance
from kedge.local.processes import ProcessEngine, Quiet
from kedge.worker.loading import load_job

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("places")

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
    cached: set[str]
    hooks: list[str]


@dataclass
class Place:
    """Where the runs of one test are kept: a folder for files, an instance for runs in this process, an S3 prefix."""

    folder: Path
    instance: DagsterInstance = field(default_factory=DagsterInstance.ephemeral)
    prefix: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass
class Asked:
    """What a run is asked for: the job, how to run it, with what config, for which partition."""

    target: str
    settings: RunSettings
    run_config: dict[str, Any] | None = None
    partition_key: str | None = None


def observe(run: Run, values: dict[str, Any], started: list[str], outcomes: Sequence[Outcome]) -> Observed:
    steps = run.state.steps.values()
    return Observed(
        run.status.value,
        {str(step.key): step.state.value for step in steps},
        values,
        started,
        run.retries,
        {str(step.key): step.failure.error for step in steps if step.failure is not None},
        {str(step.key) for step in steps if step.cached},
        [f"{one.step} {one.attempt}" for one in outcomes for event in one.events if event["kind"] == "HOOK_COMPLETED"],
    )


def in_process(asked: Asked, place: Place) -> Observed:
    job = load_job(asked.target)
    tags = {}
    run_config = asked.run_config
    if asked.partition_key is not None:
        tags = dict(job.get_tags_for_partition_key(asked.partition_key))
        run_config = run_config or dict(job.get_run_config_for_partition_key(asked.partition_key))
    result = execute(
        job,
        run_config=run_config,
        raise_on_error=False,
        settings=asked.settings,
        tags=tags,
        instance=place.instance,
    )
    values = {
        str(step.key): result._values[step.key]["result"]
        for step in result.run.state.steps.values()
        if step.state is StepState.SUCCEEDED and "result" in result._values.get(step.key, {})
    }
    started = [
        event.step_key for event in result.all_events if event.event_type_value in ("STEP_START", "STEP_RESTARTED")
    ]
    return observe(result.run, values, [key for key in started if key is not None], result.outcomes)


class Order(Quiet):
    """The attempts in the order in which they ended: that of their starts as well, where one runs at a time."""

    def __init__(self) -> None:
        self.ended_as: list[tuple[StepKey, int]] = []

    def ended(self, run: Run, outcome: Outcome) -> None:
        self.ended_as.append((outcome.step, outcome.attempt))


def across_processes(method: str, over_s3: bool = False) -> Callable[..., Observed]:
    def run(asked: Asked, place: Place) -> Observed:
        store = open_store(f"s3://{S3_BUCKET}/{place.prefix}" if over_s3 else f"file://{place.folder}/store")
        document = runs.document_of(
            load_job(asked.target),
            asked.target,
            asked.run_config,
            asked.settings,
            partition_key=asked.partition_key,
        )
        paths = runs.create(store, document, asked.target)
        order = Order()
        engine = ProcessEngine(store, paths, document, order, method)
        engine.run()
        assert engine.start_method[0] == method
        records = read_outcomes(store, paths)
        values = {}
        for key, outcomes in records.items():
            given = outcomes[-1].outputs.get("result")
            with contextlib.suppress(ObjectMissing):  # values that were to go when they had been read
                if given and "value" in given:
                    values[str(key)] = read_value(store, ValueRecord.from_json(given["value"]))
                elif isinstance(given, dict) and given:
                    read = {k: read_value(store, ValueRecord.from_json(r["value"])) for k, r in given.items()}
                    values[str(key)] = read
        flat = [one for outcomes in records.values() for one in outcomes]
        flat.sort(key=lambda one: order.ended_as.index((one.step, one.attempt)))
        return observe(engine.state, values, [str(one.step) for one in flat], flat)

    return run


ENGINES = {
    "in process": in_process,
    "forked": across_processes("fork"),
    "spawned": across_processes("spawn"),
    "over S3": across_processes("fork", over_s3=True),
}


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.s3 if name == "over S3" else ()) for name in ENGINES])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Observed]:
    """Run a job of conformance_jobs.py, or of the file in `file:job`, on one of the engines."""
    chosen = ENGINES[request.param]

    place = Place(tmp_path)

    def run(
        name: str, run_config: dict[str, Any] | None = None, partition_key: str | None = None, **settings: Any
    ) -> Observed:
        file, _, job = name.rpartition(":")
        target = f"{JOBS / (file or 'conformance_jobs')}.py:{job}"
        wanted = RunSettings(**{"run_id": str(uuid.uuid4()), "max_concurrent": 1, **settings})
        return chosen(Asked(target, wanted, run_config, partition_key), place)

    return run


@pytest.fixture
def file_store(tmp_path: Path) -> Store:
    """A store in a fresh folder."""
    return open_store(f"file://{tmp_path}/store")
