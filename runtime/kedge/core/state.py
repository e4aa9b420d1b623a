"""The state of a run: one Step for each that exists, one Gate for each group of clones somebody waits for.

The legal moves of a step::

                          ┌──────── retry with delay ───────┐
                          ▼                                 │
    WAITING ─────────▶ READY ──────────▶ RUNNING ──────▶ DELAYED
       │                 ▲  ▲              │ │ │            │
       │                 │  └─── lost, or ─┘ │ │            │
       │                 │  retried at once  │ │            │
       │                 └───────────────────┼─┼──── due ───┘
       ├─▶ SKIPPED    a source was skipped   │ ├─▶ SUCCEEDED
       ├─▶ UNTOUCHED  a source failed        │ └─▶ FAILED
       └─▶ SUCCEEDED  taken over (cached)    └───▶ CANCELLED

An outcome is taken wherever the step stands short of a final state: after a restart the record may be read
before the step was started again, or even before its sources have ended; then it is kept until they have.
CANCELLED is open to every step that has not ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from kedge.core.ids import StepKey
from kedge.core.plan import Plan, PlanNode
from kedge.core.protocol import Failure


class StepState(Enum):
    """Where a step stands; see the drawing above."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DELAYED = "delayed"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNTOUCHED = "untouched"
    CANCELLED = "cancelled"

    __hash__ = object.__hash__  # Enum's own is Python code, and states are counted several times a step


FINAL = frozenset({StepState.SUCCEEDED, StepState.FAILED, StepState.SKIPPED, StepState.UNTOUCHED, StepState.CANCELLED})
_INDEX = {state: i for i, state in enumerate(StepState)}
STARTABLE = frozenset({StepState.READY, StepState.RUNNING, StepState.DELAYED})


class Availability(Enum):
    """What a source can give to its readers, once it has ended."""

    GIVEN = "given"
    SKIPPED = "skipped"
    BLOCKED = "blocked"


class Step:
    """One step. `order` breaks ties: definition order first, then the order in which keys were yielded."""

    __slots__ = (
        "attempt",
        "cached",
        "dependents",
        "due",
        "failure",
        "key",
        "losses",
        "node",
        "order",
        "outputs",
        "ready",
        "retries",
        "state",
        "waiting",
    )

    def __init__(self, key: StepKey, node: PlanNode, order: tuple[int, ...]) -> None:
        self.key = key
        self.node = node
        self.order = order
        self.state = StepState.WAITING
        self.waiting = 0
        self.attempt = 1
        self.retries = 0
        self.losses = 0
        self.cached = False
        self.due: float | None = None
        self.ready: float | None = None
        self.outputs: Mapping[str, Any] | None = None
        self.failure: Failure | None = None
        self.dependents: list[Step] | None = None

    @property
    def ended(self) -> bool:
        """Whether its state is final."""
        return self.state in FINAL

    def gives(self, output: str) -> Availability:
        """What this step, now final, has for a reader of `output` ("" for order alone)."""
        if self.state is StepState.SUCCEEDED:
            assert self.outputs is not None
            return Availability.GIVEN if not output or output in self.outputs else Availability.SKIPPED
        return Availability.SKIPPED if self.state is StepState.SKIPPED else Availability.BLOCKED


class Gate:
    """Closes when all clones of `node` under the keys `prefix` have ended.

    `children` are steps where the gate stands right above them, gates otherwise, in the order of their keys;
    None until the fan-out is known. `absent` says that there will be none, because its producer gave none.
    """

    __slots__ = (
        "_given",
        "absent",
        "children",
        "dependents",
        "ended",
        "level",
        "node",
        "parent",
        "prefix",
        "remaining",
    )

    def __init__(self, node: PlanNode, level: int, prefix: tuple[str, ...], parent: Gate | None) -> None:
        self.node = node
        self.level = level
        self.prefix = prefix
        self.parent = parent
        self.children: list[Step | Gate] | None = None
        self.absent: Availability | None = None
        self.remaining = 0
        self.ended = False
        self.dependents: list[Step] | None = None
        self._given: dict[str, Availability] = {}

    def gives(self, output: str) -> Availability:
        """What this gate, now closed, has for a reader: blocked by one failed clone, skipped if all were.

        Kept once known: thousands of clones may read one `collect`.
        """
        if self.absent is not None:
            return self.absent
        found = self._given.get(output)
        if found is None:
            found = self._given[output] = self._gather(output)
        return found

    def _gather(self, output: str) -> Availability:
        given = False
        assert self.children is not None
        for child in self.children:
            found = child.gives(output)
            if found is Availability.BLOCKED:
                return found
            given = given or found is Availability.GIVEN
        return Availability.GIVEN if given or not self.children else Availability.SKIPPED


class RunState:
    """All steps and gates of a run, with counters. Kept by `expand` and `run`; read by everybody."""

    __slots__ = ("_node_counts", "_outermost", "counts", "gates", "plan", "steps")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.steps: dict[StepKey, Step] = {}
        self.gates: dict[tuple[int, tuple[str, ...]], Gate] = {}
        self.counts: dict[StepState, int] = dict.fromkeys(StepState, 0)
        self._node_counts = [0] * (len(plan.nodes) * len(_INDEX))
        self._outermost: list[Step | None] = [None] * len(plan.nodes)

    def add(self, step: Step) -> None:
        """Take in a new step, waiting."""
        self.steps[step.key] = step
        if not step.key.keys:
            self._outermost[step.node.index] = step
        self._count(step.node.index, StepState.WAITING, 1)

    def move(self, step: Step, state: StepState) -> None:
        """Move a step and count it."""
        self._count(step.node.index, step.state, -1)
        step.state = state
        self._count(step.node.index, state, 1)

    def _count(self, node: int, state: StepState, change: int) -> None:
        self.counts[state] += change
        self._node_counts[node * len(_INDEX) + _INDEX[state]] += change

    def counts_of(self, node: int) -> dict[StepState, int]:
        """How many steps of a node are in which state; only states that occur."""
        first = node * len(_INDEX)
        return {state: count for state, i in _INDEX.items() if (count := self._node_counts[first + i])}

    def step_of(self, node: int, keys: tuple[str, ...]) -> Step:
        """The step of a node under these keys. Raises KeyError if it doesn't exist."""
        step = None if keys else self._outermost[node]
        if step is not None:
            return step
        return self.steps[StepKey(self.plan.nodes[node].op.name, keys)]

    def steps_of(self, op: str) -> Iterator[Step]:
        """All steps of an op, in the order in which they appeared."""
        return (step for step in self.steps.values() if step.key.op == op)
