"""Resources: what steps share and have opened and closed for them (clients, connections, I/O managers).

Their definitions, and what a job makes of whatever stands in its `resource_defs`. Starting them is for
`resource_scope`.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, TypeAlias, TypeVar

from kedge.core.errors import (
    DagsterInvalidDefinitionError,
    DagsterInvariantViolationError,
    DagsterUnknownResourceError,
)
from kedge.definitions.config import ANY, ConfigType, Field, field_of
from kedge.definitions.event_loops import RunLoop

T = TypeVar("T")
ResourceParam: TypeAlias = Annotated[T, "resource_param"]
"""Marks a parameter of an op as a resource: `def use(client: ResourceParam[Client])`."""


class InitResourceContext:
    """What a resource function gets: its config, the resources it needs, the run it serves.

    `dagster_run` and `run_id` are None outside of a run, `instance` is None where none keeps it. `loop` holds
    the event loop that asynchronous resources and ops of a run share.
    """

    __slots__ = (
        "_log",
        "all_resource_defs",
        "dagster_run",
        "instance",
        "loop",
        "resource_config",
        "resource_def",
        "resources",
    )

    def __init__(
        self,
        resource_config: Any = None,
        resources: Any = None,
        resource_def: Any = None,
        all_resource_defs: Mapping[str, Any] | None = None,
        instance: Any = None,
        dagster_run: Any = None,
        log_manager: Any = None,
        event_loop: Any = None,
    ) -> None:
        self.loop = event_loop if isinstance(event_loop, RunLoop) else RunLoop(event_loop)
        self.resource_config = resource_config
        self.resources = resources if resources is not None else Resources({})
        self.resource_def = resource_def
        self.all_resource_defs = all_resource_defs or {}
        self.instance = instance
        self.dagster_run = dagster_run
        self._log = log_manager

    @property
    def log(self) -> Any:
        """A logger whose messages stand with those of the run."""
        if self._log is None:
            from kedge.definitions.logs import DagsterLogManager

            self._log = DagsterLogManager(self.run_id, "resources")
        return self._log

    @property
    def log_manager(self) -> Any:
        """The same as `log`."""
        return self.log

    @property
    def event_loop(self) -> Any:
        """The event loop that asynchronous code of the run shares."""
        return self.loop.get()

    @property
    def run(self) -> Any:
        """The run, the same as `dagster_run`."""
        return self.dagster_run

    @property
    def run_id(self) -> str | None:
        """The run's id."""
        return None if self.dagster_run is None else self.dagster_run.run_id

    def replace_config(self, config: Any) -> InitResourceContext:
        """The same context with another `resource_config`."""
        return InitResourceContext(
            config,
            self.resources,
            self.resource_def,
            self.all_resource_defs,
            self.instance,
            self.dagster_run,
            self._log,
            self.loop,
        )


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
        self.origin: object = self
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

        def make(context: InitResourceContext) -> Any:
            from unittest import mock

            return mock.MagicMock()

        return ResourceDefinition(make, description=description)

    @staticmethod
    def string_resource(description: str | None = None) -> ResourceDefinition:
        """A resource that is the text of its config."""
        return ResourceDefinition(lambda context: context.resource_config, str, description)

    @property
    def config_type(self) -> ConfigType:
        """What its config has to be; anything without a schema."""
        return ANY if self.config_field is None else self.config_field.config_type

    @property
    def config_schema(self) -> Field | None:
        """The schema of its config as a field; None when it takes anything."""
        return self.config_field

    @property
    def takes_context(self) -> bool:
        """Whether its function takes a context."""
        return self._takes_context

    def partial_dependencies(self) -> Mapping[str, ResourceDefinition]:
        """Nested resources that the run config has to fill; only models have them."""
        return {}

    def bound(self, partials: Mapping[str, str]) -> ResourceDefinition:
        """A copy that takes such nested resources from the job's, by key."""
        return self

    def configured(
        self,
        config_or_config_fn: Any,
        config_schema: Any = None,
        description: str | None = None,
        name: str | None = None,
    ) -> ResourceDefinition:
        """The same resource with its config given now, or computed from a smaller one."""
        from kedge.definitions.configured import configured_field, resolver_of

        resolve = resolver_of(self.config_field, config_or_config_fn, name or "resource", config_schema)
        inner = self

        def start(context: Any) -> Iterator[Any]:
            with inner.open(context.replace_config(resolve(context.resource_config))) as value:
                yield value

        return self._like(start, configured_field(config_or_config_fn, config_schema), description or self.description)

    def _like(self, fn: Callable[..., Any], schema: Any, description: str | None) -> ResourceDefinition:
        """A definition of the same kind around another function."""
        return ResourceDefinition(fn, schema, description, self.required_resource_keys, self.version)

    @contextlib.contextmanager
    def open(self, context: InitResourceContext) -> Iterator[Any]:
        """The resource's value, for as long as the block lasts."""
        made = self.resource_fn(context) if self._takes_context else self.resource_fn()
        if inspect.isgenerator(made):
            yield from _only(made)
        elif isinstance(made, contextlib.ContextDecorator) and isinstance(made, contextlib.AbstractContextManager):
            with made as value:
                yield value
        else:
            yield made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function directly, as a test does, with a context of `build_init_resource_context()` or None.

        A generator's value comes in a context manager. Raises DagsterInvalidInvocationError for arguments that do not
        fit, and DagsterInvalidConfigError for a config that does not.
        """
        from kedge.definitions.resource_contexts import call_resource

        return call_resource(self, args, kwargs)


def _only(made: Iterator[Any]) -> Iterator[Any]:
    """The one value of a generator, which is closed after its use whatever happens there."""
    try:
        value = next(made)
    except StopIteration:
        raise DagsterInvariantViolationError("a resource's generator ended without a value; yield it once") from None
    yield value
    for _ in made:
        raise DagsterInvariantViolationError("a resource's generator yielded twice; yield the one value once")


def resource(
    config_schema: Any = None,
    description: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    version: str | None = None,
) -> Any:
    """Make a resource of a function that takes a context (or nothing) and returns or yields the value.

    Raises DagsterInvalidDefinitionError for a function with more required parameters.
    """
    if is_function(config_schema):
        return ResourceDefinition(check_resource_fn(config_schema), description=inspect.getdoc(config_schema))

    def decorate(fn: Callable[..., Any]) -> ResourceDefinition:
        text = description or inspect.getdoc(fn)
        return ResourceDefinition(check_resource_fn(fn), config_schema, text, required_resource_keys, version)

    return decorate


def is_function(schema: Any) -> bool:
    """Whether a decorator's first argument is the function itself, and not a config schema."""
    return callable(schema) and not isinstance(schema, type | Field | ConfigType)


def check_resource_fn(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself. Raises DagsterInvalidDefinitionError when it needs more than a context."""
    empty = inspect.Parameter.empty
    needed = [one for one in list(inspect.signature(fn).parameters.values())[1:] if one.default is empty]
    needed = [one for one in needed if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    if needed:
        names = ", ".join(one.name for one in needed)
        raise DagsterInvalidDefinitionError(
            f"resource {getattr(fn, '__name__', fn)}: the function takes one context, but also needs {names}; read "
            "them from context.resource_config or context.resources"
        )
    return fn


def coerce(value: Any) -> ResourceDefinition:
    """Whatever stands under a resource key, as a definition: a plain object is itself the resource."""
    if isinstance(value, ResourceDefinition):
        return value
    if hasattr(value, "get_resource_definition") and not isinstance(value, type):
        from kedge.definitions.configurable import ModelResource

        return ModelResource(value)
    return ResourceDefinition.hardcoded_resource(value)


def coerce_all(values: Mapping[str, Any]) -> dict[str, ResourceDefinition]:
    """All resources of a job as definitions, where a nested one that needs config is taken from the job's.

    Raises DagsterInvalidDefinitionError for one that is not among them.
    """
    found = {key: coerce(one) for key, one in values.items()}
    for key, definition in found.items():
        partials = definition.partial_dependencies()
        if partials:
            keys = {name: _key_of(one, found, f"{key}.{name}") for name, one in partials.items()}
            found[key] = definition.bound(keys)
    return found


def _key_of(wanted: ResourceDefinition, definitions: Mapping[str, ResourceDefinition], where: str) -> str:
    for key, one in definitions.items():
        if one.origin is wanted.origin:
            return key
    raise DagsterInvalidDefinitionError(
        f"resource {where}: the nested resource still needs config, so it has to be a resource of the job as well, for "
        "the run config to reach it; add it to resource_defs under a key of its own, or configure it whole"
    )


def make_values_resource(**kwargs: Any) -> ResourceDefinition:
    """A resource that holds the values of its config: `make_values_resource(path=str, size=int)`."""
    return ResourceDefinition(lambda context: context.resource_config, kwargs or ANY)
