"""Selections of ops and steps: `load`, `*load` (all above), `load*` (all below), `+load`, `load++`, `work[k1]`.

The syntax is Dagster's op selection. A graph's name selects all ops in it; `g.b` selects one op of it, which
Dagster refuses. An empty list selects everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kedge.core import plan
from kedge.core.errors import DagsterInvalidSubsetError
from kedge.core.graph import Each, OpGraph, OpNode, Source, Value, refs_of
from kedge.core.ids import StepKey
from kedge.core.plan import Axes

_CLAUSE = re.compile(r"(\*|\++)?([A-Za-z0-9_.]+)(?:\[([A-Za-z0-9_,]+)\])?(\*|\++)?")


@dataclass(frozen=True, slots=True)
class _Clause:
    above: float
    name: str
    keys: tuple[str, ...]
    below: float


def select_ops(graph: OpGraph, clauses: Sequence[str]) -> frozenset[str]:
    """The names of the selected ops.

    Raises DagsterInvalidSubsetError for a malformed clause or one that names nothing, or that names a clone.
    """
    parsed = [_parse(text) for text in clauses]
    keyed = next((clause for clause in parsed if clause.keys), None)
    if keyed is not None:
        raise DagsterInvalidSubsetError(
            f"{keyed.name}[{','.join(keyed.keys)}] is one clone: its job has not run, so its keys are unknown. "
            f"Select {keyed.name}, or run the whole and retry that step"
        )
    names = [op.name for op in graph]
    if not parsed:
        return frozenset(names)
    return frozenset().union(*(_reach(graph, clause) for clause in parsed))


def select_steps(graph: OpGraph, clauses: Sequence[str]) -> Callable[[StepKey], bool]:
    """A test for steps, for a re-execution. `work[k1]` takes that clone, and of its neighbours the same clone's.

    A neighbour is the same clone's as far as the two ops stand in the same maps; outside of them, all its clones are.
    Raises DagsterInvalidSubsetError for a malformed clause, one that names nothing, or more keys than there are maps.
    """
    axes = {node.name: node.axes for node in plan.build(graph).nodes}
    tests = [_step_test(graph, axes, clause) for clause in map(_parse, clauses)]
    return lambda key: not tests or any(test(key) for test in tests)


def _step_test(graph: OpGraph, axes: Mapping[str, Axes], clause: _Clause) -> Callable[[StepKey], bool]:
    reached = _reach(graph, clause)
    wanted = clause.keys
    named = max((axes[name] for name in _named(graph, clause)), key=len)
    if len(named) < len(wanted):
        raise DagsterInvalidSubsetError(
            f"{clause.name}[{','.join(wanted)}]: {clause.name} stands in {len(named)} map(s), so no clone has "
            f"{len(wanted)} key(s)"
        )

    def is_selected(step: StepKey) -> bool:
        if step.op not in reached:
            return False
        common = min(len(wanted), plan.shared_depth(axes[step.op], named))
        return step.keys[:common] == wanted[:common]

    return is_selected


def subset(graph: OpGraph, selected: Iterable[str]) -> OpGraph:
    """The graph of the selected ops alone; inputs from ops left out are cut, and so unconnected."""
    kept = frozenset(selected)
    ops = []
    for op in graph:
        if op.name in kept:
            inputs = {name: cut for name, source in op.inputs.items() if (cut := _cut(source, kept)) is not None}
            ops.append(replace(op, inputs=inputs, after=tuple(name for name in op.after if name in kept)))
    return OpGraph(tuple(ops))


def _cut(source: Source, kept: frozenset[str]) -> Source | None:
    if isinstance(source, Value):
        return source
    if isinstance(source, Each):
        members = tuple(member for member in source.members if member.ref.op in kept)
        return Each(members) if members else None
    return source if source.ref.op in kept else None


def _parse(text: str) -> _Clause:
    found = _CLAUSE.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise DagsterInvalidSubsetError(
            f"{str(text)[:80]!r} is no selection; write a name, with * or + before it (what it needs) or after it "
            "(what needs it)"
        )
    keys = tuple(found[3].split(",")) if found[3] else ()
    return _Clause(_levels(found[1]), found[2], keys, _levels(found[4]))


def _levels(mark: str | None) -> float:
    return float("inf") if mark == "*" else len(mark or "")


def _named(graph: OpGraph, clause: _Clause) -> set[str]:
    found = {op.name for op in graph if op.name == clause.name or op.name.startswith(clause.name + ".")}
    if not found:
        raise DagsterInvalidSubsetError(
            f"no op is called {clause.name!r}; this job has {', '.join(op.name for op in graph)}"
        )
    return found


def _reach(graph: OpGraph, clause: _Clause) -> frozenset[str]:
    start = _named(graph, clause)
    sources = {op.name: _sources_of(op) for op in graph}
    readers: dict[str, set[str]] = {name: set() for name in sources}
    for name, above in sources.items():
        for source in above:
            readers.setdefault(source, set()).add(name)
    return frozenset(_walk(start, sources, clause.above) | _walk(start, readers, clause.below))


def _sources_of(op: OpNode) -> set[str]:
    return {ref.op for source in op.inputs.values() for ref in refs_of(source)} | set(op.after)


def _walk(start: set[str], neighbours: Mapping[str, set[str]], levels: float) -> set[str]:
    found, edge = set(start), set(start)
    while edge and levels > 0:
        edge = {name for at in edge for name in neighbours.get(at, ())} - found
        found |= edge
        levels -= 1
    return found
