"""Hooks outside of a run, as tests call them: `build_hook_context`, and the direct call of a hook."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from kedge.core.errors import (
    DagsterInvalidDefinitionError,
    DagsterInvalidInvocationError,
    DagsterInvalidPropertyError,
    DagsterInvariantViolationError,
)
from kedge.definitions.hooks import HookContext, HookDefinition, OpUse
from kedge.definitions.resource_contexts import HeldResources

_OF_A_RUN = ("step", "step_key", "op_config", "op_output_values", "op_output_metadata", "step_context")


class UnboundHookContext(HookContext):
    """The context of a test. What was not given, and what only a run has, raises DagsterInvalidPropertyError."""

    def __init__(
        self,
        held: HeldResources,
        op: OpUse | None,
        run_id: str | None,
        job_name: str | None,
        op_exception: BaseException | None,
        instance: Any,
        hook: HookDefinition | None = None,
    ) -> None:
        own = {"_held": held, "_op": op, "_run_id": run_id, "_job_name": job_name, "_instance": instance, "_hook": hook}
        self.__dict__.update(own, exception=op_exception)

    def __getattribute__(self, name: str) -> Any:
        if name in _OF_A_RUN:
            raise DagsterInvalidPropertyError(f"context.{name}: only a run has it; the context comes from a test")
        return super().__getattribute__(name)

    def _given(self, name: str) -> Any:
        found = self.__dict__[f"_{name}"]
        if found is None:
            raise DagsterInvalidPropertyError(
                f"context.{name}: it was not given; pass it with build_hook_context({name}=...)"
            )
        return found

    @property
    def job_name(self) -> str:
        return str(self._given("job_name"))

    @property
    def run_id(self) -> str:
        return str(self._given("run_id"))

    @property
    def op(self) -> OpUse:
        """The op that was given."""
        found: OpUse = self._given("op")
        return found

    @property
    def hook_def(self) -> HookDefinition:
        """The hook that is called."""
        found: HookDefinition | None = self.__dict__["_hook"]
        if found is None:
            raise DagsterInvalidPropertyError("context.hook_def: it is there inside of a hook alone")
        return found

    @property
    def op_exception(self) -> BaseException | None:
        """The exception that was given."""
        found: BaseException | None = self.__dict__["exception"]
        return found

    @property
    def instance(self) -> Any:
        if self.__dict__["_instance"] is None:
            raise DagsterInvariantViolationError(
                "context.instance: it was not given; pass it with build_hook_context(instance=...)"
            )
        return self.__dict__["_instance"]

    @property
    def log(self) -> Any:
        from kedge.definitions.logs import DagsterLogManager

        return DagsterLogManager(self.__dict__["_run_id"], "hook")

    @property
    def resources(self) -> Any:
        """The resources that were given."""
        return self.__dict__["_held"].get()

    def bound(self, hook: HookDefinition) -> UnboundHookContext:
        """The context that the hook gets in a direct call."""
        own = self.__dict__
        return UnboundHookContext(
            own["_held"], own["_op"], own["_run_id"], own["_job_name"], own["exception"], own["_instance"], hook
        )

    def __enter__(self) -> UnboundHookContext:
        self.__dict__["_held"].enter()
        return self

    def __exit__(self, *error: object) -> None:
        self.__dict__["_held"].close()


def build_hook_context(
    resources: Mapping[str, Any] | None = None,
    op: Any = None,
    run_id: str | None = None,
    job_name: str | None = None,
    op_exception: Exception | None = None,
    instance: Any = None,
) -> UnboundHookContext:
    """A context to call a hook with in a test.

    `op` is an op, or one with an alias. Use the context in a `with` block when `resources` are torn down.
    """
    held = HeldResources(resources, "build_hook_context")
    return UnboundHookContext(held, _use_of(op), run_id, job_name, op_exception, instance)


def _use_of(op: Any) -> OpUse | None:
    if op is None:
        return None
    definition = getattr(op, "definition", op)
    name = getattr(op, "given_name", None) or getattr(op, "name", None) or definition.name
    return OpUse(name, definition, dict(getattr(op, "tags", None) or {}))


def call_hook(hook: HookDefinition, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a hook's function directly; see `HookDefinition.__call__`."""
    fn = hook.decorated_fn
    if fn is None:
        raise DagsterInvalidInvocationError(
            f"hook {hook.name} was made without decorated_fn, so it can't be called; call its hook_fn"
        )
    names = list(inspect.signature(fn).parameters)[:2]
    if len(args) + len(kwargs) != len(names):
        raise DagsterInvalidInvocationError(
            f"hook {hook.name} takes {' and '.join(names)}, got {len(args) + len(kwargs)} argument(s)"
        )
    for name in names[len(args) :]:
        if name not in kwargs:
            raise DagsterInvalidInvocationError(f"hook {hook.name} takes {name!r}, not {', '.join(kwargs)}")
    given = [*args, *(kwargs[name] for name in names[len(args) :])]
    return fn(_bound(hook, given[0]), *given[1:])


def _bound(hook: HookDefinition, context: Any) -> UnboundHookContext:
    if context is None:
        context = build_hook_context()
    if not isinstance(context, UnboundHookContext):
        raise DagsterInvalidInvocationError(f"hook {hook.name}: pass build_hook_context() or None, not {context!r}")
    definitions = getattr(context.__dict__["_held"], "definitions", {})
    for key in sorted(hook.required_resource_keys - set(definitions)):
        raise DagsterInvalidDefinitionError(
            f"hook {hook.name} needs resource {key!r}; give it with build_hook_context(resources={{...}})"
        )
    return context.bound(hook)
