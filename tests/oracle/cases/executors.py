"""Executors: the config that they take, and that running in process looks at none of it."""

from typing import Any

from oracle_sut import dg, error_of, run, tell


@dg.op
def one():
    return 1


def _job(**arguments: Any) -> Any:
    @dg.job(**arguments)
    def job():
        one()

    return job


def _accepts(job: Any, execution: Any) -> Any:
    return error_of(lambda: job.execute_in_process(run_config={"execution": execution}))


CONFIGS: list[Any] = [
    {},
    {"config": {}},
    {"config": {"max_concurrent": 3}},
    {"config": {"max_concurrent": "x"}},
    {"config": {"multiprocess": {"max_concurrent": 3}}},
    {"config": {"in_process": {}}},
    {"config": {"multiprocess": {}, "in_process": {}}},
    {"config": {"nope": 1}},
    {"nope": 1},
    {"config": {"retries": {"disabled": {}}}},
    {"config": {"retries": {"sometimes": {}}}},
    {"config": {"start_method": {"spawn": {}}}},
    {"config": {"start_method": {"forkserver": {"preload_modules": ["json"]}}}},
    {"config": {"marker_to_close": "x"}},
    {"config": {"tag_concurrency_limits": [{"key": "a", "limit": 1}]}},
    {"config": {"tag_concurrency_limits": [{"key": "a", "value": "x", "limit": 1}]}},
    {"config": {"tag_concurrency_limits": [{"key": "a", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}]}},
    {"config": {"tag_concurrency_limits": [{"key": "a"}]}},
    {"config": {"tag_concurrency_limits": [{"limit": 1}]}},
]


def _checked(job: Any) -> Any:
    """Whether each config fits, and whether running in process, where the executor says nothing, asks for that."""
    return [
        [error_of(lambda one=one: dg.validate_run_config(job, {"execution": one})), _accepts(job, one)]
        for one in CONFIGS
    ]


def case_config_without_an_executor() -> Any:
    return _checked(_job())


def case_config_in_process() -> Any:
    return _checked(_job(executor_def=dg.in_process_executor))


def case_config_multiprocess() -> Any:
    return _checked(_job(executor_def=dg.multiprocess_executor))


def case_config_of_either() -> Any:
    return _checked(_job(executor_def=dg.multi_or_in_process_executor))


def case_configured() -> Any:
    limited = dg.multiprocess_executor.configured({"max_concurrent": 2})
    named = dg.multiprocess_executor.configured({"max_concurrent": 2}, name="two")
    return [
        limited.name,
        named.name,
        _accepts(_job(executor_def=limited), {}),
        isinstance(limited, dg.ExecutorDefinition),
    ]


def case_configured_by_a_function() -> Any:
    @dg.configured(dg.multiprocess_executor, config_schema={"n": int})
    def limited(given):
        return {"max_concurrent": given["n"]}

    job = _job(executor_def=limited)
    configs = [{"config": {"n": 1}}, {"config": {"max_concurrent": 1}}, {}]
    return [error_of(lambda one=one: dg.validate_run_config(job, {"execution": one})) for one in configs]


def case_names() -> Any:
    jobs = [_job(), _job(executor_def=dg.in_process_executor), _job(executor_def=dg.multiprocess_executor)]
    return [job.executor_def.name for job in jobs]


def case_with_executor_def() -> Any:
    return _job().with_executor_def(dg.in_process_executor).executor_def.name


def case_no_executor() -> Any:
    return error_of(lambda: _job(executor_def=3)) is not None


def case_retries_disabled_has_no_meaning_in_process() -> Any:
    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def bad():
        raise ValueError

    @dg.job(executor_def=dg.in_process_executor)
    def job():
        bad()

    return tell(run(job, run_config={"execution": {"config": {"retries": {"disabled": {}}}}}))


def case_executor_of_a_user_is_not_asked_in_process() -> Any:
    @dg.executor(name="mine", config_schema={"a": dg.Field(int, default_value=1)})
    def mine(init_context):
        raise AssertionError("never called")

    @dg.executor
    def bare(init_context):
        raise AssertionError("never called")

    job = _job(executor_def=mine)
    return [
        mine.name,
        bare.name,
        _accepts(job, {}),
        error_of(lambda: dg.validate_run_config(job, {"execution": {"config": {"a": "x"}}})),
    ]


def case_executor_on_a_graph() -> Any:
    @dg.graph
    def graph():
        one()

    return graph.to_job(executor_def=dg.in_process_executor).executor_def.name
