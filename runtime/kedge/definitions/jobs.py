"""`@job`: a graph with resources, config, tags and policies: what can be run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kedge.core import selection
from kedge.core.errors import DagsterInvalidDefinitionError, PlanError
from kedge.core.graph import OpGraph
from kedge.core.plan import Plan, TagLimit, build
from kedge.core.retry import RetryPolicy
from kedge.definitions import run_config as configs
from kedge.definitions.flatten import FlatOp, flatten, to_op_graph
from kedge.definitions.graphs import GraphDefinition, compose_graph
from kedge.definitions.ins_outs import DEFAULT_IO_MANAGER
from kedge.definitions.names import check_name, normalize_tags
from kedge.definitions.resources import check_dependencies, coerce
from kedge.definitions.run_config import ResolvedConfig

if TYPE_CHECKING:
    from kedge.local.inprocess import ExecuteInProcessResult


class JobDefinition:
    """A job. Raises DagsterInvalidDefinitionError for missing resources or tags that can't be, and
    DagsterInvalidConfigError for a config of its own that does not fit."""

    def __init__(
        self,
        graph_def: GraphDefinition,
        *,
        name: str | None = None,
        description: str | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        config: Any = None,
        tags: Mapping[str, Any] | None = None,
        run_tags: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        logger_defs: Mapping[str, Any] | None = None,
        executor_def: Any = None,
        hooks: AbstractSet[Any] | None = None,
        op_retry_policy: RetryPolicy | None = None,
        partitions_def: Any = None,
        input_values: Mapping[str, Any] | None = None,
        op_selection: Sequence[str] | None = None,
    ) -> None:
        self.graph = graph_def
        self.name = check_name(name or graph_def.name, "a job")
        self.description = description or graph_def.description
        self.resource_defs = {key: coerce(one) for key, one in (resource_defs or {}).items()}
        self.tags = {**graph_def.tags, **normalize_tags(tags)}
        self.run_tags = normalize_tags(run_tags) if run_tags is not None else self.tags
        self.metadata = dict(metadata or {})
        self.logger_defs = dict(logger_defs or {})
        self.executor_def = executor_def
        self.hook_defs = frozenset(hooks or ())
        self.op_retry_policy = op_retry_policy
        self.partitions_def = partitions_def
        self.input_values = dict(input_values or {})
        self.run_config = configs.plain_run_config(config)
        self.op_selection = list(op_selection or ())
        self.all_ops = flatten(graph_def)
        self._check_resources()
        self._check_input_values()
        _ = self._plan
        if self.run_config:
            self.resolve_config()

    # -- ops --------------------------------------------------------------------------------------------------

    @cached_property
    def full_op_graph(self) -> OpGraph:
        """The op graph of the whole job, without config."""
        return to_op_graph(self.all_ops, {}, self.op_retry_policy)

    @cached_property
    def op_graph(self) -> OpGraph:
        """The op graph of the selected ops, without config."""
        if not self.op_selection:
            return self.full_op_graph
        names = selection.select_ops(self.full_op_graph, self.op_selection)
        return selection.subset(self.full_op_graph, names)

    @cached_property
    def ops(self) -> dict[str, FlatOp]:
        """The selected ops by flat name; inputs cut off by the selection are not connected."""
        if not self.op_selection:
            return self.all_ops
        found = {}
        for node in self.op_graph:
            op = self.all_ops[node.name]
            found[node.name] = FlatOp(
                op.name, op.definition, op.graphs, node.inputs, op.roots, op.tags, op.retry_policy, op.hooks
            )
        return found

    def plan(self, tag_limits: Sequence[TagLimit] = ()) -> Plan:
        """The plan of this job."""
        return build(self.op_graph, tag_limits) if tag_limits else self._plan

    def get_subset(self, op_selection: Sequence[str] | None) -> JobDefinition:
        """This job with fewer ops."""
        return self.with_changes(op_selection=op_selection)

    def with_changes(self, **changes: Any) -> JobDefinition:
        """A copy with some arguments replaced."""
        arguments: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "resource_defs": self.resource_defs,
            "config": self.run_config or None,
            "tags": self.tags,
            "run_tags": self.run_tags,
            "metadata": self.metadata,
            "logger_defs": self.logger_defs,
            "executor_def": self.executor_def,
            "hooks": self.hook_defs,
            "op_retry_policy": self.op_retry_policy,
            "partitions_def": self.partitions_def,
            "input_values": self.input_values,
            "op_selection": self.op_selection,
        }
        return JobDefinition(self.graph, **{**arguments, **changes})

    def with_hooks(self, hook_defs: AbstractSet[Any]) -> JobDefinition:
        """The same job with more hooks on every op."""
        return self.with_changes(hooks=self.hook_defs | frozenset(hook_defs))

    # -- resources and config ---------------------------------------------------------------------------------

    @cached_property
    def required_resource_keys(self) -> frozenset[str]:
        """All resources that the selected ops, their hooks and I/O need, with what those need themselves."""
        keys: set[str] = set()
        for op in self.ops.values():
            keys |= self.keys_of(op)
        found: set[str] = set()
        while keys:
            key = keys.pop()
            if key not in found:
                found.add(key)
                definition = self.resource_defs.get(key)
                keys |= set(definition.required_resource_keys) if definition is not None else set()
        return frozenset(found & set(self.resource_defs))

    def keys_of(self, op: FlatOp) -> frozenset[str]:
        """The resources that one op needs itself: its own, its hooks', its I/O managers'."""
        hooks = op.hooks | self.hook_defs
        own = op.definition.required_resource_keys.union(*(hook.required_resource_keys for hook in hooks))
        return own | op.definition.io_manager_keys

    def _check_resources(self) -> None:
        for op in self.all_ops.values():
            for key in sorted(self.keys_of(op) - set(self.resource_defs) - {DEFAULT_IO_MANAGER}):
                raise DagsterInvalidDefinitionError(
                    f"resource with key '{key}' required by op '{op.name}' was not provided; "
                    f"add it to the resource_defs of job '{self.name}'"
                )
        check_dependencies(self.resource_defs)

    @cached_property
    def _plan(self) -> Plan:
        try:
            return build(self.op_graph)
        except PlanError as error:
            raise DagsterInvalidDefinitionError(f"job '{self.name}': {error}") from error

    def _check_input_values(self) -> None:
        for name in self.input_values:
            if name not in self.graph.input_names:
                raise DagsterInvalidDefinitionError(f"job '{self.name}': it has no input '{name}' to give a value to")

    def resolve_config(self, run_config: Any = None, input_values: Mapping[str, Any] | None = None) -> ResolvedConfig:
        """Check a run config over the job's own. Raises DagsterInvalidConfigError with all faults."""
        given = configs.merge_defaults(self._own_config(), configs.plain_run_config(run_config))
        available = {**self.input_values, **(input_values or {})}
        return configs.resolve(self.ops, self.resource_defs, self.required_resource_keys, given, available, self.name)

    def _own_config(self) -> Mapping[str, Any]:
        """The job's config, without the entries of ops that a selection left out."""
        if not self.op_selection or "ops" not in self.run_config:
            return self.run_config
        kept = {name.split(".")[0] for name in self.ops}
        entries = {name: entry for name, entry in self.run_config["ops"].items() if name in kept}
        return {**self.run_config, "ops": entries}

    # -- running ----------------------------------------------------------------------------------------------

    def execute_in_process(
        self,
        run_config: Any = None,
        instance: Any = None,
        partition_key: str | None = None,
        raise_on_error: bool = True,
        op_selection: Sequence[str] | None = None,
        asset_selection: Any = None,
        run_id: str | None = None,
        input_values: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> ExecuteInProcessResult:
        """Run the job in this process and return its result.

        With `raise_on_error` the run stops at the first failure and raises the user's own exception; without,
        independent branches go on and the result tells.
        """
        from kedge.local.inprocess import execute

        changes: dict[str, Any] = {}
        if op_selection:
            changes["op_selection"] = list(op_selection)
        if resources:
            changes["resource_defs"] = {**self.resource_defs, **resources}
        job = self.with_changes(**changes) if changes else self
        return execute(
            job,
            run_config=run_config,
            raise_on_error=raise_on_error,
            run_id=run_id,
            input_values=input_values,
            tags=normalize_tags(tags),
            partition_key=partition_key,
        )

    def __repr__(self) -> str:
        return f"<job {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise DagsterInvalidDefinitionError(f"job {self.name} can't be called; use execute_in_process() or `kedge run`")


def job(
    compose_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    **rest: Any,
) -> Any:
    """Make a job of a function that calls ops and graphs. Takes what JobDefinition takes."""

    def decorate(fn: Callable[..., Any]) -> JobDefinition:
        graph_def = compose_graph(fn, name or fn.__name__, description or inspect.getdoc(fn))
        return JobDefinition(graph_def, name=name or fn.__name__, description=description, **rest)

    return decorate if compose_fn is None else decorate(compose_fn)
