"""`@graph`: ops and graphs wired together under one name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kedge.core.errors import DagsterInvalidDefinitionError, DagsterInvariantViolationError
from kedge.core.graph import DEFAULT_OUTPUT
from kedge.definitions import compose
from kedge.definitions.compose import DynamicHandle, InputSource, Node, NodeSource, OutputHandle, Port
from kedge.definitions.ins_outs import GraphIn, GraphOut
from kedge.definitions.names import check_name, normalize_tags


class GraphDefinition(compose.Invocable):
    """A graph: nodes by name, inputs, and outputs each mapped to an output of a node."""

    def __init__(
        self,
        name: str,
        nodes: Mapping[str, Node],
        inputs: Sequence[str] = (),
        outputs: Mapping[str, Port] | None = None,
        output_sources: Mapping[str, NodeSource] | None = None,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        config: Any = None,
    ) -> None:
        self.name = check_name(name, "a graph")
        self.nodes = dict(nodes)
        self._inputs = tuple(inputs)
        self._ports = dict(outputs or {})
        self.output_sources = dict(output_sources or {})
        self.description = description
        self.tags = normalize_tags(tags)
        self.config_mapping = config

    @property
    def input_names(self) -> Sequence[str]:
        return self._inputs

    @property
    def output_names(self) -> Sequence[str]:
        return tuple(self._ports)

    @property
    def node_defs(self) -> Sequence[Any]:
        """The definitions used in this graph."""
        return list({id(node.definition): node.definition for node in self.nodes.values()}.values())

    def output_ports(self) -> Sequence[Port]:
        return list(self._ports.values())

    def invoke_directly(self, *args: Any, **kwargs: Any) -> Any:
        raise DagsterInvariantViolationError(
            f"graph {self.name} was called outside of a graph; run it with {self.name}.execute_in_process()"
        )

    def to_job(self, name: str | None = None, **rest: Any) -> Any:
        """A job of this graph. Takes what `@job` takes."""
        from kedge.definitions.jobs import JobDefinition

        return JobDefinition(self, name=name, **rest)

    def execute_in_process(
        self, run_config: Any = None, resources: Mapping[str, Any] | None = None, **rest: Any
    ) -> Any:
        """Run the graph in this process; see JobDefinition.execute_in_process."""
        return self.to_job(resource_defs=resources).execute_in_process(run_config=run_config, **rest)

    def __repr__(self) -> str:
        return f"<graph {self.name}>"


def graph(
    compose_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    input_defs: Any = None,
    output_defs: Any = None,
    ins: Mapping[str, GraphIn] | None = None,
    out: GraphOut | Mapping[str, GraphOut] | None = None,
    tags: Mapping[str, Any] | None = None,
    config: Any = None,
) -> Any:
    """Make a graph of a function that calls ops and other graphs."""

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
    ports, sources = {}, {}
    for output, handle in _named_results(name, result, out).items():
        sources[output], ports[output] = _port_of(name, output, handle)
    return GraphDefinition(name, composition.nodes, inputs, ports, sources, description, tags, config)


def _inputs_of(name: str, fn: Callable[..., Any], ins: Mapping[str, GraphIn]) -> list[str]:
    found = []
    for parameter in inspect.signature(fn).parameters.values():
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise DagsterInvalidDefinitionError(f"graph {name}: *{parameter.name} can't be wired; name each input")
        found.append(check_name(parameter.name, f"an input of graph {name}"))
    for one in ins:
        if one not in found:
            raise DagsterInvalidDefinitionError(f"graph {name}: GraphIn {one!r} has no parameter of that name")
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
