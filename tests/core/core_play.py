"""A tiny engine for table tests: plays a graph through a Run, with what each attempt does given by a table."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kedge.core import bindings, plan
from kedge.core.actions import Action, Discard, Finish, RunStatus, Start, Stop, Wake
from kedge.core.events import Begin, Ended, Event, Lost, Tick
from kedge.core.graph import OpGraph
from kedge.core.ids import StepKey
from kedge.core.plan import TagLimit
from kedge.core.protocol import (
    Binding,
    Constant,
    Failure,
    Listing,
    Outcome,
    OutcomeStatus,
    RetryRequest,
    Single,
    SourceRef,
)
from kedge.core.run import History, Run
from kedge.core.settings import RunSettings

LOST = "lost"


def fails(*, retryable: bool = True) -> Failure:
    return Failure("ValueError", "no", retryable=retryable)


def asks_retry(max_retries: int, delay: float = 0.0) -> Failure:
    return Failure("RetryRequested", "again", request=RetryRequest(max_retries, delay))


def succeeded(step: str, attempt: int = 1, **outputs: Any) -> Outcome:
    """A success; a list of keys stands for a dynamic output, anything else for a plain one."""
    key = StepKey.parse(step)
    given = {
        name: {k: {"value": {"path": k}} for k in out} if isinstance(out, list) else {"value": {"path": step}}
        for name, out in outputs.items()
    }
    return Outcome(key, attempt, OutcomeStatus.SUCCEEDED, given)


def failed(step: str, attempt: int = 1, failure: Failure | None = None) -> Outcome:
    return Outcome(StepKey.parse(step), attempt, OutcomeStatus.FAILED, failure=failure or fails())


def lost(step: str, attempt: int = 1) -> Outcome:
    return Outcome(StepKey.parse(step), attempt, OutcomeStatus.LOST, failure=Failure("Lost", "evicted"))


def build(ops: Sequence[Mapping[str, Any]], limits: Sequence[TagLimit] = ()) -> plan.Plan:
    return plan.build(OpGraph.from_json(ops), limits)


def show(binding: Binding | SourceRef) -> Any:
    """An input as text: `op[key]`, `op.output`, `op:key` for one value of a dynamic output; lists as lists."""
    if isinstance(binding, Single):
        return show(binding.source)
    if isinstance(binding, Constant):
        return binding.value
    if isinstance(binding, Listing):
        return [show(member) for member in binding.members]
    assert isinstance(binding, SourceRef)
    text = str(binding.step) if binding.output == "result" else f"{binding.step}.{binding.output}"
    return text if binding.mapping_key is None else f"{text}:{binding.mapping_key}"


@dataclass
class Play:
    """A run, what it did so far, and the attempts that are alive."""

    run: Run
    script: Mapping[str, Any] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    live: list[Start] = field(default_factory=list)
    discards: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)
    finishes: list[RunStatus] = field(default_factory=list)
    now: float = 0.0

    @property
    def states(self) -> dict[str, str]:
        return {str(key): step.state.value for key, step in self.run.state.steps.items()}

    def of(self, *states: str) -> list[str]:
        return [key for key, state in self.states.items() if state in states]

    def apply(self, event: Event) -> list[Action]:
        actions = self.run.apply(event)
        for action in actions:
            if isinstance(action, Start):
                name = str(action.step)
                self.starts.append(name if action.attempt == 1 else f"{name}#{action.attempt}")
                step = self.run.state.steps[action.step]
                self.inputs[name] = {key: show(one) for key, one in bindings.bind(self.run.state, step).items()}
                self.live.append(action)
            elif isinstance(action, Discard):
                self.discards += [show(value) for value in action.values]
            elif isinstance(action, Stop):
                self.stops.append(str(action.step))
            elif isinstance(action, Wake):
                heapq.heappush(self.wakes, action.at)
            elif isinstance(action, Finish):
                self.finishes.append(action.status)
        return actions

    def begin(self) -> Play:
        self.apply(Begin(self.now))
        return self

    def end(self, step: str, result: Any = None) -> list[Action]:
        """End the live attempt of a step, as `result` or the script says."""
        start = next(one for one in self.live if str(one.step) == step)
        self.live.remove(start)
        return self.apply(self._event(start, self._scripted(start) if result is None else result))

    def go(self) -> Play:
        """Play to the end: attempts end in the order of their start, time passes when nothing else happens."""
        while not self.run.finished:
            if self.live:
                self.end(str(self.live[0].step))
            else:
                assert self.wakes, f"the run hangs: {self.states}"
                self.now = heapq.heappop(self.wakes)
                self.apply(Tick(self.now))
        return self

    def _scripted(self, start: Start) -> Any:
        given = self.script.get(str(start.step))
        return given[min(start.attempt, len(given)) - 1] if isinstance(given, list) else given

    def _event(self, start: Start, result: Any) -> Event:
        if result == LOST:
            return Lost(start.step, start.attempt, "evicted", self.now)
        if isinstance(result, Failure):
            return Ended(failed(str(start.step), start.attempt, result), self.now)
        if result is None:
            outputs = self.run.plan.by_name[start.step.op].op.outputs
            result = {out.name: ["k1", "k2"] if out.dynamic else True for out in outputs}
        return Ended(succeeded(str(start.step), start.attempt, **result), self.now)


def start(
    ops: Sequence[Mapping[str, Any]],
    script: Mapping[str, Any] | None = None,
    limits: Sequence[TagLimit] = (),
    history: History | None = None,
    **settings: Any,
) -> Play:
    """A run that has begun."""
    return Play(Run(build(ops, limits), RunSettings(**settings), history), script or {}).begin()


def play(ops: Sequence[Mapping[str, Any]], script: Mapping[str, Any] | None = None, **rest: Any) -> Play:
    """A run played to its end."""
    return start(ops, script, **rest).go()


def op(
    name: str, outputs: Sequence[Mapping[str, Any]] | None = None, after: Sequence[str] = (), **rest: Any
) -> dict[str, Any]:
    """One op of a manifest; `inputs` in the manifest's shape, `priority` and `pool` as short forms of tags."""
    found: dict[str, Any] = {"name": name}
    tags = {
        f"kedge/{key}" if key == "priority" else key: str(rest.pop(key)) for key in ("priority", "pool") if key in rest
    }
    if tags:
        found["tags"] = tags
    if outputs is not None:
        found["outputs"] = list(outputs)
    if after:
        found["after"] = list(after)
    return found | rest


def dynamic(name: str, *, required: bool = True, **rest: Any) -> dict[str, Any]:
    """An op with one dynamic output."""
    return op(name, outputs=[{"name": "result", "dynamic": True, "required": required}], **rest)


def reads(name: str, source: str, **rest: Any) -> dict[str, Any]:
    return op(name, inputs={"x": {"from": source}}, **rest)


def maps(name: str, source: str, **rest: Any) -> dict[str, Any]:
    return op(name, inputs={"x": {"map": source}}, **rest)


def collects(name: str, source: str, levels: int = 1, **rest: Any) -> dict[str, Any]:
    return op(name, inputs={"x": {"collect": source, "levels": levels}}, **rest)


def joins(name: str, *sources: Any, **rest: Any) -> dict[str, Any]:
    return op(name, inputs={"xs": {"each": list(sources)}}, **rest)
