"""What a run must come to, told recursively from the rules (Dagster's), without events, order or limits.

Independent of the core's algorithm on purpose: it asks "what becomes of this step?" and looks upwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kedge.core.graph import Collect, Each, From, Map, OpGraph, OpNode, OutputRef, Source, Value, refs_of
from kedge.core.ids import StepKey

Axes = tuple[OutputRef, ...]
Keys = tuple[str, ...]
BLOCKED, SKIPPED = object(), object()
DONE = ("succeeded", "skipped")


@dataclass(frozen=True)
class Done:
    """How one attempt ends by the script: `kind` is ok, error, final, ask or lost."""

    kind: str
    outputs: dict[str, Any]
    asked: int = 0
    delay: float = 0.0


class Shape:
    """The axes of the ops: which dynamic outputs stand above each, outermost first."""

    def __init__(self, graph: OpGraph) -> None:
        self.graph = graph
        self.ops = graph.names
        self._axes: dict[str, Axes] = {}

    def axes(self, op: str) -> Axes:
        if op not in self._axes:
            given = [self.given(one) for one in self.members(self.ops[op])]
            self._axes[op] = max(given, key=len, default=())
        return self._axes[op]

    def full(self, ref: OutputRef) -> Axes:
        return self.axes(ref.op) + ((ref,) if self.is_dynamic(ref) else ())

    def given(self, source: Source) -> Axes:
        if isinstance(source, Value):
            return ()
        assert not isinstance(source, Each)
        full = self.full(source.ref)
        return full[: len(full) - source.levels] if isinstance(source, Collect) else full

    def is_dynamic(self, ref: OutputRef) -> bool:
        output = self.ops[ref.op].output(ref.output)
        return output is not None and output.dynamic

    @staticmethod
    def members(op: OpNode) -> Iterator[Source]:
        for source in op.inputs.values():
            if isinstance(source, Each):
                yield from source.members
            else:
                yield source


class World:
    """A shape with a state and outputs for each step: the reference's own, or those read off a run."""

    def __init__(self, shape: Shape, look: Callable[[str, Keys], tuple[str, dict[str, Any]]]) -> None:
        self.shape = shape
        self.look = look

    def fan_out(self, ref: OutputRef, keys: Keys) -> Any:
        """The keys under one dynamic output, or SKIPPED or BLOCKED."""
        state, outputs = self.look(ref.op, keys)
        if state != "succeeded":
            return SKIPPED if state == "skipped" else BLOCKED
        return list(outputs[ref.output]) if ref.output in outputs else SKIPPED

    def clones(self, op: str) -> Iterator[Keys]:
        """The keys of all steps of an op that exist."""
        found: list[Keys] = [()]
        for axis in self.shape.axes(op):
            known = [(keys, self.fan_out(axis, keys)) for keys in found]
            found = [(*keys, key) for keys, more in known if isinstance(more, list) for key in more]
        yield from found

    def units(self) -> Iterator[tuple[StepKey, str, str | None]]:
        """Every stored value."""
        for op in self.shape.graph:
            for keys in self.clones(op.name):
                state, outputs = self.look(op.name, keys)
                for name, given in outputs.items() if state == "succeeded" else ():
                    for key in given if self.shape.is_dynamic(OutputRef(op.name, name)) else (None,):
                        yield StepKey(op.name, keys), name, key

    def is_consumed(self, step: StepKey, output: str, key: str | None) -> bool:
        """Whether somebody reads the value, and all who do have succeeded or were skipped."""
        ref = OutputRef(step.op, output)
        keys = step.keys if key is None else (*step.keys, key)
        readers = [
            (op.name, keys[: len(self.shape.given(source))] if isinstance(source, Collect) else keys)
            for op in self.shape.graph
            for source in self.shape.members(op)
            if ref in refs_of(source)
        ]
        return bool(readers) and all(self._all_done(op, prefix) for op, prefix in readers)

    def _all_done(self, op: str, keys: Keys) -> bool:
        axes = self.shape.axes(op)
        if len(keys) == len(axes):
            return self.look(op, keys)[0] in DONE
        below = self.fan_out(axes[len(keys)], keys)
        return below is not BLOCKED and (below is SKIPPED or all(self._all_done(op, (*keys, key)) for key in below))


class Reference(World):
    """The naive evaluator: `script(step, attempt)` tells how each attempt ends."""

    def __init__(self, graph: OpGraph, script: Callable[[StepKey, int], Done], infrastructure_retries: int) -> None:
        super().__init__(Shape(graph), self._result)
        self.script = script
        self.infrastructure_retries = infrastructure_retries
        self._results: dict[StepKey, tuple[str, dict[str, Any]]] = {}

    def states(self) -> dict[StepKey, str]:
        return {
            StepKey(op.name, keys): self._result(op.name, keys)[0]
            for op in self.shape.graph
            for keys in self.clones(op.name)
        }

    def inputs(self, step: StepKey) -> dict[str, Any]:
        """What a step reads, by input."""
        sources = self.shape.ops[step.op].inputs
        return {name: self._read(source, step.keys) for name, source in sources.items()}

    def _result(self, op: str, keys: Keys) -> tuple[str, dict[str, Any]]:
        step = StepKey(op, keys)
        if step not in self._results:
            found = [self._read(source, keys) for source in self.shape.ops[op].inputs.values()]
            found += [self._wait(op, other, keys) for other in self.shape.ops[op].after]
            if any(one is SKIPPED for one in found):
                self._results[step] = "skipped", {}
            elif any(one is BLOCKED for one in found):
                self._results[step] = "untouched", {}
            else:
                self._results[step] = self._attempts(step)
        return self._results[step]

    def _attempts(self, step: StepKey) -> tuple[str, dict[str, Any]]:
        attempt, retries, losses = 1, 0, 0
        policy = self.shape.ops[step.op].retry
        while True:
            done = self.script(step, attempt)
            if done.kind == "ok":
                return "succeeded", done.outputs
            if done.kind == "lost":
                losses += 1
                if losses > self.infrastructure_retries:
                    return "failed", {}
            else:
                allowed = done.asked if done.kind == "ask" else policy.max_retries if policy else 0
                if done.kind == "final" or retries >= allowed:
                    return "failed", {}
                retries += 1
            attempt += 1

    def _read(self, source: Source, keys: Keys) -> Any:
        if isinstance(source, Value):
            return source.value
        if isinstance(source, Each):
            found = [self._read(member, keys) for member in source.members]
            if any(one is BLOCKED for one in found):
                return BLOCKED
            given = [one for one in found if one is not SKIPPED]
            return given if given or not found else SKIPPED
        full = self.shape.full(source.ref)
        if isinstance(source, From | Map):
            return self._value(source.ref, keys[: len(full)])
        return self._gather(full, keys[: len(full) - source.levels], lambda at: self._value(source.ref, at))

    def _value(self, ref: OutputRef, keys: Keys) -> Any:
        depth = len(self.shape.axes(ref.op))
        state, outputs = self._result(ref.op, keys[:depth])
        if state != "succeeded":
            return SKIPPED if state == "skipped" else BLOCKED
        if ref.output not in outputs:
            return SKIPPED
        given = outputs[ref.output]
        return given[keys[depth]]["value"] if len(keys) > depth else given["value"]

    def _gather(self, axes: Axes, keys: Keys, value: Callable[[Keys], Any]) -> Any:
        if len(keys) == len(axes):
            return value(keys)
        below = self.fan_out(axes[len(keys)], keys)
        if not isinstance(below, list):
            return below
        found = [self._gather(axes, (*keys, key), value) for key in below]
        if any(one is BLOCKED for one in found):
            return BLOCKED
        given = [one for one in found if one is not SKIPPED]
        return given if given or not found else SKIPPED

    def _wait(self, op: str, other: str, keys: Keys) -> Any:
        own, axes = self.shape.axes(op), self.shape.axes(other)
        shared = 0
        while shared < min(len(own), len(axes)) and own[shared] == axes[shared]:
            shared += 1

        def ended(at: Keys) -> Any:
            state = self._result(other, at)[0]
            return {"succeeded": None, "skipped": SKIPPED}.get(state, BLOCKED)

        return self._gather(axes, keys[:shared], ended)
