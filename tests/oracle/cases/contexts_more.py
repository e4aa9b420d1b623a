"""The rest of what an op's context knows and takes: handles, partitions, events, metadata, the log, the instance."""

import logging
from typing import Any

from oracle_sut import dg, error_of, job_of, run


def _seen(look: Any, **arguments: Any) -> Any:
    found = []

    @dg.op(name="work", tags={"op": "tag"})
    def work(context):
        found.append(look(context))

    @dg.graph
    def around():
        work.alias("mine")()

    @dg.job(name="the_job", tags={"team": "x"})
    def job():
        around()

    run(job, **arguments)
    return found[0] if found else None


def case_handle() -> Any:
    return _seen(
        lambda c: [
            str(c.op_handle),
            c.op_handle.name,
            c.op_handle.path,
            str(c.op_handle.parent),
            c.op_handle == c.node_handle,
            c.op_handle.is_or_descends_from(c.op_handle.parent),
        ]
    )


def case_the_op() -> Any:
    return _seen(
        lambda c: [c.op.name, c.op.definition.name, c.op_def.name, c.describe_op(), c.op_execution_context is c]
    )


def case_the_run() -> Any:
    return _seen(
        lambda c: [
            c.run.run_id == c.run_id,
            c.dagster_run.job_name,
            dict(c.run.tags),
            dict(c.run_tags),
            c.run.run_config,
            c.run_config,
            c.run.parent_run_id,
            c.run.is_finished,
        ]
    )


def case_run_config() -> Any:
    @dg.op(config_schema={"n": int})
    def work(context):
        return [context.run_config, context.op_config, context.run.run_config]

    config = {"ops": {"work": {"config": {"n": 1}}}}
    return run(job_of(work), run_config=config).output_for_node("work")


def case_config_of_a_model_is_plain_on_the_context() -> Any:
    class Settings(dg.Config):
        n: int
        name: str = "x"

    @dg.op
    def work(context, config: Settings):
        return [context.op_config, config.n, config.name]

    config = {"ops": {"work": {"config": {"n": 1}}}}
    return run(job_of(work), run_config=config).output_for_node("work")


def case_no_partition() -> Any:
    return _seen(
        lambda c: [
            c.has_partition_key,
            c.has_partition_key_range,
            c.has_partitions,
            error_of(lambda: c.partition_key),
            error_of(lambda: c.partition_keys),
        ]
    )


def case_a_partition() -> Any:
    seen = []

    @dg.op
    def work(context):
        seen.append([context.has_partition_key, context.partition_key, context.has_partition_key_range])
        seen.append(context.get_tag("dagster/partition"))

    @dg.job(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
    def job():
        work()

    run(job, partition_key="b")
    return seen


def case_what_ops_do_not_have() -> Any:
    return _seen(
        lambda c: [
            c.is_subset,
            c.has_assets_def,
            sorted(c.selected_asset_keys),
            sorted(c.selected_output_names),
            c.location_name,
            error_of(lambda: c.asset_key),
            error_of(lambda: c.assets_def),
        ]
    )


def case_log_event_takes_events_alone() -> Any:
    return _seen(
        lambda c: [
            error_of(lambda: c.log_event("x")),
            error_of(lambda: c.log_event(dg.Output(1))),
            error_of(lambda: c.log_event(None)),
            error_of(lambda: c.log_event(dg.AssetMaterialization("a"))),
        ]
    )


def case_output_metadata_rules() -> Any:
    seen = []

    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def work(context):
        seen.append(error_of(lambda: context.add_output_metadata({"n": 1})))
        seen.append(error_of(lambda: context.add_output_metadata({"n": 1}, "nowhere")))
        context.add_output_metadata({"n": 1}, "a")
        context.add_output_metadata({"m": 2}, output_name="a")
        seen.append([dict(context.get_output_metadata("a")), context.get_output_metadata("b")])
        yield dg.Output(1, "a")
        seen.append(error_of(lambda: context.add_output_metadata({"n": 1}, "a")))
        yield dg.Output(1, "b")

    run(job_of(work))
    return seen


def case_dynamic_output_metadata_rules() -> Any:
    seen = []

    @dg.op(out=dg.DynamicOut())
    def work(context):
        seen.append(error_of(lambda: context.add_output_metadata({"n": 1})))
        context.add_output_metadata({"n": 1}, mapping_key="a")
        seen.append(dict(context.get_output_metadata("result", mapping_key="a")))
        yield dg.DynamicOutput(1, "a")
        seen.append(error_of(lambda: context.add_output_metadata({"n": 1}, mapping_key="a")))
        seen.append(error_of(lambda: context.add_output_metadata({"n": 1}, mapping_key="b")))

    run(job_of(work))
    return seen


def case_typed_event_stream() -> Any:
    @dg.op
    def silent(context):
        context.set_requires_typed_event_stream(error_message="say it")

    @dg.op
    def plain(context):
        context.set_requires_typed_event_stream()
        return 1

    @dg.op
    def wrapped(context):
        before = context.requires_typed_event_stream
        context.set_requires_typed_event_stream(error_message="say it")
        return dg.Output([before, context.requires_typed_event_stream, context.typed_event_stream_error_message])

    return [
        error_of(lambda: job_of(silent).execute_in_process()),
        error_of(lambda: job_of(plain).execute_in_process()),
        run(job_of(wrapped)).output_for_node("wrapped"),
    ]


def case_current_context() -> Any:
    seen = []

    def deep():
        return dg.OpExecutionContext.get()

    @dg.op
    def work(context):
        seen.append(deep() is context)

    @dg.op
    def stream(context):
        seen.append(deep() is context)
        yield dg.Output(1)

    run(job_of(work, stream))
    return [seen, error_of(deep)]


def case_step_context() -> Any:
    return _seen(lambda c: c.get_step_execution_context().run_id == c.run_id)


def case_mapping_key() -> Any:
    seen = []

    @dg.op(out=dg.DynamicOut())
    def many(context):
        seen.append(context.get_mapping_key())
        yield dg.DynamicOutput(1, "k")

    @dg.op
    def each(context, x):
        seen.append(context.get_mapping_key())

    @dg.job
    def job():
        many().map(each)

    run(job)
    return seen


def case_log_levels() -> Any:
    def look(context):
        log = context.log
        log.log("INFO", "x")
        log.log("debug", "x")
        log.log(logging.INFO, "x %s", 1)
        log.info("x %s", "y", extra={"k": "v"})
        try:
            raise ValueError("x")
        except ValueError:
            log.exception("x")
            log.error("x", exc_info=True)
        return [error_of(lambda: log.log("loud", "x")), error_of(lambda: log.trace("x"))]

    return _seen(look)


def case_log_needs_a_level_that_is_one() -> Any:
    return _seen(lambda c: [error_of(lambda: c.log.log("", "x")), error_of(lambda: c.log.log("FATAL", "x"))])


def case_instance_knows_the_run() -> Any:
    return _seen(lambda c: [c.instance.has_run(c.run_id), c.instance.get_run_by_id(c.run_id).job_name])


def case_instance_is_the_one_that_was_given() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        return _seen(lambda c: c.instance is instance, instance=instance)


def case_dagster_logger_of_a_module() -> Any:
    log = dg.get_dagster_logger()
    named = dg.get_dagster_logger("mine")
    return [named.name.endswith(".mine"), log is dg.get_dagster_logger(), log.isEnabledFor(logging.DEBUG)]
