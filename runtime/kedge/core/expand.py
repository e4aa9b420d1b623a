"""Bringing steps to life: all of the plan's outermost scope at the start, clones when their fan-out is known.

The cost is proportional to what appears. A step asks each of its sources once whether it has ended, and is
told of the others as they end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedge.core.graph import OutputRef
from kedge.core.ids import StepKey
from kedge.core.plan import Axes, Dep, DepKind
from kedge.core.state import Availability, Gate, RunState, Step

MOST_STEPS = 250_000
"""Of one run, with its gates: 600 bytes of an engine's memory each, and 10 µs when they appear, all at once."""


def fault_of(state: RunState, producer: Step, outputs: Mapping[str, Any]) -> str | None:
    """Why a run has no room for what would appear with a producer's dynamic outputs, or None."""
    node = producer.node
    total = len(state.steps) + len(state.gates)
    for output in node.op.outputs:
        if output.dynamic and output.name in outputs:
            scope = state.plan.scopes.get((*node.axes, OutputRef(node.op.name, output.name)))
            keys = len(outputs[output.name])
            total += keys * (1 if scope is None else len(scope.nodes) + len(scope.gates))
            if total > MOST_STEPS:
                return (
                    f"output {output.name!r} has {keys} mapping keys, with which the run would have {total} steps; it "
                    f"has room for {MOST_STEPS}. Map over parts of the data instead, of many values each"
                )
    return None


def open_scope(state: RunState, axes: Axes, keys: tuple[str, ...], ordinals: tuple[int, ...]) -> list[Step]:
    """Create the gates and steps of one scope. Returns the steps; those with `waiting` 0 can be looked at."""
    scope = state.plan.scopes.get(axes)
    if scope is None:
        return []
    for target, level in scope.gates:
        parent = state.gates.get((target, keys[:-1])) if keys else None
        state.gates[target, keys] = Gate(state.plan.nodes[target], level, keys, parent)
    created = []
    for node in scope.nodes:
        step = Step(StepKey(node.op.name, keys), node, (node.index, *ordinals))
        state.add(step)
        created.append(step)
        for dep in node.deps():
            _subscribe(state, step, dep)
    return created


def fan_out(state: RunState, producer: Step, output: str) -> tuple[list[Step], list[Gate]]:
    """A dynamic output is known: open a scope for each key. Returns the new steps and the gates now closed."""
    assert producer.outputs is not None
    node = producer.node
    axes = (*node.axes, OutputRef(node.op.name, output))
    ordinals = producer.order[1:]
    created: list[Step] = []
    for i, key in enumerate(producer.outputs[output]):
        created += open_scope(state, axes, (*producer.key.keys, key), (*ordinals, i))
    return created, _fill_gates(state, producer, output)


def no_fan_out(state: RunState, producer: Step, output: str) -> list[Gate]:
    """A dynamic output will not come: its gates close with what the producer has to say. Returns them."""
    closed = []
    for target, _ in producer.node.gates_of(output):
        gate = state.gates[target, producer.key.keys]
        gate.absent = producer.gives(output)
        closed.append(gate)
    return closed


def _fill_gates(state: RunState, producer: Step, output: str) -> list[Gate]:
    assert producer.outputs is not None
    closed = []
    prefix = producer.key.keys
    for target, level in producer.node.gates_of(output):
        gate = state.gates[target, prefix]
        bottom = level + 1 == gate.node.depth
        gate.children = [
            state.step_of(target, (*prefix, key)) if bottom else state.gates[target, (*prefix, key)]
            for key in producer.outputs[output]
        ]
        gate.remaining = len(gate.children)
        if gate.remaining == 0:
            closed.append(gate)
    return closed


def slot_of(state: RunState, keys: tuple[str, ...], dep: Dep) -> Step | Gate:
    """The step or gate that a reader with these mapping keys reads from."""
    keys = keys[: dep.level]
    if dep.kind is DepKind.GATE:
        return state.gates[dep.node, keys]
    return state.step_of(dep.node, keys)


def gates_above(state: RunState, step: Step) -> Gate | None:
    """The gate right above a clone, if anybody waits for one."""
    keys = step.key.keys
    return state.gates.get((step.node.index, keys[:-1])) if keys else None


def _subscribe(state: RunState, step: Step, dep: Dep) -> None:
    if dep.kind is DepKind.ELEMENT:
        return
    slot = slot_of(state, step.key.keys, dep)
    if slot.ended:
        return
    step.waiting += 1
    if slot.dependents is None:
        slot.dependents = []
    slot.dependents.append(step)


def decide(state: RunState, step: Step) -> Availability:
    """What becomes of a step whose sources have all ended: GIVEN to run, SKIPPED, or BLOCKED (untouched).

    Dagster's rule: a skip on a plain input skips; a fan-in list drops its skipped members and is skipped only
    when all are; a failure blocks, also inside a list.
    """
    blocked = False
    for planned in step.node.inputs:
        if planned.constant is not None:
            continue
        found = _given_by(state, step, planned.deps, planned.fan_in)
        if found is Availability.SKIPPED:
            return found
        blocked = blocked or found is Availability.BLOCKED
    for dep in step.node.after:
        found = give(state, step, dep)
        if found is Availability.SKIPPED:
            return found
        blocked = blocked or found is Availability.BLOCKED
    return Availability.BLOCKED if blocked else Availability.GIVEN


def _given_by(state: RunState, step: Step, deps: tuple[Dep, ...], fan_in: bool) -> Availability:
    given = not deps
    for dep in deps:
        found = give(state, step, dep)
        if not fan_in or found is Availability.BLOCKED:
            return found
        given = given or found is Availability.GIVEN
    return Availability.GIVEN if given else Availability.SKIPPED


def give(state: RunState, step: Step, dep: Dep) -> Availability:
    """What one dependency of a step has for it, now that it has ended."""
    if dep.kind is DepKind.ELEMENT:
        return Availability.GIVEN
    return slot_of(state, step.key.keys, dep).gives(dep.output)
