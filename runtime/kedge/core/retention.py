"""When a value has been consumed. A reader that succeeded or was skipped lets go of what it read.

Each output knows how many readers its op has in the plan; a reader deeper in a map than the value lets go once,
when the gate over all its clones closes (with no clones, that may be before the value is there). A reader that
failed never lets go, so that a retry of the run still finds its inputs. Values that nobody reads are the job's
results and stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from kedge.core.expand import slot_of
from kedge.core.plan import Dep, DepKind
from kedge.core.protocol import SourceRef
from kedge.core.state import Availability, Gate, RunState, Step, StepState

_DONE = (StepState.SUCCEEDED, StepState.SKIPPED)


def after_step(state: RunState, step: Step) -> list[SourceRef]:
    """The values that may go now that `step` has ended."""
    freed: list[SourceRef] = []
    if step.state in _DONE:
        for dep in step.node.releases:
            _release(state, dep, step.key.keys, freed)
    _make_up(state, step, freed)
    return freed


def after_gate(state: RunState, gate: Gate) -> list[SourceRef]:
    """The values that may go now that all clones under `gate` have ended."""
    freed: list[SourceRef] = []
    deps = state.plan.gate_releases.get((gate.node.index, gate.level))
    if deps and _is_done(gate):
        for dep in deps:
            _release(state, dep, gate.prefix, freed)
    _make_up(state, gate, freed)
    return freed


def _release(state: RunState, dep: Dep, keys: tuple[str, ...], freed: list[SourceRef]) -> None:
    """A reader with these keys lets go; at once, or when the source ends: no clones are done before it is."""
    slot = slot_of(state, keys, dep)
    if not slot.ended:
        slot.early = [*(slot.early or ()), (dep, keys)]
        return
    for producer, key in _units(slot, dep, keys):
        _let_go(producer, dep.output, key, freed)


def _make_up(state: RunState, slot: Step | Gate, freed: list[SourceRef]) -> None:
    for dep, keys in slot.early or ():
        _release(state, dep, keys, freed)
    slot.early = None


def _is_done(child: Step | Gate) -> bool:
    if isinstance(child, Step):
        return child.state in _DONE
    return child.absent is not Availability.BLOCKED and all(map(_is_done, child.children or ()))


def _units(slot: Step | Gate, dep: Dep, keys: tuple[str, ...]) -> Iterator[tuple[Step, str | None]]:
    """The stored values behind one dependency: (producing step, mapping key or None)."""
    if isinstance(slot, Gate):
        yield from _under(slot, dep.output)
    elif dep.kind is DepKind.ELEMENT:
        yield slot, keys[dep.level]
    elif dep.kind is DepKind.COLLECT:
        for key in (slot.outputs or {}).get(dep.output, ()):
            yield slot, key
    else:
        yield slot, None


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
