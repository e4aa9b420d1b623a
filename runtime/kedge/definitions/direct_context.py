"""`build_op_context`: the context of an op that is called outside of a run.

It is bound to an op while that op runs; what the op noted (events, metadata) can be read afterwards.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping
from contextlib import ExitStack, closing
from typing import Any

from kedge.core.errors import (
    CheckError,
    DagsterInvalidConfigError,
    DagsterInvalidDefinitionError,
    DagsterInvalidInvocationError,
    DagsterInvalidPropertyError,
    DagsterInvariantViolationError,
)
from kedge.core.graph import PARTITION_TAG
from kedge.core.ids import StepKey
from kedge.definitions import checks
from kedge.definitions.contexts import OpExecutionContext, output_to_note
from kedge.definitions.dagster_runs import DagsterRun
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.resource_scope import ResourceScope, resolve_configs
from kedge.definitions.resources import ResourceDefinition, Resources, coerce_all
from kedge.definitions.values import LOGGED

_RUN_ID = "EPHEMERAL"


class DirectContext(OpExecutionContext):
    """The context of a direct call: the op becomes known when it is called.

    What only a run has (`job_def`, `run`, `op_handle`, ...) raises DagsterInvalidPropertyError.
    """

    __slots__ = (
        "_config",
        "_definitions",
        "_entered",
        "_instance",
        "_noted",
        "_own",
        "_resources_config",
        "_seen",
        "_stack",
        "_user_events",
    )

    def __init__(
        self,
        resources: Mapping[str, Any],
        config: Any,
        run_tags: Mapping[str, str],
        mapping_key: str | None,
        resources_config: Mapping[str, Any],
        retry_number: int,
        instance: Any,
    ) -> None:
        step = StepKey("op", (mapping_key,) if mapping_key else ())
        super().__init__(step, None, config, None, DagsterRun("none", _RUN_ID, tags=run_tags), retry_number)
        self._config = config
        self._resources_config = resources_config
        self._instance = instance
        self._entered = False
        self._stack = ExitStack()
        self._definitions = coerce_all(resources)
        self._own = self._start(self._definitions, resources_config)
        self._forget()

    def _start(self, definitions: Mapping[str, ResourceDefinition], given: Mapping[str, Any]) -> Resources:
        errors: list[str] = []
        configs = resolve_configs(definitions, definitions, given, errors)
        if errors:
            raise DagsterInvalidConfigError("Error in config for resources", errors)
        scope = self._stack.enter_context(closing(ResourceScope(definitions, configs)))
        return scope.select(definitions)

    def _forget(self) -> None:
        self._user_events: list[Any] = []
        self._noted: dict[tuple[str, str | None], dict[str, Any]] = {}
        self._seen: set[tuple[str, str | None]] = set()
        self._typed_stream = False

    def __enter__(self) -> DirectContext:
        self._entered = True
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # it was never made whole
            self._stack.close()

    # -- the call ---------------------------------------------------------------------------------------------

    def bind(self, op_def: Any, config: Any = None, resources: Mapping[str, Any] | None = None) -> None:
        """Take on an op, with the config and resources that were passed as arguments.

        Raises DagsterInvalidDefinitionError for a missing resource, DagsterInvalidConfigError for a config that does
        not fit, and DagsterInvalidInvocationError for what was given twice, or while another op runs.
        """
        if self.is_bound:
            raise DagsterInvalidInvocationError(
                f"op {op_def.name}: op {self._op_def.name} is running with this context; give each its own"
            )
        for name, twice in (("config", config and self._config), ("resources", resources and self._definitions)):
            if twice:
                raise DagsterInvalidInvocationError(f"op {op_def.name}: {name} given as argument and on the context")
        found = self._start(coerce_all(resources), {}) if resources else self.resources
        for key in sorted(op_def.required_resource_keys):
            if key not in found:
                raise DagsterInvalidDefinitionError(
                    f"op {op_def.name} needs resource {key!r}; give it with build_op_context(resources={{...}})"
                )
        self._forget()
        self.bound_config = op_def.convert_config(_config_of(op_def, self._config if config is None else config))
        self._op_def = op_def
        self._resources = found
        self.step = StepKey(op_def.name, self.step.keys)

    def unbind(self) -> None:
        """The op has ended."""
        self._op_def = None
        self._resources = None

    @property
    def is_bound(self) -> bool:
        """Whether an op runs with this context."""
        return self._op_def is not None

    def _need(self, name: str) -> None:
        if not self.is_bound:
            raise DagsterInvalidPropertyError(f"context.{name} is known only while an op runs with this context")

    def _refuse(self, name: str) -> DagsterInvalidPropertyError:
        return DagsterInvalidPropertyError(
            f"context.{name}: an op that is called directly has none; run it in a job with execute_in_process"
        )

    # -- what it has ------------------------------------------------------------------------------------------

    @property
    def op_def(self) -> Any:
        """The op that runs."""
        self._need("op_def")
        return self._op_def

    @property
    def op_config(self) -> Any:
        """The op's config; outside of a call, as it was given."""
        return super().op_config if self.is_bound else self._config

    @property
    def resources(self) -> Any:
        """The resources. Raises DagsterInvariantViolationError for a generator that nothing would close."""
        if self._resources is not None:
            return self._resources
        for key, definition in self._definitions.items():
            if _is_generator(definition) and not self._entered:
                raise DagsterInvariantViolationError(
                    f"resource {key!r} is a generator, which has to be closed; write `with build_op_context(...) as "
                    "context:`"
                )
        return self._own

    @resources.setter
    def resources(self, found: Any) -> None:
        self._resources = found

    @property
    def alias(self) -> str:
        """The op's name."""
        self._need("alias")
        return str(self._op_def.name)

    @property
    def run_config(self) -> Mapping[str, Any]:
        """The config as a run would get it."""
        self._need("run_config")
        found: dict[str, Any] = {"resources": self._resources_config}
        return {"ops": {self.alias: {"config": self.op_config}}, **found} if self._config else found

    @property
    def instance(self) -> Any:
        """The instance that was given, or one that lasts as long as the context."""
        if self._instance is None:
            from kedge.local.instance import DagsterInstance

            self._instance = DagsterInstance.ephemeral()
        return self._instance

    def describe_op(self) -> str:
        """The op in words."""
        self._need("describe_op")
        return f'op "{self._op_def.name}"'

    @property
    def partition_key(self) -> str:
        """The partition that was given. Raises CheckError without one."""
        if not self.has_partition_key:
            raise CheckError("no partition; give build_op_context(partition_key=...)")
        return super().partition_key

    # -- what it says -----------------------------------------------------------------------------------------

    def log_event(self, event: Any, storing: bool = False) -> None:
        """Keep an event for `get_events`."""
        self._need("log_event")
        checks.of_type(event, LOGGED, "event")
        self._user_events.append(event)

    def get_events(self) -> list[Any]:
        """What the op logged."""
        return self._user_events

    def has_events(self) -> bool:
        """Whether the op logged anything."""
        return bool(self._user_events)

    def observe_output(self, output_name: str, mapping_key: str | None = None) -> None:
        """Note that the op has given an output."""
        self._seen.add((output_name, mapping_key))

    def has_seen_output(self, output_name: str, mapping_key: str | None = None) -> bool:
        """Whether the op has given an output."""
        return (output_name, mapping_key) in self._seen

    def add_output_metadata(
        self, metadata: Mapping[str, Any], output_name: str | None = None, mapping_key: str | None = None
    ) -> None:
        """Note metadata about an output, once for each. Raises DagsterInvariantViolationError."""
        self._need("add_output_metadata")
        name = output_to_note(self, output_name, mapping_key)
        if (name, mapping_key) in self._noted:
            raise DagsterInvariantViolationError(f"op {self.alias} noted metadata of output {name!r} twice")
        self._noted[name, mapping_key] = dict(metadata)

    def get_output_metadata(self, output_name: str, mapping_key: str | None = None) -> Mapping[str, Any] | None:
        """What the op noted about an output. Of a dynamic one without a key: by key."""
        found = self._noted.get((output_name, mapping_key))
        if found is None and mapping_key is None:
            found = {key: one for (name, key), one in self._noted.items() if name == output_name and key is not None}
        return found or None


def _absent(name: str) -> property:
    def refuse(context: DirectContext) -> Any:
        raise context._refuse(name)

    return property(refuse, doc="An op that is called directly has none.")


for _name in ("run", "dagster_run", "job_def", "job_name", "op_handle", "node_handle", "op", "step_launcher"):
    setattr(DirectContext, _name, _absent(_name))
for _name in ("location_name", "get_step_execution_context"):
    setattr(DirectContext, _name, _absent(_name))


def _is_generator(definition: ResourceDefinition) -> bool:
    """Whether a resource has a part that runs when it is closed."""
    model = getattr(definition, "model", None)
    if model is None:
        return inspect.isgeneratorfunction(inspect.unwrap(definition.resource_fn))
    kind = model if isinstance(model, type) else type(model)
    return any(_is_users(kind, name) for name in ("yield_for_execution", "teardown_after_execution"))


def _is_users(kind: type, method: str) -> bool:
    """Whether user code overrides a method of a class of Kedge's."""
    home = next((one for one in kind.__mro__ if method in vars(one)), None)
    return home is not None and not home.__module__.startswith("kedge.")


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
        raise DagsterInvalidConfigError(f"Error in config for op {op_def.name}", errors, given)
    return found


def build_op_context(
    resources: Mapping[str, Any] | None = None,
    op_config: Any = None,
    resources_config: Mapping[str, Any] | None = None,
    instance: Any = None,
    config: Any = None,
    partition_key: str | None = None,
    partition_key_range: Any = None,
    mapping_key: str | None = None,
    run_tags: Mapping[str, str] | None = None,
    event_loop: Any = None,
    retry_number: int = 0,
) -> DirectContext:
    """A context to call an op with in a test. `config` is an older name of `op_config`.

    Use it as a context manager when a resource is a generator. Raises DagsterInvalidInvocationError for config given
    under both names, and for a range of partitions, which Kedge does not have. `event_loop` is not used: an async op
    is awaited by its caller.
    """
    if op_config and config:
        raise DagsterInvalidInvocationError("build_op_context: give op_config or config, not both")
    if partition_key_range is not None:
        raise DagsterInvalidInvocationError("build_op_context: Kedge runs one partition at a time; give partition_key")
    tags = dict(run_tags or {})
    if partition_key is not None:
        tags[PARTITION_TAG] = partition_key
    given = op_config if op_config is not None else config
    return DirectContext(resources or {}, given, tags, mapping_key, resources_config or {}, retry_number, instance)
