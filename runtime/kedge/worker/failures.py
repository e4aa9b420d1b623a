"""From an exception to the failure in an outcome: name, message, stack, and whether a retry makes sense."""

from __future__ import annotations

import traceback

from kedge.core.errors import (
    DagsterMaxRetriesExceededError,
    DagsterStepOutputNotFoundError,
    DagsterTypeCheckDidNotPass,
    DagsterUserCodeExecutionError,
)
from kedge.core.protocol import Failure, RetryRequest
from kedge.definitions import values

_FINAL = (DagsterStepOutputNotFoundError, DagsterTypeCheckDidNotPass, DagsterMaxRetriesExceededError)
_MESSAGE_MAX = 4000
_STACK_MAX = 16000


def failure_of(error: BaseException, retries: int) -> Failure:
    """Describe `error`. `retries` is how often the op was already tried again: beyond its own limit it is final."""
    if isinstance(error, values.RetryRequested):
        if retries >= error.max_retries:
            exceeded = DagsterMaxRetriesExceededError(f"Exceeded max_retries of {error.max_retries}")
            exceeded.__cause__ = error.__cause__
            return _describe(exceeded, retryable=False)
        return _describe(error, request=RetryRequest(error.max_retries, float(error.seconds_to_wait or 0)))
    if isinstance(error, values.Failure):
        found = {key: values.plain(one) for key, one in error.metadata.items()}
        return _describe(error, retryable=error.allow_retries, metadata=found)
    return _describe(error, retryable=not isinstance(error, _FINAL))


def user_exception(error: BaseException) -> BaseException:
    """The exception that user code raised, without the one that Kedge wrapped around it."""
    if isinstance(error, DagsterUserCodeExecutionError) and error.__cause__ is not None:
        return error.__cause__
    return error


def _describe(
    error: BaseException,
    retryable: bool = True,
    request: RetryRequest | None = None,
    metadata: dict[str, object] | None = None,
) -> Failure:
    cause = error.__cause__
    return Failure(
        type(error).__name__,
        _shorten(_text_of(error), _MESSAGE_MAX),
        _stack_of(error),
        retryable,
        request,
        metadata or {},
        None if cause is None or cause is error else _describe(cause),
    )


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:
        return f"<the error's own text raised {type(broken).__name__}>"


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}\n[... {len(text) - most} characters ...]\n{text[-most // 2 :]}"


def _stack_of(error: BaseException) -> str:
    """The frames of user code: those of the worker itself say nothing to the op's author."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/kedge/worker/" not in frame.filename]
    return _shorten("".join(traceback.format_list(frames)), _STACK_MAX)
