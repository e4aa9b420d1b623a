"""Resources as pydantic models: the model's fields are its config, and it is itself (or makes) what ops get.

A run starts a new object of the class, with the variables of the environment read and the run config's values in
place. What a definition needs to know of a model stands in `ModelResource`.
"""

from __future__ import annotations

import contextlib
import typing
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Generic, Self, TypeVar

from pydantic import GetCoreSchemaHandler, ModelWrapValidatorHandler, PrivateAttr, model_validator
from pydantic_core import CoreSchema, core_schema

from kedge.core.errors import DagsterInvariantViolationError
from kedge.definitions.config import Field
from kedge.definitions.event_loops import RunLoop
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.io_managers import IOManager, IOManagerDefinition
from kedge.definitions.model_schema import plain_of, shape_of
from kedge.definitions.models import ModelOfConfig, resolve_or_raise
from kedge.definitions.resource_contexts import build_init_resource_context
from kedge.definitions.resources import InitResourceContext, ResourceDefinition, coerce

T = TypeVar("T")
V = TypeVar("V")


class ResourceDependency(Generic[V]):
    """Marks a field of a resource that holds another one, or what it makes: `db: ResourceDependency[Database]`."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    if typing.TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any) -> V: ...

        def __set__(self, instance: Any, value: Any) -> None: ...


class ConfigurableResourceFactory(ModelOfConfig, Generic[T]):
    """A resource that gives ops something other than the model: `class Db(ConfigurableResourceFactory[Client])`.

    Override `create_resource`. Fields may be resources themselves: by their class, or by `ResourceDependency[...]`.
    """

    _resource_context: InitResourceContext | None = PrivateAttr(default=None)

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)
        shape_of(type(self), self.nested_fields())  # refuses a field that no config can fill

    @model_validator(mode="wrap")
    @classmethod
    def _take_definitions(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Let a definition stand in a field for the resource that it makes in the run."""
        if isinstance(values, ResourceDefinition):
            return values  # type: ignore[return-value]
        return validate(values)

    @classmethod
    def configure_at_launch(cls, **values: Any) -> Any:
        """A resource whose remaining fields come from the run config."""
        return ModelResource(cls, values)

    @classmethod
    def nested_fields(cls) -> frozenset[str]:
        """The fields that hold resources, by what they are called in config."""
        return frozenset(info.alias or name for name, info in cls.model_fields.items() if _is_resource(info.annotation))

    @property
    def nested_resources(self) -> dict[str, Any]:
        """The resources in its fields."""
        return {name: value for name, value in self if name in self.nested_fields()}

    def config_values(self) -> dict[str, Any]:
        """The fields that are config, as plain data."""
        return _config_part(plain_of(_without_nested(self)), type(self))

    def get_resource_definition(self) -> ResourceDefinition:
        """The definition that a job makes of this resource."""
        return coerce(self)

    @abstractmethod
    def create_resource(self, context: InitResourceContext) -> T:
        """What ops get."""

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Called once before the resource is used."""

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Called once after the run (in process) or the step, also when it failed; not when the set-up failed."""

    @contextlib.contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator[T]:
        """Set up, hand over, tear down."""
        self.setup_for_execution(context)
        try:
            yield self.create_resource(context)
        finally:
            self.teardown_after_execution(context)

    def get_resource_context(self) -> InitResourceContext:
        """The context that it was started with. Raises DagsterInvariantViolationError before."""
        if self._resource_context is None:
            raise DagsterInvariantViolationError(
                f"{type(self).__name__} was not started, so it has no context; let a run start it, or use "
                "with_replaced_resource_context(build_init_resource_context())"
            )
        return self._resource_context

    def with_replaced_resource_context(self, resource_context: InitResourceContext) -> Self:
        """A copy that has this context."""
        found: Self = _with_values(self, {})
        found._resource_context = resource_context
        return found

    def with_resource_context(self, resource_context: InitResourceContext) -> Self:
        """The same as `with_replaced_resource_context`."""
        return self.with_replaced_resource_context(resource_context)

    def process_config_and_initialize(self) -> T:
        """Read the environment, start the resource outside of a run and give what ops would get.

        Raises DagsterInvariantViolationError when it has to be torn down as well: use
        `process_config_and_initialize_cm`.
        """
        if self.has_teardown():
            raise DagsterInvariantViolationError(
                f"{type(self).__name__} is torn down after use: write "
                "`with resource.process_config_and_initialize_cm()`"
            )
        with self.process_config_and_initialize_cm() as value:
            return value

    @contextlib.contextmanager
    def process_config_and_initialize_cm(self) -> Iterator[T]:
        """The same for a `with` block, torn down at its end."""
        context = build_init_resource_context()
        with contextlib.closing(context.loop), self._started(context) as value:
            yield value

    @classmethod
    def from_resource_context(
        cls, context: InitResourceContext, nested_resources: Mapping[str, Any] | None = None
    ) -> Any:
        """Make and start the resource inside of a function of resources, with the config of its context."""
        made = cls(**{**(context.resource_config or {}), **(nested_resources or {})})
        if made.has_teardown():
            raise DagsterInvariantViolationError(
                f"{cls.__name__} is torn down after use: write `with {cls.__name__}.from_resource_context_cm(context)`"
            )
        with made._started(context) as value:
            return value

    @classmethod
    @contextlib.contextmanager
    def from_resource_context_cm(
        cls, context: InitResourceContext, nested_resources: Mapping[str, Any] | None = None
    ) -> Iterator[Any]:
        """The same for a `with` block, torn down at its end."""
        made = cls(**{**(context.resource_config or {}), **(nested_resources or {})})
        with made._started(context) as value:
            yield value

    @contextlib.contextmanager
    def _started(self, context: InitResourceContext) -> Iterator[T]:
        with coerce(self).open(context.replace_config(NO_VALUE)) as value:
            yield value

    @classmethod
    def has_teardown(cls) -> bool:
        """Whether something is left to do after its use."""
        base = ConfigurableResourceFactory
        return (
            cls.yield_for_execution is not base.yield_for_execution
            or cls.teardown_after_execution is not base.teardown_after_execution
            or bool(cls.nested_fields())
        )


class ConfigurableResource(ConfigurableResourceFactory[T]):
    """A resource as a model: its fields are its config, and it is itself what ops get.

    Override `create_resource` to hand something else to ops, `setup_for_execution` and
    `teardown_after_execution`, or `yield_for_execution`, for what has to be opened and closed. Fields may be
    resources themselves.
    """

    def create_resource(self, context: InitResourceContext) -> Any:
        return self


class ConfigurableIOManagerFactory(ConfigurableResourceFactory[T]):
    """A model that makes an I/O manager."""

    @abstractmethod
    def create_io_manager(self, context: Any) -> Any:
        """The I/O manager."""

    def create_resource(self, context: Any) -> Any:
        return self.create_io_manager(context)

    @classmethod
    def input_config_schema(cls) -> Any:
        """The schema of the config that an input loaded by it takes; none unless overridden."""
        return None

    @classmethod
    def output_config_schema(cls) -> Any:
        """The schema of the config that an output stored by it takes; none unless overridden."""
        return None


class ConfigurableIOManager(ConfigurableIOManagerFactory[Any], IOManager):
    """An I/O manager as a model: override `handle_output` and `load_input`."""

    def create_io_manager(self, context: Any) -> Any:
        return self


class ConfigurableLegacyIOManagerAdapter(ConfigurableIOManagerFactory[Any]):
    """A model around an I/O manager that is written as a function: its fields are the function's config."""

    @property
    @abstractmethod
    def wrapped_io_manager(self) -> IOManagerDefinition:
        """The definition that it stands for."""

    def create_io_manager(self, context: Any) -> Any:
        """Not used: the wrapped definition makes the manager."""
        return self.wrapped_io_manager.resource_fn(context)

    @contextlib.contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator[Any]:
        with self.wrapped_io_manager.open(context.replace_config(self.config_values())) as value:
            yield value


class ModelResource(IOManagerDefinition):
    """A model as a definition: given whole, or (`configure_at_launch`) with fields that the run config fills.

    `partials` names the resource keys of nested resources that the run config has to fill themselves. `origin` stays
    the same in the copy that a job makes with them.
    """

    def __init__(self, model: Any, values: Mapping[str, Any] | None = None) -> None:
        self.model: Any = model
        self.kind: Any = model if isinstance(model, type) else type(model)
        self.values = dict(values or {}) if isinstance(model, type) else dict(model)
        self.partials: dict[str, str] = {}
        self.origin: object = self
        schemas = {}
        if issubclass(self.kind, ConfigurableIOManagerFactory):
            schemas["input_config_schema"] = _schema_of(self.kind.input_config_schema())
            schemas["output_config_schema"] = _schema_of(self.kind.output_config_schema())
        super().__init__(self._make, self._field(), description=self.kind.__doc__, **schemas)

    def _field(self) -> Field:
        """What the run config may give: with a whole resource, its values are the default."""
        nested = self.kind.nested_fields()
        shape = shape_of(self.kind, frozenset(nested))
        given = {name: value for name, value in self.values.items() if name not in nested}
        if isinstance(self.model, type):
            return Field(_with_defaults(shape, given))
        return Field(shape, self.model.config_values())

    def partial_dependencies(self) -> dict[str, ResourceDefinition]:
        """Nested resources that are not whole: each has to be a resource of the job as well, for config to reach it."""
        nested = {name: self.values[name] for name in self.kind.nested_fields() if name in self.values}
        found = {name: coerce(value) for name, value in nested.items() if value is not None}
        return {name: one for name, one in found.items() if _is_partial(one)}

    def bound(self, partials: Mapping[str, str]) -> ModelResource:
        """A copy that takes these nested resources from the job's, by key."""
        found = ModelResource(self.model, self.values if isinstance(self.model, type) else None)
        found.origin = self.origin
        found.partials = dict(partials)
        found.required_resource_keys = self.required_resource_keys | frozenset(partials.values())
        return found

    def _make(self, context: InitResourceContext) -> Iterator[Any]:
        config = context.resource_config
        if config is NO_VALUE:
            config = resolve_or_raise(self.config_type, self.config_field.default_value, self.kind.__name__)  # type: ignore[union-attr]
        with contextlib.ExitStack() as stack:
            started = {name: getattr(context.resources, key) for name, key in self.partials.items()}
            for name in sorted(self.kind.nested_fields() & set(self.values) - set(started)):
                if self.values[name] is not None:
                    inner = coerce(self.values[name])
                    started[name] = stack.enter_context(inner.open(context.replace_config(_own_config(inner))))
            model = _with_started(self.kind, self.values, config or {}, started)
            model._resource_context = context
            yield stack.enter_context(_entered(model.yield_for_execution(context), context.loop))


def _own_config(inner: ResourceDefinition) -> Any:
    if inner.config_field is None or not inner.config_field.default_provided:
        return None
    return resolve_or_raise(inner.config_type, inner.config_field.default_value, "a nested resource")


def _is_partial(definition: ResourceDefinition) -> bool:
    if isinstance(definition, ModelResource) and isinstance(definition.model, type):
        return True
    return definition.config_field is not None and definition.config_field.is_required


def _schema_of(schema: Any) -> Any:
    return schema.to_config_schema() if isinstance(schema, type) and issubclass(schema, ModelOfConfig) else schema


def _with_defaults(shape: Any, given: Mapping[str, Any]) -> Any:
    """The shape whose fields have the values that were given in Python as their defaults."""
    from kedge.definitions.config import Permissive, Shape
    from kedge.definitions.model_schema import plain_value

    fields = {
        name: Field(one.config_type, plain_value(given[name]), description=one.description) if name in given else one
        for name, one in shape.fields.items()
    }
    return Permissive(fields) if isinstance(shape, Permissive) else Shape(fields)


def _is_resource(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin is ResourceDependency or annotation is ResourceDependency:
        return True
    if isinstance(annotation, type):
        return issubclass(annotation, ConfigurableResourceFactory | ResourceDefinition)
    args = [arg for arg in typing.get_args(annotation) if arg is not type(None)]
    return (
        origin is not None and len(args) == 1 and len(args) < len(typing.get_args(annotation)) and _is_resource(args[0])
    )


def _config_part(values: Mapping[str, Any], kind: type[ConfigurableResourceFactory[Any]]) -> dict[str, Any]:
    nested = kind.nested_fields()
    return {name: value for name, value in values.items() if name not in nested}


def _without_nested(model: ConfigurableResourceFactory[Any]) -> Any:
    """The same model without the resources in its fields, which are no data."""
    found = model.model_copy()
    for name in model.nested_resources:
        found.__dict__.pop(name, None)
    return found


def _with_values(model: Any, values: Mapping[str, Any]) -> Any:
    nested = model.nested_resources
    return _with_started(type(model), dict(model), values, nested)


def _with_started(kind: Any, values: Mapping[str, Any], config: Mapping[str, Any], started: Mapping[str, Any]) -> Any:
    """A new object of the class: its values, the run config's over them, and resources in their fields."""
    nested = kind.nested_fields()
    names = {name: info.alias or name for name, info in kind.model_fields.items()}
    given = {names.get(name, name): value for name, value in values.items() if name not in nested}
    stand_ins = {name: values[name] for name in nested if name in values}
    made = kind(**{**given, **config, **stand_ins})
    made.__dict__.update(started)
    return made


def _entered(opened: Any, loop: RunLoop) -> Any:
    """What `yield_for_execution` gives, as a plain context manager; an asynchronous one runs in the run's loop."""
    return _from_async(opened, loop) if isinstance(opened, contextlib.AbstractAsyncContextManager) else opened


@contextlib.contextmanager
def _from_async(opened: contextlib.AbstractAsyncContextManager[Any], loop: RunLoop) -> Iterator[Any]:
    value = loop.run(opened.__aenter__())
    try:
        yield value
    except BaseException as error:
        if not loop.run(opened.__aexit__(type(error), error, error.__traceback__)):
            raise
    else:
        loop.run(opened.__aexit__(None, None, None))
