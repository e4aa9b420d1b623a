"""`@job`: a graph with resources, config, tags and policies: what can be run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kedge.core import selection
from kedge.core.errors import (
    DagsterInvalidDefinitionError,
    DagsterInvalidInvocationError,
    DagsterInvariantViolationError,
    PlanError,
)
from kedge.core.graph import OpGraph
from kedge.core.plan import Plan, TagLimit, build
from kedge.core.retry import RetryPolicy
from kedge.definitions import run_config as configs
from kedge.definitions.flatten import FlatOp, flatten, to_op_graph
from kedge.definitions.graphs import GraphDefinition, compose_graph
from kedge.definitions.ins_outs import DEFAULT_IO_MANAGER
from kedge.definitions.job_config import JobConfig
from kedge.definitions.job_description import JobDescription
from kedge.definitions.names import check_name, normalize_tags
from kedge.definitions.resource_scope import check_dependencies
from kedge.definitions.resources import coerce_all
from kedge.definitions.run_config import ResolvedConfig, RunConfigSchema

if TYPE_CHECKING:
    from kedge.local.inprocess import ExecuteInProcessResult


class JobDefinition(JobDescription):
    """A job: what can be run. `@job` and `graph.to_job` make one; this takes the graph as `graph_def`.

    `config` is a run config (a dict or a RunConfig), a ConfigMapping (people then give its config in place of a run
    config) or a PartitionedConfig. `run_tags` stand for `tags` on runs where they are given. `version_strategy`
    turns memoization on, see `kedge.definitions.versions`.

    Raises DagsterInvalidDefinitionError for missing resources or tags that can't be, and
    DagsterInvalidConfigError for a config of its own that does not fit.
    """

    def __init__(
        self,
        *,
        graph_def: GraphDefinition,
        resource_defs: Mapping[str, Any] | None = None,
        executor_def: Any = None,
        logger_defs: Mapping[str, Any] | None = None,
        name: str | None = None,
        config: Any = None,
        description: str | None = None,
        partitions_def: Any = None,
        tags: Mapping[str, Any] | None = None,
        run_tags: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        hook_defs: AbstractSet[Any] | None = None,
        op_retry_policy: RetryPolicy | None = None,
        input_values: Mapping[str, Any] | None = None,
        owners: Sequence[str] | None = None,
        op_selection: Sequence[str] | None = None,
        version_strategy: Any = None,
    ) -> None:
        self.graph = graph_def
        self.origin: Callable[..., Any] | None = None
        self.name = check_name(name or graph_def.name, "a job")
        self.description = description or graph_def.description
        self.resource_defs = coerce_all(resource_defs or {})
        self.has_separately_defined_run_tags = run_tags is not None
        own = graph_def.tags if run_tags is None else {}
        self.tags = {**own, **normalize_tags(tags)}
        self.run_tags = self.tags if run_tags is None else {**graph_def.tags, **normalize_tags(run_tags)}
        self._metadata = dict(metadata or {})
        self.owners = list(owners or ())
        self.logger_defs = _loggers_of(self.name, logger_defs)
        self._executor_def = _executor_of(self.name, executor_def)
        self.hook_defs = _hooks_of(hook_defs)
        self.op_retry_policy = op_retry_policy
        self.input_values = dict(input_values or {})
        self.config = JobConfig.of(self.name, config, partitions_def)
        self.version_strategy = _strategy_of(self.name, version_strategy)
        self.op_selection = list(op_selection or ())
        self.all_ops = flatten(graph_def)
        self._check_resources()
        self._check_input_values()
        _ = self._plan
        if self.config.fixed and self.config.mapping is None:
            self.resolve_config()

    # -- ops --------------------------------------------------------------------------------------------------

    @cached_property
    def full_op_graph(self) -> OpGraph:
        """The op graph of the whole job, without config."""
        return to_op_graph(self.all_ops, self._versions, self.op_retry_policy)

    @cached_property
    def _versions(self) -> Mapping[str, str]:
        """The code versions of memoized ops."""
        if self.version_strategy is None:
            return {}
        from kedge.definitions.versions import versions_of

        return versions_of(self)

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
            "config": self.config.given,
            "tags": self.tags,
            "run_tags": self.run_tags if self.has_separately_defined_run_tags else None,
            "metadata": self._metadata,
            "owners": self.owners,
            "logger_defs": self.logger_defs,
            "executor_def": self._executor_def,
            "hook_defs": self.hook_defs,
            "op_retry_policy": self.op_retry_policy,
            "partitions_def": self.config.partitions,
            "version_strategy": self.version_strategy,
            "input_values": self.input_values,
            "op_selection": self.op_selection,
        }
        made = JobDefinition(graph_def=self.graph, **{**arguments, **changes})
        made.origin = self.origin
        return made

    def with_hooks(self, hook_defs: AbstractSet[Any]) -> JobDefinition:
        """The same job with more hooks on every op."""
        return self.with_changes(hook_defs=self.hook_defs | frozenset(hook_defs))

    def with_executor_def(self, executor_def: Any) -> JobDefinition:
        """The same job with another executor."""
        return self.with_changes(executor_def=executor_def)

    def with_logger_defs(self, logger_defs: Mapping[str, Any]) -> JobDefinition:
        """The same job with other loggers."""
        return self.with_changes(logger_defs=logger_defs)

    def with_metadata(self, metadata: Mapping[str, Any]) -> JobDefinition:
        """The same job with other metadata."""
        return self.with_changes(metadata=metadata)

    def with_top_level_resources(self, resource_defs: Mapping[str, Any]) -> JobDefinition:
        """The same job with other resources."""
        return self.with_changes(resource_defs=resource_defs)

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
        """The resources that one op needs itself: its own, its types', its hooks', its I/O managers'."""
        hooks = op.hooks | self.hook_defs
        own = op.definition.required_resource_keys.union(*(hook.required_resource_keys for hook in hooks))
        return own | op.definition.io_manager_keys | op.definition.type_resource_keys

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

    def resolve_config(
        self, run_config: Any = None, input_values: Mapping[str, Any] | None = None, *, check_executor: bool = True
    ) -> ResolvedConfig:
        """Check a run config over the job's own. Raises DagsterInvalidConfigError with all faults.

        Without `check_executor` any config of the executor will do: in process it says nothing.
        """
        schema = RunConfigSchema(
            self.name,
            self.graph,
            self.ops,
            self.resource_defs,
            self.required_resource_keys,
            self._executor_def,
            self.logger_defs,
            check_executor,
        )
        asked = configs.plain_run_config(run_config)
        given = self.config.complete(self.name, asked, self._selected_entries)
        found = configs.resolve(schema, given, {**self.input_values, **(input_values or {})})
        found.asked = asked
        return found

    def _selected_entries(self, own: Mapping[str, Any]) -> Mapping[str, Any]:
        """A config of the job's own without the entries of ops that a selection left out."""
        if not self.op_selection or not isinstance(own.get("ops"), Mapping) or self.graph.has_config_mapping:
            return own
        kept = {name.split(".")[0] for name in self.ops}
        entries = {name: entry for name, entry in own["ops"].items() if name in kept}
        return {**own, "ops": entries}

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

        if asset_selection is not None:
            raise DagsterInvalidInvocationError(
                f"job {self.name}: Kedge has no software-defined assets to select; give op_selection"
            )
        changes: dict[str, Any] = {}
        if op_selection:
            changes["op_selection"] = list(op_selection)
        if resources:
            changes["resource_defs"] = {**self.resource_defs, **resources}
        all_tags = normalize_tags(tags)
        if partition_key is not None:
            run_config = run_config or self.get_run_config_for_partition_key(partition_key)
            all_tags = {**self.get_tags_for_partition_key(partition_key), **all_tags}
        return execute(
            self.with_changes(**changes) if changes else self,
            run_config=run_config,
            raise_on_error=raise_on_error,
            run_id=run_id,
            input_values=input_values,
            tags=all_tags,
            instance=instance,
        )

    def __repr__(self) -> str:
        return f"<job {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise DagsterInvariantViolationError(
            f"job {self.name} can't be called; use execute_in_process() or `kedge run`, and a graph inside other graphs"
        )


def _executor_of(job: str, given: Any) -> Any:
    if given is None:
        return None
    from kedge.definitions.executors import check_executor

    return check_executor(job, given)


def _strategy_of(job: str, given: Any) -> Any:
    if given is None:
        return None
    from kedge.definitions.versions import check_strategy

    return check_strategy(job, given)


def _loggers_of(job: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    if not given:
        return {}
    from kedge.definitions.loggers import check_loggers

    return dict(check_loggers(job, given))


def _hooks_of(hook_defs: AbstractSet[Any] | None) -> frozenset[Any]:
    if not hook_defs:
        return frozenset()
    from kedge.definitions.hooks import check_hooks

    return check_hooks(hook_defs)


def job(
    compose_fn: Callable[..., Any] | None = None,
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
    owners: Sequence[str] | None = None,
    version_strategy: Any = None,
) -> Any:
    """Make a job of a function that calls ops and graphs; see JobDefinition for the arguments."""

    def decorate(fn: Callable[..., Any]) -> JobDefinition:
        graph_def = compose_graph(fn, name or fn.__name__, description or inspect.getdoc(fn))
        made = JobDefinition(
            graph_def=graph_def,
            name=name or fn.__name__,
            description=description,
            resource_defs=resource_defs,
            config=config,
            tags=tags,
            run_tags=run_tags,
            metadata=metadata,
            logger_defs=logger_defs,
            executor_def=executor_def,
            hook_defs=hooks,
            op_retry_policy=op_retry_policy,
            partitions_def=partitions_def,
            input_values=input_values,
            owners=owners,
            version_strategy=version_strategy,
        )
        made.origin = fn
        return made

    return decorate if compose_fn is None else decorate(compose_fn)
