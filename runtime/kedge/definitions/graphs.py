"""`@graph`: ops and graphs wired together under one name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from kedge.core.errors import DagsterInvalidDefinitionError, DagsterInvariantViolationError
from kedge.core.graph import DEFAULT_OUTPUT
from kedge.definitions import compose
from kedge.definitions.compose import DynamicHandle, FanInSource, InputSource, Node, NodeSource, OutputHandle, Port
from kedge.definitions.ins_outs import GraphIn, GraphOut
from kedge.definitions.names import check_name, normalize_tags


class GraphInput(NamedTuple):
    """An input of a graph."""

    name: str
    description: str | None = None


class GraphOutput(NamedTuple):
    """An output of a graph; `is_dynamic` when it has any number of values."""

    name: str
    description: str | None = None
    is_dynamic: bool = False


class GraphContent(NamedTuple):
    """What a graph holds, once it is composed: its nodes, its inputs, and where each of its outputs comes from."""

    nodes: Mapping[str, Node] = {}
    inputs: Mapping[str, GraphInput] = {}
    ports: Mapping[str, Port] = {}
    sources: Mapping[str, NodeSource] = {}
    descriptions: Mapping[str, str | None] = {}


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
            content = _content_of(
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

    def to_job(self, name: str | None = None, *, hooks: Any = None, **rest: Any) -> Any:
        """A job of this graph. Takes what `@job` takes, and `op_selection`."""
        from kedge.definitions.jobs import JobDefinition

        return JobDefinition(graph_def=self, name=name, hook_defs=hooks, **rest)

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
    """Run the body once, with handles for its inputs. Raises DagsterInvalidDefinitionError for what can't be."""
    inputs = _inputs_of(name, fn, ins or {})
    composition = compose.Composition(name)
    with compose.Composing(composition):
        result = fn(**{one: OutputHandle(InputSource(one)) for one in inputs})
    handles = _named_results(name, result, out)
    _check_all_used(name, inputs, composition.nodes)
    declared = {DEFAULT_OUTPUT: out} if isinstance(out, GraphOut) else dict(out or {})
    content = _closed(name, composition.nodes, inputs, handles, {one: declared[one].description for one in declared})
    return GraphDefinition(name, description=description, config=config, tags=tags, content=content)


def _content_of(
    name: str,
    node_defs: Sequence[Any],
    dependencies: Mapping[Any, Any],
    input_mappings: Sequence[Any],
    output_mappings: Sequence[Any],
) -> GraphContent:
    from kedge.definitions.dependencies import compose_nodes

    composition, handles = compose_nodes(name, node_defs, dependencies, input_mappings)
    inputs = {
        one.graph_input_name: GraphInput(one.graph_input_name, one.graph_input_description) for one in input_mappings
    }
    results: dict[str, Any] = {}
    for mapping in output_mappings:
        outputs = handles.get(mapping.mapped_node_name)
        if outputs is None or mapping.mapped_node_output_name not in outputs:
            raise DagsterInvalidDefinitionError(
                f"graph {name}: the mapping of output {mapping.graph_output_name!r} names output "
                f"{mapping.mapped_node_output_name!r} of {mapping.mapped_node_name!r}, which is not there"
            )
        check_name(mapping.graph_output_name, f"an output of graph {name}")
        results[mapping.graph_output_name] = outputs[mapping.mapped_node_output_name]
    about = {one.graph_output_name: one.graph_output_description for one in output_mappings}
    return _closed(name, composition.nodes, inputs, results, about)


def _closed(
    name: str,
    nodes: Mapping[str, Node],
    inputs: Mapping[str, GraphInput],
    results: Mapping[str, Any],
    descriptions: Mapping[str, str | None],
) -> GraphContent:
    found = {output: _port_of(name, output, handle) for output, handle in results.items()}
    ports = {output: port for output, (_, port) in found.items()}
    return GraphContent(nodes, inputs, ports, {output: source for output, (source, _) in found.items()}, descriptions)


def _inputs_of(name: str, fn: Callable[..., Any], ins: Mapping[str, GraphIn]) -> dict[str, GraphInput]:
    found = {}
    for parameter in inspect.signature(fn).parameters.values():
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise DagsterInvalidDefinitionError(f"graph {name}: *{parameter.name} can't be wired; name each input")
        check_name(parameter.name, f"an input of graph {name}")
        declared = ins.get(parameter.name)
        found[parameter.name] = GraphInput(parameter.name, None if declared is None else declared.description)
    for one in ins:
        if one not in found:
            raise DagsterInvalidDefinitionError(f"graph {name}: GraphIn {one!r} has no parameter of that name")
    return found


def _check_all_used(name: str, inputs: Mapping[str, GraphInput], nodes: Mapping[str, Node]) -> None:
    if not inputs:
        return
    used = {one.name for node in nodes.values() for one in _graph_inputs_of(node)}
    for one in inputs:
        if one not in used:
            raise DagsterInvalidDefinitionError(
                f"graph {name}: nothing reads its input {one!r}; pass it to an op or a graph, or take it away"
            )


def _graph_inputs_of(node: Node) -> Sequence[InputSource]:
    found: list[InputSource] = []
    for source in node.inputs.values():
        members = source.members if isinstance(source, FanInSource) else (source,)
        found += [one for one in members if isinstance(one, InputSource)]
    return found


def _named_results(name: str, result: Any, out: GraphOut | Mapping[str, GraphOut] | None) -> dict[str, Any]:
    """What the body returned, by output name."""
    if isinstance(out, GraphOut):
        out = {DEFAULT_OUTPUT: out}
    if result is None:
        if out:
            raise DagsterInvalidDefinitionError(f"graph {name}: it declares outputs and returns none of them")
        return {}
    if isinstance(result, dict):
        found = dict(result)
    elif isinstance(result, tuple):
        names = list(out) if out else list(getattr(result, "_fields", ()))
        if len(names) != len(result):
            raise DagsterInvalidDefinitionError(
                f"graph {name}: it returns {len(result)} outputs; declare as many with out={{...}}, or return a dict"
            )
        found = dict(zip(names, result, strict=True))
    else:
        names = list(out) if out else [DEFAULT_OUTPUT]
        if len(names) != 1:
            raise DagsterInvalidDefinitionError(f"graph {name}: it declares {', '.join(names)}; return a dict of them")
        found = {names[0]: result}
    if out is not None and set(out) != set(found):
        raise DagsterInvalidDefinitionError(
            f"graph {name}: it declares the outputs {', '.join(out)} and returns {', '.join(found)}"
        )
    return found


def _port_of(name: str, output: str, handle: Any) -> tuple[NodeSource, Port]:
    inner = handle.inner if isinstance(handle, DynamicHandle) else handle
    if not isinstance(inner, OutputHandle):
        raise DagsterInvalidDefinitionError(
            f"graph {name}: output {output} is {inner!r}; return what an op or a graph gives"
        )
    source = inner.source
    if isinstance(source, InputSource):
        raise DagsterInvalidDefinitionError(
            f"graph {name}: output {output} is its own input {source.name}; put an op between them"
        )
    if source.kind == "collect":
        raise DagsterInvalidDefinitionError(
            f"graph {name}: output {output} is a collected list; pass it to an op and return that op's output, "
            f"or return the dynamic output and collect it outside"
        )
    return source, Port(output, bool(inner.axes), source.kind == "map", inner.axes)
