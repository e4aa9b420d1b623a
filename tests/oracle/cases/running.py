"""execute_job: a job that other processes can load, run in an instance; its values, failures and re-executions."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from oracle_sut import dg, error_of

FLAG = "ORACLE_RUNNING_FAILS"


@dg.op
def one():
    return 1


@dg.op(config_schema={"add": dg.Field(int, default_value=1)})
def add(context, x):
    if os.environ.get(FLAG) == "yes":
        raise ValueError("as told")
    return x + context.op_config["add"]


@dg.op
def double(x):
    return x * 2


@dg.op(out=dg.DynamicOut())
def many():
    for i in range(3):
        yield dg.DynamicOutput(i, f"k{i}")


@dg.op
def fragile(context, x):
    if os.environ.get(FLAG) == context.get_mapping_key():
        raise ValueError("as told")
    return x * 10


@dg.op
def total(xs):
    return sum(xs)


@dg.job(executor_def=dg.in_process_executor, tags={"team": "x"})
def chain():
    double(add(one()))


@dg.job(executor_def=dg.in_process_executor)
def fan():
    total(many().map(fragile).map(double).collect())


@dg.graph
def answer_graph():
    return double(one())


def make_job():
    return answer_graph.to_job(executor_def=dg.in_process_executor)


answer_job = answer_graph.to_job()


def make_named(name, times=1):
    return answer_graph.to_job(name=name * times, executor_def=dg.in_process_executor)


@contextlib.contextmanager
def _failing(what: str = "yes") -> Iterator[None]:
    os.environ[FLAG] = what
    try:
        yield
    finally:
        del os.environ[FLAG]


def _starts(result: Any) -> list[str]:
    return sorted(event.step_key for event in result.all_events if event.is_step_start)


def case_values_are_loaded_in_a_block() -> Any:
    with dg.instance_for_test() as instance:
        result = dg.execute_job(dg.reconstructable(chain), instance=instance)
        outside = error_of(lambda: result.output_for_node("add"))
        with result as opened:
            inside = [opened.output_for_node("add"), opened.output_for_node("double")]
        return [type(result).__name__, result.success, outside, inside]


def case_dynamic_values() -> Any:
    with dg.instance_for_test() as instance, dg.execute_job(dg.reconstructable(fan), instance=instance) as result:
        return [result.output_for_node("many"), result.output_for_node("fragile"), result.output_for_node("total")]


def case_graph_outputs() -> Any:
    with dg.instance_for_test() as instance, dg.execute_job(dg.reconstructable(make_job), instance=instance) as result:
        return [result.output_value(), result.job_def.name, result.output_for_node("double")]


def case_config_and_tags() -> Any:
    with dg.instance_for_test() as instance:
        config = {"ops": {"add": {"config": {"add": 5}}}}
        job = dg.reconstructable(chain)
        with dg.execute_job(job, instance=instance, run_config=config, tags={"k": "v"}) as result:
            run = result.dagster_run
            return [result.output_for_node("add"), run.tags["k"], run.tags["team"], run.run_config, run.status.value]


def case_the_instance_keeps_it() -> Any:
    with dg.instance_for_test() as instance:
        result = dg.execute_job(dg.reconstructable(chain), instance=instance)
        run = instance.get_run_by_id(result.run_id)
        starts = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_START)
        return [run.job_name, run.status.value, [entry.step_key for entry in starts], instance.get_runs_count()]


def case_failure_is_told() -> Any:
    with dg.instance_for_test() as instance, _failing():
        result = dg.execute_job(dg.reconstructable(chain), instance=instance)
        return [
            result.success,
            sorted(result.get_failed_step_keys()),
            result.is_node_untouched("double"),
            instance.get_run_by_id(result.run_id).is_failure,
        ]


def case_failure_is_raised() -> Any:
    with dg.instance_for_test() as instance, _failing():
        job = dg.reconstructable(chain)
        raised = error_of(lambda: dg.execute_job(job, instance=instance, raise_on_error=True))
        return [raised, instance.get_runs()[0].status.value]


def case_op_selection() -> Any:
    with dg.instance_for_test() as instance:
        job = dg.reconstructable(chain)
        result = dg.execute_job(job, instance=instance, op_selection=["*add"])
        bad = error_of(lambda: dg.execute_job(job, instance=instance, op_selection=["nope"]))
        return [_starts(result), list(result.dagster_run.op_selection), bad]


def case_config_that_does_not_fit() -> Any:
    with dg.instance_for_test() as instance:
        config = {"ops": {"add": {"config": {"ad": 5}}}}
        job = dg.reconstructable(chain)
        return error_of(lambda: dg.execute_job(job, instance=instance, run_config=config))


def case_arguments_of_the_wrong_kind() -> Any:
    with dg.instance_for_test() as instance:
        job = dg.reconstructable(chain)
        return [
            error_of(lambda: dg.execute_job(chain, instance=instance)),
            error_of(lambda: dg.execute_job(job, instance=None)),
        ]


def case_from_failure() -> Any:
    with dg.instance_for_test() as instance:
        job = dg.reconstructable(chain)
        with _failing():
            failed = dg.execute_job(job, instance=instance)
        options = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
        with dg.execute_job(job, instance=instance, reexecution_options=options) as again:
            run = again.dagster_run
            return [
                again.success,
                _starts(again),
                again.output_for_node("double"),
                run.parent_run_id == failed.run_id,
                run.root_run_id == failed.run_id,
                again.is_node_untouched("one"),
            ]


def case_from_failure_of_a_clone() -> Any:
    with dg.instance_for_test() as instance:
        job = dg.reconstructable(fan)
        with _failing("k1"):
            failed = dg.execute_job(job, instance=instance)
        options = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
        with dg.execute_job(job, instance=instance, reexecution_options=options) as again:
            return [sorted(failed.get_failed_step_keys()), _starts(again), again.output_for_node("total")]


def case_from_failure_twice() -> Any:
    with dg.instance_for_test() as instance:
        job = dg.reconstructable(chain)
        with _failing():
            first = dg.execute_job(job, instance=instance)
            options = dg.ReexecutionOptions.from_failure(first.run_id, instance)
            second = dg.execute_job(job, instance=instance, reexecution_options=options)
        options = dg.ReexecutionOptions.from_failure(second.run_id, instance)
        third = dg.execute_job(job, instance=instance, reexecution_options=options)
        return [
            second.success,
            third.success,
            _starts(third),
            third.dagster_run.root_run_id == first.run_id,
            third.dagster_run.parent_run_id == second.run_id,
        ]


def case_steps_again() -> Any:
    with dg.instance_for_test() as instance:
        job = dg.reconstructable(chain)
        first = dg.execute_job(job, instance=instance)
        options = dg.ReexecutionOptions(first.run_id, step_selection=["add*"])
        with dg.execute_job(job, instance=instance, reexecution_options=options) as again:
            return [_starts(again), again.output_for_node("double"), options.parent_run_id == first.run_id]


def case_all_again() -> Any:
    with dg.instance_for_test() as instance:
        job = dg.reconstructable(chain)
        first = dg.execute_job(job, instance=instance)
        again = dg.execute_job(job, instance=instance, reexecution_options=dg.ReexecutionOptions(first.run_id))
        return [_starts(again), again.dagster_run.parent_run_id == first.run_id]


def case_reexecution_refuses() -> Any:
    with dg.instance_for_test() as instance:
        job = dg.reconstructable(chain)
        first = dg.execute_job(job, instance=instance)
        options = dg.ReexecutionOptions(first.run_id)
        both = error_of(
            lambda: dg.execute_job(job, instance=instance, op_selection=["one"], reexecution_options=options)
        )
        nowhere = dg.ReexecutionOptions("nope")
        return [both, error_of(lambda: dg.execute_job(job, instance=instance, reexecution_options=nowhere))]


def case_an_ephemeral_instance() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        with dg.execute_job(dg.reconstructable(chain), instance=instance) as result:
            value = result.output_for_node("double")
        return [value, instance.get_runs_count()]


def case_reconstructable() -> Any:
    @dg.job
    def nested():
        one()

    return [
        error_of(lambda: dg.reconstructable(chain)),
        error_of(lambda: dg.reconstructable(make_job)),
        error_of(lambda: dg.reconstructable(nested)),
        error_of(lambda: dg.reconstructable(answer_job)),
        error_of(lambda: dg.reconstructable(lambda: chain)),
        error_of(lambda: dg.reconstructable(3)),
        dg.reconstructable(chain).get_definition().name,
    ]


def case_values_through_an_io_manager_of_the_job() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ORACLE_RUNNING_FOLDER"] = folder
        try:
            job = dg.reconstructable(with_manager)
            with dg.instance_for_test() as instance, dg.execute_job(job, instance=instance) as result:
                return [result.output_for_node("double"), sorted(os.listdir(folder))]
        finally:
            del os.environ["ORACLE_RUNNING_FOLDER"]


class TextManager(dg.IOManager):
    def _path(self, context):
        return os.path.join(os.environ["ORACLE_RUNNING_FOLDER"], context.step_key)

    def handle_output(self, context, obj):
        with open(self._path(context), "w", encoding="utf-8") as file:
            file.write(str(obj))

    def load_input(self, context):
        with open(self._path(context.upstream_output), encoding="utf-8") as file:
            return int(file.read())


@dg.io_manager
def text_manager():
    return TextManager()


@dg.job(executor_def=dg.in_process_executor, resource_defs={"io_manager": text_manager})
def with_manager():
    double(one())
