"""Hooks: functions that run once a step has ended for good, for its success or its failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class HookDefinition:
    """A hook: `on` is success or failure."""

    name: str
    fn: Callable[[Any], Any]
    on: str
    required_resource_keys: frozenset[str] = frozenset()

    def __call__(self, context: Any) -> Any:
        return self.fn(context)


@dataclass(frozen=True)
class OpUse:
    """The use of an op that a hook runs for: `name` is the alias where there is one."""

    name: str
    definition: Any
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HookContext:
    """What a hook gets. `op_output_values` holds the outputs by name; a dynamic one by mapping key."""

    hook_def: HookDefinition
    step: Any
    op: OpUse
    run_id: str
    job_name: str
    log: Any
    resources: Any = None
    op_config: Any = None
    op_exception: BaseException | None = None
    op_output_values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def step_key(self) -> str:
        return str(self.step)

    @property
    def required_resource_keys(self) -> frozenset[str]:
        return self.hook_def.required_resource_keys


def _decorator(on: str) -> Callable[..., Any]:
    def hook(
        hook_fn: Callable[[Any], Any] | None = None,
        *,
        name: str | None = None,
        required_resource_keys: Iterable[str] | None = None,
        decorated_fn: Callable[[Any], Any] | None = None,
    ) -> Any:
        def decorate(fn: Callable[[Any], Any]) -> HookDefinition:
            return HookDefinition(name or fn.__name__, fn, on, frozenset(required_resource_keys or ()))

        return decorate(hook_fn) if callable(hook_fn) else decorate

    return hook


success_hook = _decorator("success")
success_hook.__doc__ = "Make a hook that runs when a step has succeeded."
failure_hook = _decorator("failure")
failure_hook.__doc__ = "Make a hook that runs when a step has failed for good."
