"""`@graph`: ops and graphs wired together under one name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

from kedge.core.errors import DagsterInvalidDefinitionError, DagsterInvariantViolationError
from kedge.core.retry import RetryPolicy
from kedge.definitions import compose, graph_content
from kedge.definitions.compose import Node, Port
from kedge.definitions.graph_content import GraphContent, GraphInput, GraphOutput
from kedge.definitions.ins_outs import GraphIn, GraphOut
from kedge.definitions.names import check_name, normalize_tags


class GraphDefinition(compose.Invocable):
    """A graph. `@graph` makes one of a function; this makes one of definitions and their dependencies by name.

    `node_defs` are the ops and graphs in it; `dependencies` says, by node and by input, which output feeds it
    (DependencyDefinition and its kin; a key may be a NodeInvocation for an alias, tags, hooks or a retry policy);
    `input_mappings` and `output_mappings` tie the graph's own inputs and outputs to those of its nodes; `config` is a
    ConfigMapping, or config for the ops in it. Raises DagsterInvalidDefinitionError for names that fit nothing.
    """

    def __init__(
        self,
        name: str,
        *,
        description: str | None = None,
        node_defs: Sequence[Any] | None = None,
        dependencies: Mapping[Any, Any] | None = None,
        input_mappings: Sequence[Any] | None = None,
        output_mappings: Sequence[Any] | None = None,
        config: Any = None,
        tags: Mapping[str, Any] | None = None,
        content: GraphContent | None = None,
    ) -> None:
        self.name = check_name(name, "a graph")
        self.description = description
        self.tags = normalize_tags(tags)
        self.config_mapping = None if config is None else _mapping_of(config)
        self._dependencies = dependencies
        if content is None:
            content = graph_content.of_dependencies(
                name, node_defs or (), dependencies or {}, input_mappings or (), output_mappings or ()
            )
        self.content = content
        self.node_dict = content.nodes
        self.output_sources = content.sources

    @property
    def input_names(self) -> Sequence[str]:
        return tuple(self.content.inputs)

    @property
    def output_names(self) -> Sequence[str]:
        """The outputs, in order."""
        return tuple(self.content.ports)

    @property
    def input_defs(self) -> Sequence[GraphInput]:
        """The inputs, in order."""
        return list(self.content.inputs.values())

    @property
    def output_defs(self) -> Sequence[GraphOutput]:
        """The outputs, in order."""
        about = self.content.descriptions
        return [GraphOutput(port.name, about.get(port.name), port.is_dynamic) for port in self.content.ports.values()]

    @property
    def nodes(self) -> Sequence[Node]:
        """The uses of ops and graphs in this graph, in order."""
        return list(self.node_dict.values())

    @property
    def node_defs(self) -> Sequence[Any]:
        """The definitions used in this graph."""
        return list({id(node.definition): node.definition for node in self.nodes}.values())

    def has_node_named(self, name: str) -> bool:
        """Whether a node of this graph is called so."""
        return name in self.node_dict

    def node_named(self, name: str) -> Node:
        """The node of that name. Raises DagsterInvariantViolationError when there is none."""
        if name not in self.node_dict:
            raise DagsterInvariantViolationError(
                f"graph {self.name} has no node {name!r}; it has {', '.join(self.node_dict) or 'none'}"
            )
        return self.node_dict[name]

    @property
    def dependencies(self) -> Mapping[Any, Mapping[str, Any]]:
        """What feeds the inputs of each node, as `dependencies` takes it."""
        from kedge.definitions.dependencies import NodeInvocation, dependencies_of

        if self._dependencies is None:
            return dependencies_of(self.node_dict)
        return {
            use if isinstance(use, NodeInvocation) else NodeInvocation(use): dict(reads)
            for use, reads in self._dependencies.items()
        }

    @property
    def input_mappings(self) -> Sequence[Any]:
        """Which inputs of nodes the graph's own inputs feed."""
        from kedge.definitions.dependencies import input_mappings_of

        return input_mappings_of(self.node_dict)

    @property
    def output_mappings(self) -> Sequence[Any]:
        """Which outputs of nodes the graph's own outputs are."""
        from kedge.definitions.dependencies import OutputMapping

        return [OutputMapping(name, source.node, source.output) for name, source in self.output_sources.items()]

    @property
    def has_config_mapping(self) -> bool:
        """Whether its config is its own, and the ops' config follows from it."""
        return self.config_mapping is not None

    @property
    def config_schema(self) -> Any:
        """The schema of its own config; None for a graph without a config mapping."""
        return None if self.config_mapping is None else self.config_mapping.config_schema

    @cached_property
    def maps_config(self) -> bool:
        """Whether this graph, or one inside it, has a config mapping."""
        return self.has_config_mapping or any(
            node.definition.maps_config for node in self.nodes if isinstance(node.definition, GraphDefinition)
        )

    def output_ports(self) -> Sequence[Port]:
        return list(self.content.ports.values())

    def invoke_directly(self, *args: Any, **kwargs: Any) -> Any:
        raise DagsterInvariantViolationError(
            f"graph {self.name} was called outside of a graph; run it with {self.name}.execute_in_process()"
        )

    def configured(
        self,
        config_or_config_fn: Any,
        name: str | None = None,
        config_schema: Any = None,
        description: str | None = None,
    ) -> GraphDefinition:
        """The same graph with its config given now, or computed from a smaller one.

        Raises DagsterInvalidDefinitionError for a graph without a config mapping: only its ops have config.
        """
        if self.config_mapping is None:
            raise DagsterInvalidDefinitionError(
                f"graph {self.name} has no config of its own to give; add @graph(config=ConfigMapping(...)), or "
                "configure the ops in it"
            )
        found = name or (getattr(config_or_config_fn, "__name__", None) if callable(config_or_config_fn) else None)
        if found is None:
            raise DagsterInvalidDefinitionError(f"configured({self.name}): give the new graph a name")
        return GraphDefinition(
            found,
            description=description or self.description,
            config=self.config_mapping.configured(config_or_config_fn, found, config_schema),
            tags=self.tags,
            content=self.content,
        )

    def to_job(
        self,
        name: str | None = None,
        description: str | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        config: Any = None,
        tags: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        logger_defs: Mapping[str, Any] | None = None,
        executor_def: Any = None,
        hooks: AbstractSet[Any] | None = None,
        op_retry_policy: RetryPolicy | None = None,
        op_selection: Sequence[str] | None = None,
        partitions_def: Any = None,
        input_values: Mapping[str, Any] | None = None,
        run_tags: Mapping[str, Any] | None = None,
        owners: Sequence[str] | None = None,
        version_strategy: Any = None,
    ) -> Any:
        """A job of this graph; see JobDefinition for the arguments."""
        from kedge.definitions.jobs import JobDefinition

        return JobDefinition(
            graph_def=self,
            name=name,
            description=description,
            resource_defs=resource_defs,
            config=config,
            tags=tags,
            metadata=metadata,
            logger_defs=logger_defs,
            executor_def=executor_def,
            hook_defs=hooks,
            op_retry_policy=op_retry_policy,
            op_selection=op_selection,
            partitions_def=partitions_def,
            input_values=input_values,
            run_tags=run_tags,
            owners=owners,
            version_strategy=version_strategy,
        )

    def execute_in_process(
        self,
        run_config: Any = None,
        instance: Any = None,
        resources: Mapping[str, Any] | None = None,
        raise_on_error: bool = True,
        op_selection: Sequence[str] | None = None,
        run_id: str | None = None,
        input_values: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the graph in this process; see JobDefinition.execute_in_process."""
        return self.to_job(resource_defs=resources).execute_in_process(
            run_config=run_config,
            instance=instance,
            raise_on_error=raise_on_error,
            op_selection=op_selection,
            run_id=run_id,
            input_values=input_values,
        )

    def __repr__(self) -> str:
        return f"<graph {self.name}>"


def _mapping_of(config: Any) -> Any:
    from kedge.definitions.config_mapping import mapping_of

    return mapping_of(config)


def graph(
    compose_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    ins: Mapping[str, GraphIn] | None = None,
    out: GraphOut | Mapping[str, GraphOut] | None = None,
    tags: Mapping[str, Any] | None = None,
    config: Any = None,
) -> Any:
    """Make a graph of a function that calls ops and other graphs.

    `ins` and `out` describe inputs and outputs; several outputs are returned as a dict by the names of `out`. `config`
    is a ConfigMapping, or config for the ops in it. Raises DagsterInvalidDefinitionError for what can't be wired.
    """

    def decorate(fn: Callable[..., Any]) -> GraphDefinition:
        return compose_graph(fn, name or fn.__name__, description or inspect.getdoc(fn), ins, out, tags, config)

    return decorate if compose_fn is None else decorate(compose_fn)


def compose_graph(
    fn: Callable[..., Any],
    name: str,
    description: str | None = None,
    ins: Mapping[str, GraphIn] | None = None,
    out: GraphOut | Mapping[str, GraphOut] | None = None,
    tags: Mapping[str, Any] | None = None,
    config: Any = None,
) -> GraphDefinition:
    """The graph that a function describes. Raises DagsterInvalidDefinitionError for what can't be."""
    content = graph_content.of_function(fn, name, ins, out)
    return GraphDefinition(name, description=description, config=config, tags=tags, content=content)
