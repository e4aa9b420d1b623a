"""Calling an op outside of a run, as a unit test does, and `build_op_context`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from kedge.core.errors import DagsterInvalidConfigError, DagsterInvalidInvocationError
from kedge.core.ids import StepKey
from kedge.definitions.contexts import OpExecutionContext, RunView
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.resources import ResourceScope, coerce, resolve_configs


class DirectContext(OpExecutionContext):
    """The context of a direct call: the op becomes known when it is called."""

    __slots__ = ("_config", "_definitions", "_scope")

    def __init__(self, resources: Mapping[str, Any], config: Any, run_tags: Mapping[str, str], mapping_key: str | None,
                 resources_config: Mapping[str, Any], retry_number: int) -> None:
        step = StepKey("op", (mapping_key,) if mapping_key else ())
        super().__init__(step, None, config, None, RunView("EPHEMERAL", "none", run_tags, {}), retry_number)
        self._config = config
        definitions = {key: coerce(one) for key, one in resources.items()}
        self._definitions = definitions
        errors: list[str] = []
        configs = resolve_configs(definitions, definitions, resources_config, errors)
        if errors:
            raise DagsterInvalidConfigError("Error in config for resources", errors)
        self._scope = ResourceScope(definitions, configs, "EPHEMERAL", None)
        self.resources = self._scope.select(definitions)

    def bind(self, op_def: Any) -> None:
        """Take on an op: check its config and resources. Raises DagsterInvalidInvocationError where one is missing."""
        self.op_def = op_def
        self.step = StepKey(op_def.name, self.step.keys)
        for key in sorted(op_def.required_resource_keys):
            if key not in self._definitions:
                raise DagsterInvalidInvocationError(
                    f"op {op_def.name} needs resource {key!r}; give it with build_op_context(resources={{...}})"
                )
        self.op_config = op_def.convert_config(_config_of(op_def, self._config))

    def __enter__(self) -> DirectContext:
        return self

    def __exit__(self, *error: object) -> None:
        self._scope.close()


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
    """Run the function of an op. Raises DagsterInvalidInvocationError for arguments that do not fit."""
    rest = list(args)
    kwargs = dict(kwargs)
    context: Any = None
    if rest and isinstance(rest[0], OpExecutionContext):
        context = rest.pop(0)
    elif op_def.takes_context and "context" in kwargs:
        context = kwargs.pop("context")
    elif op_def.takes_context:
        if rest and rest[0] is None:
            rest.pop(0)
        else:
            raise DagsterInvalidInvocationError(
                f"op {op_def.name} takes a context; pass build_op_context() as the first argument"
            )
    given = {key: kwargs.pop(key) for key in list(op_def.resource_arguments) if key in kwargs}
    config = kwargs.pop(op_def.config_argument, None) if op_def.config_argument else None
    if context is None:
        context = build_op_context(resources=given, op_config=config)
    if isinstance(context, DirectContext):
        context.bind(op_def)
    result = op_def.call(context, _inputs_of(op_def, rest, kwargs))
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def _inputs_of(op_def: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    names = list(op_def.data_inputs)
    if len(args) > len(names):
        raise DagsterInvalidInvocationError(
            f"op {op_def.name} takes {len(names)} input(s) ({', '.join(names) or 'none'}), got {len(args)}"
        )
    found = dict(zip(names, args, strict=False))
    for key, value in kwargs.items():
        if key not in op_def.inputs:
            raise DagsterInvalidInvocationError(f"op {op_def.name} has no input {key!r}")
        if key in names:
            found[key] = value
    for name in names:
        if name not in found:
            default = op_def.inputs[name].default_value
            if default is NO_VALUE:
                raise DagsterInvalidInvocationError(f"op {op_def.name}: no value for input {name!r}")
            found[name] = default
    return found
