"""Composition: running the body of a `@graph` once, with handles in place of values, to see how ops are wired.

A handle knows its *axes*, the dynamic outputs above it. Inside the callable of a `.map` the handles of that
level are open; outside they are wrapped in a DynamicHandle, which can only be mapped over or collected.
Maps may stand inside maps to any depth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from kedge.core.errors import DagsterInvalidDefinitionError, DagsterInvalidInvocationError
from kedge.core.retry import RetryPolicy
from kedge.definitions.names import check_name, normalize_tags

LocalRef = tuple[str, str]
Axes = tuple[LocalRef, ...]


@dataclass(frozen=True)
class NodeSource:
    """An output of a node of the same graph. `kind` is from, map or collect, as in the op graph."""

    kind: str
    node: str
    output: str
    levels: int = 0


@dataclass(frozen=True)
class InputSource:
    """An input of the graph itself."""

    name: str


@dataclass(frozen=True)
class FanInSource:
    """A list of sources."""

    members: tuple[NodeSource | InputSource, ...]


LocalSource = NodeSource | InputSource | FanInSource


@dataclass(frozen=True)
class Port:
    """An output as composition sees it.

    `is_open` False: it comes wrapped, to be mapped or collected. `direct`: it is a dynamic output itself, not
    what an op made of its elements. `axes` are those it adds to where its node stands.
    """

    name: str
    is_dynamic: bool
    direct: bool
    axes: Axes


@dataclass(frozen=True)
class OutputHandle:
    """Stands for a value while a graph is composed. Pass it to ops; it has no value yet."""

    source: NodeSource | InputSource
    axes: Axes = ()

    def __iter__(self) -> Any:
        raise DagsterInvalidDefinitionError(f"{self} is one output and can't be unpacked or looped over in a graph")

    def __getitem__(self, key: Any) -> Any:
        raise DagsterInvalidDefinitionError(
            f"{self} has no value yet, so it can't be indexed in a graph; do it in an op"
        )

    def __getattr__(self, name: str) -> Any:
        if name in ("map", "collect"):
            raise DagsterInvalidDefinitionError(f"{self} is not dynamic; `.{name}` needs an op with a DynamicOut")
        raise AttributeError(name)

    def __str__(self) -> str:
        if isinstance(self.source, InputSource):
            return f"graph input {self.source.name}"
        return f"output {self.source.output} of {self.source.node}"


@dataclass(frozen=True)
class DynamicHandle:
    """Stands for all the values of a dynamic output, or what a map made of them."""

    inner: OutputHandle

    def map(self, fn: Callable[[Any], Any]) -> Any:
        """Call `fn` once with a handle for one element; what it returns comes back wrapped in the same way."""
        if not callable(fn):
            raise DagsterInvalidDefinitionError(f"{self.inner}.map takes a function or an op, not {fn!r}")
        context = current("map")
        with context.inside(self.inner.axes):
            result = fn(self.inner)
        return _wrap_result(result, context.axes)

    def collect(self) -> Any:
        """The list of all elements, in the order of their keys; of a nested map, one list for each outer key."""
        source = self.inner.source
        assert isinstance(source, NodeSource)
        levels = source.levels + 1 if source.kind == "collect" else 1
        handle = OutputHandle(replace(source, kind="collect", levels=levels), self.inner.axes[:-1])
        return _wrap(handle, current("collect").axes)

    def __iter__(self) -> Any:
        raise DagsterInvalidDefinitionError(f"{self.inner} is dynamic and can't be looped over in a graph; use .map()")


def _wrap(handle: OutputHandle, axes: Axes) -> Any:
    return DynamicHandle(handle) if len(handle.axes) > len(axes) else handle


def _wrap_result(result: Any, axes: Axes) -> Any:
    if result is None or isinstance(result, DynamicHandle):
        return result
    if isinstance(result, OutputHandle):
        return _wrap(result, axes)
    if isinstance(result, tuple):
        parts = [_wrap_result(part, axes) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    raise DagsterInvalidDefinitionError(
        f"the callable of `.map` returned {result!r}; return an output of an op, a tuple of them, or nothing"
    )


_NO_INPUTS: Mapping[str, LocalSource] = {}


@dataclass(slots=True)
class Node:
    """One use of an op or a graph inside a graph."""

    name: str
    definition: Any
    inputs: Mapping[str, LocalSource]
    tags: Mapping[str, str]
    retry_policy: RetryPolicy | None
    hooks: AbstractSet[Any]

    @property
    def hook_defs(self) -> AbstractSet[Any]:
        """The hooks of this use, under Dagster's name."""
        return self.hooks

    def describe_node(self) -> str:
        """What it is, for messages."""
        return f"{type(self.definition).__name__.removesuffix('Definition').lower()} '{self.name}'"


@dataclass
class Composition:
    """What a graph's body did: its nodes, in order of invocation."""

    name: str
    nodes: dict[str, Node] = field(default_factory=dict)
    axes: Axes = ()
    _pushed: list[Axes] = field(default_factory=list)
    _used: dict[str, int] = field(default_factory=dict)

    def inside(self, axes: Axes) -> _Inside:
        """A block in which handles of these axes are open."""
        return _Inside(self, axes)

    def add(self, call: Invocation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Take in one invocation and return handles for its outputs."""
        definition = call.definition
        name = self._name_of(call)
        given = _bind(definition, name, args, kwargs)
        inputs: dict[str, LocalSource] = {}
        longest: Axes = ()
        for key, value in given.items():
            source, axes = self._source_of(name, key, value)
            inputs[key] = source
            longest = max(longest, axes, key=len)
        tags = {**definition.tags, **call.tags} if call.tags else definition.tags
        self.nodes[name] = Node(name, definition, inputs or _NO_INPUTS, tags, call.retry_policy, call.hooks)
        return self._handles(name, definition, longest)

    def _name_of(self, call: Invocation) -> str:
        definition = call.definition
        if call.given_name is not None:
            name = check_name(call.given_name, "an alias")
        else:
            base = definition.name
            count = self._used[base] = self._used.get(base, 0) + 1
            name = base if count == 1 else f"{base}_{count}"
        known = self.nodes.get(name)
        if known is not None:
            raise DagsterInvalidDefinitionError(
                f"graph {self.name}: two nodes are called {name!r} ({known.definition!r} and {definition!r}); "
                f"use .alias('another_name') on one of them"
            )
        same = next((n.definition for n in self.nodes.values() if n.definition.name == definition.name), definition)
        if same is not definition:
            raise DagsterInvalidDefinitionError(
                f"graph {self.name}: two different definitions are called {definition.name!r}; give one of them "
                f"another name=. An alias does not help: it names the use, not the definition"
            )
        return name

    def _source_of(self, node: str, name: str, value: Any) -> tuple[LocalSource, Axes]:
        where = f"graph {self.name}: {node}({name}=...)"
        if isinstance(value, OutputHandle):
            self._check_open(where, value)
            return value.source, value.axes
        if isinstance(value, list):
            return self._fan_in(where, value)
        raise DagsterInvalidDefinitionError(f"{where}: {_what_is_wrong(value)}")

    def _fan_in(self, where: str, value: list[Any]) -> tuple[FanInSource, Axes]:
        longest: Axes = ()
        for i, one in enumerate(value):
            if not isinstance(one, OutputHandle):
                raise DagsterInvalidDefinitionError(f"{where}: member {i} of the list: {_what_is_wrong(one)}")
            self._check_open(where, one)
            longest = max(longest, one.axes, key=len)
        sources = tuple(one.source for one in value)
        if len(set(sources)) < len(sources):
            raise DagsterInvalidDefinitionError(f"{where}: the same output stands in the list twice")
        return FanInSource(sources), longest

    def _check_open(self, where: str, handle: OutputHandle) -> None:
        if handle.axes != self.axes[: len(handle.axes)]:
            raise DagsterInvalidDefinitionError(
                f"{where}: {handle} belongs to another map; use it inside that map, or collect it first"
            )

    def _handles(self, name: str, definition: Any, axes: Axes) -> Any:
        handles = [self._handle(name, port, axes) for port in definition.output_ports()]
        if not handles:
            return None
        if len(handles) == 1:
            return handles[0]
        names = [port.name for port in definition.output_ports()]
        return namedtuple(f"_{definition.name}_outputs", names)(*handles)

    def _handle(self, name: str, port: Port, axes: Axes) -> Any:
        if not port.is_dynamic:
            return OutputHandle(NodeSource("from", name, port.name), axes)
        added = tuple((f"{name}.{node}", output) for node, output in port.axes) or ((name, port.name),)
        kind = "map" if port.direct else "from"
        return DynamicHandle(OutputHandle(NodeSource(kind, name, port.name), axes + added))


class _Inside:
    def __init__(self, composition: Composition, axes: Axes) -> None:
        self._composition = composition
        self._axes = axes

    def __enter__(self) -> None:
        self._before = self._composition.axes
        self._composition.axes = self._axes

    def __exit__(self, *error: object) -> None:
        self._composition.axes = self._before


def _what_is_wrong(value: Any) -> str:
    if isinstance(value, DynamicHandle):
        return f"{value.inner} is dynamic (or mapped); use .map(op) for one call each, or .collect() for the list"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return f"an op with several outputs was passed whole; pass one of {', '.join(value._fields)}"
    if isinstance(value, tuple):
        return "a fan-in is a list, not a tuple"
    if isinstance(value, Invocable | Invocation):
        return "an op was passed, not its output; call it first"
    return (
        f"{value!r} is a constant; a graph wires outputs to inputs. Use config, an input value, "
        "or an op that returns it"
    )


def _bind(definition: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    names = list(definition.input_names)
    if len(args) > len(names):
        raise DagsterInvalidDefinitionError(f"{name} takes {len(names)} input(s), got {len(args)}")
    found = dict(zip(names, args, strict=False))
    for key, value in kwargs.items():
        if key not in names:
            raise DagsterInvalidDefinitionError(f"{name} has no input {key!r}; it has {', '.join(names) or 'none'}")
        if key in found:
            raise DagsterInvalidDefinitionError(f"{name}: input {key!r} was given twice")
        found[key] = value
    return found


_stack: list[Composition] = []


def current(what: str = "this") -> Composition:
    """The graph that is being composed. Raises DagsterInvalidDefinitionError outside of one."""
    if not _stack:
        raise DagsterInvalidDefinitionError(f"`{what}` belongs into the body of a @graph or @job")
    return _stack[-1]


class Composing:
    """A block in which calls of ops are wired into `composition`."""

    def __init__(self, composition: Composition) -> None:
        self._composition = composition

    def __enter__(self) -> Composition:
        _stack.append(self._composition)
        return self._composition

    def __exit__(self, *error: object) -> None:
        _stack.pop()


@dataclass(frozen=True)
class Invocation:
    """A definition with what was said about one use of it, before it is called."""

    definition: Any
    given_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    hooks: AbstractSet[Any] = frozenset()
    retry_policy: RetryPolicy | None = None

    def alias(self, name: str) -> Invocation:
        """Another name for this use."""
        return replace(self, given_name=name)

    def tag(self, tags: Mapping[str, Any]) -> Invocation:
        """Tags for this use, over those of the definition."""
        return replace(self, tags={**self.tags, **normalize_tags(tags)})

    def with_hooks(self, hook_defs: AbstractSet[Any]) -> Invocation:
        """Hooks for this use. Raises CheckError for what is none."""
        from kedge.definitions.hooks import check_hooks

        return replace(self, hooks=frozenset(self.hooks) | check_hooks(hook_defs))

    def with_retry_policy(self, retry_policy: RetryPolicy) -> Invocation:
        """The retry policy of this use."""
        return replace(self, retry_policy=retry_policy)

    def to_job(self, name: str | None = None, **rest: Any) -> Any:
        """A job of this use of a graph, under its alias, with its tags, hooks and retry policy.

        Takes what `graph.to_job` takes. Raises DagsterInvalidInvocationError for the use of an op.
        """
        hooks = frozenset(rest.pop("hooks", None) or ()) | frozenset(self.hooks)
        rest.setdefault("op_retry_policy", self.retry_policy)
        tags = {**self.tags, **(rest.pop("tags", None) or {})}
        return self._graph("to_job").to_job(name or self.given_name, hooks=hooks, tags=tags, **rest)

    def execute_in_process(self, resources: Mapping[str, Any] | None = None, **rest: Any) -> Any:
        """Run this use of a graph in this process; see JobDefinition.execute_in_process."""
        self._graph("execute_in_process")
        return self.to_job(resource_defs=resources).execute_in_process(**rest)

    def _graph(self, what: str) -> Any:
        if not hasattr(self.definition, "to_job"):
            raise DagsterInvalidInvocationError(
                f"{what} belongs to graphs, and {self.definition.name} is an op; call it in a @job"
            )
        return self.definition

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not _stack:
            return self.definition.invoke_directly(*args, **kwargs)
        return _stack[-1].add(self, args, kwargs)


PendingNodeInvocation = Invocation
"""Dagster's name for it."""


class Invocable(ABC):
    """An op or a graph: what can be called inside a graph, and prepared by alias, tag, hooks and retry policy."""

    name: str

    @property
    @abstractmethod
    def input_names(self) -> Sequence[str]:
        """The inputs, in order."""

    @abstractmethod
    def output_ports(self) -> Sequence[Port]:
        """The outputs, in order."""

    @abstractmethod
    def invoke_directly(self, *args: Any, **kwargs: Any) -> Any:
        """What a call outside of a graph does."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not _stack:
            return self.invoke_directly(*args, **kwargs)
        return _stack[-1].add(Invocation(self), args, kwargs)

    def alias(self, name: str) -> Invocation:
        """Another name for one use of this definition."""
        return Invocation(self, check_name(name, "an alias"))

    def tag(self, tags: Mapping[str, Any]) -> Invocation:
        """Tags for one use of this definition."""
        return Invocation(self).tag(tags)

    def with_hooks(self, hook_defs: AbstractSet[Any]) -> Invocation:
        """Hooks for one use of this definition."""
        return Invocation(self).with_hooks(hook_defs)

    def with_retry_policy(self, retry_policy: RetryPolicy) -> Invocation:
        """The retry policy of one use of this definition."""
        return Invocation(self).with_retry_policy(retry_policy)
