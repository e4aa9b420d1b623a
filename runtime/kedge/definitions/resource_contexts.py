"""Resources outside of a run, as tests use them: `build_resources`, `build_init_resource_context`, direct calls.

The contexts that other `build_..._context` functions make hold their resources in a `HeldResources`.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kedge.core.errors import (
    ConfigFault,
    DagsterInvalidConfigError,
    DagsterInvalidDefinitionError,
    DagsterInvalidInvocationError,
    DagsterInvariantViolationError,
)
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.resource_scope import ResourceScope, check_dependencies, resolve_configs
from kedge.definitions.resources import InitResourceContext, ResourceDefinition, Resources, coerce_all


def scope_of(
    resources: Mapping[str, Any],
    resource_config: Mapping[str, Any] | None = None,
    run: Any = None,
    log: Any = None,
    instance: Any = None,
    event_loop: Any = None,
) -> tuple[ResourceScope, dict[str, ResourceDefinition]]:
    """A scope for resources outside of a run, nothing started, and their definitions.

    Raises DagsterInvalidConfigError for a config that does not fit.
    """
    definitions = coerce_all(resources)
    check_dependencies(definitions)
    errors: list[str] = []
    configs = resolve_configs(definitions, definitions, resource_config or {}, errors)
    if errors:
        raise DagsterInvalidConfigError("Error in config for resources", errors)
    return ResourceScope(definitions, configs, log, run, lambda: instance, event_loop), definitions


@contextlib.contextmanager
def build_resources(
    resources: Mapping[str, Any],
    instance: Any = None,
    resource_config: Mapping[str, Any] | None = None,
    dagster_run: Any = None,
    log_manager: Any = None,
    event_loop: Any = None,
) -> Iterator[Resources]:
    """Start resources outside of a run, for a `with` block: `with build_resources({"db": db}) as resources`.

    `resource_config` is what a run config has under `resources`; an asynchronous resource runs in `event_loop`, or in
    a loop of its own.
    """
    scope, definitions = scope_of(resources, resource_config, dagster_run, log_manager, instance, event_loop)
    try:
        yield scope.select(definitions)
    finally:
        scope.close()


class HeldResources:
    """The resources of a context that a test made: started at once, torn down when its `with` block ends.

    One whose resources have something to tear down can be read inside of the block alone.
    """

    def __init__(self, resources: Any, context: str) -> None:
        self._context = context
        self._entered = False
        self._scope: ResourceScope | None = None
        self._needs_block = False
        if isinstance(resources, Resources):
            self._found = resources
            return
        self._scope, self.definitions = scope_of(resources or {})
        self._found = self._scope.select(self.definitions)
        self._needs_block = any(_has_teardown(one) for one in self.definitions.values())

    def get(self) -> Resources:
        """The resources. Raises DagsterInvariantViolationError outside of the block they need."""
        if self._needs_block and not self._entered:
            raise DagsterInvariantViolationError(
                "one of the resources is torn down after use, so they are there inside of a block alone; write "
                f"`with {self._context}(...) as context:`"
            )
        return self._found

    def enter(self) -> None:
        """The block begins."""
        self._entered = True

    def close(self) -> None:
        """The block ends."""
        self._entered = False
        if self._scope is not None:
            self._scope.close()

    def __del__(self) -> None:
        if getattr(self, "_scope", None) is not None:
            self.close()


def _has_teardown(definition: ResourceDefinition) -> bool:
    kind = getattr(definition, "kind", None)
    if kind is not None:
        return bool(kind.has_teardown())
    return inspect.isgeneratorfunction(inspect.unwrap(definition.resource_fn))


class UnboundInitResourceContext(InitResourceContext):
    """A context for calling a resource function in a test; also a context manager."""

    __slots__ = ("_held",)

    def __init__(self, config: Any, resources: Mapping[str, Any] | None, instance: Any) -> None:
        super().__init__({} if config is None else config, None, instance=instance)
        self._held = HeldResources(resources, "build_init_resource_context")

    @property
    def resources(self) -> Resources:
        """The resources that were given."""
        return self._held.get()

    @resources.setter
    def resources(self, given: Any) -> None:
        """Nothing: they are held for the context."""

    def __enter__(self) -> UnboundInitResourceContext:
        self._held.enter()
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()


def build_init_resource_context(
    config: Any = None, resources: Mapping[str, Any] | None = None, instance: Any = None
) -> UnboundInitResourceContext:
    """A context to call a resource function with in a test. Use it in a `with` block when `resources` are torn down."""
    return UnboundInitResourceContext(config, resources, instance)


def call_resource(definition: ResourceDefinition, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a resource's function directly; see `ResourceDefinition.__call__`."""
    if not definition.takes_context:
        if args or kwargs:
            raise DagsterInvalidInvocationError("the resource's function takes no context; call it without arguments")
        return _in_block(definition.resource_fn())
    context = _checked_context(definition, _context_of(definition, args, kwargs))
    return _in_block(definition.resource_fn(context))


def _context_of(definition: ResourceDefinition, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    name = next(iter(inspect.signature(definition.resource_fn).parameters))
    if len(args) + len(kwargs) != 1:
        raise DagsterInvalidInvocationError(
            f"the resource's function takes one argument, {name!r}; pass build_init_resource_context() or None"
        )
    if not args and name not in kwargs:
        raise DagsterInvalidInvocationError(f"the resource's function takes {name!r}, not {', '.join(kwargs)}")
    found = args[0] if args else kwargs[name]
    if found is not None and not isinstance(found, InitResourceContext):
        raise DagsterInvalidInvocationError(f"{found!r} is no context; pass build_init_resource_context() or None")
    return found


def _checked_context(definition: ResourceDefinition, context: Any) -> InitResourceContext:
    if context is None:
        field = definition.config_field
        if definition.required_resource_keys or (field is not None and field.is_required):
            raise DagsterInvalidInvocationError(
                "the resource needs config or resources; call it with build_init_resource_context(config=..., "
                "resources={...})"
            )
    for key in sorted(definition.required_resource_keys):
        if key not in context.resources:
            raise DagsterInvalidDefinitionError(
                f"the resource needs resource {key!r}; give it with build_init_resource_context(resources={{...}})"
            )
    found = context or InitResourceContext()
    return _with_config(found, definition)


def _with_config(context: InitResourceContext, definition: ResourceDefinition) -> InitResourceContext:
    given, config, errors = context.resource_config, None, list[str]()
    if definition.config_field is not None:
        config = definition.config_field.resolve(given or NO_VALUE, "config", errors)
    elif given:
        config = given
    if errors:
        raise DagsterInvalidConfigError("Error in config for resource", [ConfigFault.of(one) for one in errors])
    found = context.replace_config(None if config is NO_VALUE else config)
    found.resource_def = definition
    return found


def _in_block(made: Any) -> Any:
    """What the function gave; a generator as a context manager."""
    return contextlib.contextmanager(lambda: made)() if inspect.isgenerator(made) else made
