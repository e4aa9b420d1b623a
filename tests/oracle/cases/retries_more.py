"""More of retries: asked for by clones, producers and generators; together with policies, hooks and resources."""

import time
from typing import Any

from oracle_sut import dg, error_of, job_of, run, tell


def _asking(times: int, **request: Any) -> Any:
    """An op that asks for a retry so many times, and its attempts."""
    attempts: list[int] = []

    @dg.op(name="work")
    def work(context):
        attempts.append(context.retry_number)
        if len(attempts) <= times:
            raise dg.RetryRequested(**request)
        return len(attempts)

    return work, attempts


def case_asked_for_by_one_clone() -> Any:
    seen: dict[str, list[int]] = {}

    @dg.op(out=dg.DynamicOut())
    def many():
        for key in ("a", "b"):
            yield dg.DynamicOutput(key, key)

    @dg.op
    def work(context, x):
        seen.setdefault(x, []).append(context.retry_number)
        if x == "b" and context.retry_number < 2:
            raise dg.RetryRequested(max_retries=2)
        return x

    @dg.op
    def join(xs):
        return "".join(xs)

    @dg.job
    def job():
        join(many().map(work).collect())

    result = run(job)
    return [seen, result.output_for_node("join"), result.retry_attempts_for_node("work"), tell(result)]


def case_asked_for_by_a_producer_that_had_yielded() -> Any:
    @dg.op(out=dg.DynamicOut())
    def many(context):
        yield dg.DynamicOutput(1, f"k{context.retry_number}")
        if context.retry_number == 0:
            raise dg.RetryRequested()

    @dg.op
    def work(x):
        return x

    @dg.job
    def job():
        many().map(work)

    result = run(job)
    return [tell(result), result.output_for_node("work")]


def case_one_clone_beyond_its_limit() -> Any:
    @dg.op(out=dg.DynamicOut())
    def many():
        yield dg.DynamicOutput(1, "a")
        yield dg.DynamicOutput(2, "b")

    @dg.op
    def work(x):
        if x == 2:
            raise dg.RetryRequested(max_retries=1)
        return x

    @dg.op
    def join(xs):
        return xs

    @dg.job
    def job():
        join(many().map(work).collect())

    result = run(job)
    return [tell(result), result.is_node_untouched("join")]


def case_request_and_policy() -> Any:
    attempts: list[int] = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def work(context):
        attempts.append(context.retry_number)
        raise dg.RetryRequested(max_retries=3)

    return [run(job_of(work)).success, attempts]


def case_request_then_error_under_a_policy() -> Any:
    attempts: list[int] = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work(context):
        attempts.append(context.retry_number)
        if context.retry_number == 0:
            raise dg.RetryRequested()
        raise ValueError("x")

    return [run(job_of(work)).success, attempts]


def case_no_retries_asked_for() -> Any:
    work, attempts = _asking(5, max_retries=0)
    return [run(job_of(work)).success, attempts]


def case_a_wait_is_kept() -> Any:
    work, _ = _asking(1, max_retries=1, seconds_to_wait=0.3)
    began = time.monotonic()
    result = run(job_of(work))
    return [result.success, time.monotonic() - began >= 0.3]


def case_other_steps_run_during_a_wait() -> Any:
    order: list[str] = []

    @dg.op
    def waiting(context):
        order.append(f"waiting {context.retry_number}")
        if context.retry_number == 0:
            raise dg.RetryRequested(seconds_to_wait=0.2)

    @dg.op
    def other():
        order.append("other")

    @dg.job
    def job():
        waiting()
        other()

    run(job)
    return order[-1]


def case_failure_that_allows_retries_follows_the_policy() -> Any:
    attempts: list[int] = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work(context):
        attempts.append(context.retry_number)
        raise dg.Failure("x", allow_retries=len(attempts) < 2)

    return [run(job_of(work)).success, attempts]


def case_failure_without_a_policy() -> Any:
    attempts: list[int] = []

    @dg.op
    def work(context):
        attempts.append(context.retry_number)
        raise dg.Failure("x", allow_retries=True)

    return [run(job_of(work)).success, attempts]


def case_failure_of_a_cause_keeps_it() -> Any:
    @dg.op
    def work():
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise dg.Failure("outer") from error

    data = run(job_of(work)).failure_data_for_node("work")
    return [data.error.cls_name, data.error.cause.cls_name, data.user_failure_data.description]


def case_async_op_that_asks() -> Any:
    attempts: list[int] = []

    @dg.op
    async def work(context):
        attempts.append(context.retry_number)
        if context.retry_number == 0:
            raise dg.RetryRequested()
        return 5

    return [run(job_of(work)).output_for_node("work"), attempts]


def case_nested_ops_that_ask() -> Any:
    work, attempts = _asking(1)

    @dg.graph
    def inner():
        work()

    @dg.job
    def job():
        inner()

    result = run(job)
    return [tell(result), attempts, result.retry_attempts_for_node("inner")]


def case_resources_outlive_attempts() -> Any:
    made: list[int] = []

    @dg.resource
    def thing(context):
        made.append(1)
        return len(made)

    @dg.op(required_resource_keys={"thing"})
    def work(context):
        if context.retry_number == 0:
            raise dg.RetryRequested()
        return context.resources.thing

    @dg.job(resource_defs={"thing": thing})
    def job():
        work()

    return [run(job).output_for_node("work"), len(made)]


def case_hooks_run_once() -> Any:
    seen: list[str] = []

    @dg.success_hook
    def good(context):
        seen.append("success")

    @dg.failure_hook
    def bad(context):
        seen.append("failure")

    work, _ = _asking(2, max_retries=2)

    @dg.job(hooks={good, bad})
    def job():
        work()

    run(job)
    return seen


def case_loading_and_storing_are_retried() -> Any:
    calls = {"store": 0, "load": 0}

    class Shaky(dg.IOManager):
        def handle_output(self, context, obj):
            calls["store"] += 1
            if calls["store"] == 1:
                raise ValueError("store")

        def load_input(self, context):
            calls["load"] += 1
            if calls["load"] == 1:
                raise ValueError("load")
            return 5

    @dg.op
    def one():
        return 1

    @dg.op(out=dg.Out(io_manager_key="memory"))
    def read(x):
        return x

    @dg.job(
        op_retry_policy=dg.RetryPolicy(max_retries=1),
        resource_defs={
            "io_manager": dg.IOManagerDefinition.hardcoded_io_manager(Shaky()),
            "memory": dg.mem_io_manager,
        },
    )
    def job():
        read(one())

    result = run(job)
    return [tell(result), calls]


def case_policies_that_can_not_be() -> Any:
    return [
        error_of(lambda: dg.RetryPolicy(max_retries="x")) is not None,
        error_of(lambda: dg.RetryPolicy(delay="x")) is not None,
        error_of(lambda: dg.RetryPolicy(backoff=dg.Backoff.LINEAR)) is not None,
        error_of(lambda: dg.RetryPolicy(jitter=dg.Jitter.FULL)) is not None,
        error_of(lambda: dg.RetryPolicy(1, 0.1, dg.Backoff.EXPONENTIAL, dg.Jitter.PLUS_MINUS)),
    ]


def case_delays_of_a_policy() -> Any:
    kinds = [None, dg.Backoff.LINEAR, dg.Backoff.EXPONENTIAL]
    return [[dg.RetryPolicy(3, 2, kind).calculate_delay(n) for n in (1, 2, 3)] for kind in kinds]
