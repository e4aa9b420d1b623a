"""When a value has been consumed. A reader that succeeded or was skipped lets go of what it read.

Each output knows how many readers its op has in the plan; a reader deeper in a map than the value lets go once,
when the gate over all its clones closes (with no clones, that may be before the value is there). A reader that
failed never lets go, so that a retry of the run still finds its inputs. Values that nobody reads are the job's
results and stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from kedge.core.expand import slot_of
from kedge.core.plan import Dep, DepKind, Plan
from kedge.core.protocol import SourceRef
from kedge.core.state import Availability, Gate, RunState, Step, StepState

_DONE = (StepState.SUCCEEDED, StepState.SKIPPED)


class Retention:
    """Who still has to let go of what, in one run. Fed with every step and gate that ends."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._readers = _count_readers(state.plan)
        self._left: dict[tuple[Step, str, str | None], int] = {}
        self._early: dict[Step | Gate, list[tuple[Dep, tuple[str, ...]]]] = {}

    def after_step(self, step: Step) -> list[SourceRef]:
        """The values that may go now that `step` has ended."""
        freed: list[SourceRef] = []
        if step.state in _DONE:
            for planned in step.node.inputs:
                for dep in planned.deps:
                    if dep.shared_at == step.node.depth:
                        self._release(dep, step.key.keys, freed)
        self._make_up(step, freed)
        return freed

    def after_gate(self, gate: Gate) -> list[SourceRef]:
        """The values that may go now that all clones under `gate` have ended."""
        freed: list[SourceRef] = []
        deps = self._state.plan.gate_releases.get((gate.node.index, gate.level))
        if deps and _is_done(gate):
            for dep in deps:
                self._release(dep, gate.prefix, freed)
        self._make_up(gate, freed)
        return freed

    def _release(self, dep: Dep, keys: tuple[str, ...], freed: list[SourceRef]) -> None:
        """A reader with these keys lets go; if the source hasn't ended (nobody needed it to), once it has."""
        slot = slot_of(self._state, keys, dep)
        if not slot.ended:
            self._early.setdefault(slot, []).append((dep, keys))
            return
        for producer, key in _units(slot, dep, keys):
            self._let_go(producer, dep.output, key, freed)

    def _make_up(self, slot: Step | Gate, freed: list[SourceRef]) -> None:
        for dep, keys in self._early.pop(slot, ()):
            self._release(dep, keys, freed)

    def _let_go(self, producer: Step, output: str, key: str | None, freed: list[SourceRef]) -> None:
        if producer.outputs is None or output not in producer.outputs:
            return
        unit = (producer, output, key)
        left = self._left.pop(unit, self._readers[producer.node.index].get(output, 0)) - 1
        if left:
            self._left[unit] = left
        elif not producer.cached:
            given = producer.outputs[output]
            freed.append(SourceRef(producer.key, output, key, given if key is None else given[key]))


def _count_readers(plan: Plan) -> list[dict[str, int]]:
    """For each node, how many inputs (members of a list on their own) read each of its outputs."""
    found: list[dict[str, int]] = [{} for _ in plan.nodes]
    for node in plan.nodes:
        for planned in node.inputs:
            for dep in planned.deps:
                found[dep.node][dep.output] = found[dep.node].get(dep.output, 0) + 1
    return found


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
