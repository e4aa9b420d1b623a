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
from kedge.core.plan import Dep, Plan, PlanNode
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


FINAL = frozenset({StepState.SUCCEEDED, StepState.FAILED, StepState.SKIPPED, StepState.UNTOUCHED, StepState.CANCELLED})
STARTABLE = frozenset({StepState.READY, StepState.RUNNING, StepState.DELAYED})


Release = tuple[Dep, tuple[str, ...]]
"""A reader has let go of what it read: the dependency, and the mapping keys of the reader."""


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
        "early",
        "failure",
        "holds",
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
        self.holds: dict[Any, int] | None = None
        self.early: list[Release] | None = None

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
        "early",
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
        self.early: list[Release] | None = None
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

    __slots__ = ("counts", "gates", "node_counts", "plan", "steps")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.steps: dict[StepKey, Step] = {}
        self.gates: dict[tuple[int, tuple[str, ...]], Gate] = {}
        self.counts: dict[StepState, int] = dict.fromkeys(StepState, 0)
        self.node_counts: list[dict[StepState, int]] = [{} for _ in plan.nodes]

    def add(self, step: Step) -> None:
        """Take in a new step, waiting."""
        self.steps[step.key] = step
        self._count(step.node.index, StepState.WAITING, 1)

    def move(self, step: Step, state: StepState) -> None:
        """Move a step and count it."""
        self._count(step.node.index, step.state, -1)
        step.state = state
        self._count(step.node.index, state, 1)

    def _count(self, node: int, state: StepState, change: int) -> None:
        self.counts[state] += change
        counts = self.node_counts[node]
        counts[state] = counts.get(state, 0) + change

    def step_of(self, node: int, keys: tuple[str, ...]) -> Step:
        """The step of a node under these keys."""
        return self.steps[StepKey(self.plan.nodes[node].op.name, keys)]

    def steps_of(self, op: str) -> Iterator[Step]:
        """All steps of an op, in the order in which they appeared."""
        return (step for step in self.steps.values() if step.key.op == op)
