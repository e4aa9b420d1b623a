"""Resources: what steps share and have opened and closed for them (clients, connections, I/O managers).

`ResourceScope` starts those that are needed, once, in dependency order, and tears them down in reverse, even
after a failure. In process a scope lives as long as the run; in a step process, as long as the step.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeAlias, TypeVar

from kedge.core.errors import (
    DagsterInvalidConfigError,
    DagsterInvalidDefinitionError,
    DagsterInvariantViolationError,
    DagsterResourceFunctionError,
    DagsterUnknownResourceError,
)
from kedge.definitions.config import ANY, ConfigType, Field, field_of
from kedge.definitions.ins_outs import NO_VALUE

T = TypeVar("T")
ResourceParam: TypeAlias = Annotated[T, "resource_param"]
"""Marks a parameter of an op as a resource: `def use(client: ResourceParam[Client])`."""


@dataclass(frozen=True, slots=True)
class InitResourceContext:
    """What a resource function gets: its config, the resources it needs, the run it serves."""

    resource_config: Any = None
    resources: Any = None
    log: Any = None
    run_id: str | None = None
    instance: Any = None
    resource_def: Any = None


class Resources:
    """Resources by attribute. Raises DagsterUnknownResourceError for one that was not declared."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__["_values"] = dict(values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            known = ", ".join(sorted(self.__dict__["_values"])) or "none"
            raise DagsterUnknownResourceError(
                f"Unknown resource `{name}`. Declare it as required_resource_keys={{'{name}'}} of the op; "
                f"declared here: {known}"
            ) from None

    def _asdict(self) -> dict[str, Any]:
        return dict(self.__dict__["_values"])

    def __contains__(self, name: str) -> bool:
        return name in self.__dict__["_values"]


class ResourceDefinition:
    """A resource made by a function of its context; a generator's part after the yield tears it down."""

    def __init__(
        self,
        resource_fn: Callable[..., Any],
        config_schema: Any = None,
        description: str | None = None,
        required_resource_keys: Iterable[str] | None = None,
        version: str | None = None,
    ) -> None:
        self.resource_fn = resource_fn
        self.description = description
        self.required_resource_keys = frozenset(required_resource_keys or ())
        self.version = version
        self.config_field: Field | None = field_of(config_schema)
        self._takes_context = bool(inspect.signature(resource_fn).parameters)

    @staticmethod
    def hardcoded_resource(value: Any, description: str | None = None) -> ResourceDefinition:
        """A resource that is always this value."""
        return ResourceDefinition(lambda context: value, description=description)

    @staticmethod
    def none_resource(description: str | None = None) -> ResourceDefinition:
        """A resource that is None."""
        return ResourceDefinition.hardcoded_resource(None, description)

    @staticmethod
    def mock_resource(description: str | None = None) -> ResourceDefinition:
        """A resource that is a MagicMock, for tests."""
        from unittest import mock

        return ResourceDefinition.hardcoded_resource(mock.MagicMock(), description)

    @staticmethod
    def string_resource(description: str | None = None) -> ResourceDefinition:
        """A resource that is the text of its config."""
        return ResourceDefinition(lambda context: context.resource_config, str, description)

    @property
    def config_type(self) -> ConfigType:
        return ANY if self.config_field is None else self.config_field.config_type

    def configured(self, config: Any, name: str | None = None, config_schema: Any = None) -> ResourceDefinition:
        """The same resource with its config given now, or computed from a smaller one."""
        from kedge.definitions.configured import configured_field, resolver_of

        resolve = resolver_of(self.config_field, config, name or "resource", config_schema)
        inner = self

        def start(context: Any) -> Iterator[Any]:
            changed = InitResourceContext(
                resolve(context.resource_config), context.resources, context.log, context.run_id, context.instance
            )
            with inner.open(changed) as value:
                yield value

        return ResourceDefinition(
            start, configured_field(config, config_schema), self.description, self.required_resource_keys
        )

    @contextlib.contextmanager
    def open(self, context: InitResourceContext) -> Iterator[Any]:
        """The resource's value, for as long as the block lasts."""
        made = self.resource_fn(context) if self._takes_context else self.resource_fn()
        if inspect.isgenerator(made):
            made = contextlib.contextmanager(lambda: made)()
        if isinstance(made, contextlib.AbstractContextManager) and _is_generator_cm(made):
            with made as value:
                yield value
        else:
            yield made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function directly, as a test does."""
        return self.resource_fn(*args, **kwargs)


def _is_generator_cm(made: Any) -> bool:
    return isinstance(made, contextlib._GeneratorContextManager)


class ModelResource(ResourceDefinition):
    """A ConfigurableResource as a definition: given whole, or (`configure_at_launch`) filled by the run config."""

    def __init__(self, model: Any, values: Mapping[str, Any] | None = None) -> None:
        self.model = model
        self._values = dict(values or {})
        super().__init__(self._make, description=None)
        if isinstance(model, type):
            self.config_field = Field(self.config_type)

    @cached_property
    def config_type(self) -> ConfigType:
        """The fields that the run config may give: what is left open, or else with the model's own as defaults."""
        from kedge.definitions.models import config_of_resource

        return config_of_resource(self.model, self._values)

    def _make(self, context: InitResourceContext) -> Iterator[Any]:
        model = self.model
        if isinstance(model, type):
            given = context.resource_config
            fields = {name: getattr(given, name) for name in type(given).model_fields} if given is not None else {}
            model = model(**{**self._values, **fields})
        else:
            model = _with_env(model)
            if context.resource_config is not None:
                given = {
                    name: getattr(context.resource_config, name) for name in context.resource_config.model_fields_set
                }
                model = model.model_copy(update=given)
        with contextlib.ExitStack() as stack:
            started = {name: stack.enter_context(coerce(inner).open(context)) for name, inner in model.nested().items()}
            if started:
                model = model.model_copy(update=started)
            yield stack.enter_context(model.yield_for_execution(context))


def _with_env(model: Any) -> Any:
    """A copy in which EnvVar fields hold the variable's value."""
    from kedge.definitions.config import EnvVar

    found: dict[str, Any] = {}
    errors: list[str] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, EnvVar):
            found[name] = value.read(name, errors)
    if errors:
        raise DagsterInvalidConfigError(f"resource {type(model).__name__}", errors)
    return model.model_copy(update=found) if found else model


def resource(
    config_schema: Any = None,
    description: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    version: str | None = None,
) -> Any:
    """Make a resource of a function that takes a context (or nothing) and returns or yields the value."""
    if callable(config_schema) and not isinstance(config_schema, type | Field):
        return ResourceDefinition(config_schema, description=config_schema.__doc__)

    def decorate(fn: Callable[..., Any]) -> ResourceDefinition:
        return ResourceDefinition(fn, config_schema, description or fn.__doc__, required_resource_keys, version)

    return decorate


def coerce(value: Any) -> ResourceDefinition:
    """Whatever stands under a resource key, as a definition: a plain object is itself the resource."""
    if isinstance(value, ResourceDefinition):
        return value
    if hasattr(value, "yield_for_execution"):
        return ModelResource(value)
    return ResourceDefinition.hardcoded_resource(value)


class ResourceScope:
    """Starts resources on demand, each once, and tears all of them down in reverse order at `close`.

    `configs` holds the resolved config by key. Raises DagsterResourceFunctionError when user code raises.
    """

    def __init__(
        self, definitions: Mapping[str, ResourceDefinition], configs: Mapping[str, Any], run_id: str | None, log: Any
    ) -> None:
        self._definitions = definitions
        self._configs = configs
        self._run_id = run_id
        self._log = log
        self._values: dict[str, Any] = {}
        self._stack = contextlib.ExitStack()

    def get(self, key: str) -> Any:
        """The value of one resource, started if need be."""
        if key not in self._values:
            self._values[key] = self._start(key)
        return self._values[key]

    def select(self, keys: Iterable[str]) -> Resources:
        """The view that one op gets: the resources it declared."""
        return Resources({key: self.get(key) for key in keys})

    def close(self) -> None:
        """Tear down what was started, last first."""
        self._stack.close()

    def _start(self, key: str) -> Any:
        definition = self._definitions[key]
        context = InitResourceContext(
            self._configs.get(key),
            self.select(sorted(definition.required_resource_keys)),
            self._log,
            self._run_id,
            None,
            definition,
        )
        try:
            return self._stack.enter_context(definition.open(context))
        except Exception as error:
            raise DagsterResourceFunctionError(f"Error executing resource_fn on resource {key}: {error}") from error


def check_dependencies(definitions: Mapping[str, ResourceDefinition]) -> None:
    """Raise DagsterInvariantViolationError for a needed resource that is unknown, and for a circle of them
    DagsterInvalidDefinitionError."""
    done: set[str] = set()

    def visit(key: str, path: tuple[str, ...]) -> None:
        if key in path:
            raise DagsterInvalidDefinitionError(f"resources need each other in a circle: {' -> '.join((*path, key))}")
        if key in done:
            return
        for needed in sorted(definitions[key].required_resource_keys):
            if needed not in definitions:
                raise DagsterInvariantViolationError(
                    f"resource with key '{needed}' required by resource with key '{key}' is not provided; "
                    f"add it to resource_defs"
                )
            visit(needed, (*path, key))
        done.add(key)

    for key in definitions:
        visit(key, ())


@contextlib.contextmanager
def build_resources(
    resources: Mapping[str, Any], instance: Any = None, resource_config: Mapping[str, Any] | None = None, **_: Any
) -> Iterator[Resources]:
    """Start resources outside a run, as a test does."""
    definitions = {key: coerce(one) for key, one in resources.items()}
    check_dependencies(definitions)
    errors: list[str] = []
    configs = resolve_configs(definitions, definitions, resource_config or {}, errors)
    if errors:
        raise DagsterInvalidConfigError("Error in config for resources", errors)
    scope = ResourceScope(definitions, configs, None, None)
    try:
        yield scope.select(definitions)
    finally:
        scope.close()


def resolve_configs(
    definitions: Mapping[str, ResourceDefinition], needed: Iterable[str], given: Mapping[str, Any], errors: list[str]
) -> dict[str, Any]:
    """The resolved config of each needed resource; what is wrong goes to `errors`, path first."""
    found: dict[str, Any] = {}
    for key in given:
        if key not in definitions:
            errors.append(f"resources:{key}: no such resource; there are {', '.join(sorted(definitions)) or 'none'}")
    for key in needed:
        definition, entry = definitions[key], given.get(key)
        field = definition.config_field
        if isinstance(entry, Mapping) and "config" in entry:
            config = entry["config"]
            found[key] = definition.config_type.resolve(config, f"resources:{key}:config", errors)
        elif field is not None:
            default = field.default()
            if default is NO_VALUE and field.is_required:
                errors.append(f"resources:{key}: config is required")
            found[key] = None if default is NO_VALUE else default
    return found


def build_init_resource_context(
    config: Any = None, resources: Mapping[str, Any] | None = None, instance: Any = None
) -> InitResourceContext:
    """A context to call a resource function with in a test."""
    return InitResourceContext(config, Resources(resources or {}), None, None, instance)


def make_values_resource(**fields: Any) -> ResourceDefinition:
    """A resource that holds the values of its config."""
    return ResourceDefinition(lambda context: context.resource_config, fields or dict)
