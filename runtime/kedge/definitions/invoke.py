"""Calling an op outside of a run, as a unit test does."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from typing import Any

from kedge.core.errors import DagsterInvalidInvocationError, DagsterInvariantViolationError
from kedge.definitions import outputs
from kedge.definitions.contexts import OpExecutionContext
from kedge.definitions.direct_context import DirectContext, build_op_context
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.values import DynamicOutput, Output


def call_op(op_def: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run the function of an op, with the checks of a run.

    Raises DagsterInvalidInvocationError for arguments that do not fit, DagsterTypeCheckDidNotPass for values that
    do not, and DagsterInvariantViolationError for outputs that are missing or wrong.
    """
    found, rest, named = _split_context(op_def, args, kwargs)
    given = _by_name(op_def, rest, named)
    config = given.pop(op_def.config_argument, None) if op_def.config_argument else None
    resources = {key: given.pop(key) for key in op_def.resource_arguments if key in given}
    context = build_op_context() if found is None else found
    context.bind(op_def, config, resources)
    try:
        inputs = _inputs_of(op_def, given)
        for name, value in inputs.items():
            op_def.inputs[name].dagster_type.check_or_raise(context, value, f"op {op_def.name}: input {name!r}")
        return _checked(op_def, context, op_def.call(context, inputs))
    except BaseException:
        context.unbind()
        raise


def _split_context(
    op_def: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[DirectContext | None, Sequence[Any], dict[str, Any]]:
    """The context, and the other arguments."""
    rest, named = list(args), dict(kwargs)
    if rest and isinstance(rest[0], OpExecutionContext):
        return _direct(op_def, rest[0]), rest[1:], named
    if not op_def.takes_context:
        return None, rest, named
    if rest and rest[0] is None:
        return None, rest[1:], named
    if not rest and "context" in named and isinstance(named["context"], OpExecutionContext | None):
        given = named.pop("context")
        return None if given is None else _direct(op_def, given), rest, named
    raise DagsterInvalidInvocationError(
        f"op {op_def.name} takes a context; pass build_op_context() as the first argument"
    )


def _direct(op_def: Any, context: OpExecutionContext) -> DirectContext:
    if isinstance(context, DirectContext):
        return context
    raise DagsterInvalidInvocationError(
        f"op {op_def.name} was called within step {context.step_key} with the step's own context. Connect the two in "
        f"a graph, or put what they share into a plain function"
    )


def _by_name(op_def: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments by name: inputs, config and resources, in the order of the signature."""
    names = op_def.arguments
    if len(args) > len(names):
        raise DagsterInvalidInvocationError(
            f"op {op_def.name} takes {len(names)} argument(s) ({', '.join(names) or 'none'}), got {len(args)}"
        )
    found = dict(zip(names, args, strict=False))
    for key in kwargs:
        if key in found:
            raise DagsterInvalidInvocationError(f"op {op_def.name}: {key!r} is given twice")
        if key not in names and key not in op_def.data_inputs:
            why = "carries order alone and takes no value" if key in op_def.inputs else "is none of its arguments"
            raise DagsterInvalidInvocationError(f"op {op_def.name}: {key!r} {why}")
    return {**found, **kwargs}


def _inputs_of(op_def: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name in op_def.data_inputs:
        value = given.get(name, op_def.inputs[name].default_value)
        if value is NO_VALUE:
            raise DagsterInvalidInvocationError(f"op {op_def.name}: no value for input {name!r}")
        found[name] = value
    return found


def _checked(op_def: Any, context: DirectContext, result: Any) -> Any:
    """`result` as it is, once its outputs have passed; those of a generator are checked as they are taken."""
    if inspect.iscoroutine(result):
        return _checked_later(op_def, context, result)
    if inspect.isgenerator(result):
        return _checked_stream(op_def, context, result)
    if inspect.isasyncgen(result):
        return _checked_async_stream(op_def, context, result)
    for _ in _checked_stream(op_def, context, result):
        pass
    return result


async def _checked_later(op_def: Any, context: DirectContext, result: Awaitable[Any]) -> Any:
    try:
        return _checked(op_def, context, await result)
    finally:
        context.unbind()


def _checked_stream(op_def: Any, context: DirectContext, result: Any) -> Iterator[Any]:
    check = _OutputCheck(op_def, context)
    try:
        for one in outputs.stream(op_def, result, context.requires_typed_event_stream):
            check.take(one)
            yield one
        yield from check.end()
    finally:
        context.unbind()


async def _checked_async_stream(op_def: Any, context: DirectContext, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
    check = _OutputCheck(op_def, context)
    try:
        async for one in result:
            outputs.check_yielded(op_def, one)
            check.take(one)
            yield one
        for one in check.end():
            yield one
    finally:
        context.unbind()


class _OutputCheck:
    """Checks what an op gives: known outputs, of their types, each once, and none missing."""

    def __init__(self, op_def: Any, context: DirectContext) -> None:
        self._op = op_def
        self._context = context

    def take(self, one: Any) -> None:
        """Check one output; an event passes."""
        if not isinstance(one, Output | DynamicOutput):
            return
        op, name, key = self._op, one.output_name, getattr(one, "mapping_key", None)
        if name not in op.outputs:
            known = ", ".join(op.outputs) or "none"
            raise DagsterInvariantViolationError(f"op {op.name} gave an output {name!r}; it has {known}")
        if self._context.has_seen_output(name, key):
            raise DagsterInvariantViolationError(f"op {op.name} gave output {name!r} twice")
        op.outputs[name].dagster_type.check_or_raise(self._context, one.value, f"op {op.name}: output {name!r}")
        self._context.observe_output(name, key)

    def end(self) -> Iterator[Output[None]]:
        """Check that nothing is missing; an output of Nothing is given by ending."""
        for name, output in self._op.outputs.items():
            if output.is_required and not output.is_dynamic and not self._context.has_seen_output(name):
                if not output.dagster_type.is_nothing:
                    raise DagsterInvariantViolationError(f"op {self._op.name} ended without its output {name!r}")
                yield Output(None, name)
