"""execute_job across processes, re-executions, and what instances keep of runs in this process and in others."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kedge as dg
from kedge.core.errors import KedgeError
from kedge.local import runs

FAIL = "KEDGE_TEST_EXECUTE_JOB_FAILS"


@dg.op
def where() -> int:
    return os.getpid()


@dg.op
def double(x: int) -> int:
    if os.environ.get(FAIL):
        raise ValueError("as told")
    return 2 * x


@dg.op(out=dg.DynamicOut(int))
def many() -> Iterator[dg.DynamicOutput[int]]:
    for i in range(3):
        yield dg.DynamicOutput(i, f"k{i}", metadata={"i": i})


@dg.op
def total(xs: list[int]) -> int:
    return sum(xs)


TABLE = dg.MetadataValue.table([dg.TableRecord({"a": 1, "b": "x"})])
METADATA = {
    "table": TABLE,
    "path": Path("p"),
    "json": {"$kind": "not a kind", "deep": [1, None]},
    "nan": float("inf"),
    "md": dg.MetadataValue.md("**x**"),
}


@dg.op(out={"a": dg.Out(), "b": dg.Out()})
def telling(context: dg.OpExecutionContext) -> Iterator[Any]:
    context.log_event(dg.AssetMaterialization("seen", metadata=METADATA))
    context.add_output_metadata({"noted": 1}, "a")
    yield dg.Output(1, "a", metadata=METADATA)
    yield dg.ExpectationResult(True, "check")
    yield dg.Output(2, "b")


@dg.op
def asking(context: dg.OpExecutionContext) -> str:
    try:
        return str(context.instance)
    except dg.DagsterInvalidPropertyError as error:
        return str(error)


@dg.op
def failing() -> None:
    raise dg.Failure("why", metadata={"n": 1, "t": TABLE})


@dg.job
def chain() -> None:
    double(double.alias("first")(where()))


@dg.job
def fan() -> None:
    total(many().map(double).collect())


@dg.job
def tells() -> None:
    telling()
    asking()


@dg.job
def fails() -> None:
    failing()


def made(name: str, times: int = 1) -> dg.JobDefinition:
    @dg.graph
    def inner() -> None:
        where.alias(name * times)()

    job: dg.JobDefinition = inner.to_job(name=name)
    return job


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as found:
        yield found


def test_steps_run_in_other_processes_and_their_values_come_back(instance: dg.DagsterInstance) -> None:
    with dg.execute_job(dg.reconstructable(chain), instance=instance) as result:
        assert result.success
        pid = result.output_for_node("where")
        assert pid != os.getpid()
        assert result.output_for_node("double") == 4 * pid


def test_dynamic_values_come_back_by_key(instance: dg.DagsterInstance) -> None:
    with dg.execute_job(dg.reconstructable(fan), instance=instance) as result:
        assert result.output_for_node("many") == {"k0": 0, "k1": 1, "k2": 2}
        assert result.output_for_node("double") == {"k0": 0, "k1": 2, "k2": 4}
        assert result.output_for_node("total") == 6


def test_events_and_metadata_are_the_same_in_this_process_and_in_others(instance: dg.DagsterInstance) -> None:
    across = dg.execute_job(dg.reconstructable(tells), instance=instance)
    here = tells.execute_in_process()
    for name in ("telling",):
        assert [e.event_type_value for e in across.events_for_node(name)] == [
            e.event_type_value for e in here.events_for_node(name)
        ]
    expected = dg.AssetMaterialization("seen", metadata=METADATA)
    for result in (across, here):
        assert result.asset_materializations_for_node("telling") == [expected]
        given = [e.step_output_data for e in result.events_for_node("telling") if e.is_successful_output]
        assert given[0].metadata == {**dg.Output(1, metadata=METADATA).metadata, "noted": dg.IntMetadataValue(1)}
        assert given[1].metadata == {}


def test_what_a_failure_says_comes_back(instance: dg.DagsterInstance) -> None:
    result = dg.execute_job(dg.reconstructable(fails), instance=instance)
    said = result.failure_data_for_node("failing").user_failure_data  # type: ignore[union-attr]
    assert said is not None
    assert (said.description, said.metadata["n"].value, said.metadata["t"]) == ("why", 1, TABLE)


def test_a_step_process_says_why_it_has_no_instance(instance: dg.DagsterInstance) -> None:
    with dg.execute_job(dg.reconstructable(tells), instance=instance) as result:
        assert "DagsterInstance.get()" in result.output_for_node("asking")


def test_a_failure_in_another_process_raises_one_error_that_lists_the_steps(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FAIL, "1")
    with pytest.raises(dg.DagsterSubprocessError, match="first: ValueError: as told") as raised:
        dg.execute_job(dg.reconstructable(chain), instance=instance, raise_on_error=True)
    assert [info.cls_name for info in raised.value.subprocess_error_infos] == ["ValueError"]


def test_a_re_execution_from_failure_takes_over_what_succeeded(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = dg.reconstructable(chain)
    monkeypatch.setenv(FAIL, "1")
    failed = dg.execute_job(job, instance=instance)
    monkeypatch.delenv(FAIL)
    options = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
    with dg.execute_job(job, instance=instance, reexecution_options=options) as again, failed as before:
        assert [event.step_key for event in again.all_events if event.is_step_start] == ["first", "double"]
        assert again.output_for_node("double") == 4 * before.output_for_node("where")
    assert instance.get_run_by_id(again.run_id).parent_run_id == failed.run_id  # type: ignore[union-attr]


def test_a_run_that_succeeded_has_no_failure_to_go_on_from(instance: dg.DagsterInstance) -> None:
    job = dg.reconstructable(chain)
    done = dg.execute_job(job, instance=instance)
    options = dg.ReexecutionOptions.from_failure(done.run_id, instance)
    with pytest.raises(KedgeError, match="no failure to go on from"):
        dg.execute_job(job, instance=instance, reexecution_options=options)


def test_a_job_made_by_a_function_with_arguments(instance: dg.DagsterInstance) -> None:
    job = dg.build_reconstructable_job(str(Path(__file__)), "made", ("ab",), {"times": 2})
    with dg.execute_job(job, instance=instance) as result:
        assert result.job_def.name == "ab"
        assert result.output_for_node("abab") != os.getpid()


def test_arguments_that_are_not_json_are_refused() -> None:
    with pytest.raises(dg.DagsterInvariantViolationError, match="go to another process as JSON"):
        dg.build_reconstructable_job("module", "made", (object(),))


def test_assets_can_not_be_selected(instance: dg.DagsterInstance) -> None:
    with pytest.raises(dg.DagsterInvalidInvocationError, match="op_selection"):
        dg.execute_job(dg.reconstructable(chain), instance=instance, asset_selection=[dg.AssetKey("a")])


def test_the_command_line_lists_the_runs_of_the_instance(instance: dg.DagsterInstance) -> None:
    across = dg.execute_job(dg.reconstructable(chain), instance=instance)
    here = chain.execute_in_process(instance=instance)
    listed = {entry.run_id: (entry.status, entry.job) for entry in runs.catalogue(instance.store)}
    assert listed == {across.run_id: ("Succeeded", "chain"), here.run_id: ("Succeeded", "chain")}


def test_a_run_in_this_process_can_be_read_back_but_not_taken_up(instance: dg.DagsterInstance) -> None:
    here = tells.execute_in_process(instance=instance, tags={"k": "v"})
    again = dg.DagsterInstance.get()
    found = again.get_run_by_id(here.run_id)
    assert found is not None
    assert (found.job_name, found.status, found.tags) == ("tells", dg.DagsterRunStatus.SUCCESS, {"k": "v"})
    kinds = [entry.dagster_event_type for entry in again.all_logs(here.run_id)]
    assert kinds == [event.event_type for event in here.all_events]
    with pytest.raises(KedgeError, match="values are not kept"):
        runs.again(again.store, runs.find(again.store, here.run_id), None)


def test_a_deleted_run_leaves_nothing_in_the_store(instance: dg.DagsterInstance) -> None:
    result = dg.execute_job(dg.reconstructable(chain), instance=instance)
    instance.delete_run(result.run_id)
    assert list(instance.store.list("runs")) == []
    with pytest.raises(dg.DagsterRunNotFoundError):
        instance.delete_run(result.run_id)


def test_an_instance_that_nobody_holds_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    instance = dg.DagsterInstance.ephemeral()
    assert dg.execute_job(dg.reconstructable(chain), instance=instance).success
    assert [path.name[:15] for path in tmp_path.iterdir()] == ["kedge-instance-"]
    del instance
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_instance_writes_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_HOME", str(tmp_path / "home"))
    with dg.DagsterInstance.local_temp(str(tmp_path / "runs")) as instance:
        dg.execute_job(dg.reconstructable(chain), instance=instance)
    assert (tmp_path / "runs" / "store" / "runs").is_dir()
    assert not (tmp_path / "home").exists()


def test_the_instance_of_a_run_that_nobody_named_keeps_no_values() -> None:
    held: list[Any] = []

    @dg.op
    def keep(context: dg.OpExecutionContext) -> None:
        held.append(context.instance)

    @dg.job
    def job() -> None:
        keep()

    result = job.execute_in_process()
    assert len(held[0].all_logs(result.run_id)) == len(result.all_events)
    assert held[0].get_run_by_id(result.run_id).is_success


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        ("get_latest_materialization_event", "no catalogue of assets"),
        ("all_asset_keys", "no catalogue of assets"),
        ("scheduler", "no schedules"),
        ("get_backfills", "no backfills"),
        ("add_dynamic_partitions", "no partitions that come and go"),
        ("add_run_tags", "no tags of a run that change"),
    ],
)
def test_what_an_instance_does_not_have_says_why(ask: str, why: str) -> None:
    with pytest.raises(dg.DagsterInvalidPropertyError, match=why):
        getattr(dg.DagsterInstance.ephemeral(), ask)


def test_parts_of_an_instance_can_not_be_chosen() -> None:
    with pytest.raises(dg.DagsterInvalidInvocationError, match="KEDGE_STORE"), dg.instance_for_test(overrides={"a": 1}):
        pass
    with pytest.raises(dg.DagsterInvalidInvocationError, match="no preload"):
        dg.DagsterInstance.ephemeral(preload=[1])
