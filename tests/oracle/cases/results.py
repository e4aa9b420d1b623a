"""Events and results: which events a run has, in which order, what they say, and what a result answers."""

from typing import Any

from oracle_sut import dg, error_of, job_of, run

ABOUT_THE_MACHINE = ("ENGINE_EVENT", "RESOURCE_INIT_STARTED", "RESOURCE_INIT_SUCCESS", "LOGS_CAPTURED")


@dg.op
def one():
    return 1


@dg.op
def inc(x: int) -> int:
    return x + 1


@dg.op
def boom(x):
    raise ValueError("boom")


@dg.op
def total(xs):
    return sum(xs)


@dg.op(out=dg.DynamicOut(int))
def many():
    yield dg.DynamicOutput(1, "a")
    yield dg.DynamicOutput(2, "b")


@dg.op(out=dg.Out(is_required=False))
def maybe():
    if False:
        yield dg.Output(1)


@dg.graph
def inner():
    return inc(one())


def _by_step(result: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for event in result.all_events:
        if event.event_type_value not in ABOUT_THE_MACHINE:
            found.setdefault(event.step_key or "", []).append(event.event_type_value)
    return found


def _messages(result: Any, *kinds: str) -> list[str]:
    return [event.message for event in result.all_events if event.event_type_value in kinds]


def case_events_of_a_chain() -> Any:
    @dg.job
    def job():
        inc(inc(one()))

    return [
        [event.event_type_value, event.step_key]
        for event in run(job).all_events
        if event.event_type_value not in ABOUT_THE_MACHINE
    ]


def case_events_of_a_dynamic_job() -> Any:
    @dg.job
    def job():
        total(many().map(inc).collect())

    return _by_step(run(job))


def case_events_of_skips() -> Any:
    @dg.job
    def job():
        inc(inc(maybe()))

    return _by_step(run(job))


def case_events_of_a_failure() -> Any:
    @dg.job
    def job():
        inc(boom(one()))

    return _by_step(run(job))


def case_events_of_retries() -> Any:
    @dg.op
    def twice(context):
        if context.retry_number == 0:
            raise dg.RetryRequested(max_retries=1)
        return 1

    return _by_step(run(job_of(twice)))


def case_events_of_a_retry_that_fails() -> Any:
    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def never():
        raise ValueError("x")

    return _by_step(run(job_of(never)))


def case_events_of_hooks() -> Any:
    @dg.success_hook
    def good(context): ...

    @dg.failure_hook
    def bad(context): ...

    @dg.success_hook
    def broken(context):
        raise ValueError("x")

    @dg.job(hooks={good, bad, broken})
    def job():
        boom(one())

    result = run(job)
    found = {key: sorted(kinds) for key, kinds in _by_step(result).items()}
    hooked = [event for event in result.all_events if event.is_hook_event]
    return [found, [event.is_step_event for event in hooked], sorted(event.step_key for event in hooked)]


def case_events_of_nothing() -> Any:
    @dg.op
    def first() -> None: ...

    @dg.op(ins={"go": dg.In(dg.Nothing)})
    def second():
        return 1

    @dg.job
    def job():
        second(first())

    return _by_step(run(job))


def case_events_of_a_fan_in() -> Any:
    @dg.job
    def job():
        total([one(), one()])

    return _by_step(run(job))["total"]


def case_logged_events_keep_their_place() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def work(context):
        context.log_event(dg.AssetMaterialization("m"))
        yield dg.Output(1, "a")
        yield dg.ExpectationResult(True)
        context.log_event(dg.AssetObservation("o"))
        yield dg.Output(2, "b")
        yield dg.AssetMaterialization("end")

    return _by_step(run(job_of(work)))["work"]


def case_messages_of_steps() -> Any:
    @dg.job
    def job():
        total(many().map(inc).collect())

    kinds = ("STEP_START", "STEP_OUTPUT", "HANDLED_OUTPUT", "LOADED_INPUT", "STEP_INPUT")
    return _messages(run(job), *kinds)


def case_messages_of_ends() -> Any:
    @dg.job
    def job():
        boom(one())
        inc(maybe())

    kinds = ("PIPELINE_START", "PIPELINE_FAILURE", "STEP_FAILURE", "STEP_SKIPPED")
    return sorted(_messages(run(job), *kinds))


def case_message_of_success() -> Any:
    return _messages(run(job_of(one)), "PIPELINE_SUCCESS")


def case_message_of_a_retry() -> Any:
    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def never():
        raise ValueError("x")

    return _messages(run(job_of(never)), "STEP_UP_FOR_RETRY", "STEP_RESTARTED", "STEP_FAILURE")


def case_messages_of_logged_events() -> Any:
    @dg.op
    def work():
        yield dg.AssetMaterialization("a")
        yield dg.AssetMaterialization("a", description="about it")
        yield dg.ExpectationResult(False, label="check")
        yield dg.Output(1)

    return _messages(run(job_of(work)), "ASSET_MATERIALIZATION", "STEP_EXPECTATION_RESULT")


def case_place_of_an_event() -> Any:
    @dg.job
    def job():
        inc(inner())

    starts = [event for event in run(job).all_events if event.is_step_start]
    return [
        [one.node_name, str(one.node_handle), one.node_handle.path, one.job_name, one.logging_tags["step_key"]]
        for one in starts
    ]


def case_events_of_the_run_have_no_node() -> Any:
    event = run(job_of(one)).all_events[0]
    return [event.step_key, event.node_handle, error_of(lambda: event.node_name), event.job_name]


def case_kinds_are_an_enum() -> Any:
    kinds = dg.DagsterEventType
    events = [event for event in run(job_of(one)).all_events if event.event_type_value not in ABOUT_THE_MACHINE]
    return [
        [event.event_type.name for event in events],
        kinds.PIPELINE_START is kinds.RUN_START,
        kinds("STEP_START").value,
    ]


def case_questions_of_an_event() -> Any:
    names = [
        "is_step_event",
        "is_step_start",
        "is_step_success",
        "is_step_failure",
        "is_step_skipped",
        "is_step_up_for_retry",
        "is_step_restarted",
        "is_successful_output",
        "is_handled_output",
        "is_loaded_input",
        "is_step_materialization",
        "is_asset_observation",
        "is_expectation_result",
        "is_engine_event",
        "is_hook_event",
        "is_failure",
        "is_job_event",
        "is_job_success",
        "is_job_failure",
        "is_run_failure",
        "is_resource_init_failure",
    ]

    @dg.job
    def job():
        boom(inc(one()))

    found: dict[str, list[str]] = {}
    for event in run(job).all_events:
        if event.event_type_value not in ABOUT_THE_MACHINE:
            found.setdefault(event.event_type_value, [name for name in names if getattr(event, name)])
    return found


def case_data_of_an_output() -> Any:
    event = next(event for event in run(job_of(many)).all_events if event.is_successful_output)
    data = event.step_output_data
    handle = data.step_output_handle
    return [
        data.output_name,
        data.mapping_key,
        [handle.step_key, handle.output_name, handle.mapping_key],
        [data.type_check_data.success, data.type_check_data.label],
    ]


def case_data_of_inputs() -> Any:
    @dg.job
    def job():
        inc(one())

    events = run(job).events_for_node("inc")
    loaded = next(event.event_specific_data for event in events if event.is_loaded_input)
    given = next(event for event in events if event.event_type_value == "STEP_INPUT").step_input_data
    return [
        [loaded.input_name, loaded.manager_key, loaded.upstream_output_name, loaded.upstream_step_key],
        [given.input_name, given.type_check_data.success],
    ]


def case_data_of_handled_outputs() -> Any:
    data = next(event.event_specific_data for event in run(job_of(one)).all_events if event.is_handled_output)
    return [data.output_name, data.manager_key, dict(data.metadata)]


def case_data_of_success() -> Any:
    data = run(job_of(one)).get_step_success_events()[0].step_success_data
    return [isinstance(data.duration_ms, float), data.duration_ms >= 0]


def case_data_of_a_failure() -> Any:
    @dg.job
    def job():
        boom(one())

    data = run(job).get_step_failure_events()[0].step_failure_data
    return [
        data.error.cls_name,
        data.error.cause.cls_name,
        "boom" in data.error.cause.message,
        data.user_failure_data,
        "boom" in data.error.to_string(),
        "boom" in data.error_display_string,
    ]


def case_data_of_a_retry() -> Any:
    @dg.op
    def twice(context):
        if context.retry_number == 0:
            raise dg.RetryRequested(max_retries=1, seconds_to_wait=0.01)

    event = next(event for event in run(job_of(twice)).all_events if event.is_step_up_for_retry)
    return [event.step_retry_data.seconds_to_wait, event.step_retry_data.error.cls_name]


def case_data_of_logged_events() -> Any:
    @dg.op
    def work():
        yield dg.AssetMaterialization("a/b", partition="p", description="d", tags={"t": "1"})
        yield dg.AssetObservation("o", metadata={"n": 1})
        yield dg.ExpectationResult(False, "check", "d")
        yield dg.Output(1)

    result = run(job_of(work))
    made, seen = result.get_asset_materialization_events()[0], result.get_asset_observation_events()[0]
    checked = result.expectation_results_for_node("work")[0]
    return [
        [list(made.asset_key.path), made.partition, made.materialization.description, made.materialization.tags],
        made.step_materialization_data.materialization == made.materialization,
        [list(seen.asset_key.path), seen.asset_observation_data.asset_observation.metadata["n"].value],
        [checked.success, checked.label, checked.description],
        [len(result.asset_materializations_for_node("work")), len(result.asset_observations_for_node("work"))],
    ]


def case_data_of_the_failed_run() -> Any:
    @dg.job
    def job():
        boom(one())

    data = run(job).get_run_failure_event().job_failure_data
    return [data.error.cls_name, data.first_step_failure_event.step_key]


def case_data_of_another_kind() -> Any:
    event = run(job_of(one)).all_events[0]
    names = ("step_output_data", "step_failure_data", "step_success_data", "step_retry_data", "materialization")
    return [error_of(lambda name=name: getattr(event, name)) for name in names]


def case_node_states() -> Any:
    @dg.job
    def job():
        inc(boom(one()))
        inc.alias("skipped")(maybe())

    result = run(job)
    names = ("one", "boom", "inc", "maybe", "skipped", "nowhere")
    return {
        name: [
            result.is_node_success(name),
            result.is_node_failed(name),
            result.is_node_skipped(name),
            result.is_node_untouched(name),
        ]
        for name in names
    }


def case_states_of_clones() -> Any:
    @dg.op
    def odd(x):
        if x == 2:
            raise ValueError("x")

    @dg.job
    def job():
        many().map(odd)

    result = run(job)
    return [result.is_node_success("odd"), result.is_node_failed("odd"), sorted(result.get_failed_step_keys())]


def case_states_of_graphs() -> Any:
    @dg.job
    def job():
        inner()

    result = run(job)
    return [result.is_node_success("inner"), result.is_node_success("inner.inc"), result.is_node_untouched("inner.x")]


def case_retries_of_a_node() -> Any:
    @dg.op
    def work(context, x):
        if context.retry_number < x:
            raise dg.RetryRequested(max_retries=3)

    @dg.job
    def job():
        many().map(work)

    return run(job).retry_attempts_for_node("work")


def case_events_for_node() -> Any:
    @dg.job
    def job():
        inc(inner())

    result = run(job)
    return [
        [event.step_key for event in result.events_for_node("inner") if event.is_step_start],
        [event.step_key for event in result.events_for_node("inner.inc") if event.is_step_start],
        len(result.events_for_node("nowhere")),
    ]


def case_all_node_events() -> Any:
    @dg.success_hook
    def hook(context): ...

    @dg.job(hooks={hook})
    def job():
        inc(one())

    result = run(job)
    return [[event.step_key, event.event_type_value] for event in result.all_node_events]


def case_filter_events() -> Any:
    result = run(job_of(one))
    return [event.event_type_value for event in result.filter_events(lambda event: event.is_step_success)]


def case_lists_of_steps() -> Any:
    @dg.job
    def job():
        boom(one())
        inc(maybe())

    result = run(job)
    return [
        sorted(event.step_key for event in result.get_step_success_events()),
        [event.step_key for event in result.get_step_failure_events()],
        [event.step_key for event in result.get_step_skipped_events()],
        sorted(result.get_failed_step_keys()),
        result.failure_data_for_node("one"),
        result.failure_data_for_node("boom").error.cls_name,
        list(result.get_asset_materialization_planned_events()),
        list(result.get_asset_check_evaluations()),
    ]


def case_events_of_the_end() -> Any:
    good = run(job_of(one))

    @dg.job
    def job():
        boom(one())

    bad = run(job)
    return [
        good.get_run_success_event().event_type_value,
        error_of(good.get_run_failure_event),
        bad.get_run_failure_event().event_type_value,
        error_of(bad.get_run_success_event),
    ]


def case_outputs_that_do_not_exist() -> Any:
    result = run(job_of(one))
    return [
        error_of(lambda: result.output_for_node("nowhere")),
        error_of(lambda: result.output_for_node("one", "other")),
        error_of(lambda: result.output_value()),
    ]


def case_output_that_was_not_given() -> Any:
    @dg.job
    def job():
        boom(one())

    result = run(job)
    return [
        error_of(lambda: result.output_for_node("boom")),
        error_of(lambda: run(job_of(maybe)).output_for_node("maybe")),
    ]


def case_output_of_nothing() -> Any:
    @dg.op
    def silent() -> None: ...

    return run(job_of(silent)).output_for_node("silent")


def case_output_of_an_empty_fan_out() -> Any:
    @dg.op(out=dg.DynamicOut())
    def none():
        if False:
            yield dg.DynamicOutput(1, "a")

    result = run(job_of(none))
    try:
        return result.output_for_node("none")
    except Exception as error:
        return type(error).__name__


def case_run_ids_are_uuids() -> Any:
    return error_of(lambda: run(job_of(one), run_id="mine"))


def case_outputs_of_graphs() -> Any:
    @dg.graph
    def outer():
        return inner()

    result = outer.execute_in_process()
    return [result.output_value(), result.output_for_node("inner"), result.output_for_node("inner.one"), result.success]


def case_outputs_of_dynamic_ops() -> Any:
    @dg.job
    def job():
        many().map(inc)

    result = run(job)
    return [result.output_for_node("many"), result.output_for_node("inc")]


def case_the_run_of_a_result() -> Any:
    @dg.job(tags={"t": "1"})
    def job():
        one()

    result = run(job, tags={"u": "2"}, run_id="3a24bc36-6a6b-4d0a-9c5f-6f7c37d6c1a1")
    found = result.dagster_run
    return [
        result.run_id,
        found.run_id,
        found.job_name,
        found.status.value,
        found.is_success,
        found.is_failure,
        found.is_finished,
        {key: found.tags[key] for key in ("t", "u")},
        found.run_config,
        found.parent_run_id,
        found.root_run_id,
        result.job_def.name,
    ]


def case_the_run_of_a_failure() -> Any:
    @dg.job
    def job():
        boom(one())

    found = run(job).dagster_run
    return [found.status.value, found.is_success, found.is_failure, found.is_failure_or_canceled]


def case_run_config_of_a_result() -> Any:
    @dg.op(config_schema={"n": int})
    def work(context): ...

    config = {"ops": {"work": {"config": {"n": 1}}}}
    return run(job_of(work), run_config=config).dagster_run.run_config


def case_compute_events_for_handle() -> Any:
    @dg.job
    def job():
        inner()

    result = run(job)
    handle = result.get_step_success_events()[0].node_handle
    return [str(handle), [event.event_type_value for event in result.compute_events_for_handle(handle)]]


def case_asset_value() -> Any:
    return error_of(lambda: run(job_of(one)).asset_value("x")) is not None


class NotingManager(dg.IOManager):
    """Notes metadata and events while it stores and loads."""

    def handle_output(self, context, obj):
        context.add_output_metadata({"written": obj})
        context.log_event(dg.AssetMaterialization("stored"))

    def load_input(self, context):
        context.add_input_metadata({"read": 1})
        return 1


def _with_manager(manager: Any) -> Any:
    @dg.job(resource_defs={"io_manager": dg.IOManagerDefinition.hardcoded_io_manager(manager)})
    def job():
        inc(one())

    return job


def case_events_of_an_io_manager_that_notes() -> Any:
    result = run(_with_manager(NotingManager()))
    handled = [event.event_specific_data for event in result.all_events if event.is_handled_output]
    return [_by_step(result), [{key: one.value for key, one in data.metadata.items()} for data in handled]]


def case_events_of_an_input_manager() -> Any:
    @dg.input_manager
    def five(context):
        return 5

    @dg.op(ins={"x": dg.In(input_manager_key="five")})
    def read(x):
        return x

    @dg.job(resource_defs={"five": five})
    def job():
        read()

    result = run(job)
    data = next(event.event_specific_data for event in result.all_events if event.is_loaded_input)
    return [
        _by_step(result),
        [data.input_name, data.manager_key, data.upstream_output_name, data.upstream_step_key],
        _messages(result, "LOADED_INPUT"),
    ]


def case_events_of_inputs_without_a_source() -> Any:
    @dg.op
    def work(x, y=4):
        return x + y

    @dg.graph
    def around(x):
        work(x)

    return _by_step(run(around.to_job(), input_values={"x": 1}))


def case_what_a_broken_hook_raised() -> Any:
    @dg.success_hook
    def broken(context):
        raise ValueError("in a hook")

    @dg.job(hooks={broken})
    def job():
        one()

    event = next(event for event in run(job).all_events if event.event_type_value == "HOOK_ERRORED")
    return [event.hook_errored_data.error.cls_name, "in a hook" in event.hook_errored_data.error.message]


def case_metadata_of_loaded_inputs() -> Any:
    result = run(_with_manager(NotingManager()))
    loaded = next(event.event_specific_data for event in result.all_events if event.is_loaded_input)
    return {key: one.value for key, one in loaded.metadata.items()}


def case_events_of_an_input_of_the_wrong_type() -> Any:
    @dg.op
    def text():
        return "x"

    @dg.job
    def job():
        inc(text())

    return _by_step(run(job))["inc"]


def case_events_of_an_output_of_the_wrong_type() -> Any:
    @dg.op
    def wrong() -> int:
        return "x"

    return _by_step(run(job_of(wrong)))["wrong"]


def case_events_of_an_attempt_that_failed_half_way() -> Any:
    @dg.op
    def half():
        yield dg.AssetMaterialization("a")
        yield dg.Output(1)
        raise ValueError("x")

    return _by_step(run(job_of(half)))["half"]


def case_events_of_a_resource_that_fails() -> Any:
    @dg.resource
    def broken(context):
        raise ValueError("x")

    @dg.op(required_resource_keys={"broken"})
    def work(context): ...

    @dg.job(resource_defs={"broken": broken})
    def job():
        work()

    result = run(job)
    return [result.success, _by_step(result)]


def case_events_about_the_machine() -> Any:
    return sorted({e.event_type_value for e in run(job_of(one)).all_events} & set(ABOUT_THE_MACHINE))
