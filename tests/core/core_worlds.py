"""Random worlds: an op graph, limits, what each attempt does, and an engine that lets it all happen in any order.

`Random` comes from outside: Hypothesis's own (which shrinks), or a plain one by seed. What an attempt does is a
function of the world's seed, the step and the attempt, so that interleavings can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from core_reference import BLOCKED, SKIPPED, Axes, Done, Reference, Shape, World

from kedge.core import bindings, plan
from kedge.core.actions import Action, Discard, Finish, Start, Stop
from kedge.core.events import Begin, Cancel, Ended, Event, Lost, Resize, Resume, Suspend, Tick
from kedge.core.graph import Collect, Each, From, Map, OpGraph, OpNode, OutputRef, OutputSpec, Source, Value
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
    Times,
)
from kedge.core.retry import RetryPolicy
from kedge.core.run import History, Run
from kedge.core.settings import Retain, RunSettings
from kedge.core.state import FINAL, Step, StepState

MAX_DEPTH = 3
INFRASTRUCTURE_RETRIES = 2


# -- the graph ------------------------------------------------------------------------------------------------------


def random_graph(rng: Random, most: int = 9) -> OpGraph:
    """A graph whose inputs fit, its ops in any order of definition."""
    made: list[OpNode] = []
    for i in range(rng.randint(1, most)):
        made.append(_random_op(rng, f"o{i}", made))
    if rng.random() < 0.3:
        rng.shuffle(made)
    return OpGraph(tuple(made))


def _random_op(rng: Random, name: str, above: Sequence[OpNode]) -> OpNode:
    outputs = tuple(
        OutputSpec(out, dynamic=rng.random() < 0.4, required=rng.random() < 0.7)
        for out in ("result", "other")[: 2 if rng.random() < 0.25 else 1]
    )
    tags = {}
    if rng.random() < 0.5:
        tags["kedge/priority"] = str(rng.randint(-1, 3))
    if rng.random() < 0.5:
        tags["pool"] = rng.choice("ab")
    retry = None
    if rng.random() < 0.3:
        retry = RetryPolicy(rng.randint(0, 2), delay=rng.choice([None, 1.0, 5.0]))
    after = (rng.choice(above).name,) if above and rng.random() < 0.2 else ()
    return OpNode(name, inputs=_random_inputs(rng, above), outputs=outputs, after=after, tags=tags, retry=retry)


def _random_inputs(rng: Random, above: Sequence[OpNode]) -> dict[str, Source]:
    shape = Shape(OpGraph(tuple(above)))
    choices = [(source, shape.given(source)) for source in _sources(shape)]
    axes: Axes = ()
    found: dict[str, Source] = {}

    def pick(kinds: tuple[type, ...]) -> Any:
        nonlocal axes
        fitting = [(source, given) for source, given in choices if isinstance(source, kinds) and _fits(axes, given)]
        if not fitting:
            return None
        source, given = rng.choice(fitting)
        axes = max(axes, given, key=len)
        return source

    for i in range(rng.choice([0, 1, 1, 1, 2, 2, 3]) if above else 0):
        kind = rng.random()
        source: Source | None
        if kind < 0.08:
            source = Value(i)
        elif kind < 0.3:
            members = [pick((From, Map, Collect)) for _ in range(rng.randint(1, 3))]
            source = Each(tuple(member for member in members if member is not None))
        elif kind < 0.65:
            source = pick((Map, Collect)) or pick((From,))
        else:
            source = pick((From, Map, Collect))
        if source is not None:
            found[f"i{i}"] = source
    return found


def _fits(one: Axes, other: Axes) -> bool:
    common = min(len(one), len(other))
    return one[:common] == other[:common]


def _sources(shape: Shape) -> Iterator[From | Map | Collect]:
    for op in shape.graph:
        for output in op.outputs:
            ref = OutputRef(op.name, output.name)
            depth = len(shape.full(ref))
            if not output.dynamic:
                yield From(ref)
            elif depth <= MAX_DEPTH:
                yield Map(ref)
            for levels in range(1, depth + 1):
                yield Collect(ref, levels)


def random_limits(rng: Random) -> list[TagLimit]:
    found = []
    if rng.random() < 0.4:
        found.append(TagLimit("pool", rng.randint(1, 2), each_value=rng.random() < 0.5))
    if rng.random() < 0.3:
        found.append(TagLimit("pool", 1, value="a"))
    return found


# -- what attempts do -----------------------------------------------------------------------------------------------


class Script:
    """How each attempt ends: the same for the same seed, whatever happens around it."""

    def __init__(self, graph: OpGraph, seed: int) -> None:
        rng = Random(seed)
        self.seed = seed
        self.ops = graph.names
        self.trouble = rng.choice([0.0, 0.0, 0.1, 0.3])
        self.most_keys = rng.choice([1, 2, 3])

    def __call__(self, step: StepKey, attempt: int) -> Done:
        rng = Random(f"{self.seed}/{step}/{attempt}")
        if rng.random() < self.trouble:
            kind = rng.choice(["error", "error", "final", "ask", "lost"])
            return Done(kind, {}, asked=rng.randint(0, 2), delay=rng.choice([0.0, 2.0]))
        outputs: dict[str, Any] = {}
        for out in self.ops[step.op].outputs:
            name = f"{step}@{attempt}.{out.name}"
            if not out.required and rng.random() < 0.4:
                continue
            if out.dynamic:
                keys = rng.sample(["b", "a", "k_1", "9"], rng.randint(0, self.most_keys))
                outputs[out.name] = {key: {"value": {"path": f"{name}.{key}"}} for key in keys}
            else:
                outputs[out.name] = {"value": {"path": name}}
        return Done("ok", outputs)

    def outcome(self, step: StepKey, attempt: int) -> Outcome:
        done = self(step, attempt)
        if done.kind == "ok":
            return Outcome(step, attempt, OutcomeStatus.SUCCEEDED, done.outputs)
        if done.kind == "lost":
            return Outcome(step, attempt, OutcomeStatus.LOST, failure=Failure("Lost", "evicted"))
        request = RetryRequest(done.asked, done.delay) if done.kind == "ask" else None
        failure = Failure("ValueError", "no", retryable=done.kind != "final", request=request)
        return Outcome(step, attempt, OutcomeStatus.FAILED, failure=failure)


# -- the engine -----------------------------------------------------------------------------------------------------


@dataclass
class Segment:
    """One life of the engine: how its Run was made, and all that it was told and answered."""

    settings: RunSettings
    history: History
    log: list[tuple[Event, list[Action]]] = field(default_factory=list)


class Engine:
    """Drives one run, checks every rule after every event, and dies and comes back when told to."""

    def __init__(self, graph: OpGraph, limits: Sequence[TagLimit], script: Script, settings: RunSettings) -> None:
        self.graph = graph
        self.limits = limits
        self.script = script
        self.plan = plan.build(graph, limits)
        self.reference = Reference(graph, script, settings.infrastructure_retries)
        self.shape = Shape(graph)
        self.settings = settings
        self.live: dict[StepKey, int] = {}
        self.records: dict[StepKey, list[Outcome]] = {}
        self.started: set[tuple[StepKey, int]] = set()
        self.final: dict[StepKey, StepState] = {}
        self.discarded: list[tuple[StepKey, str, str | None]] = []
        self.now = 100.0
        self.suspended = False
        self.cancelled = False
        self.stops: set[tuple[StepKey, int]] = set()
        self.segments: list[Segment] = []
        self._boot()

    # -- lives

    def _boot(self) -> None:
        records = {step: sorted(found, key=lambda one: one.attempt) for step, found in self.records.items()}
        history = History(records=records, live=frozenset(self.live.items()))
        self.segments.append(Segment(self.settings, history))
        self.run = Run(self.plan, self.settings, history)
        self.discarded = []
        self.stops = set()
        if self.cancelled:
            self.tell(Cancel(self.now))
        if self.suspended:
            self.tell(Suspend(self.now))
        self.tell(Begin(self.now))

    def crash(self) -> None:
        """Forget everything, and take the run up again from records and live attempts alone."""
        before, states = self.picture(), self.states()
        discarded = set(self.discarded)
        self._boot()
        assert self.states() == states
        assert self.cancelled or self.picture() == before
        assert set(self.discarded) == discarded

    def cancel(self) -> None:
        self.cancelled = True
        self.tell(Cancel(self.now))

    def states(self) -> dict[StepKey, str]:
        return {key: step.state.value for key, step in self.run.state.steps.items()}

    def picture(self) -> dict[StepKey, Any]:
        return {
            key: (step.state, step.attempt, step.retries, step.losses, step.outputs)
            for key, step in self.run.state.steps.items()
        }

    # -- events

    def tell(self, event: Event) -> None:
        was_finished = self.run.finished
        actions = self.run.apply(event)
        self.segments[-1].log.append((event, actions))
        assert not (was_finished and actions)
        self._check_starts([action for action in actions if isinstance(action, Start)])
        for action in actions:
            self._carry_out(action)
        self._check_state(actions)

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, Start):
            attempt = (action.step, action.attempt)
            assert self.run.stopping is None
            assert attempt not in self.started, f"{attempt} started twice"
            assert action.step not in self.live
            assert action.attempt not in {one.attempt for one in self.records.get(action.step, ())}
            self.started.add(attempt)
            self.live[action.step] = action.attempt
            self._check_inputs(self.run.state.steps[action.step])
        elif isinstance(action, Stop):
            self.stops.add((action.step, action.attempt))
        elif isinstance(action, Discard):
            self._check_discard(action)

    def end(self, step: StepKey) -> None:
        """A live attempt ends as its script says."""
        attempt = self.live.pop(step)
        outcome = replace(self.script.outcome(step, attempt), times=Times(self.now, ended=self.now))
        self.records.setdefault(step, []).append(outcome)
        if outcome.status is OutcomeStatus.LOST:
            self.tell(Lost(step, attempt, "evicted", self.now))
        else:
            self.tell(Ended(outcome, self.now))

    def die(self, step: StepKey) -> None:
        """A stopped attempt is gone."""
        attempt = self.live.pop(step)
        self.tell(Lost(step, attempt, "stopped", self.now))

    def repeat(self, rng: Random) -> None:
        """An old outcome or loss is reported once more: nothing may come of it."""
        known = [one for found in self.records.values() for one in found]
        if known:
            one = rng.choice(known)
            before = self.picture()
            self.tell(Lost(one.step, one.attempt, "late", self.now) if rng.random() < 0.3 else Ended(one, self.now))
            assert self.picture() == before
            assert self.segments[-1].log[-1][1] == []

    def pass_time(self) -> None:
        dues = [step.due for step in self.run.state.steps.values() if step.due is not None]
        self.now = max(self.now, min(dues, default=self.now))
        self.tell(Tick(self.now))

    # -- checks

    def _check_starts(self, starts: Sequence[Start]) -> None:
        """The starts are exactly the best choices, one by one, among all that were ready and had room."""
        steps = self.run.state.steps
        started = [steps[one.step] for one in starts]
        busy = [step for step in steps.values() if step.state is StepState.RUNNING and step not in started]
        ready = [step for step in steps.values() if step.state is StepState.READY] + started
        for step in started:
            assert step is self._best(ready, busy)
            ready.remove(step)
            busy.append(step)
        if not (self.run.finished or self._holds_back()):
            assert self._best(ready, busy) is None, "a step idles while there is room"

    def _holds_back(self) -> bool:
        return self.run.stopping is not None or self.suspended or not self.run.state.steps

    def _best(self, ready: Sequence[Step], busy: Sequence[Step]) -> Step | None:
        most = self.settings.max_concurrent
        if most is not None and len(busy) >= most:
            return None
        startable = [step for step in ready if self._has_room(step, busy)]
        return min(startable, key=lambda step: (-step.node.op.priority, step.order), default=None)

    def _has_room(self, step: Step, busy: Sequence[Step]) -> bool:
        for limit in self.limits:
            value = step.node.op.tags.get(limit.key)
            if value is None or limit.value not in (None, value):
                continue
            held = [other.node.op.tags.get(limit.key) for other in busy]
            counted = [
                one
                for one in held
                if one == value or (one is not None and limit.value is None and not limit.each_value)
            ]
            if len(counted) >= limit.limit:
                return False
        return True

    def _check_state(self, actions: Sequence[Action]) -> None:
        state = self.run.state
        for key, step in state.steps.items():
            if key in self.final:
                assert step.state is self.final[key], f"{key} had ended"
            elif step.state in FINAL:
                self.final[key] = step.state
        running = {key for key, step in state.steps.items() if step.state is StepState.RUNNING}
        if state.steps:  # it has begun
            assert running == set(self.live)
            assert self.run.stopping is None or self.stops >= set(self.live.items())
        assert self.run.running == len(running)
        for name, count in state.counts.items():
            assert count == sum(step.state is name for step in state.steps.values())
        ended = [action for action in actions if isinstance(action, Finish)]
        assert bool(ended) == (self.run.finished and bool(actions))
        if ended:
            assert actions[-1] is ended[0]
            assert set(self.final) == set(state.steps)
            assert not self.live

    def _check_inputs(self, step: Step) -> None:
        found = {name: _values(one) for name, one in bindings.bind(self.run.state, step).items()}
        expected = self.reference.inputs(step.key)
        assert found == expected
        assert not any(one is SKIPPED or one is BLOCKED for one in expected.values())

    def _check_discard(self, action: Discard) -> None:
        world = self.world()
        for value in action.values:
            unit = (value.step, value.output, value.mapping_key)
            assert unit not in self.discarded, f"{unit} discarded twice"
            assert world.is_consumed(*unit), f"{unit} discarded too soon"
            self.discarded.append(unit)

    def world(self) -> World:
        def look(op: str, keys: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
            step = self.run.state.steps[StepKey(op, keys)]
            return step.state.value, dict(step.outputs or {})

        return World(self.shape, look)

    def check_end(self) -> None:
        """Final states are the reference's, and so is what was discarded."""
        assert self.run.finished
        assert self.states() == self.reference.states()
        if self.settings.retain is Retain.UNTIL_CONSUMED:
            expected = {unit for unit in self.reference.units() if self.reference.is_consumed(*unit)}
            assert set(self.discarded) == expected

    def check_replay(self) -> None:
        """The same events give the same actions, in every life of the engine."""
        for segment in self.segments:
            run = Run(self.plan, segment.settings, segment.history)
            for event, actions in segment.log:
                assert run.apply(event) == actions


def _values(binding: Binding | SourceRef) -> Any:
    if isinstance(binding, Single):
        return _values(binding.source)
    if isinstance(binding, Constant):
        return binding.value
    if isinstance(binding, Listing):
        return [_values(member) for member in binding.members]
    assert isinstance(binding, SourceRef)
    assert binding.record is not None
    return binding.record["value"]


# -- whole stories --------------------------------------------------------------------------------------------------


def random_engine(rng: Random, **settings: Any) -> Engine:
    graph = random_graph(rng)
    script = Script(graph, rng.randint(0, 2**32))
    given = RunSettings(
        max_concurrent=rng.choice([1, 2, 3, 10, None]),
        infrastructure_retries=INFRASTRUCTURE_RETRIES,
        retain=rng.choice([Retain.ALWAYS, Retain.UNTIL_CONSUMED]),
    )
    return Engine(graph, random_limits(rng), script, replace(given, **settings))


def live_through(engine: Engine, rng: Random, most: int = 2000) -> None:
    """Let things happen in any order until the run ends: ends, repeats, crashes, pauses, other limits."""
    for _ in range(most):
        if engine.run.finished:
            return
        if engine.suspended and not engine.live:
            engine.suspended = False
            engine.tell(Resume(engine.now))
        chance = rng.random()
        if chance < 0.7 and engine.live:
            engine.end(rng.choice(sorted(engine.live)))
        elif chance < 0.78:
            engine.pass_time()
        elif chance < 0.86:
            engine.repeat(rng)
        elif chance < 0.92:
            engine.crash()
        elif chance < 0.96:
            engine.suspended = not engine.suspended
            engine.tell(Suspend(engine.now) if engine.suspended else Resume(engine.now))
        else:
            most_at_once = rng.choice([1, 2, 4, None])
            engine.settings = replace(engine.settings, max_concurrent=most_at_once)
            engine.tell(Resize(most_at_once, engine.now))
    raise AssertionError(f"the run hangs: {engine.picture()}")


def stop_sometime(engine: Engine, rng: Random, *, cancel: bool) -> None:
    """Run on, cancel after a while (or let the run stop itself), and end what still runs."""
    patience = rng.randint(0, 12)
    while not engine.run.finished:
        if cancel and patience == 0:
            engine.cancel()
        elif cancel and rng.random() > 0.9:
            engine.crash()
        elif engine.run.stopping is not None and engine.live and rng.random() < 0.5:
            engine.die(rng.choice(sorted(engine.live)))
        elif engine.live:
            engine.end(rng.choice(sorted(engine.live)))
        else:
            engine.pass_time()
        patience -= 1
