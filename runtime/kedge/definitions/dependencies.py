"""Graphs out of data: which output feeds which input, said by name instead of by calling ops in a function.

`GraphDefinition(node_defs=..., dependencies=...)` plays these declarations through the same composition as the body
of a `@graph`, so that both follow the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from kedge.core.errors import DagsterInvalidDefinitionError
from kedge.core.graph import DEFAULT_OUTPUT
from kedge.core.retry import RetryPolicy
from kedge.definitions import compose
from kedge.definitions.compose import Composition, DynamicHandle, InputSource, Invocable, Invocation, OutputHandle
from kedge.definitions.names import check_name, normalize_tags


@dataclass(frozen=True)
class DependencyDefinition:
    """An input that reads `output` of the node called `node`; of a dynamic output, one element for each clone."""

    node: str
    output: str = DEFAULT_OUTPUT
    description: str | None = None

    def get_node_dependencies(self) -> Sequence[DependencyDefinition]:
        """The outputs that it reads."""
        return [self]

    def is_fan_in(self) -> bool:
        """Whether it makes a list."""
        return False


class MappedInputPlaceholder:
    """Stands in a MultiDependencyDefinition where an input of the graph goes; `fan_in_index` says which."""


@dataclass(frozen=True)
class MultiDependencyDefinition:
    """An input that reads a list: several outputs, and inputs of the graph where MappedInputPlaceholder stands.

    Raises DagsterInvalidDefinitionError for a member of another kind, and for one that stands there twice.
    """

    dependencies: Sequence[DependencyDefinition | type[MappedInputPlaceholder]]

    def __post_init__(self) -> None:
        seen: set[tuple[str, str]] = set()
        for one in self.dependencies:
            if one is MappedInputPlaceholder:
                continue
            if not isinstance(one, DependencyDefinition):
                raise DagsterInvalidDefinitionError(
                    f"MultiDependencyDefinition: {one!r} is no dependency; give DependencyDefinition objects"
                )
            if (one.node, one.output) in seen:
                raise DagsterInvalidDefinitionError(
                    f"MultiDependencyDefinition: output {one.output!r} of {one.node!r} stands there twice"
                )
            seen.add((one.node, one.output))

    def get_node_dependencies(self) -> Sequence[DependencyDefinition]:
        """The outputs that it reads."""
        return [one for one in self.dependencies if isinstance(one, DependencyDefinition)]

    def is_fan_in(self) -> bool:
        """Whether it makes a list."""
        return True


@dataclass(frozen=True)
class DynamicCollectDependencyDefinition:
    """An input that reads the list of all elements of a dynamic output, or of what a map made of them."""

    node_name: str
    output_name: str = DEFAULT_OUTPUT

    def get_node_dependencies(self) -> Sequence[DependencyDefinition]:
        """The output that it reads."""
        return [DependencyDefinition(self.node_name, self.output_name)]

    def is_fan_in(self) -> bool:
        """Whether it makes a list."""
        return True


Dependency = DependencyDefinition | MultiDependencyDefinition | DynamicCollectDependencyDefinition


@dataclass(frozen=True)
class NodeInvocation:
    """One use of a definition among `dependencies`: which, under what other name, with what tags, hooks and policy."""

    name: str
    alias: str | None = None
    tags: Mapping[str, Any] | None = field(default=None, hash=False)
    hook_defs: AbstractSet[Any] | None = field(default=None, hash=False)
    retry_policy: RetryPolicy | None = None

    @property
    def is_mapped(self) -> bool:
        """Whether it stands in the graph under another name."""
        return self.alias is not None

    @property
    def node(self) -> str:
        """Its name in the graph."""
        return self.alias or self.name


@dataclass(frozen=True, kw_only=True)
class InputMapping:
    """An input of a graph, and the input of a node in it that gets its value.

    `fan_in_index` is its place where that input reads a MultiDependencyDefinition.
    """

    graph_input_name: str
    mapped_node_name: str
    mapped_node_input_name: str
    fan_in_index: int | None = None
    graph_input_description: str | None = None
    dagster_type: Any = None


@dataclass(frozen=True)
class OutputMapping:
    """An output of a graph, and the output of a node in it that gives the value."""

    graph_output_name: str
    mapped_node_name: str
    mapped_node_output_name: str
    graph_output_description: str | None = None
    dagster_type: Any = None
    from_dynamic_mapping: bool = False


Uses = Mapping[str, tuple[NodeInvocation, Invocable, Mapping[str, Any]]]
Handles = Mapping[str, Any]


def compose_nodes(
    name: str,
    node_defs: Sequence[Any],
    dependencies: Mapping[Any, Any],
    input_mappings: Sequence[InputMapping],
) -> tuple[Composition, Mapping[str, Handles]]:
    """The nodes of a graph, and handles for their outputs by node and output.

    Raises DagsterInvalidDefinitionError for names that fit nothing, and for a circle.
    """
    uses = _uses_of(name, node_defs, dependencies)
    _check_mappings(name, uses, input_mappings)
    composition = Composition(name)
    handles: dict[str, Handles] = {}
    with compose.Composing(composition):
        for node in _in_order(name, uses):
            handles[node] = _add(composition, node, uses, handles, input_mappings)
    composition.nodes = {node: composition.nodes[node] for node in uses}
    return composition, handles


def _uses_of(name: str, node_defs: Sequence[Any], dependencies: Mapping[Any, Any]) -> Uses:
    """What stands in the graph, by name, in the order of `node_defs`."""
    known = _definitions_of(name, node_defs)
    by_definition = _by_definition(name, known, dependencies)
    found = {}
    for definition in known.values():
        for use, inputs in by_definition.get(definition.name, [(NodeInvocation(definition.name), {})]):
            if use.node in found:
                raise DagsterInvalidDefinitionError(f"graph {name}: two nodes are called {use.node!r}; alias one")
            found[use.node] = (use, definition, inputs)
    for node, (_, definition, inputs) in found.items():
        for input_name, dependency in inputs.items():
            _check_dependency(name, node, definition, input_name, dependency, found)
    return found


def _definitions_of(name: str, node_defs: Sequence[Any]) -> dict[str, Invocable]:
    known: dict[str, Invocable] = {}
    for one in node_defs:
        if not isinstance(one, Invocable):
            raise DagsterInvalidDefinitionError(f"graph {name}: {one!r} among node_defs is no op and no graph")
        if known.setdefault(one.name, one) is not one:
            raise DagsterInvalidDefinitionError(
                f"graph {name}: two different definitions among node_defs are called {one.name!r}; rename one of them"
            )
    return known


def _by_definition(
    name: str, known: Mapping[str, Invocable], dependencies: Mapping[Any, Any]
) -> dict[str, list[tuple[NodeInvocation, Mapping[str, Any]]]]:
    """The uses that `dependencies` name, with what feeds their inputs, by the name of what is used."""
    if not isinstance(dependencies, Mapping):
        raise DagsterInvalidDefinitionError(
            f"graph {name}: dependencies is {dependencies!r}; give a dict of node name to a dict of input name to "
            "DependencyDefinition"
        )
    found: dict[str, list[tuple[NodeInvocation, Mapping[str, Any]]]] = {}
    for key, inputs in dependencies.items():
        use = key if isinstance(key, NodeInvocation) else NodeInvocation(str(key))
        if use.name not in known:
            raise DagsterInvalidDefinitionError(
                f"graph {name}: dependencies name a node {use.name!r}; among node_defs are {_listed(known)}"
            )
        if not isinstance(inputs, Mapping):
            raise DagsterInvalidDefinitionError(
                f"graph {name}: the dependencies of {use.node!r} are {inputs!r}; give a dict of input name to "
                "DependencyDefinition"
            )
        found.setdefault(use.name, []).append((use, inputs))
    return found


def _check_dependency(
    graph: str, node: str, definition: Invocable, input_name: str, dependency: Any, uses: Uses
) -> None:
    where = f"graph {graph}: input {input_name!r} of {node!r}"
    if input_name not in definition.input_names:
        raise DagsterInvalidDefinitionError(
            f"{where}: there is no such input; it has {_listed(definition.input_names)}"
        )
    if not isinstance(dependency, Dependency):
        raise DagsterInvalidDefinitionError(f"{where} is {dependency!r}; give a DependencyDefinition")
    for one in dependency.get_node_dependencies():
        if one.node not in uses:
            raise DagsterInvalidDefinitionError(f"{where} reads {one.node!r}; the graph has {_listed(uses)}")
        outputs = [port.name for port in uses[one.node][1].output_ports()]
        if one.output not in outputs:
            raise DagsterInvalidDefinitionError(
                f"{where} reads output {one.output!r} of {one.node!r}; it has {_listed(outputs)}"
            )


def _check_mappings(name: str, uses: Uses, mappings: Sequence[InputMapping]) -> None:
    for mapping in mappings:
        where = f"graph {name}: the mapping of input {mapping.graph_input_name!r}"
        check_name(mapping.graph_input_name, f"an input of graph {name}")
        if mapping.mapped_node_name not in uses:
            raise DagsterInvalidDefinitionError(f"{where}: there is no node {mapping.mapped_node_name!r}")
        _, definition, inputs = uses[mapping.mapped_node_name]
        if mapping.mapped_node_input_name not in definition.input_names:
            raise DagsterInvalidDefinitionError(
                f"{where}: {mapping.mapped_node_name!r} has no input {mapping.mapped_node_input_name!r}; "
                f"it has {_listed(definition.input_names)}"
            )
        reads = inputs.get(mapping.mapped_node_input_name)
        if reads is not None and not _has_room(reads, mapping.fan_in_index):
            raise DagsterInvalidDefinitionError(
                f"{where}: input {mapping.mapped_node_input_name!r} of {mapping.mapped_node_name!r} is fed already; "
                "to add to a list, put MappedInputPlaceholder into its MultiDependencyDefinition and give "
                "its place as fan_in_index"
            )


def _has_room(reads: Any, index: int | None) -> bool:
    members = reads.dependencies if isinstance(reads, MultiDependencyDefinition) else ()
    return index is not None and 0 <= index < len(members) and members[index] is MappedInputPlaceholder


def _in_order(name: str, uses: Uses) -> Sequence[str]:
    """Nodes after those that they read."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for node, (_, _, inputs) in uses.items():
        sorter.add(node, *(one.node for reads in inputs.values() for one in reads.get_node_dependencies()))
    try:
        return list(sorter.static_order())
    except CycleError as error:
        raise DagsterInvalidDefinitionError(
            f"graph {name}: its nodes read each other in a circle: {' -> '.join(error.args[1])}"
        ) from error


def _add(
    composition: Composition,
    node: str,
    uses: Uses,
    handles: Mapping[str, Handles],
    mappings: Sequence[InputMapping],
) -> Handles:
    use, definition, inputs = uses[node]
    given: dict[str, Any] = {}
    for mapping in mappings:
        if mapping.mapped_node_name == node and mapping.fan_in_index is None:
            given[mapping.mapped_node_input_name] = OutputHandle(InputSource(mapping.graph_input_name))
    for name, reads in inputs.items():
        mapped = [m for m in mappings if (m.mapped_node_name, m.mapped_node_input_name) == (node, name)]
        given[name] = _handle_of(composition.name, node, reads, handles, {m.fan_in_index: m for m in mapped})
    call = Invocation(definition, use.node, normalize_tags(use.tags), frozenset(use.hook_defs or ()), use.retry_policy)
    axes = max((one.axes for one in _each(given.values())), key=len, default=())
    with composition.inside(axes):
        result = composition.add(call, (), given)
    names = [port.name for port in definition.output_ports()]
    if len(names) == 1:
        return {names[0]: result}
    return dict(zip(names, result or (), strict=True))


def _handle_of(
    graph: str, node: str, reads: Any, handles: Mapping[str, Handles], mapped: Mapping[int | None, InputMapping]
) -> Any:
    if isinstance(reads, DependencyDefinition):
        return _opened(handles[reads.node][reads.output])
    if isinstance(reads, DynamicCollectDependencyDefinition):
        handle = _opened(handles[reads.node_name][reads.output_name])
        if not handle.axes:
            raise DagsterInvalidDefinitionError(
                f"graph {graph}: {node!r} collects {handle}, which is not dynamic; use a DependencyDefinition"
            )
        return _opened(DynamicHandle(handle).collect())
    members = []
    for i, one in enumerate(reads.dependencies):
        if isinstance(one, DependencyDefinition):
            members.append(_opened(handles[one.node][one.output]))
        elif i in mapped:
            members.append(OutputHandle(InputSource(mapped[i].graph_input_name)))
        else:
            raise DagsterInvalidDefinitionError(
                f"graph {graph}: member {i} of a list that {node!r} reads is a placeholder; add an InputMapping with "
                f"fan_in_index={i}"
            )
    return members


def _opened(handle: Any) -> OutputHandle:
    found: OutputHandle = handle.inner if isinstance(handle, DynamicHandle) else handle
    return found


def _each(values: Any) -> Iterator[OutputHandle]:
    for value in values:
        if isinstance(value, list):
            yield from value
        else:
            yield value


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"


def dependencies_of(nodes: Mapping[str, compose.Node]) -> dict[NodeInvocation, dict[str, Dependency]]:
    """What feeds the inputs of some nodes, in the form that GraphDefinition takes."""
    found = {}
    for node in nodes.values():
        reads = {name: _dependency_of(source) for name, source in node.inputs.items()}
        alias = None if node.name == node.definition.name else node.name
        use = NodeInvocation(node.definition.name, alias, dict(node.tags), node.hooks or None, node.retry_policy)
        found[use] = {name: one for name, one in reads.items() if one is not None}
    return found


def _dependency_of(source: compose.LocalSource) -> Dependency | None:
    if isinstance(source, compose.FanInSource):
        members = [_dependency_of(one) for one in source.members]
        return MultiDependencyDefinition(
            [one if isinstance(one, DependencyDefinition) else MappedInputPlaceholder for one in members]
        )
    if isinstance(source, InputSource):
        return None
    if source.kind == "collect":
        return DynamicCollectDependencyDefinition(source.node, source.output)
    return DependencyDefinition(source.node, source.output)


def input_mappings_of(nodes: Mapping[str, compose.Node]) -> list[InputMapping]:
    """Which inputs of some nodes the inputs of their graph feed."""
    found = []
    for node in nodes.values():
        for name, source in node.inputs.items():
            members = source.members if isinstance(source, compose.FanInSource) else (source,)
            for i, one in enumerate(members):
                if isinstance(one, InputSource):
                    index = i if isinstance(source, compose.FanInSource) else None
                    found.append(
                        InputMapping(
                            graph_input_name=one.name,
                            mapped_node_name=node.name,
                            mapped_node_input_name=name,
                            fan_in_index=index,
                        )
                    )
    return found
