"""Hooks: functions that run once a step has ended for good, for its success or its failure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kedge.core.errors import CheckError, DagsterInvalidDefinitionError

_CONTEXT_NAMES = ("context", "_context", "context_", "_")


class HookExecutionResult:
    """What a hook made of a list of events gives back: its name, and whether it had nothing to do."""

    __slots__ = ("hook_name", "is_skipped")

    def __init__(self, hook_name: str, is_skipped: bool | None = None) -> None:
        self.hook_name = hook_name
        self.is_skipped = bool(is_skipped)


@dataclass(frozen=True, eq=False)
class HookDefinition:
    """A hook: `hook_fn(context, event_list)` is called with the events of a step that has ended.

    It gives a HookExecutionResult. `decorated_fn` is the user's own function, which a direct call runs. `on` is
    "success" or "failure" where the hook is for that end alone and does not look at the events.
    """

    name: str
    hook_fn: Callable[..., Any]
    required_resource_keys: frozenset[str] = frozenset()
    decorated_fn: Callable[..., Any] | None = None
    on: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "required_resource_keys", frozenset(self.required_resource_keys or ()))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the hook's function directly, as a test does, with a context of `build_hook_context()` or None.

        Raises DagsterInvalidInvocationError for arguments that do not fit, and DagsterInvalidDefinitionError for a
        resource that the context does not have.
        """
        from kedge.definitions.hook_contexts import call_hook

        return call_hook(self, args, kwargs)


@dataclass(frozen=True)
class OpUse:
    """The use of an op that a hook runs for: `name` is the alias where there is one."""

    name: str
    definition: Any
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HookContext:
    """What a hook gets. `op_output_values` holds the outputs by name; a dynamic one by mapping key.

    After a failure it holds what the op had given before. `op_exception` is what user code raised.
    """

    hook_def: HookDefinition
    step_context: Any
    op: OpUse
    resources: Any
    op_exception: BaseException | None = None
    op_output_values: Mapping[str, Any] = field(default_factory=dict)
    _records: Mapping[str, Any] = field(default_factory=dict)

    @property
    def job_name(self) -> str:
        """The job's name."""
        return str(self.step_context.job_name)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.step_context.run_id)

    @property
    def step(self) -> Any:
        """The step that has ended."""
        return self.step_context.step

    @property
    def step_key(self) -> str:
        """The key of the step that has ended."""
        return str(self.step_context.step)

    @property
    def log(self) -> Any:
        """The step's logger."""
        return self.step_context.log

    @property
    def instance(self) -> Any:
        """The instance that keeps the run. Raises DagsterInvalidPropertyError in a step process, which has none."""
        return self.step_context.instance

    @property
    def op_config(self) -> Any:
        """The config of the op."""
        return self.step_context.op_config

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that the hook needs."""
        return self.hook_def.required_resource_keys

    @cached_property
    def op_output_metadata(self) -> Mapping[str, Any]:
        """The metadata that the op gave with each output; of a dynamic one by mapping key."""
        outputs = self.step_context.op_def.outputs
        found: dict[str, Any] = {}
        for name, record in self._records.items():
            dynamic = outputs[name].is_dynamic
            found[name] = {key: _metadata(one) for key, one in record.items()} if dynamic else _metadata(record)
        return found


def _metadata(record: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not record or not record.get("metadata"):
        return {}
    from kedge.definitions.wire import decode_metadata

    return decode_metadata(record["metadata"])


def check_hooks(hook_defs: Iterable[Any]) -> frozenset[HookDefinition]:
    """The hooks as a set. Raises CheckError for what is none."""
    found = frozenset(hook_defs)
    for one in found:
        if not isinstance(one, HookDefinition):
            raise CheckError(f"{one!r} is no hook; make one with @success_hook or @failure_hook")
    return found


def _check_parameters(fn: Callable[..., Any], names: Sequence[str]) -> None:
    given = list(inspect.signature(fn).parameters)
    for position, name in enumerate(names):
        allowed = _CONTEXT_NAMES if name == "context" else (name,)
        if position >= len(given) or given[position] not in allowed:
            what = ", ".join(names)
            raise DagsterInvalidDefinitionError(
                f"hook {getattr(fn, '__name__', fn)}: the function takes ({what}); parameter {position + 1} has to be "
                f"called {name!r}"
            )


def event_list_hook(
    hook_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    decorated_fn: Callable[..., Any] | None = None,
) -> Any:
    """Make a hook of a function `(context, event_list)` that sees all events of the step.

    The function gives a HookExecutionResult. Raises DagsterInvalidDefinitionError for a function with other parameters.
    """

    def decorate(fn: Callable[..., Any]) -> HookDefinition:
        _check_parameters(fn, ["context", "event_list"])
        keys = frozenset(required_resource_keys or ())
        return HookDefinition(name or fn.__name__, fn, keys, decorated_fn or fn)

    return decorate if hook_fn is None else decorate(hook_fn)


def _hook_for(on: str, fn: Callable[..., Any], name: str | None, keys: Iterable[str] | None) -> HookDefinition:
    _check_parameters(fn, ["context"])
    called = name or fn.__name__

    def hook_fn(context: Any, event_list: Sequence[Any]) -> HookExecutionResult:
        ended = any(event.is_step_success if on == "success" else event.is_step_failure for event in event_list)
        if ended:
            fn(context)
        return HookExecutionResult(called, is_skipped=not ended)

    return HookDefinition(called, hook_fn, frozenset(keys or ()), fn, on)


def success_hook(
    hook_fn: Callable[[Any], Any] | None = None,
    *,
    name: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
) -> Any:
    """Make a hook of a function `(context)` that runs when a step has succeeded.

    Raises DagsterInvalidDefinitionError for a function with another first parameter.
    """
    if hook_fn is not None:
        return _hook_for("success", hook_fn, name, required_resource_keys)
    return lambda fn: _hook_for("success", fn, name, required_resource_keys)


def failure_hook(
    name: Callable[[Any], Any] | str | None = None, required_resource_keys: Iterable[str] | None = None
) -> Any:
    """Make a hook of a function `(context)` that runs when a step has failed for good.

    Raises DagsterInvalidDefinitionError for a function with another first parameter.
    """
    if callable(name):
        return _hook_for("failure", name, None, required_resource_keys)
    return lambda fn: _hook_for("failure", fn, name, required_resource_keys)
