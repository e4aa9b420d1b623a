"""Retry policies, retries that ops ask for, and failures that are final."""

from typing import Any

from oracle_sut import dg, error_of, failure_of, job_of, run, tell


def _failing(times: int, **arguments: Any):
    """An op that fails so many times, and the list of its attempts."""
    attempts: list[int] = []

    @dg.op(name="work", **arguments)
    def work(context):
        attempts.append(context.retry_number)
        if len(attempts) <= times:
            raise ValueError("again")
        return len(attempts)

    return work, attempts


def case_policy_retries_until_success() -> Any:
    work, attempts = _failing(2, retry_policy=dg.RetryPolicy(max_retries=3))
    result = run(job_of(work))
    return [tell(result), attempts, result.output_for_node("work"), result.retry_attempts_for_node("work")]


def case_policy_used_up() -> Any:
    work, attempts = _failing(9, retry_policy=dg.RetryPolicy(max_retries=2))
    result = run(job_of(work))
    return [tell(result), attempts, failure_of(result, "work")[-1:]]


def case_default_policy_is_one_retry() -> Any:
    work, attempts = _failing(9, retry_policy=dg.RetryPolicy())
    run(job_of(work))
    return attempts


def case_no_policy_no_retry() -> Any:
    work, attempts = _failing(9)
    run(job_of(work))
    return attempts


def case_job_policy() -> Any:
    work, attempts = _failing(9)

    @dg.job(op_retry_policy=dg.RetryPolicy(max_retries=2))
    def job():
        work()

    run(job)
    return attempts


def case_op_policy_beats_the_jobs() -> Any:
    work, attempts = _failing(9, retry_policy=dg.RetryPolicy(max_retries=1))

    @dg.job(op_retry_policy=dg.RetryPolicy(max_retries=5))
    def job():
        work()

    run(job)
    return attempts


def case_invocation_policy_beats_the_ops() -> Any:
    work, attempts = _failing(9, retry_policy=dg.RetryPolicy(max_retries=1))

    @dg.job
    def job():
        work.with_retry_policy(dg.RetryPolicy(max_retries=3))()

    run(job)
    return attempts


def case_zero_retries() -> Any:
    work, attempts = _failing(9, retry_policy=dg.RetryPolicy(max_retries=0))
    run(job_of(work))
    return attempts


def case_retry_requested() -> Any:
    attempts = []

    @dg.op
    def work(context):
        attempts.append(context.retry_number)
        if len(attempts) < 3:
            raise dg.RetryRequested(max_retries=5)
        return 1

    return [tell(run(job_of(work))), attempts]


def case_retry_requested_default_limit() -> Any:
    attempts = []

    @dg.op
    def work(context):
        attempts.append(context.retry_number)
        raise dg.RetryRequested()

    result = run(job_of(work))
    return [tell(result), attempts, failure_of(result, "work")[:1]]


def case_retry_requested_exceeded_raises() -> Any:
    @dg.op
    def work():
        raise dg.RetryRequested(max_retries=1)

    return error_of(lambda: job_of(work).execute_in_process())


def case_retry_requested_from_a_cause() -> Any:
    @dg.op
    def work():
        try:
            raise KeyError("x")
        except KeyError as error:
            raise dg.RetryRequested(max_retries=0) from error

    return error_of(lambda: job_of(work).execute_in_process())


def case_failure() -> Any:
    @dg.op
    def work():
        raise dg.Failure("no good", metadata={"n": 1})

    result = run(job_of(work))
    return [tell(result), failure_of(result, "work"), error_of(lambda: job_of(work).execute_in_process())]


def case_failure_is_retried_by_a_policy() -> Any:
    attempts = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work():
        attempts.append(1)
        raise dg.Failure("no good")

    run(job_of(work))
    return len(attempts)


def case_final_failure() -> Any:
    attempts = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work():
        attempts.append(1)
        raise dg.Failure("no good", allow_retries=False)

    return [tell(run(job_of(work))), len(attempts)]


def case_type_check_is_not_retried() -> Any:
    attempts = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work() -> int:
        attempts.append(1)
        return "x"

    return [tell(run(job_of(work))), len(attempts)]


def case_invariant_violation_and_policy() -> Any:
    attempts = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work():
        attempts.append(1)
        yield 5

    return [tell(run(job_of(work))), len(attempts)]


def case_errors_of_the_framework_raised_by_the_op_are_not_retried() -> Any:
    attempts = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work():
        attempts.append(1)
        raise dg.DagsterInvariantViolationError("mine")

    result = run(job_of(work))
    return [tell(result), len(attempts), failure_of(result, "work")]


def case_unknown_resource_is_not_retried() -> Any:
    attempts = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work(context):
        attempts.append(1)
        return context.resources.nope

    result = run(job_of(work))
    return [len(attempts), failure_of(result, "work")[:1]]


def case_backoff_or_jitter_without_delay() -> Any:
    return [
        error_of(lambda: dg.RetryPolicy(backoff=dg.Backoff.LINEAR)),
        error_of(lambda: dg.RetryPolicy(jitter=dg.Jitter.FULL)),
        error_of(lambda: dg.RetryPolicy(max_retries=2, delay=0.1, backoff=dg.Backoff.EXPONENTIAL)),
    ]


def case_retries_count_per_clone() -> Any:
    attempts: dict[int, int] = {}

    @dg.op(out=dg.DynamicOut())
    def numbers():
        for i in range(3):
            yield dg.DynamicOutput(i, f"k{i}")

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def work(x):
        attempts[x] = attempts.get(x, 0) + 1
        if attempts[x] < 2:
            raise ValueError("once")
        return x

    @dg.job
    def job():
        numbers().map(work)

    return [tell(run(job)), attempts]


def case_retried_dynamic_op_forgets() -> Any:
    attempts = []

    @dg.op(out=dg.DynamicOut(), retry_policy=dg.RetryPolicy(max_retries=1))
    def numbers():
        attempts.append(1)
        if len(attempts) == 1:
            yield dg.DynamicOutput(1, "old")
            raise ValueError("once")
        yield dg.DynamicOutput(2, "new")

    @dg.op
    def echo(x):
        return x

    @dg.job
    def job():
        numbers().map(echo)

    return run(job).output_for_node("echo")


def case_retry_in_a_chain() -> Any:
    attempts = []

    @dg.op
    def first():
        return 1

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def second(x):
        attempts.append(x)
        if len(attempts) == 1:
            raise ValueError("once")
        return x + 1

    @dg.op
    def third(x):
        return x + 1

    @dg.job
    def job():
        third(second(first()))

    result = run(job)
    return [tell(result), result.output_for_node("third")]


def case_raise_on_error_after_a_successful_retry() -> Any:
    work, attempts = _failing(1, retry_policy=dg.RetryPolicy(max_retries=1))
    return [job_of(work).execute_in_process().success, attempts]
