"""What an op returned or yielded, as one stream of outputs and logged events.

The rules are Dagster's (`_core/execution/plan/compute_generator.py`): a return stands for the outputs in order, a
yielded value must say which output it is.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from kedge.core.errors import DagsterInvariantViolationError
from kedge.definitions.event_loops import RunLoop
from kedge.definitions.ins_outs import OutputDefinition
from kedge.definitions.ops import OpDefinition, is_output_annotation
from kedge.definitions.values import LOGGED, DynamicOutput, Output

_SAYS_MORE = (
    Output,
    DynamicOutput,
    *LOGGED,
    types.CoroutineType,
    types.GeneratorType,
    types.AsyncGeneratorType,
)


def plain_output(definition: OpDefinition, result: Any) -> OutputDefinition | None:
    """The output that a returned value is, when it is nothing but a value; None for what `stream` has to look at."""
    return None if isinstance(result, _SAYS_MORE) else definition.plain_output


def stream(definition: OpDefinition, result: Any, typed: bool = False, loop: RunLoop | None = None) -> Iterator[Any]:
    """Outputs and logged events, in order. Raises DagsterInvariantViolationError for anything else.

    With `typed`, what was returned counts as if it had been yielded, and None as nothing. Asynchronous ops run in
    `loop`, or in one of their own.
    """
    if inspect.iscoroutine(result):
        result = _awaited(result, loop)
    if inspect.isasyncgen(result):
        result = _drain(result, loop)
    if inspect.isgenerator(result):
        yield from _yielded(definition, result)
    elif typed and definition.output_defs:
        yield from _yielded(definition, iter(_as_yielded(result)))
    else:
        yield from _returned(definition, result)


def _as_yielded(result: Any) -> Sequence[Any]:
    if result is None:
        return ()
    return result if isinstance(result, tuple) and not hasattr(result, "_fields") else (result,)


def _awaited(coroutine: Any, given: RunLoop | None) -> Any:
    loop = given or RunLoop()
    try:
        return loop.run(coroutine)
    finally:
        if given is None:
            loop.close()


def _drain(generator: Any, given: RunLoop | None) -> Iterator[Any]:
    loop = given or RunLoop()
    try:
        while True:
            try:
                yield loop.run(anext(generator))
            except StopAsyncIteration:
                return
    finally:
        loop.run(generator.aclose())
        if given is None:
            loop.close()


def _yielded(definition: OpDefinition, generator: Iterator[Any]) -> Iterator[Any]:
    for one in generator:
        check_yielded(definition, one)
        yield one


def check_yielded(definition: OpDefinition, one: Any) -> None:
    """Raise DagsterInvariantViolationError for what can't be yielded."""
    if not isinstance(one, (Output, DynamicOutput, *LOGGED)):
        raise DagsterInvariantViolationError(
            f"op {definition.name} yielded {_kind(one)}; yield Output(value, output_name) or DynamicOutput, "
            f"or return the value"
        )


def _returned(definition: OpDefinition, result: Any) -> Iterator[Any]:
    outputs = definition.output_defs
    if isinstance(result, LOGGED):
        raise DagsterInvariantViolationError(
            f"op {definition.name} returned {_kind(result)}; yield it, or log it with context.log_event"
        )
    if not outputs:
        if result is not None:
            raise DagsterInvariantViolationError(f"op {definition.name} has no outputs, but returned {_kind(result)}")
        return
    for position, (output, element) in enumerate(zip(outputs, _elements(definition, result), strict=True)):
        if output.is_dynamic:
            yield from _dynamic(definition, output, element)
        else:
            yield _plain(definition, output, element, _annotation(definition, position))


def _elements(definition: OpDefinition, result: Any) -> Sequence[Any]:
    count = len(definition.output_defs)
    if count == 1:
        return (result,)
    if result is None and all(one.dagster_type.is_nothing for one in definition.output_defs):
        return (None,) * count
    if not isinstance(result, tuple):
        raise DagsterInvariantViolationError(
            f"op {definition.name} has {count} outputs but returned {_kind(result)}; return a tuple of {count}, "
            f"or yield Outputs"
        )
    if len(result) != count:
        raise DagsterInvariantViolationError(
            f"op {definition.name} has {count} outputs but returned a tuple of {len(result)}"
        )
    return result


def _dynamic(definition: OpDefinition, output: OutputDefinition, element: Any) -> Iterator[Any]:
    if not isinstance(element, list):
        raise DagsterInvariantViolationError(
            f"op {definition.name}: dynamic output '{output.name}' takes a list of DynamicOutput, got {_kind(element)}"
        )
    for one in element:
        if not isinstance(one, DynamicOutput):
            raise DagsterInvariantViolationError(
                f"op {definition.name}: dynamic output '{output.name}' takes DynamicOutput objects, got {_kind(one)}"
            )
        _check_name(definition, output, one.output_name)
        yield DynamicOutput(one.value, one.mapping_key, output.name, one.metadata)


def _plain(definition: OpDefinition, output: OutputDefinition, element: Any, annotation: Any) -> Output[Any]:
    if isinstance(element, Output):
        if annotation is not inspect.Signature.empty and not is_output_annotation(annotation):
            raise DagsterInvariantViolationError(
                f"op {definition.name} returned an Output for '{output.name}', but is annotated with {annotation}; "
                f"annotate it with Output[...]"
            )
        _check_name(definition, output, element.output_name)
        return Output(element.value, output.name, element.metadata)
    if is_output_annotation(annotation):
        raise DagsterInvariantViolationError(
            f"op {definition.name}: output '{output.name}' is annotated with Output, got {_kind(element)}"
        )
    return Output(element, output.name)


def _check_name(definition: OpDefinition, output: OutputDefinition, given: str) -> None:
    if given not in (output.name, "result"):
        raise DagsterInvariantViolationError(
            f"op {definition.name}: the output object returned in the place of '{output.name}' is called '{given}'"
        )


def _annotation(definition: OpDefinition, position: int) -> Any:
    annotation = definition.returns
    if len(definition.output_defs) > 1:
        if typing.get_origin(annotation) is tuple:
            return typing.get_args(annotation)[position]
        return inspect.Signature.empty
    return annotation


def _kind(value: Any) -> str:
    return f"a value of type {type(value).__name__}"
