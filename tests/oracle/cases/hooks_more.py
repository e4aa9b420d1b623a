"""Hooks in depth: lists of events, contexts for tests, direct calls, misuse, and all that a context tells."""

from typing import Any

from oracle_sut import dg, error_of, job_of, keys_of, run, tell


@dg.op
def one():
    return 1


@dg.op
def broken():
    raise ValueError("x")


def case_decorator_forms() -> Any:
    @dg.success_hook
    def bare(context):
        pass

    @dg.success_hook(name="named", required_resource_keys={"r"})
    def full(context):
        pass

    @dg.failure_hook
    def bad(context):
        pass

    @dg.failure_hook(name="named_bad", required_resource_keys={"r"})
    def bad_full(context):
        pass

    @dg.failure_hook("positional")
    def bad_positional(context):
        pass

    hooks = [bare, full, bad, bad_full, bad_positional]
    return [
        [one.name for one in hooks],
        [sorted(one.required_resource_keys) for one in hooks],
        [isinstance(one, dg.HookDefinition) for one in hooks],
        [callable(one.hook_fn) and callable(one.decorated_fn) for one in hooks],
        bare.decorated_fn.__name__,
    ]


def case_misuse() -> Any:
    def no_argument():
        @dg.success_hook
        def hook():
            pass

    def wrong_name():
        @dg.success_hook
        def hook(ctx):
            pass

    def failure_no_argument():
        @dg.failure_hook
        def hook():
            pass

    def on_a_job():
        dg.job(hooks={one})(lambda: one())

    return {
        "no argument": error_of(no_argument),
        "wrong name": error_of(wrong_name),
        "failure without argument": error_of(failure_no_argument),
        "no hook": error_of(on_a_job) is not None,
        "with_hooks of no hook": error_of(lambda: one.with_hooks({5})) is not None,
    }


def case_event_list_hook() -> Any:
    seen: list[Any] = []

    def look(context, event_list):
        kinds = [event.event_type_value for event in event_list]
        seen.append([context.step_key, "STEP_START" in kinds, kinds[-1], event_list[-1].is_step_failure])
        return dg.HookExecutionResult("look", is_skipped=False)

    hook = dg.HookDefinition(name="look", hook_fn=look)

    @dg.job(hooks={hook})
    def job():
        one()
        broken()

    result = run(job)
    return [sorted(seen, key=str), sorted(keys_of(result, "HOOK_COMPLETED"))]


def case_event_list_hook_that_skips() -> Any:
    hook = dg.HookDefinition(
        name="never", hook_fn=lambda context, event_list: dg.HookExecutionResult("never", is_skipped=True)
    )
    result = run(job_of(one).with_hooks({hook}))
    return [keys_of(result, "HOOK_COMPLETED"), keys_of(result, "HOOK_SKIPPED")]


def case_event_list_hook_of_materializations() -> Any:
    seen: list[Any] = []

    def look(context, event_list):
        seen.extend(
            event.event_specific_data.materialization.asset_key.path
            for event in event_list
            if event.event_type_value == "ASSET_MATERIALIZATION"
        )
        return dg.HookExecutionResult("look")

    @dg.op
    def writes():
        yield dg.AssetMaterialization("table")
        yield dg.Output(1)

    run(job_of(writes).with_hooks({dg.HookDefinition(name="look", hook_fn=look)}))
    return seen


def case_hook_that_returns_nonsense() -> Any:
    hook = dg.HookDefinition(name="odd", hook_fn=lambda context, event_list: 5)
    return error_of(lambda: run(job_of(one).with_hooks({hook})))


def case_context_in_a_run() -> Any:
    seen: list[Any] = []

    @dg.success_hook(required_resource_keys={"r"})
    def look(context):
        seen.append([context.job_name, context.step_key, context.op.name, context.hook_def.name])
        seen.append([context.run_id is not None, context.log is not None, context.resources.r, context.op_config])
        seen.append([context.op_exception, context.op_output_values, sorted(context.required_resource_keys)])
        seen.append(error_of(lambda: context.resources.other))
        seen.append({key: dict(one) for key, one in context.op_output_metadata.items()})

    @dg.op(out={"a": dg.Out(), "b": dg.Out()}, config_schema={"n": dg.Field(int, default_value=2)})
    def pair(context):
        yield dg.Output(1, "a", metadata={"rows": 5})
        yield dg.Output(2, "b")

    resources = {"r": dg.ResourceDefinition.hardcoded_resource("r"), "other": dg.ResourceDefinition.none_resource()}

    @dg.job(hooks={look}, resource_defs=resources)
    def job():
        pair()

    run(job)
    return [_plain(one) for one in seen]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.value if isinstance(value, dg.MetadataValue) else value


def case_output_values_of_a_failed_op() -> Any:
    seen: list[Any] = []

    @dg.failure_hook
    def look(context):
        seen.append([dict(context.op_output_values), type(context.op_exception).__name__, str(context.op_exception)])

    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def half():
        yield dg.Output(1, "a")
        raise ValueError("late")

    run(job_of(half).with_hooks({look}))
    return seen


def case_exception_after_retries_by_policy() -> Any:
    seen: list[Any] = []

    @dg.failure_hook
    def look(context):
        seen.append([type(context.op_exception).__name__, str(context.op_exception)])

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def work():
        raise KeyError("gone")

    run(job_of(work).with_hooks({look}))
    return seen


def case_exception_of_a_type_check() -> Any:
    seen: list[Any] = []

    @dg.failure_hook
    def look(context):
        seen.append(type(context.op_exception).__name__)

    @dg.op
    def work() -> int:
        return "x"

    run(job_of(work).with_hooks({look}))
    return seen


def case_hooks_of_one_name_and_several_places() -> Any:
    seen: list[str] = []

    @dg.success_hook
    def on_job(context):
        seen.append(f"job {context.step_key}")

    @dg.success_hook
    def on_graph(context):
        seen.append(f"graph {context.step_key}")

    @dg.success_hook
    def on_op(context):
        seen.append(f"op {context.step_key}")

    @dg.graph
    def inner():
        one.with_hooks({on_op})()
        one.alias("other")()

    @dg.job(hooks={on_job})
    def job():
        inner.with_hooks({on_graph, on_job})()
        one.alias("outside")()

    run(job)
    return sorted(seen)


def case_hooks_by_graph_to_job() -> Any:
    seen: list[str] = []

    @dg.success_hook
    def look(context):
        seen.append(context.step_key)

    @dg.graph
    def whole():
        one()

    run(whole.to_job(hooks={look}))
    return [seen, sorted(hook.name for hook in whole.to_job(hooks={look}).hook_defs)]


def case_direct_call() -> Any:
    seen: list[Any] = []

    @dg.success_hook
    def plain(context):
        seen.append("plain")

    @dg.success_hook(required_resource_keys={"r"})
    def needs(context):
        seen.append(context.resources.r)

    @dg.failure_hook
    def look(context):
        seen.append([type(context.op_exception).__name__, context.op.name, context.run_id, context.job_name])

    plain(None)
    plain(dg.build_hook_context())
    plain(context=dg.build_hook_context())
    needs(dg.build_hook_context(resources={"r": 5}))
    look(dg.build_hook_context(op=one, run_id="r", job_name="j", op_exception=ValueError("x")))
    return [
        seen,
        error_of(lambda: needs(dg.build_hook_context())),
        error_of(lambda: needs(None)),
        error_of(lambda: plain()),
        error_of(lambda: plain(None, None)),
        error_of(lambda: plain(nope=None)),
    ]


def case_direct_call_of_an_event_list_hook() -> Any:
    seen: list[Any] = []

    def look(context, event_list):
        seen.append(list(event_list))
        return dg.HookExecutionResult("look")

    hook = dg.HookDefinition(name="look", hook_fn=look, decorated_fn=look)
    hook(dg.build_hook_context(), [])
    hook(context=None, event_list=[1])
    return [seen, error_of(lambda: hook(None)), error_of(lambda: hook())]


def case_built_context() -> Any:
    bare = dg.build_hook_context()
    names = ["job_name", "run_id", "hook_def", "op", "step_key", "required_resource_keys", "op_config"]
    names += ["op_output_values", "op_output_metadata", "instance"]
    full = dg.build_hook_context(resources={"r": 5}, op=one, run_id="r", job_name="j", op_exception=KeyError("k"))
    return [
        {name: error_of(lambda name=name: getattr(bare, name)) for name in names},
        [bare.op_exception, bare.log is not None, error_of(lambda: bare.resources.r)],
        [full.resources.r, full.op.name, full.run_id, full.job_name, type(full.op_exception).__name__],
    ]


def case_bound_context_in_a_direct_call() -> Any:
    seen: list[Any] = []

    @dg.success_hook(required_resource_keys={"r"})
    def look(context):
        names = ["step_key", "op_config", "op_output_values", "run_id"]
        seen.append({name: error_of(lambda name=name: getattr(context, name)) for name in names})
        seen.append([context.hook_def.name, sorted(context.required_resource_keys)])

    look(dg.build_hook_context(resources={"r": 1}))
    return seen


def case_built_context_as_a_context_manager() -> Any:
    seen: list[Any] = []

    @dg.resource
    def opened(context):
        yield "open"
        seen.append("closed")

    with dg.build_hook_context(resources={"r": opened}) as context:
        seen.append(context.resources.r)
    return [seen[:2], error_of(lambda: dg.build_hook_context(resources={"r": opened}).resources)]


def case_alias_as_the_op_of_a_built_context() -> Any:
    return dg.build_hook_context(op=one.alias("other")).op.name


def case_hook_execution_result() -> Any:
    return [
        [dg.HookExecutionResult("a").hook_name, bool(dg.HookExecutionResult("a").is_skipped)],
        [dg.HookExecutionResult("a", is_skipped=True).is_skipped],
    ]


def case_hook_needs_resources_of_its_own() -> Any:
    seen: list[Any] = []

    @dg.resource
    def thing(context):
        seen.append("open")
        yield 5
        seen.append("close")

    @dg.success_hook(required_resource_keys={"thing"})
    def look(context):
        seen.append(context.resources.thing)

    @dg.job(hooks={look}, resource_defs={"thing": thing})
    def job():
        one()

    return [tell(run(job)), seen]


def case_error_of_a_failure_hook() -> Any:
    @dg.failure_hook
    def bad(context):
        raise RuntimeError("hook")

    result = run(job_of(broken).with_hooks({bad}))
    return [tell(result), keys_of(result, "HOOK_ERRORED")]


def case_not_raised_through_execute_in_process() -> Any:
    @dg.success_hook
    def bad(context):
        raise RuntimeError("hook")

    return error_of(lambda: job_of(one).with_hooks({bad}).execute_in_process())
