"""`@op`: a user function as a definition with inputs, outputs, config, resources, tags and a retry policy."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from kedge.core.errors import DagsterInvalidDefinitionError, DagsterInvariantViolationError
from kedge.core.graph import DEFAULT_OUTPUT, OutputSpec
from kedge.core.retry import RetryPolicy
from kedge.definitions import compose
from kedge.definitions.config import ConfigType, Field, field_of
from kedge.definitions.configured import configured_field, resolver_of
from kedge.definitions.ins_outs import (
    NO_VALUE,
    DynamicOut,
    In,
    InputDefinition,
    Out,
    OutputDefinition,
    input_of,
    output_of,
)
from kedge.definitions.names import check_name, normalize_tags
from kedge.definitions.values import DynamicOutput, Nothing, Output

_CONTEXT_NAMES = frozenset({"context", "_context", "context_", "_"})
_STREAMS = (
    "Generator",
    "Iterator",
    "Iterable",
    "AsyncIterator",
    "AsyncGenerator",
    "AsyncIterable",
)


class OpDefinition(compose.Invocable):
    """One op. Called inside a graph it is wired up; called anywhere else it runs the function."""

    def __init__(
        self,
        compute_fn: Callable[..., Any],
        name: str,
        *,
        description: str | None = None,
        ins: Mapping[str, In] | None = None,
        outs: Mapping[str, Out] | None = None,
        config_schema: Any = None,
        required_resource_keys: Iterable[str] | None = None,
        tags: Mapping[str, Any] | None = None,
        retry_policy: RetryPolicy | None = None,
        code_version: str | None = None,
        pool: str | None = None,
        version: str | None = None,
    ) -> None:
        self.name = check_name(name, "an op")
        self.compute_fn = compute_fn
        self.description = description or inspect.getdoc(compute_fn)
        self.tags = normalize_tags(tags)
        self.retry_policy = retry_policy
        self.code_version = code_version or version
        self.pool = pool
        parameters = _Parameters(self.name, compute_fn)
        self.takes_context = parameters.takes_context
        self.config_argument = parameters.config_argument
        self.resource_arguments = parameters.resource_arguments
        self.arguments = tuple(parameters.order)
        self.config_field: Field | None = parameters.config_field or field_of(config_schema)
        if parameters.config_field is not None and config_schema is not None:
            raise DagsterInvalidDefinitionError(f"op {name}: give config_schema or a config argument, not both")
        self.input_defs = _inputs_of(self.name, parameters, ins or {})
        self.inputs = {found.name: found for found in self.input_defs}
        self.output_defs = _outputs_of(self.name, parameters.returns, outs)
        self.outputs = {found.name: found for found in self.output_defs}
        self.output_specs = tuple(OutputSpec(out.name, out.is_dynamic, out.is_required) for out in self.output_defs)
        self.bare_records: dict[str, Any] = {out.name: None for out in self.output_defs if not out.is_dynamic}
        self.own_resource_keys = frozenset(required_resource_keys or ()) | frozenset(self.resource_arguments.values())
        self.returns = parameters.returns
        only = self.output_defs[0] if len(self.output_defs) == 1 else None
        self.plain_output = None if only is None or only.is_dynamic or is_output_annotation(self.returns) else only
        """The output that a returned value stands for, where there is just one and it takes the value as it is."""
        self.data_inputs = tuple(found.name for found in self.input_defs if not found.dagster_type.is_nothing)
        self.__doc__ = compute_fn.__doc__
        self.__name__ = name
        self.__module__ = compute_fn.__module__

    # -- the faces that composition and the worker use --------------------------------------------------------

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that user code of the op gets; I/O managers are not among them."""
        return self.own_resource_keys

    @property
    def io_manager_keys(self) -> frozenset[str]:
        """The I/O managers that store its outputs and load its inputs."""
        keys = {out.io_manager_key for out in self.output_defs if not out.dagster_type.is_nothing}
        return frozenset(keys | {one.input_manager_key for one in self.input_defs if one.input_manager_key})

    @cached_property
    def type_resource_keys(self) -> frozenset[str]:
        """The resources that the types of its inputs and outputs need, for checks and loaders."""
        kinds = {one.dagster_type for one in self.input_defs} | {one.dagster_type for one in self.output_defs}
        if not any(one.required_resource_keys or one.has_loader for one in kinds):
            return frozenset()
        from kedge.definitions.type_loaders import resources_of

        return frozenset[str]().union(*map(resources_of, kinds))

    @property
    def config_type(self) -> ConfigType | None:
        """What config it takes; None for an op that takes none."""
        return None if self.config_field is None else self.config_field.config_type

    @property
    def version(self) -> str | None:
        """The code version, under Dagster's older name."""
        return self.code_version

    @property
    def output_names(self) -> Sequence[str]:
        """The outputs, in order."""
        return tuple(self.outputs)

    @property
    def input_names(self) -> Sequence[str]:
        return tuple(self.inputs)

    def convert_config(self, value: Any) -> Any:
        """From the config that was given to the one that the function gets."""
        return value

    def call(self, context: Any, inputs: Mapping[str, Any]) -> Any:
        """Run the user's function. `context` has the config and resources that it declared."""
        kwargs = dict(inputs)
        if self.config_argument is not None:
            kwargs[self.config_argument] = context.bound_config
        for argument, key in self.resource_arguments.items():
            kwargs[argument] = getattr(context.resources, key)
        return self.compute_fn(context, **kwargs) if self.takes_context else self.compute_fn(**kwargs)

    def output_ports(self) -> Sequence[compose.Port]:
        return [compose.Port(out.name, out.is_dynamic, out.is_dynamic, ()) for out in self.output_defs]

    def invoke_directly(self, *args: Any, **kwargs: Any) -> Any:
        from kedge.definitions.invoke import call_op

        return call_op(self, args, kwargs)

    def configured(
        self,
        config_or_config_fn: Any,
        name: str | None = None,
        config_schema: Any = None,
        description: str | None = None,
    ) -> OpDefinition:
        """The same op with its config given now, or computed from a smaller one."""
        return ConfiguredOp(self, config_or_config_fn, name, config_schema, description)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


class ConfiguredOp(OpDefinition):
    """An op whose config was given by `configured`."""

    def __init__(
        self, inner: OpDefinition, config: Any, name: str | None, schema: Any, description: str | None
    ) -> None:
        if name is None and not callable(config):
            raise DagsterInvalidDefinitionError(f"configured({inner.name}): give the new op a name")
        self.__dict__.update(inner.__dict__)
        self.name = check_name(name or str(getattr(config, "__name__", inner.name)), "an op")
        self.description = description or inner.description
        self._inner = inner
        self._resolve = resolver_of(inner.config_field, config, self.name, schema)
        self.config_field = configured_field(config, schema)

    def convert_config(self, value: Any) -> Any:
        return self._inner.convert_config(self._resolve(value))


class _Parameters:
    """What the signature of an op's function says."""

    def __init__(self, name: str, fn: Callable[..., Any]) -> None:
        signature = inspect.signature(fn)
        hints = _hints_of(fn)
        self.returns: Any = hints.get("return", signature.return_annotation)
        parameters = list(signature.parameters.values())
        self.takes_context = bool(parameters) and parameters[0].name in _CONTEXT_NAMES
        self.config_argument: str | None = None
        self.config_field: Field | None = None
        self.resource_arguments: dict[str, str] = {}
        self.inputs: dict[str, tuple[Any, Any]] = {}
        self.takes_any = False
        self.order: list[str] = []
        for parameter in parameters[1:] if self.takes_context else parameters:
            self._take(name, parameter, hints.get(parameter.name, parameter.annotation))

    def _take(self, name: str, parameter: inspect.Parameter, annotation: Any) -> None:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            self.takes_any = True
            return
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            raise DagsterInvalidDefinitionError(f"op {name}: *{parameter.name} can't be wired; name each input")
        self.order.append(parameter.name)
        if parameter.name == "config":
            self.config_argument = parameter.name
            self.config_field = _config_field(annotation)
        elif _is_resource(annotation):
            self.resource_arguments[parameter.name] = parameter.name
        else:
            empty = inspect.Parameter.empty
            self.inputs[parameter.name] = (
                NO_VALUE if annotation is empty else annotation,
                NO_VALUE if parameter.default is empty else parameter.default,
            )


def _hints_of(fn: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(fn, include_extras=True)
    except Exception:
        # A forward reference that can't be resolved here: the bare annotations serve, and text means Any.
        return {}


def _config_field(annotation: Any) -> Field:
    if annotation is inspect.Parameter.empty:
        return Field(Any, is_required=False)
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        from kedge.definitions.models import ModelConfig

        return Field(ModelConfig(annotation))
    if typing.get_origin(annotation) is not None:
        from kedge.definitions.model_schema import field_of_annotation

        return field_of_annotation(annotation)
    from kedge.definitions.config_kinds import SOURCES

    return Field(SOURCES.get(annotation, annotation))


def _is_resource(annotation: Any) -> bool:
    if typing.get_origin(annotation) is typing.Annotated:
        return "resource_param" in annotation.__metadata__
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        from kedge.definitions.configurable import ConfigurableResource

        return issubclass(annotation, ConfigurableResource)
    return False


def _inputs_of(name: str, parameters: _Parameters, ins: Mapping[str, In]) -> tuple[InputDefinition, ...]:
    found = [input_of(one, ins.get(one), kind, default) for one, (kind, default) in parameters.inputs.items()]
    for one, declared in ins.items():
        if one in parameters.inputs:
            continue
        extra = input_of(one, declared, NO_VALUE, NO_VALUE)
        if not extra.dagster_type.is_nothing and not parameters.takes_any:
            raise DagsterInvalidDefinitionError(
                f"op {name}: In {one!r} has no parameter of that name; add one, or make it In(Nothing) for order alone"
            )
        found.append(extra)
    for definition in found:
        check_name(definition.name, f"an input of op {name}")
        if definition.dagster_type.is_nothing and definition.name in parameters.inputs:
            raise DagsterInvalidDefinitionError(
                f"op {name}: input {definition.name!r} is Nothing and brings no value; take the parameter away"
            )
    return tuple(found)


def _outputs_of(name: str, returns: Any, outs: Mapping[str, Out] | None) -> tuple[OutputDefinition, ...]:
    annotation = _returned(returns)
    if outs is None:
        if _yields_dynamic(annotation):
            return (output_of(DEFAULT_OUTPUT, DynamicOut(), _dynamic_inner(annotation)),)
        return (output_of(DEFAULT_OUTPUT, Out(), annotation),)
    for one, declared in outs.items():
        check_name(one, f"an output of op {name}")
        if not isinstance(declared, Out):
            raise DagsterInvalidDefinitionError(f"op {name}: output {one!r} is {declared!r}; give an Out")
    if len(outs) == 1:
        ((one, declared),) = outs.items()
        inner = _dynamic_inner(annotation) if declared.is_dynamic else annotation
        return (output_of(one, declared, inner),)
    parts = _tuple_parts(name, annotation, len(outs))
    return tuple(
        output_of(one, declared, _dynamic_inner(part) if declared.is_dynamic else part)
        for (one, declared), part in zip(outs.items(), parts, strict=True)
    )


def _returned(annotation: Any) -> Any:
    """What the return annotation says of the value; the annotation of a generator says nothing."""
    if annotation is inspect.Signature.empty:
        return NO_VALUE
    if annotation is None or annotation is type(None):
        return Nothing
    origin = typing.get_origin(annotation)
    if origin is not None and getattr(origin, "__name__", "") in _STREAMS:
        args = typing.get_args(annotation)
        return args[0] if args and _is_dynamic(args[0]) else NO_VALUE
    return annotation


def _is_dynamic(annotation: Any) -> bool:
    return annotation is DynamicOutput or typing.get_origin(annotation) is DynamicOutput


def _yields_dynamic(annotation: Any) -> bool:
    if typing.get_origin(annotation) is list:
        return any(_is_dynamic(arg) for arg in typing.get_args(annotation))
    return _is_dynamic(annotation)


def _dynamic_inner(annotation: Any) -> Any:
    """The type of one value of a dynamic output."""
    if typing.get_origin(annotation) is list:
        annotation = next(iter(typing.get_args(annotation)), NO_VALUE)
    if typing.get_origin(annotation) is DynamicOutput:
        return typing.get_args(annotation)[0]
    return NO_VALUE


def _tuple_parts(name: str, annotation: Any, count: int) -> Sequence[Any]:
    if annotation is NO_VALUE or annotation is Nothing:
        return [NO_VALUE] * count
    parts = _fields_of(annotation)
    if parts is None:
        return [NO_VALUE] * count
    if len(parts) != count:
        raise DagsterInvariantViolationError(
            f"op {name}: {count} outputs, but its annotation is a tuple of {len(parts)}; give one part for each output"
        )
    return parts


def _fields_of(annotation: Any) -> Sequence[Any] | None:
    if isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        hints = typing.get_type_hints(annotation)
        return [hints.get(field, NO_VALUE) for field in annotation._fields]
    if typing.get_origin(annotation) is tuple:
        return typing.get_args(annotation)
    return None


def is_output_annotation(annotation: Any) -> bool:
    """Whether an annotation asks for an Output object."""
    return annotation is Output or typing.get_origin(annotation) is Output


def op(
    compute_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    ins: Mapping[str, In] | None = None,
    out: Out | Mapping[str, Out] | None = None,
    config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    tags: Mapping[str, Any] | None = None,
    version: str | None = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    pool: str | None = None,
) -> Any:
    """Make an op of a function: `@op` or `@op(...)`. Names, defaults and behaviour are Dagster's."""

    def decorate(fn: Callable[..., Any]) -> OpDefinition:
        outs = {DEFAULT_OUTPUT: out} if isinstance(out, Out) else out
        return OpDefinition(
            fn,
            name or fn.__name__,
            description=description,
            ins=ins,
            outs=outs,
            config_schema=config_schema,
            required_resource_keys=required_resource_keys,
            tags=tags,
            retry_policy=retry_policy,
            code_version=code_version or version,
            pool=pool,
        )

    return decorate if compute_fn is None else decorate(compute_fn)
