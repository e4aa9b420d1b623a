"""Hooks: when they run, what they know, and that they change nothing."""

from typing import Any

from oracle_sut import dg, error_of, keys_of, run, tell


def _pair(seen: list[Any]):
    @dg.success_hook
    def good(context):
        seen.append(["success", context.step_key])

    @dg.failure_hook
    def bad(context):
        seen.append(["failure", context.step_key, type(context.op_exception).__name__])

    return {good, bad}


@dg.op
def one():
    return 1


@dg.op
def broken():
    raise ValueError("x")


@dg.op
def echo(x):
    return x


def case_job_hooks() -> Any:
    seen: list[Any] = []

    @dg.job(hooks=_pair(seen))
    def job():
        echo.alias("never")(broken())
        echo(one())

    run(job)
    return sorted(seen)


def case_invocation_hooks() -> Any:
    seen: list[Any] = []

    @dg.job
    def job():
        one.with_hooks(_pair(seen))()
        one.alias("without")()

    run(job)
    return seen


def case_job_with_hooks() -> Any:
    seen: list[Any] = []

    @dg.job
    def job():
        one()

    run(job.with_hooks(_pair(seen)))
    return seen


def case_not_for_skipped_steps() -> Any:
    seen: list[Any] = []

    @dg.op(out=dg.Out(is_required=False))
    def maybe():
        if False:
            yield

    @dg.job(hooks=_pair(seen))
    def job():
        echo(maybe())

    run(job)
    return seen


def case_once_after_retries() -> Any:
    seen: list[Any] = []
    attempts = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def flaky():
        attempts.append(1)
        if len(attempts) < 3:
            raise ValueError("again")

    @dg.job(hooks=_pair(seen))
    def job():
        flaky()

    run(job)
    return [seen, len(attempts)]


def case_once_after_the_last_retry_failed() -> Any:
    seen: list[Any] = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work():
        raise KeyError("x")

    @dg.job(hooks=_pair(seen))
    def job():
        work()

    run(job)
    return seen


def case_error_in_a_hook_changes_nothing() -> Any:
    @dg.success_hook
    def bad(context):
        raise RuntimeError("hook")

    @dg.job(hooks={bad})
    def job():
        echo(one())

    result = run(job)
    return [tell(result), keys_of(result, "HOOK_ERRORED")]


def case_hook_events() -> Any:
    seen: list[Any] = []

    @dg.job(hooks=_pair(seen))
    def job():
        one()

    result = run(job)
    return [keys_of(result, "HOOK_COMPLETED"), keys_of(result, "HOOK_SKIPPED")]


def case_hook_of_an_aliased_op() -> Any:
    seen = []

    @dg.success_hook
    def look(context):
        seen.append([context.op.name, context.step_key, context.op_output_values])

    @dg.job(hooks={look})
    def job():
        one.alias("mine")()

    run(job)
    return seen


def case_hook_resources_and_config() -> Any:
    seen = []

    @dg.success_hook(required_resource_keys={"thing"})
    def look(context):
        seen.append([context.op_config, context.job_name, context.hook_def.name, context.resources.thing])
        seen.append([context.op_exception, sorted(context.required_resource_keys)])

    @dg.op(config_schema=int)
    def work(context):
        return 1

    @dg.job(hooks={look}, resource_defs={"thing": dg.ResourceDefinition.hardcoded_resource(5)})
    def job():
        work()

    run(job, run_config={"ops": {"work": {"config": 4}}})
    return seen


def case_hook_needs_a_resource_that_is_missing() -> Any:
    @dg.success_hook(required_resource_keys={"nope"})
    def look(context):
        pass

    def attempt():
        @dg.job(hooks={look})
        def job():
            one()

    return error_of(attempt)


def case_hooks_per_clone() -> Any:
    seen: list[Any] = []

    @dg.op(out=dg.DynamicOut())
    def numbers():
        yield dg.DynamicOutput(1, "a")
        yield dg.DynamicOutput(0, "b")

    @dg.op
    def divide(x):
        return 1 // x

    @dg.job
    def job():
        numbers().map(divide.with_hooks(_pair(seen)))

    run(job)
    return sorted(seen)


def case_dynamic_output_values_in_a_hook() -> Any:
    seen = []

    @dg.success_hook
    def look(context):
        seen.append(context.op_output_values)

    @dg.op(out=dg.DynamicOut())
    def numbers():
        yield dg.DynamicOutput(1, "a")
        yield dg.DynamicOutput(2, "b")

    @dg.job
    def job():
        numbers.with_hooks({look})()

    run(job)
    return seen


def case_hooks_on_a_nested_graph() -> Any:
    seen: list[Any] = []

    @dg.graph
    def inner():
        return echo(one())

    @dg.job
    def job():
        inner.with_hooks(_pair(seen))()
        one.alias("outside")()

    run(job)
    return sorted(seen)


def case_name_of_a_hook() -> Any:
    @dg.success_hook(name="named")
    def first(context):
        pass

    @dg.failure_hook
    def second(context):
        pass

    return [first.name, second.name]


def case_failure_hook_sees_the_failure() -> Any:
    seen = []

    @dg.failure_hook
    def look(context):
        error = context.op_exception
        seen.append([type(error).__name__, str(error), context.op_output_values])

    @dg.op
    def fails():
        raise dg.Failure("no good")

    @dg.job(hooks={look})
    def job():
        fails()
        broken()

    run(job)
    return sorted(seen, key=str)
