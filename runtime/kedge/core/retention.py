"""When a value has been consumed. A reader that succeeded or was skipped lets go of what it read.

Each output knows how many readers its op has in the plan; a reader deeper in a map than the value lets go once,
when the gate over all its clones closes. A reader that failed never lets go, so that a retry of the run
still finds its inputs. Values that nobody reads are the job's results and stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from kedge.core.plan import Dep, DepKind
from kedge.core.protocol import SourceRef
from kedge.core.state import Availability, Gate, RunState, Step, StepState

_DONE = (StepState.SUCCEEDED, StepState.SKIPPED)


def after_step(state: RunState, step: Step) -> list[SourceRef]:
    """The values that may go now that `step` has ended."""
    if step.state not in _DONE:
        return []
    freed: list[SourceRef] = []
    for dep in step.node.releases:
        for producer, key in _units(state, step, dep):
            _let_go(producer, dep.output, key, freed)
    return freed


def after_gate(state: RunState, gate: Gate) -> list[SourceRef]:
    """The values that may go now that all clones under `gate` have ended."""
    deps = state.plan.gate_releases.get((gate.node.index, gate.level))
    if not deps or gate.absent is Availability.BLOCKED or not all(map(_is_done, gate.children or ())):
        return []
    freed: list[SourceRef] = []
    for dep in deps:
        for producer, key in _units_at(state, dep, gate.prefix):
            _let_go(producer, dep.output, key, freed)
    return freed


def _is_done(child: Step | Gate) -> bool:
    if isinstance(child, Step):
        return child.state in _DONE
    return child.absent is not Availability.BLOCKED and all(map(_is_done, child.children or ()))


def _units(state: RunState, step: Step, dep: Dep) -> Iterator[tuple[Step, str | None]]:
    return _units_at(state, dep, step.key.keys)


def _units_at(state: RunState, dep: Dep, keys: tuple[str, ...]) -> Iterator[tuple[Step, str | None]]:
    """The stored values behind one dependency: (producing step, mapping key or None)."""
    prefix = keys[: dep.level]
    if dep.kind is DepKind.GATE:
        yield from _under(state.gates[dep.node, prefix], dep.output)
        return
    producer = state.step_of(dep.node, prefix)
    if dep.kind is DepKind.ELEMENT:
        yield producer, keys[dep.level]
    elif dep.kind is DepKind.COLLECT:
        for key in (producer.outputs or {}).get(dep.output, ()):
            yield producer, key
    else:
        yield producer, None


def _under(gate: Gate, output: str) -> Iterator[tuple[Step, str | None]]:
    for child in gate.children or ():
        if isinstance(child, Gate):
            yield from _under(child, output)
        elif (spec := child.node.op.output(output)) is not None and spec.dynamic:
            for key in (child.outputs or {}).get(output, ()):
                yield child, key
        else:
            yield child, None


def _let_go(producer: Step, output: str, key: str | None, freed: list[SourceRef]) -> None:
    if producer.outputs is None or output not in producer.outputs:
        return
    if producer.holds is None:
        producer.holds = {}
    left = producer.holds.get((output, key), producer.node.holds.get(output, 0)) - 1
    producer.holds[output, key] = left
    if left == 0 and not producer.cached:
        given = producer.outputs[output]
        freed.append(SourceRef(producer.key, output, key, given if key is None else given[key]))
