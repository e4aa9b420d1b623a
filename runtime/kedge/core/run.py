"""One run: events in, actions out. This is the only place where a run is decided, for all engines.

An engine feeds what it sees (`Ended`, `Lost`, `Tick`, ...) and carries out what comes back (`Start`, `Stop`,
...). The work per event is proportional to what it changes. Feeding the same events again gives the same
state and the same actions; an event that says nothing new (a doubled or late outcome) gives none.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from kedge.core import expand
from kedge.core.actions import Action, Discard, Finish, RunStatus, Start, Stop, StopReason, Wake
from kedge.core.events import Begin, Cancel, Ended, Event, Lost, Resize, Resume, Suspend, Tick
from kedge.core.ids import StepKey
from kedge.core.plan import Plan
from kedge.core.protocol import Failure, Outcome, OutcomeStatus, check_outputs
from kedge.core.retention import Retention
from kedge.core.retry import delay_before, jitter_of
from kedge.core.schedule import ReadyQueue
from kedge.core.settings import Retain, RunSettings
from kedge.core.state import STARTABLE, Availability, Gate, RunState, Step, StepState


@dataclass(frozen=True, slots=True)
class History:
    """What is already known when a run begins.

    `records`: outcomes of this very run, by step, in the order of their attempts (it is taken up again).
    `live`: attempts that are known to exist. `inherited`: successes of an earlier run that count here too.
    `selected`: when given, just these steps run; others are inherited or left out.
    """

    records: Mapping[StepKey, Sequence[Outcome]] = field(default_factory=dict)
    live: AbstractSet[tuple[StepKey, int]] = frozenset()
    inherited: Mapping[StepKey, Outcome] = field(default_factory=dict)
    selected: Callable[[StepKey], bool] | None = None


class Run:
    """The state of one run and its rules.

    `state` and `status` may be read at any time; only `apply` changes them.
    """

    def __init__(self, plan: Plan, settings: RunSettings | None = None, history: History | None = None) -> None:
        self.plan = plan
        self.settings = settings or RunSettings()
        self.state = RunState(plan)
        self.status = RunStatus.RUNNING
        self.stopping: StopReason | None = None
        self.retries = 0
        self._history = history or History()
        self._records: dict[StepKey, deque[Outcome]] = {k: deque(v) for k, v in self._history.records.items()}
        self._live: dict[StepKey, int] = {}
        for key, attempt in self._history.live:
            self._live[key] = max(attempt, self._live.get(key, 0))
        self._queue = ReadyQueue(plan.limits, self.settings.max_concurrent)
        self._delayed: list[tuple[float, tuple[int, ...], int, Step]] = []
        self._began: float | None = None
        self._deadline: float | None = None
        self._actions: list[Action] = []
        self._settled: deque[Step | Gate] = deque()
        self._fresh: deque[Step] = deque()
        self._now = 0.0
        self._retention = Retention(self.state) if self.settings.retain is Retain.UNTIL_CONSUMED else None
        shapes = {node.op.outputs: {out.name: out.dynamic for out in node.op.outputs} for node in plan.nodes}
        self._dynamic = [shapes[node.op.outputs] for node in plan.nodes]

    # -- events ---------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> list[Action]:
        """Take in one event and return what is to be done, in order."""
        self._now = max(self._now, event.at)
        if not self.finished:
            self._HANDLERS[type(event)](self, event)
            self._propagate()
            self._start_ready()
            self._finish_if_done()
        actions, self._actions = self._actions, []
        return actions

    @property
    def finished(self) -> bool:
        """Whether the run has ended for good."""
        return self.status not in (RunStatus.RUNNING, RunStatus.SUSPENDED)

    @property
    def running(self) -> int:
        """How many steps are unfinished."""
        return self._queue.running

    def _begin(self, event: Begin) -> None:
        if self._began is not None:
            return
        self._began = event.at
        if self.settings.deadline is not None:
            self._deadline = (event.at if event.since is None else event.since) + self.settings.deadline
            self._actions.append(Wake(self._deadline))
            self._tick(Tick(event.at))
        self._fresh.extend(expand.open_scope(self.state, (), (), ()))

    def _ended(self, event: Ended) -> None:
        outcome = event.outcome
        step = self.state.steps.get(outcome.step)
        if step is None or step.state is StepState.WAITING:
            self._keep(outcome)
        elif step.state in STARTABLE and outcome.attempt >= step.attempt:
            self._close_attempt(step, outcome)

    def _keep(self, outcome: Outcome) -> None:
        """An outcome whose step can't have started yet, as far as this engine knows: its turn will come."""
        if outcome.step.op in self.plan.by_name:
            self._records.setdefault(outcome.step, deque()).append(outcome)

    def _lost(self, event: Lost) -> None:
        step = self.state.steps.get(event.step)
        if step is None or step.state is StepState.WAITING or step.attempt == event.attempt:
            failure = Failure("Lost", event.cause)
            self._ended(Ended(Outcome(event.step, event.attempt, OutcomeStatus.LOST, failure=failure), event.at))

    def _tick(self, event: Tick) -> None:
        while self._delayed and self._delayed[0][0] <= self._now:
            _, _, attempt, step = heapq.heappop(self._delayed)
            if step.state is StepState.DELAYED and step.attempt == attempt:
                step.due = None
                self._line_up(step)
        if self._deadline is not None and self._now >= self._deadline:
            self._stop(StopReason.DEADLINE)

    def _cancel(self, event: Cancel) -> None:
        self._stop(StopReason.CANCELLED)

    def _suspend(self, event: Suspend) -> None:
        self.status = RunStatus.SUSPENDED

    def _resume(self, event: Resume) -> None:
        self.status = RunStatus.RUNNING

    def _resize(self, event: Resize) -> None:
        self._queue.max_concurrent = event.max_concurrent

    _HANDLERS: Mapping[type, Callable[[Run, Any], None]] = {
        Begin: _begin,
        Ended: _ended,
        Lost: _lost,
        Tick: _tick,
        Cancel: _cancel,
        Suspend: _suspend,
        Resume: _resume,
        Resize: _resize,
    }

    # -- how an attempt ends --------------------------------------------------------------------------------

    def _close_attempt(self, step: Step, outcome: Outcome) -> None:
        step.due = None
        if step.state is StepState.RUNNING:
            self._queue.release(step)
        if self.stopping is not None and outcome.status is OutcomeStatus.LOST:
            self._end(step, StepState.CANCELLED)  # this engine stopped it
            return
        delay = self._settle(step, outcome)
        if delay is not None:
            self._proceed(step, self._now + delay)

    def _settle(self, step: Step, outcome: Outcome) -> float | None:
        """Take in how an attempt ended. Returns the delay before the next one; None when the step has ended."""
        step.attempt = outcome.attempt
        if outcome.status is OutcomeStatus.SUCCEEDED:
            fault = self._fault_in(step, outcome)
            if fault is None:
                step.cached = outcome.cached_from is not None
                self._succeed(step, outcome)
            else:
                self._fail(step, Failure("ProtocolError", f"step {step.key}: {fault}", retryable=False))
            return None
        failure = outcome.failure or Failure("Unknown", "the outcome gives no reason")
        if outcome.status is OutcomeStatus.LOST:
            return self._settle_lost(step, failure)
        delay = self._delay_of_retry(step, failure)
        if delay is None:
            self._fail(step, failure)
            return None
        step.retries += 1
        self._count_attempt(step)
        return delay

    def _settle_lost(self, step: Step, failure: Failure) -> float | None:
        step.losses += 1
        if step.losses > self.settings.infrastructure_retries:
            why = f"attempt {step.attempt} was lost ({failure.message}), as were {step.losses - 1} before it"
            self._fail(step, Failure("Lost", why))
            return None
        self._count_attempt(step)
        return 0.0

    def _count_attempt(self, step: Step) -> None:
        step.attempt += 1
        self.retries += 1

    def _delay_of_retry(self, step: Step, failure: Failure) -> float | None:
        if not self.settings.allows_retry(step.node.op.retry, failure, step.retries):
            return None
        if failure.request is not None:
            return failure.request.delay
        policy = step.node.op.retry or self.settings.retry
        assert policy is not None
        return delay_before(policy, step.retries + 1, jitter_of(self.settings.run_id, str(step.key), step.attempt))

    def _succeed(self, step: Step, outcome: Outcome) -> None:
        step.outputs = outcome.outputs
        self._end(step, StepState.SUCCEEDED)

    def _fail(self, step: Step, failure: Failure) -> None:
        step.failure = failure
        self._end(step, StepState.FAILED)
        if self.settings.fail_fast:
            self._stop(StopReason.FAIL_FAST)

    def _end(self, step: Step, state: StepState) -> None:
        step.due = None
        self.state.move(step, state)
        self._settled.append(step)

    # -- what follows from it -------------------------------------------------------------------------------

    def _propagate(self) -> None:
        """Carry ends to those who wait for them, until nothing changes; a queue, so that depth doesn't matter."""
        while self._settled or self._fresh:
            while self._settled:
                slot = self._settled.popleft()
                if isinstance(slot, Step):
                    self._after_step(slot)
                else:
                    self._after_gate(slot)
            while self._fresh and not self._settled:
                step = self._fresh.popleft()
                if step.waiting == 0 and step.state is StepState.WAITING:
                    self._decide(step)

    def _after_step(self, step: Step) -> None:
        for output, dynamic in self._dynamic[step.node.index].items():
            if dynamic:
                self._fan_out(step, output)
        self._wake_dependents(step)
        if self._retention is not None:
            self._discard(self._retention.after_step(step))
        gate = expand.gates_above(self.state, step)
        if gate is not None:
            self._count_down(gate)

    def _fan_out(self, step: Step, output: str) -> None:
        if step.outputs is not None and output in step.outputs:
            created, closed = expand.fan_out(self.state, step, output)
            self._fresh.extend(created)
        else:
            closed = expand.no_fan_out(self.state, step, output)
        for gate in closed:
            self._close(gate)

    def _count_down(self, gate: Gate) -> None:
        gate.remaining -= 1
        if gate.remaining == 0:
            self._close(gate)

    def _close(self, gate: Gate) -> None:
        gate.ended = True
        self._settled.append(gate)

    def _after_gate(self, gate: Gate) -> None:
        self._wake_dependents(gate)
        if self._retention is not None:
            self._discard(self._retention.after_gate(gate))
        if gate.parent is not None:
            self._count_down(gate.parent)

    def _wake_dependents(self, slot: Step | Gate) -> None:
        for dependent in slot.dependents or ():
            dependent.waiting -= 1
            if dependent.waiting == 0 and dependent.state is StepState.WAITING:
                self._decide(dependent)
        slot.dependents = None

    def _decide(self, step: Step) -> None:
        found = expand.decide(self.state, step)
        if found is Availability.SKIPPED:
            self._end(step, StepState.SKIPPED)
        elif found is Availability.BLOCKED:
            self._end(step, StepState.UNTOUCHED)
        elif not self._take_over(step):
            self._proceed(step)

    def _take_over(self, step: Step) -> bool:
        """In a re-execution: what isn't to run counts with its earlier success, or is left out."""
        selected = self._history.selected
        if selected is not None and selected(step.key):
            return False
        outcome = self._history.inherited.get(step.key)
        if outcome is not None and self._is_success(step, outcome):
            step.cached = True
            self._succeed(step, outcome)
        elif selected is not None:
            self._end(step, StepState.UNTOUCHED)
        else:
            return False
        return True

    def _is_success(self, step: Step, outcome: Outcome) -> bool:
        return outcome.status is OutcomeStatus.SUCCEEDED and self._fault_in(step, outcome) is None

    def _fault_in(self, step: Step, outcome: Outcome) -> str | None:
        """What is wrong with a success, or None."""
        fault = check_outputs(outcome, self._dynamic[step.node.index])
        return fault or expand.fault_of(self.state, step, outcome.outputs)

    def _proceed(self, step: Step, due: float = 0.0) -> None:
        """The next attempt may start at `due`, unless a record says how it ended or it is known to run."""
        while (outcome := self._next_record(step)) is not None:
            delay = self._settle(step, outcome)
            if delay is None:
                return
            due = self._end_of(outcome) + delay
        if self._live.get(step.key, 0) >= step.attempt:
            self._find_running(step)
        elif self.stopping is not None:
            self._end(step, StepState.CANCELLED)
        elif due > self._now:
            self._put_off(step, due)
        else:
            self._line_up(step)

    def _next_record(self, step: Step) -> Outcome | None:
        """The next record of an attempt that was made before this engine knew of it."""
        records = self._records.get(step.key)
        while records:
            outcome = records.popleft()
            if outcome.attempt >= step.attempt:
                return outcome
        return None

    def _end_of(self, outcome: Outcome) -> float:
        """When a recorded attempt ended, so that a restart doesn't begin its delay anew."""
        ended = outcome.times.ended if outcome.times is not None else None
        return self._now if ended is None else min(ended, self._now)

    def _find_running(self, step: Step) -> None:
        step.attempt = self._live[step.key]
        self._queue.occupy(step)
        self.state.move(step, StepState.RUNNING)
        if self.stopping is not None:
            self._actions.append(Stop(step.key, step.attempt, self.stopping))

    def _put_off(self, step: Step, due: float) -> None:
        step.due = due
        self.state.move(step, StepState.DELAYED)
        heapq.heappush(self._delayed, (due, step.order, step.attempt, step))
        self._actions.append(Wake(due))

    def _line_up(self, step: Step) -> None:
        step.ready = self._now
        self.state.move(step, StepState.READY)
        self._queue.push(step)

    def _start_ready(self) -> None:
        if self.status is RunStatus.SUSPENDED or self.stopping is not None:
            return
        while (step := self._queue.take()) is not None:
            self.state.move(step, StepState.RUNNING)
            self._actions.append(Start(step.key, step.attempt, step.retries))

    # -- how a run ends -------------------------------------------------------------------------------------

    def _stop(self, reason: StopReason) -> None:
        if self.stopping is not None:
            return
        self.stopping = reason
        for step in list(self.state.steps.values()):
            if step.state is StepState.RUNNING:
                self._actions.append(Stop(step.key, step.attempt, reason))
            elif step.state in (StepState.READY, StepState.DELAYED):
                self._end(step, StepState.CANCELLED)

    def _finish_if_done(self) -> None:
        counts = self.state.counts
        open_steps = counts[StepState.READY] + counts[StepState.RUNNING] + counts[StepState.DELAYED]
        if self._began is None or open_steps:
            return  # a step that waits, waits for an open one
        self.status = self._final_status()
        self._actions.append(Finish(self.status))

    def _final_status(self) -> RunStatus:
        if self.stopping is StopReason.CANCELLED:
            return RunStatus.CANCELLED
        failed = self.state.counts[StepState.FAILED] or self.stopping is not None
        return RunStatus.FAILED if failed else RunStatus.SUCCEEDED

    def _discard(self, values: Sequence[Any]) -> None:
        if values:
            self._actions.append(Discard(tuple(values)))
