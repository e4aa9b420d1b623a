"""The planned order, for `kedge plan`: how a job would run one step at a time, before anything has run.

It is not worked out anew: a Run plays the plan with every step succeeding, so what is shown is what the rules do.
Fan-outs are unknown, so each is played with one clone, shown in Dagster's notation: `size[?]`, `score[?,?]`.
"""

from __future__ import annotations

from dataclasses import dataclass

from kedge.core.actions import Start
from kedge.core.events import Begin, Ended
from kedge.core.graph import OpNode
from kedge.core.ids import StepKey
from kedge.core.plan import Plan, PlanNode
from kedge.core.protocol import Outcome, OutcomeStatus
from kedge.core.run import Run
from kedge.core.settings import RunSettings

_UNKNOWN = "_"
"""The key of the one clone that is played; `?` itself is no valid key."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step, or all clones of an op. `waits_for` names what has to end before, in the same notation."""

    step: str
    op: str
    priority: int
    waits_for: tuple[str, ...]


def planned_order(plan: Plan) -> list[PlannedStep]:
    """The steps in the order in which they would start if each succeeded, one at a time, all outputs given."""
    run = Run(plan, RunSettings(max_concurrent=1))
    found: list[PlannedStep] = []
    actions = run.apply(Begin(0.0))
    while (start := next((action for action in actions if isinstance(action, Start)), None)) is not None:
        node = plan.by_name[start.step.op]
        found.append(PlannedStep(_text(node), node.name, node.priority, _waits_for(plan, node)))
        actions = run.apply(Ended(_success(start.step, node.op), 0.0))
    return found


def _success(step: StepKey, op: OpNode) -> Outcome:
    outputs: dict[str, object] = {out.name: {_UNKNOWN: {}} if out.dynamic else {} for out in op.outputs}
    return Outcome(step, 1, OutcomeStatus.SUCCEEDED, outputs)


def _text(node: PlanNode) -> str:
    return str(StepKey(node.name, ("?",) * node.depth))


def _waits_for(plan: Plan, node: PlanNode) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_text(plan.nodes[dep.node]) for dep in node.deps()))
