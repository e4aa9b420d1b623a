"""What a graph holds, and how it comes from the body of a function or from dependencies by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from kedge.core.errors import DagsterInvalidDefinitionError
from kedge.core.graph import DEFAULT_OUTPUT
from kedge.definitions import compose
from kedge.definitions.compose import DynamicHandle, FanInSource, InputSource, Node, NodeSource, OutputHandle, Port
from kedge.definitions.ins_outs import GraphIn, GraphOut
from kedge.definitions.names import check_name


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


def of_function(
    fn: Callable[..., Any],
    name: str,
    ins: Mapping[str, GraphIn] | None = None,
    out: GraphOut | Mapping[str, GraphOut] | None = None,
) -> GraphContent:
    """Run the body once, with handles for its inputs. Raises DagsterInvalidDefinitionError for what can't be."""
    inputs = _inputs_of(name, fn, ins or {})
    composition = compose.Composition(name)
    with compose.Composing(composition):
        result = fn(**{one: OutputHandle(InputSource(one)) for one in inputs})
    handles = _named_results(name, result, out)
    _check_all_used(name, inputs, composition.nodes)
    declared = {DEFAULT_OUTPUT: out} if isinstance(out, GraphOut) else dict(out or {})
    return _closed(name, composition.nodes, inputs, handles, {one: declared[one].description for one in declared})


def of_dependencies(
    name: str,
    node_defs: Sequence[Any],
    dependencies: Mapping[Any, Any],
    input_mappings: Sequence[Any],
    output_mappings: Sequence[Any],
) -> GraphContent:
    """Wire definitions as they are declared. Raises DagsterInvalidDefinitionError for names that fit nothing."""
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
