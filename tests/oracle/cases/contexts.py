"""What an op finds on its context, and what the result of a run tells."""

from typing import Any

from oracle_sut import dg, error_of, job_of, run


def _seen(look: Any, **arguments: Any) -> Any:
    found = []

    @dg.op(name="work")
    def work(context):
        found.append(look(context))

    @dg.job(name="the_job", tags={"team": "x"})
    def job():
        work.alias("mine")()

    run(job, **arguments)
    return found[0] if found else None


def case_names() -> Any:
    return _seen(lambda c: [c.job_name, c.op_def.name, str(c.op_handle), c.job_def.name, c.retry_number])


def case_run_id() -> Any:
    return _seen(lambda c: [c.run_id, c.run.run_id], run_id="3a24bc36-6a6b-4d0a-9c5f-6f7c37d6c1a1")


def case_tags() -> Any:
    return _seen(lambda c: [c.get_tag("team"), c.has_tag("team"), c.has_tag("nope"), c.get_tag("nope")])


def case_run_tags_beat_job_tags() -> Any:
    return _seen(lambda c: [c.get_tag("team"), c.get_tag("more")], tags={"team": "y", "more": "z"})


def case_op_tags_are_not_run_tags() -> Any:
    found = []

    @dg.op(tags={"only": "op"})
    def work(context):
        found.append(context.has_tag("only"))

    run(job_of(work))
    return found


def case_no_config_is_none() -> Any:
    return _seen(lambda c: c.op_config)


def case_no_partition() -> Any:
    return _seen(lambda c: [c.has_partition_key, error_of(lambda: c.partition_key)])


def case_log_event_kinds() -> Any:
    @dg.op
    def work(context):
        context.log_event(dg.AssetMaterialization(asset_key="thing", description="d"))
        context.log_event(dg.AssetObservation(asset_key="thing"))
        context.log_event(dg.ExpectationResult(success=True))
        return 1

    result = run(job_of(work))
    wanted = ("ASSET_MATERIALIZATION", "ASSET_OBSERVATION", "STEP_EXPECTATION_RESULT")
    return [e.event_type_value for e in result.all_node_events if e.event_type_value in wanted]


def case_logger_works() -> Any:
    def look(context):
        context.log.debug("a")
        context.log.info("b %s", "c")
        context.log.warning("d")
        context.log.error("e")
        context.log.critical("f")
        return True

    return _seen(look)


def case_get_dagster_logger() -> Any:
    def look(context):
        dg.get_dagster_logger().info("x")
        dg.get_dagster_logger("name").info("x")
        return True

    return _seen(look)


def case_add_output_metadata_unknown_output() -> Any:
    return _seen(lambda c: error_of(lambda: c.add_output_metadata({"a": 1}, output_name="nope")))


def case_first_parameter_names_that_are_contexts() -> Any:
    @dg.op
    def a(context):
        return "c"

    @dg.op
    def b(_context):
        return "c"

    @dg.op
    def c(_):
        return "c"

    result = run(job_of(a, b, c))
    return [result.output_for_node(name) for name in "abc"]


def case_result_basics() -> Any:
    @dg.op
    def work():
        return 1

    result = job_of(work).execute_in_process(run_id="3a24bc36-6a6b-4d0a-9c5f-6f7c37d6c1a1", tags={"a": "b"})
    return [result.success, result.run_id, result.dagster_run.run_id, result.dagster_run.job_name, result.job_def.name]


def case_run_tags_of_the_result() -> Any:
    @dg.op
    def work():
        return 1

    result = job_of(work).execute_in_process(tags={"a": "b"})
    return result.dagster_run.tags["a"]


def case_events_in_order() -> Any:
    @dg.op
    def work():
        return 1

    result = run(job_of(work))
    wanted = ("STEP_START", "STEP_OUTPUT", "STEP_SUCCESS")
    return [e.event_type_value for e in result.events_for_node("work") if e.event_type_value in wanted]


def case_output_events() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out(is_required=False)})
    def work():
        yield dg.Output(1, "a")

    result = run(job_of(work))
    outputs = [e for e in result.all_events if e.event_type_value == "STEP_OUTPUT"]
    return [[e.step_output_data.output_name, e.step_output_data.mapping_key] for e in outputs]


def case_dynamic_output_events() -> Any:
    @dg.op(out=dg.DynamicOut())
    def work():
        yield dg.DynamicOutput(1, "k")
        yield dg.DynamicOutput(2, "l")

    result = run(job_of(work))
    outputs = [e for e in result.all_events if e.event_type_value == "STEP_OUTPUT"]
    return [[e.step_output_data.output_name, e.step_output_data.mapping_key] for e in outputs]


def case_filter_events() -> Any:
    @dg.op
    def work():
        return 1

    result = run(job_of(work, work))
    return len(result.filter_events(lambda event: event.is_step_success))


def case_run_failure_event() -> Any:
    @dg.op
    def work():
        raise ValueError("x")

    kinds = [e.event_type_value for e in run(job_of(work)).all_events]
    return ["STEP_FAILURE" in kinds, "RUN_SUCCESS" in kinds or "PIPELINE_SUCCESS" in kinds]


def case_failure_metadata() -> Any:
    @dg.op
    def work():
        raise dg.Failure("no good", metadata={"n": 1})

    for event in run(job_of(work)).all_events:
        if event.event_type_value == "STEP_FAILURE":
            data = event.step_failure_data.user_failure_data
            return [data.description, sorted(data.metadata)]
    return None


def case_partition_key_of_the_run() -> Any:
    return _seen(lambda c: [c.has_tag("dagster/partition")])
