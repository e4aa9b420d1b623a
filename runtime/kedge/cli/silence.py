"""Why there is no log of a step, as a run's records tell it. For `kedge logs`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from kedge.core.document import PlanDocument
from kedge.core.errors import KedgeError
from kedge.core.layout import RUNS, RunPaths
from kedge.core.state import Step, StepState
from kedge.engine.records import replay
from kedge.io.stores import Store
from kedge.local.runs import NAMESPACE

_SHOWN = 20
_WHY = {
    StepState.WAITING: "it has not started yet",
    StepState.SKIPPED: "it was skipped",
    StepState.UNTOUCHED: "it was not run",
}


class NoSuchStep(KedgeError):
    """The run has no op or step of this name."""


def why_silent(store: Store, paths: RunPaths, run_name: str, step: str) -> str:
    """Why an op or step has no log; empty where the records do not tell.

    Raises NoSuchStep, with those that the run has, and NoSuchRun for one that was not planned.
    """
    document, run, _ = replay(store, paths)
    op = step.partition("[")[0]
    ops = [node.name for node in run.plan.nodes]
    if op not in ops:
        raise NoSuchStep(f"{run_name} has no op {op!r}; its ops: {_some(ops)}")
    of_op = [one for one in run.state.steps.values() if one.key.op == op]
    meant = [one for one in of_op if step in (op, str(one.key))]
    if of_op and not meant:
        raise NoSuchStep(f"{run_name} has no step {step}; {op} has {_some(str(one.key) for one in of_op)}")
    found = {_why(one, document) for one in meant}
    return found.pop() if len(found) == 1 else ""


def _why(step: Step, document: PlanDocument) -> str:
    if step.cached:
        earlier = document.reexecute
        return "it was taken over from " + ("an earlier run" if earlier is None else _name_of(earlier.prefix))
    return _WHY.get(step.state, "")


def _name_of(prefix: str) -> str:
    """The name of a run in the words of a command. On this machine, it ends in the letters that its place has."""
    above, _, place = prefix.rpartition("/")
    return place if above == f"{RUNS}/{NAMESPACE}" else "oj/" + place.rpartition("-")[0]


def _some(names: Iterable[str]) -> str:
    shown = list(islice(names, _SHOWN + 1))
    return ", ".join(shown[:_SHOWN]) + (", ..." if len(shown) > _SHOWN else "")
