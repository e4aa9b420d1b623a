"""The plan: an op graph checked and laid out, so that a run can expand and schedule it in constant time a step.

Each op gets its *axes*: the dynamic outputs above it, outermost first. An op with axes `()` has one step; one
with axes `(files,)` has a step for each key of `files`; one with two axes, for each pair. From the axes follow
the *scopes* (which steps come to life together when a fan-out is known) and the *gates* (what closes when all
clones under a prefix of keys have ended: what a `collect` waits for).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from kedge.core.errors import PlanError
from kedge.core.graph import Collect, Each, From, Map, OpGraph, OpNode, OutputRef, Source, Value, refs_of

Axes = tuple[OutputRef, ...]


class DepKind(Enum):
    """What an input waits for: one step, a key of a fan-out that is already known, or a whole gate."""

    STEP = "step"
    ELEMENT = "element"
    COLLECT = "collect"
    GATE = "gate"


@dataclass(frozen=True, slots=True, eq=False)
class Dep:
    """One thing that an input reads.

    `level` is the number of mapping keys that name the slot: for STEP, ELEMENT and COLLECT (of a dynamic
    output itself) the producer's own depth, for GATE the length of the prefix that it closes.
    """

    kind: DepKind
    node: int
    output: str
    level: int

    @property
    def shared_at(self) -> int:
        """How many keys name the value (or list) that is read: consumers deeper than that share it."""
        return self.level + 1 if self.kind is DepKind.ELEMENT else self.level


@dataclass(frozen=True, slots=True, eq=False)
class InputPlan:
    """One input: what it reads. `fan_in` tells a list from a single source; a constant has no deps."""

    name: str
    deps: tuple[Dep, ...]
    fan_in: bool = False
    constant: Value | None = None


@dataclass(slots=True, eq=False)
class PlanNode:
    """One op in the plan. `index` is the definition order, which breaks ties between equal priorities."""

    index: int
    op: OpNode
    axes: Axes
    priority: int
    inputs: tuple[InputPlan, ...]
    after: tuple[Dep, ...] = ()
    signature: tuple[int, ...] = ()
    gates_over: dict[str, list[tuple[int, int]]] | None = None

    @property
    def name(self) -> str:
        return self.op.name

    @property
    def depth(self) -> int:
        return len(self.axes)

    def gates_of(self, output: str) -> Sequence[tuple[int, int]]:
        """The gates (node, level) that stand over the clones of this dynamic output."""
        return self.gates_over.get(output, ()) if self.gates_over else ()

    def deps(self) -> Iterable[Dep]:
        """Everything that the op waits for."""
        for planned in self.inputs:
            yield from planned.deps
        yield from self.after


@dataclass(slots=True)
class ScopePlan:
    """What comes to life together: nodes in an order in which sources come first, and gates (node, level)."""

    nodes: list[PlanNode] = field(default_factory=list)
    gates: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TagLimit:
    """At most `limit` unfinished steps whose tag `key` has `value` (any value when None).

    With `each_value` the limit holds for every value of the tag on its own (Dagster's applyLimitPerUniqueValue).
    """

    key: str
    limit: int
    value: str | None = None
    each_value: bool = False

    def to_json(self) -> dict[str, Any]:
        """The manifest's form."""
        found: dict[str, Any] = {"key": self.key, "limit": self.limit}
        if self.each_value:
            found["value"] = {"applyLimitPerUniqueValue": True}
        elif self.value is not None:
            found["value"] = self.value
        return found


@dataclass(slots=True)
class Plan:
    """An op graph laid out: nodes in definition order, scopes by axes, limits by slot."""

    graph: OpGraph
    nodes: list[PlanNode]
    scopes: dict[Axes, ScopePlan]
    limits: list[int]
    gate_releases: dict[tuple[int, int], list[Dep]]
    by_name: dict[str, PlanNode]


def build(graph: OpGraph, tag_limits: Sequence[TagLimit] = ()) -> Plan:
    """Lay out `graph`.

    Raises PlanError for a cycle, an unknown source, inputs from maps that don't match, an ambiguous name, a priority
    that is no integer, or a limit that lets nothing run.
    """
    ops = graph.names
    _check_names(graph, ops)
    order = _in_order(graph, ops)
    axes = _axes_of(order, ops)
    index = {op.name: i for i, op in enumerate(graph)}
    nodes = [
        PlanNode(i, op, axes[op.name], op.priority, _inputs_of(op, ops, axes, index), _after_of(op, axes, index))
        for i, op in enumerate(graph)
    ]
    plan = Plan(graph, nodes, {(): ScopePlan()}, [], {}, {node.name: node for node in nodes})
    for op in order:
        node = nodes[index[op.name]]
        plan.scopes.setdefault(node.axes, ScopePlan()).nodes.append(node)
    _add_gate_releases(plan)
    _add_gates(plan, index)
    _add_limits(plan, tag_limits)
    return plan


def _check_names(graph: OpGraph, ops: Mapping[str, OpNode]) -> None:
    """An output is referred to as `op.output`, so that may not be the name of an op as well."""
    if len(ops) < len(graph):
        raise PlanError(f"op names must be unique; {len(graph) - len(ops)} of them stand there again")
    for op in graph:
        names = [output.name for output in op.outputs]
        if len(set(names)) < len(names):
            raise PlanError(f"op {op.name}: outputs must have different names; it has {', '.join(names)}")
        both = next((name for name in names if f"{op.name}.{name}" in ops), None)
        if both is not None:
            raise PlanError(f"{op.name}.{both} names an op, and an output of op {op.name}; rename one of them")


def _sources_of(op: OpNode) -> Iterable[str]:
    for source in op.inputs.values():
        for ref in refs_of(source):
            yield ref.op
    yield from op.after


def _in_order(graph: OpGraph, ops: Mapping[str, OpNode]) -> list[OpNode]:
    """The ops, sources first (Kahn's algorithm). Raises PlanError for unknown sources and cycles."""
    missing: dict[str, int] = {}
    readers: dict[str, list[OpNode]] = {name: [] for name in ops}
    for op in graph:
        sources = set(_sources_of(op))
        for name in sources:
            if name not in ops:
                raise PlanError(f"op {op.name} reads {name!r}, which is no op of this job; ops: {_some(ops)}")
            readers[name].append(op)
        missing[op.name] = len(sources)
    ready = deque(op for op in graph if missing[op.name] == 0)
    order: list[OpNode] = []
    while ready:
        op = ready.popleft()
        order.append(op)
        for reader in readers[op.name]:
            missing[reader.name] -= 1
            if missing[reader.name] == 0:
                ready.append(reader)
    if len(order) < len(graph):
        stuck = [name for name, count in missing.items() if count > 0]
        raise PlanError(f"these ops wait for each other in a cycle: {_some(stuck)}")
    return order


def _some(names: Iterable[str], most: int = 10) -> str:
    found = list(names)
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")


def _axes_of(order: Sequence[OpNode], ops: Mapping[str, OpNode]) -> dict[str, Axes]:
    axes: dict[str, Axes] = {}
    for op in order:
        longest: Axes = ()
        for name, source in op.inputs.items():
            for one in source.members if isinstance(source, Each) else (source,):
                found = _axes_given(op, name, one, ops, axes)
                shorter, longer = sorted((longest, found), key=len)
                if longer[: len(shorter)] != shorter:
                    raise PlanError(
                        f"op {op.name}, input {name}: its inputs come out of different maps "
                        f"({_axes_text(shorter)} and {_axes_text(longer)}); collect one of them first"
                    )
                longest = longer
        axes[op.name] = longest
    return axes


def _axes_text(axes: Axes) -> str:
    return " > ".join(str(ref) for ref in axes) or "none"


def _axes_given(op: OpNode, name: str, source: Source, ops: Mapping[str, OpNode], axes: Mapping[str, Axes]) -> Axes:
    """The axes of what one source gives. Raises PlanError where the kind of source does not fit the output."""
    if isinstance(source, Value):
        return ()
    assert not isinstance(source, Each)
    ref = source.ref
    output = ops[ref.op].output(ref.output)
    if output is None:
        names = ", ".join(found.name for found in ops[ref.op].outputs)
        raise PlanError(f"op {op.name}, input {name}: {ref.op} has no output {ref.output!r}; it has {names}")
    full = axes[ref.op] + ((ref,) if output.dynamic else ())
    if isinstance(source, Map):
        if not output.dynamic:
            raise PlanError(f"op {op.name}, input {name}: {ref} is not dynamic; read it with `from`")
        return full
    if isinstance(source, Collect):
        if not 1 <= source.levels <= len(full):
            raise PlanError(f"op {op.name}, input {name}: {ref} has {len(full)} map(s) to close, not {source.levels}")
        return full[: len(full) - source.levels]
    if output.dynamic:
        raise PlanError(f"op {op.name}, input {name}: {ref} is dynamic; read it with `map` or `collect`")
    return full


def _inputs_of(
    op: OpNode, ops: Mapping[str, OpNode], axes: Mapping[str, Axes], index: Mapping[str, int]
) -> tuple[InputPlan, ...]:
    planned = []
    for name, source in op.inputs.items():
        if isinstance(source, Value):
            planned.append(InputPlan(name, (), constant=source))
        elif isinstance(source, Each):
            deps = tuple(_dep_of(member, ops, axes, index) for member in source.members)
            planned.append(InputPlan(name, deps, fan_in=True))
        else:
            planned.append(InputPlan(name, (_dep_of(source, ops, axes, index),)))
    return tuple(planned)


def _dep_of(
    source: From | Map | Collect, ops: Mapping[str, OpNode], axes: Mapping[str, Axes], index: Mapping[str, int]
) -> Dep:
    ref = source.ref
    depth = len(axes[ref.op])
    if isinstance(source, From):
        return Dep(DepKind.STEP, index[ref.op], ref.output, depth)
    if isinstance(source, Map):
        return Dep(DepKind.ELEMENT, index[ref.op], ref.output, depth)
    output = ops[ref.op].output(ref.output)
    assert output is not None
    level = depth + (1 if output.dynamic else 0) - source.levels
    return Dep(DepKind.COLLECT if level == depth else DepKind.GATE, index[ref.op], ref.output, level)


def _after_of(op: OpNode, axes: Mapping[str, Axes], index: Mapping[str, int]) -> tuple[Dep, ...]:
    """Order without data: the same clone where the other op shares all its axes with this one, else all clones."""
    own = axes[op.name]
    deps = []
    for name in op.after:
        other = axes[name]
        common = shared_depth(own, other)
        deps.append(Dep(DepKind.STEP if common == len(other) else DepKind.GATE, index[name], "", common))
    return tuple(deps)


def shared_depth(one: Axes, other: Axes) -> int:
    """How many maps two ops have in common, counted from the outside."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _add_gate_releases(plan: Plan) -> None:
    """For `retain_values`: readers deeper in a map than what they read let go of it through a gate."""
    for node in plan.nodes:
        if node.depth:
            for planned in node.inputs:
                for dep in planned.deps:
                    if dep.shared_at < node.depth:
                        plan.gate_releases.setdefault((node.index, dep.shared_at), []).append(dep)


def _add_gates(plan: Plan, index: Mapping[str, int]) -> None:
    wanted = {(dep.node, dep.level) for node in plan.nodes for dep in node.deps() if dep.kind is DepKind.GATE}
    wanted |= set(plan.gate_releases)
    inner = {(target, at) for target, level in wanted for at in range(level, plan.nodes[target].depth)}
    for target, level in sorted(inner):
        _add_gate(plan, target, level, index)


def _add_gate(plan: Plan, target: int, level: int, index: Mapping[str, int]) -> None:
    axes = plan.nodes[target].axes
    scope = plan.scopes.setdefault(axes[:level], ScopePlan())
    scope.gates.append((target, level))
    producer = plan.nodes[index[axes[level].op]]
    if producer.gates_over is None:
        producer.gates_over = {}
    producer.gates_over.setdefault(axes[level].output, []).append((target, level))


def _add_limits(plan: Plan, tag_limits: Sequence[TagLimit]) -> None:
    """Give each node its signature: the slots of `plan.limits` that one of its steps takes up."""
    for limit in tag_limits:
        if limit.limit < 1:
            raise PlanError(
                f"the limit for tag {limit.key} is {limit.limit}: its steps could never run; give 1 or more"
            )
    slots: dict[tuple[Any, ...], int] = {}
    for node in plan.nodes:
        taken = []
        for position, limit in enumerate(tag_limits):
            value = node.op.tags.get(limit.key)
            if value is None or (limit.value is not None and value != limit.value):
                continue
            slot = slots.setdefault((position, value if limit.each_value else None), len(slots))
            if slot == len(plan.limits):
                plan.limits.append(limit.limit)
            taken.append(slot)
        node.signature = tuple(taken)
