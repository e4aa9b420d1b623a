"""The errors that users catch: they exist, and stand below each other as in Dagster."""

import importlib
from typing import Any

from oracle_sut import SUT, dg, error_of, job_of, run

NAMES = [
    "DagsterError",
    "DagsterInvalidDefinitionError",
    "DagsterInvalidSubsetError",
    "DagsterInvalidConfigDefinitionError",
    "DagsterInvalidPythonicConfigDefinitionError",
    "DagsterInvalidDagsterTypeInPythonicConfigDefinitionError",
    "DagsterInvalidConfigError",
    "DagsterInvalidInvocationError",
    "DagsterInvalidPropertyError",
    "DagsterInvalidMetadata",
    "DagsterInvalidAssetKey",
    "DagsterInvariantViolationError",
    "DagsterTypeCheckDidNotPass",
    "DagsterStepOutputNotFoundError",
    "DagsterMaxRetriesExceededError",
    "DagsterUnknownResourceError",
    "DagsterUnknownPartitionError",
    "DagsterUnknownStepStateError",
    "DagsterExecutionStepNotFoundError",
    "DagsterRunNotFoundError",
    "DagsterRunAlreadyExists",
    "DagsterEventLogInvalidForRun",
    "DagsterObjectStoreError",
    "DagsterLaunchFailedError",
    "DagsterSubprocessError",
    "DagsterUnmetExecutorRequirementsError",
    "DagsterHomeNotSetError",
    "DagsterImportError",
    "DagsterUserCodeProcessError",
    "DagsterExecutionInterruptedError",
    "DagsterUserCodeExecutionError",
    "DagsterExecutionStepExecutionError",
    "DagsterExecutionLoadInputError",
    "DagsterExecutionHandleOutputError",
    "DagsterTypeCheckError",
    "DagsterTypeLoadingError",
    "DagsterResourceFunctionError",
    "DagsterConfigMappingFunctionError",
    "DagsterUserCodeLoadError",
    "HookExecutionError",
    "PartitionExecutionError",
    "JobError",
]


def _errors() -> dict[str, type]:
    home = dg if SUT == "kedge" else importlib.import_module("dagster._core.errors")
    return {name: getattr(home, name) for name in NAMES}


def case_tree() -> Any:
    """By name, the names of all errors that it is one of."""
    errors = _errors()
    return {
        name: sorted(other for other, base in errors.items() if other != name and issubclass(error, base))
        for name, error in errors.items()
    }


def case_builtin_bases() -> Any:
    errors = _errors()
    return [
        issubclass(errors["DagsterUnknownResourceError"], AttributeError),
        issubclass(errors["DagsterExecutionInterruptedError"], Exception),
        issubclass(errors["DagsterInvalidInvocationError"], TypeError),
    ]


def case_what_ops_raise_are_no_dagster_errors() -> Any:
    return [issubclass(one, dg.DagsterError) for one in (dg.Failure, dg.RetryRequested)]


def case_public_names() -> Any:
    """Those that stand in the public API."""
    names = [
        "DagsterConfigMappingFunctionError",
        "DagsterError",
        "DagsterEventLogInvalidForRun",
        "DagsterExecutionStepExecutionError",
        "DagsterExecutionStepNotFoundError",
        "DagsterInvalidConfigDefinitionError",
        "DagsterInvalidConfigError",
        "DagsterInvalidDefinitionError",
        "DagsterInvalidInvocationError",
        "DagsterInvalidSubsetError",
        "DagsterInvariantViolationError",
        "DagsterResourceFunctionError",
        "DagsterRunNotFoundError",
        "DagsterStepOutputNotFoundError",
        "DagsterSubprocessError",
        "DagsterTypeCheckDidNotPass",
        "DagsterTypeCheckError",
        "DagsterUnknownPartitionError",
        "DagsterUnknownResourceError",
        "DagsterUnmetExecutorRequirementsError",
        "DagsterUserCodeExecutionError",
        "Failure",
        "RetryRequested",
    ]
    return [name for name in names if not hasattr(dg, name)]


def _raised(fn: Any) -> Any:
    try:
        fn()
    except Exception as error:
        return error
    return None


def case_type_check_says_what_failed() -> Any:
    kind = dg.DagsterType(lambda context, value: dg.TypeCheck(False, "no good", {"n": 1}), name="Strict")

    @dg.op(out=dg.Out(kind))
    def work():
        return 1

    error = _raised(lambda: job_of(work).execute_in_process())
    return [
        type(error).__name__,
        error.dagster_type.display_name,
        {key: value.value for key, value in error.metadata.items()},
        "no good" in error.description,
    ]


def case_config_error_lists_its_faults() -> Any:
    @dg.op(config_schema={"a": int, "b": str})
    def work(context): ...

    config = {"ops": {"work": {"config": {"a": "x", "b": 1}}}}
    error = _raised(lambda: job_of(work).execute_in_process(config))
    return [
        type(error).__name__,
        len(error.errors),
        sorted(("work" in one.message) for one in error.errors),
        all(one.message in str(error) for one in error.errors),
    ]


def case_resource_error_has_the_users_exception() -> Any:
    @dg.resource
    def broken(context):
        raise ValueError("no")

    @dg.op(required_resource_keys={"broken"})
    def work(context): ...

    @dg.job(resource_defs={"broken": broken})
    def job():
        work()

    error = _raised(lambda: job.execute_in_process())
    return [type(error).__name__, type(error.user_exception).__name__, type(error.__cause__).__name__]


def case_step_output_not_found_says_which() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def work():
        yield dg.Output(1, "a")

    error = _raised(lambda: job_of(work).execute_in_process())
    return [type(error).__name__, error.step_key, error.output_name]


def case_unknown_resource_is_an_attribute_error() -> Any:
    seen = []

    @dg.op
    def work(context):
        try:
            _ = context.resources.nope
        except AttributeError as error:
            seen.append(type(error).__name__)

    run(job_of(work))
    return seen


def case_user_errors_come_as_they_are() -> Any:
    class MyError(Exception):
        pass

    @dg.op
    def work():
        raise MyError("x")

    error = _raised(lambda: job_of(work).execute_in_process())
    return [type(error).__name__, str(error)]


def case_failure_texts() -> Any:
    return [
        str(dg.Failure("d")),
        dg.Failure("d").description,
        dg.Failure().description,
        dg.Failure().allow_retries,
        dg.Failure(allow_retries=False).allow_retries,
    ]


def case_failure_refuses() -> Any:
    return [error_of(lambda: dg.Failure(1)), error_of(lambda: dg.Failure(metadata={"a": object()}))]


def case_retry_requested_arguments() -> Any:
    found = dg.RetryRequested(2, 0.5)
    return [
        found.max_retries,
        found.seconds_to_wait,
        dg.RetryRequested().max_retries,
        dg.RetryRequested().seconds_to_wait,
        error_of(lambda: dg.RetryRequested("x")),
        error_of(lambda: dg.RetryRequested(seconds_to_wait="x")),
        error_of(lambda: dg.RetryRequested(None)),
    ]
