"""What every case starts from: the system under test as `dg`, and ways to observe it that both systems have.

A case runs unchanged under Dagster and under Kedge; `SUT` says which. Only what stands in the public API of both
is used here.
"""

import importlib
import os
from collections.abc import Callable
from typing import Any

SUT = os.environ.get("SUT", "kedge")
dg: Any = importlib.import_module(SUT)


def error_of(fn: Callable[[], Any]) -> str | None:
    """The name of the exception's type that `fn` raises; None when it raises none."""
    try:
        fn()
    except Exception as error:
        return type(error).__name__
    return None


def run(job: Any, **arguments: Any) -> Any:
    """Run to the end, whatever fails."""
    return job.execute_in_process(raise_on_error=False, **arguments)


def keys_of(result: Any, kind: str) -> list[str]:
    """The step keys of all events of a kind, in their order."""
    return [event.step_key for event in result.all_events if event.event_type_value == kind]


def started(result: Any) -> list[str]:
    """The step keys in the order in which the steps started."""
    return keys_of(result, "STEP_START")


def tell(result: Any) -> dict[str, Any]:
    """How a run ended, step by step, where order says nothing."""
    kinds = {
        "started": "STEP_START",
        "restarted": "STEP_RESTARTED",
        "succeeded": "STEP_SUCCESS",
        "failed": "STEP_FAILURE",
        "skipped": "STEP_SKIPPED",
    }
    found: dict[str, Any] = {name: sorted(keys_of(result, kind)) for name, kind in kinds.items()}
    return {"success": result.success, **{name: keys for name, keys in found.items() if keys}}


def failure_of(result: Any, step_key: str) -> list[str]:
    """The error of a failed step and its causes, outermost first, by the names of their types."""
    for event in result.all_events:
        if event.event_type_value == "STEP_FAILURE" and event.step_key == step_key:
            names, error = [], event.step_failure_data.error
            while error is not None:
                names.append(error.cls_name)
                error = error.cause
            return names
    return []


def job_of(*ops: Any) -> Any:
    """A job that calls each op once, without connections."""

    @dg.job
    def each() -> None:
        for op in ops:
            op()

    return each


def chain_of(first: Any, *rest: Any) -> Any:
    """A job that passes the output of each op to the next."""

    @dg.job
    def chain() -> None:
        value = first()
        for op in rest:
            value = op(value)

    return chain
