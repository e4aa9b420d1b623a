"""From an exception to the failure in an outcome: name, message, stack, and whether a retry makes sense."""

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from kedge.core.errors import (
    DagsterError,
    DagsterMaxRetriesExceededError,
    DagsterTypeCheckDidNotPass,
    DagsterUserCodeExecutionError,
    ProtocolError,
)
from kedge.core.protocol import MOST_CAUSES, Failure, RetryRequest
from kedge.definitions import values
from kedge.io.errors import ValueForbidden

_MESSAGE_MAX = 4000
_KEDGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OURS = (_KEDGE, "<frozen importlib", importlib.__file__)
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
        return _describe(error, retryable=error.allow_retries, metadata=encoded(error.metadata))
    if isinstance(error, DagsterTypeCheckDidNotPass):
        return _describe(error, retryable=False, metadata=encoded(error.metadata))
    return _describe(error, retryable=_may_pass_next_time(error))


def encoded(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as plain data for an outcome record; most steps have none, and load nothing for it."""
    if not metadata:
        return {}
    from kedge.definitions.wire import encode_metadata

    return encode_metadata(metadata)


def _may_pass_next_time(error: BaseException) -> bool:
    """User code and I/O may. A broken rule (a failed type check, a missing output) stays broken, as in Dagster.

    So does a rule about which values may be read and written, and what is not as the engine left it.
    """
    cause: BaseException | None = error
    while isinstance(cause, DagsterUserCodeExecutionError):
        cause = cause.__cause__
    if isinstance(cause, ValueForbidden | ProtocolError):
        return False
    return isinstance(error, DagsterUserCodeExecutionError) or not isinstance(error, DagsterError)


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
    causes: int = MOST_CAUSES,
) -> Failure:
    """The error with its causes, so many at most: they may go in a circle."""
    cause = error.__cause__ if causes else None
    return Failure(
        type(error).__name__,
        shortened_text(error),
        _stack_of(error),
        retryable,
        request,
        metadata or {},
        None if cause is None or cause is error else _describe(cause, causes=causes - 1),
    )


def text_of(error: BaseException) -> str:
    """What an error says; it may fail even at that."""
    if isinstance(error, values.Failure):
        return error.description or ""
    try:
        return str(error)
    except Exception as broken:
        return f"<the error's own text raised {type(broken).__name__}>"


def print_error(error: BaseException) -> None:
    """Print what user code raised to stderr, from its own first frame on."""
    shown = user_exception(error)
    traceback.print_exception(shown.with_traceback(_user_part(shown.__traceback__)))


def user_stack(error: BaseException) -> str:
    """The stack of what user code raised, from its own first frame on; empty when it has none."""
    found = _after_ours(error.__traceback__)
    return "" if found is None else _formatted(found)


def _user_part(stack: TracebackType | None) -> TracebackType | None:
    """The stack without Kedge's own first frames, which say nothing to the op's author; whole when it has no other."""
    return _after_ours(stack) or stack


def _after_ours(stack: TracebackType | None) -> TracebackType | None:
    """The stack behind the first frames of Kedge and of the import system."""
    while stack is not None and stack.tb_frame.f_code.co_filename.startswith(_OURS):
        stack = stack.tb_next
    return stack


def _shorten(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}\n[... {len(text) - most} characters ...]\n{text[-most // 2 :]}"


def shortened_text(error: BaseException) -> str:
    """What an error says, the middle left out where it is very long."""
    return _shorten(text_of(error), _MESSAGE_MAX)


def _stack_of(error: BaseException) -> str:
    return _formatted(_user_part(error.__traceback__))


def _formatted(stack: TracebackType | None) -> str:
    return _shorten("".join(traceback.format_list(traceback.extract_tb(stack))), _STACK_MAX)
