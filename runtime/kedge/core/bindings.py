"""What the inputs of a step are, once its sources have ended: the part of a ticket that the core knows."""

from __future__ import annotations

from kedge.core.expand import give
from kedge.core.plan import Dep, DepKind
from kedge.core.protocol import Binding, Constant, Listing, Single, SourceRef
from kedge.core.state import Availability, Gate, RunState, Step


def bind(state: RunState, step: Step) -> dict[str, Binding]:
    """The inputs of a step that is about to start, by name. Skipped members of a list are left out."""
    found: dict[str, Binding] = {}
    for planned in step.node.inputs:
        if planned.constant is not None:
            found[planned.name] = Constant(planned.constant.value)
        elif planned.fan_in:
            members = [_read(state, step, dep) for dep in planned.deps if give(state, step, dep) is Availability.GIVEN]
            found[planned.name] = Listing(members)
        else:
            one = _read(state, step, planned.deps[0])
            found[planned.name] = one if isinstance(one, Listing) else Single(one)
    return found


def _read(state: RunState, step: Step, dep: Dep) -> SourceRef | Listing:
    if dep.kind is DepKind.GATE:
        gate = state.gates[dep.node, step.key.keys[: dep.level]]
        return _listing(gate, dep.output)
    producer = state.step_of(dep.node, step.key.keys[: dep.level])
    assert producer.outputs is not None
    given = producer.outputs[dep.output]
    if dep.kind is DepKind.COLLECT:
        return Listing([SourceRef(producer.key, dep.output, key, record) for key, record in given.items()])
    if dep.kind is DepKind.ELEMENT:
        key = step.key.keys[dep.level]
        return SourceRef(producer.key, dep.output, key, given[key])
    return SourceRef(producer.key, dep.output, None, given)


def _listing(gate: Gate, output: str) -> Listing:
    members: list[SourceRef | Listing] = []
    for child in gate.children or ():
        if child.gives(output) is not Availability.GIVEN:
            continue
        if isinstance(child, Gate):
            members.append(_listing(child, output))
            continue
        assert child.outputs is not None
        given = child.outputs[output]
        spec = child.node.op.output(output)
        if spec is not None and spec.dynamic:
            members.append(Listing([SourceRef(child.key, output, key, record) for key, record in given.items()]))
        else:
            members.append(SourceRef(child.key, output, None, given))
    return Listing(members)
