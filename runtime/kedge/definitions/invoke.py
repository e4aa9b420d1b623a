"""Calling an op outside of a run, as a unit test does, and `build_op_context`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

from kedge.core.errors import (
    DagsterInvalidConfigError,
    DagsterInvalidDefinitionError,
    DagsterInvalidInvocationError,
    DagsterInvariantViolationError,
)
from kedge.core.ids import StepKey
from kedge.definitions import outputs
from kedge.definitions.contexts import OpExecutionContext, RunView
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.resources import Resources, ResourceScope, coerce, resolve_configs


class DirectContext(OpExecutionContext):
    """The context of a direct call: the op becomes known when it is called."""

    __slots__ = ("_config", "_definitions", "_scope", "_stack")

    def __init__(
        self,
        resources: Mapping[str, Any],
        config: Any,
        run_tags: Mapping[str, str],
        mapping_key: str | None,
        resources_config: Mapping[str, Any],
        retry_number: int,
    ) -> None:
        step = StepKey("op", (mapping_key,) if mapping_key else ())
        super().__init__(step, None, config, None, RunView("EPHEMERAL", "none", run_tags, {}), retry_number)
        self._config = config
        definitions = {key: coerce(one) for key, one in resources.items()}
        self._definitions = definitions
        errors: list[str] = []
        configs = resolve_configs(definitions, definitions, resources_config, errors)
        if errors:
            raise DagsterInvalidConfigError("Error in config for resources", errors)
        self._stack = ExitStack()
        self._scope = self._stack.enter_context(closing(ResourceScope(definitions, configs, "EPHEMERAL", None)))
        self.resources = self._scope.select(definitions)

    def bind(self, op_def: Any, config: Any = None, resources: Mapping[str, Any] | None = None) -> None:
        """Take on an op, with the config and resources that were passed as arguments.

        Raises DagsterInvalidDefinitionError for a missing resource, DagsterInvalidConfigError for a config that does
        not fit, and DagsterInvalidInvocationError for one that was given twice.
        """
        if config is not None and self._config is not None:
            raise DagsterInvalidInvocationError(f"op {op_def.name}: config was given as an argument and on the context")
        self.op_def = op_def
        self.step = StepKey(op_def.name, self.step.keys)
        given = {key: coerce(one) for key, one in (resources or {}).items()}
        for key in sorted(op_def.required_resource_keys - set(given)):
            if key not in self._definitions:
                raise DagsterInvalidDefinitionError(
                    f"op {op_def.name} needs resource {key!r}; give it with build_op_context(resources={{...}})"
                )
        if given:
            scope = self._stack.enter_context(closing(ResourceScope(given, {}, "EPHEMERAL", None)))
            own = self._scope.select(self._definitions)._asdict()
            self.resources = Resources({**own, **scope.select(given)._asdict()})
        self.op_config = op_def.convert_config(_config_of(op_def, self._config if config is None else config))

    def __enter__(self) -> DirectContext:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def _config_of(op_def: Any, given: Any) -> Any:
    field = op_def.config_field
    if field is None:
        return given
    if given is None:
        default = field.default()
        if default is NO_VALUE and field.is_required:
            raise DagsterInvalidConfigError(f"op {op_def.name} needs config; give build_op_context(op_config=...)")
        return None if default is NO_VALUE else default
    errors: list[str] = []
    found = field.config_type.resolve(given, f"ops:{op_def.name}:config", errors)
    if errors:
        raise DagsterInvalidConfigError(f"Error in config for op {op_def.name}", errors)
    return found


def build_op_context(
    resources: Mapping[str, Any] | None = None,
    op_config: Any = None,
    resources_config: Mapping[str, Any] | None = None,
    instance: Any = None,
    config: Any = None,
    partition_key: str | None = None,
    mapping_key: str | None = None,
    run_tags: Mapping[str, str] | None = None,
    retry_number: int = 0,
) -> DirectContext:
    """A context to call an op with in a test."""
    tags = dict(run_tags or {})
    if partition_key is not None:
        tags["dagster/partition"] = partition_key
    given = op_config if op_config is not None else config
    return DirectContext(resources or {}, given, tags, mapping_key, resources_config or {}, retry_number)


def call_op(op_def: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run the function of an op, with the checks of a run.

    Raises DagsterInvalidInvocationError for arguments that do not fit, DagsterTypeCheckDidNotPass for values that
    do not, and DagsterInvariantViolationError for outputs that are missing or wrong.
    """
    context, rest, named = _split_context(op_def, args, kwargs)
    given = _by_name(op_def, rest, named)
    config = given.pop(op_def.config_argument, None) if op_def.config_argument else None
    resources = {key: given.pop(key) for key in op_def.resource_arguments if key in given}
    if context is None:
        context = build_op_context()
    if isinstance(context, DirectContext):
        context.bind(op_def, config, resources)
    inputs = _inputs_of(op_def, given)
    for name, value in inputs.items():
        op_def.inputs[name].dagster_type.check_or_raise(context, value, f"op {op_def.name}: input {name!r}")
    return _checked(op_def, context, op_def.call(context, inputs))


def _split_context(
    op_def: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[OpExecutionContext | None, Sequence[Any], dict[str, Any]]:
    """The context, and the other arguments."""
    rest, named = list(args), dict(kwargs)
    if rest and isinstance(rest[0], OpExecutionContext):
        return rest[0], rest[1:], named
    if not op_def.takes_context:
        return None, rest, named
    if isinstance(named.get("context"), OpExecutionContext):
        return named.pop("context"), rest, named
    if rest and rest[0] is None:
        return None, rest[1:], named
    raise DagsterInvalidInvocationError(
        f"op {op_def.name} takes a context; pass build_op_context() as the first argument"
    )


def _by_name(op_def: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments by name: inputs, config and resources, in the order of the signature."""
    names = op_def.arguments
    if len(args) > len(names):
        raise DagsterInvalidInvocationError(
            f"op {op_def.name} takes {len(names)} argument(s) ({', '.join(names) or 'none'}), got {len(args)}"
        )
    for key in kwargs:
        if key not in names and key not in op_def.data_inputs:
            why = "carries order alone and takes no value" if key in op_def.inputs else "is none of its arguments"
            raise DagsterInvalidInvocationError(f"op {op_def.name}: {key!r} {why}")
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _inputs_of(op_def: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name in op_def.data_inputs:
        value = given.get(name, op_def.inputs[name].default_value)
        if value is NO_VALUE:
            raise DagsterInvalidInvocationError(f"op {op_def.name}: no value for input {name!r}")
        found[name] = value
    return found


def _checked(op_def: Any, context: Any, result: Any) -> Any:
    """`result` as it is, once its outputs have passed; a generator's are checked as they are taken."""
    if inspect.iscoroutine(result):
        return _checked_later(op_def, context, result)
    if inspect.isgenerator(result):
        return _checked_stream(op_def, context, result)
    if not inspect.isasyncgen(result):
        for _ in _checked_stream(op_def, context, result):
            pass
    return result


async def _checked_later(op_def: Any, context: Any, result: Awaitable[Any]) -> Any:
    return _checked(op_def, context, await result)


def _checked_stream(op_def: Any, context: Any, result: Any) -> Iterator[Any]:
    seen = set()
    for one in outputs.stream(op_def, result):
        name = getattr(one, "output_name", None)
        if name in op_def.outputs:
            seen.add(name)
            op_def.outputs[name].dagster_type.check_or_raise(context, one.value, f"op {op_def.name}: output {name!r}")
        yield one
    for name, output in op_def.outputs.items():
        if output.is_required and not output.is_dynamic and not output.dagster_type.is_nothing and name not in seen:
            raise DagsterInvariantViolationError(f"op {op_def.name} ended without its output {name!r}")
