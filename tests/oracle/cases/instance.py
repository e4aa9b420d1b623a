"""DagsterInstance: runs are kept, found by filters, and tell what happened."""

from typing import Any

from oracle_sut import dg, error_of

Status = dg.DagsterRunStatus
ABOUT_THE_MACHINE = ("ENGINE_EVENT", "RESOURCE_INIT_STARTED", "RESOURCE_INIT_SUCCESS", "LOGS_CAPTURED")
FIRST, SECOND = "3a24bc36-6a6b-4d0a-9c5f-6f7c37d6c1a1", "4a24bc36-6a6b-4d0a-9c5f-6f7c37d6c1a2"


@dg.op
def one():
    return 1


@dg.op
def boom(x):
    raise ValueError("boom")


@dg.job(tags={"team": "x"})
def good():
    one()


@dg.job
def bad():
    boom(one())


def _two_runs(instance: Any) -> None:
    good.execute_in_process(instance=instance, run_id=FIRST, tags={"k": "v"})
    bad.execute_in_process(instance=instance, run_id=SECOND, raise_on_error=False)


def case_runs_are_kept() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        _two_runs(instance)
        return [
            [[run.run_id, run.job_name, run.status.value] for run in instance.get_runs()],
            instance.get_runs_count(),
            [instance.has_run(FIRST), instance.has_run("nope")],
            instance.get_run_by_id("nope"),
            instance.get_run_by_id(FIRST).tags["team"],
            instance.get_run_by_id(SECOND).is_failure,
        ]


def case_filters() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        _two_runs(instance)
        filters = [
            dg.RunsFilter(),
            dg.RunsFilter(run_ids=[FIRST]),
            dg.RunsFilter(job_name="bad"),
            dg.RunsFilter(statuses=[Status.FAILURE]),
            dg.RunsFilter(statuses=[Status.SUCCESS, Status.FAILURE]),
            dg.RunsFilter(tags={"team": "x"}),
            dg.RunsFilter(tags={"k": ["v", "w"]}),
            dg.RunsFilter(tags={"k": "w"}),
            dg.RunsFilter(job_name="good", statuses=[Status.FAILURE]),
        ]
        found = [[run.job_name for run in instance.get_runs(filters=one)] for one in filters]
        return [found, [instance.get_runs_count(one) for one in filters]]


def case_order_and_limits() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        _two_runs(instance)
        return [
            [run.run_id for run in instance.get_runs(limit=1)],
            [run.run_id for run in instance.get_runs(ascending=True)],
            [run.run_id for run in instance.get_runs(cursor=SECOND)],
            [run.run_id for run in instance.get_runs(cursor=FIRST)],
        ]


def case_records() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        _two_runs(instance)
        return [
            [
                record.dagster_run.run_id,
                record.start_time <= record.end_time,
                record.create_timestamp <= record.update_timestamp,
            ]
            for record in instance.get_run_records()
        ]


def case_events_of_a_run() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        _two_runs(instance)
        entries = [
            one for one in instance.all_logs(SECOND) if one.dagster_event.event_type_value not in ABOUT_THE_MACHINE
        ]
        return [
            [[one.dagster_event_type.value, one.step_key, one.level, one.job_name] for one in entries],
            [one.run_id == SECOND and one.timestamp > 0 and one.is_dagster_event for one in entries].count(False),
            [one.step_key for one in instance.all_logs(SECOND, of_type=dg.DagsterEventType.STEP_START)],
            len(instance.all_logs(SECOND, of_type={dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_FAILURE})),
            list(instance.all_logs("nope")),
        ]


def case_counts_of_a_run() -> Any:
    @dg.op
    def noting():
        yield dg.AssetMaterialization("a")
        yield dg.ExpectationResult(True)
        yield dg.Output(1)

    @dg.job
    def job():
        boom(noting())

    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        found = instance.get_run_stats(result.run_id)
        return [found.steps_succeeded, found.steps_failed, found.materializations, found.expectations]


def case_delete() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        _two_runs(instance)
        instance.delete_run(FIRST)
        return [instance.has_run(FIRST), instance.get_runs_count()]


def case_a_run_that_raised() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        raised = error_of(lambda: bad.execute_in_process(instance=instance))
        run = instance.get_runs()[0]
        return [raised, run.status.value, instance.get_runs_count()]


def case_a_run_id_that_is_taken() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        _two_runs(instance)
        return error_of(lambda: good.execute_in_process(instance=instance, run_id=FIRST))


def case_kinds_of_instances() -> Any:
    with dg.DagsterInstance.ephemeral() as one, dg.instance_for_test() as two:
        return [[one.is_ephemeral, one.is_persistent], [two.is_ephemeral, two.is_persistent]]


def case_instance_for_test_is_found() -> Any:
    with dg.instance_for_test() as instance:
        good.execute_in_process(instance=instance, run_id=FIRST)
        with dg.DagsterInstance.get() as found:
            return [found.has_run(FIRST), found.get_run_by_id(FIRST).status.value, found.get_runs()[0].job_name]


def case_two_instances_know_nothing_of_each_other() -> Any:
    with dg.DagsterInstance.ephemeral() as one, dg.DagsterInstance.ephemeral() as two:
        good.execute_in_process(instance=one)
        return [one.get_runs_count(), two.get_runs_count()]


def case_events_of_a_run_read_back() -> Any:
    """From the store of a persistent instance, through another one."""
    with dg.instance_for_test() as instance:
        _two_runs(instance)
        with dg.DagsterInstance.get() as again:
            entries = [
                one for one in again.all_logs(SECOND) if one.dagster_event.event_type_value not in ABOUT_THE_MACHINE
            ]
            return [[one.dagster_event_type.value, one.step_key] for one in entries if one.step_key]


def case_runs_by_themselves() -> Any:
    run = dg.DagsterRun("job", run_id=FIRST, tags={"a": "b"})
    return [
        run.job_name,
        run.run_id,
        run.status.value,
        dict(run.tags),
        run.is_finished,
        run.with_status(Status.SUCCESS).is_success,
        len(dg.DagsterRun("job").run_id),
    ]


def case_statuses() -> Any:
    names = [
        "QUEUED",
        "NOT_STARTED",
        "MANAGED",
        "STARTING",
        "STARTED",
        "SUCCESS",
        "FAILURE",
        "CANCELING",
        "CANCELED",
    ]
    return [Status[name].value for name in names]


def case_jobs_name_runs() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        result = good.execute_in_process(instance=instance)
        return [instance.get_run_by_id(result.run_id).run_id == result.run_id, result.dagster_run.tags["team"]]
