"""How a run of a cluster stands, out of its OpJob's status alone. Pure; commands and live views print it."""

from __future__ import annotations

from typing import Any

from kedge.cli.cluster.opjobs import ClusterRun
from kedge.cli.progress import OpBar
from kedge.cli.show import duration, retries
from kedge.core.status import Phase

_STATES = ("waiting", "running", "succeeded", "failed", "skipped", "cancelled")
_NOBODY = "no operator has taken it up yet; does one run, and does it look after this namespace?"
_UNTOLD = ("Running", "Planning")
"""Reasons of a run that waits for nothing."""


def counts(run: ClusterRun) -> str:
    """Its steps by state, in words; empty until it was planned."""
    found = [f"{run.steps[state]} {state}" for state in _STATES if run.steps.get(state)]
    found += [retries(run.steps["retries"])] if run.steps.get("retries") else []
    found += [f"{run.steps['cached']} taken over"] if run.steps.get("cached") else []
    return ", ".join(found)


def progress(run: ClusterRun) -> str:
    """Steps that have ended of those known, as `12/40`; a dash until it was planned."""
    return str(run.status.get("progress") or "-")


def took(run: ClusterRun, now: float) -> float:
    """Seconds from its creation to its end, or to `now`."""
    return (run.completed or now) - run.created


def span(seconds: float) -> str:
    """A time between moments of a status, which are whole seconds."""
    return duration(seconds) if seconds >= 1 else "<1s"


def headline(run: ClusterRun, now: float) -> str:
    """Where it stands, in a line without its phase."""
    return f"{run.name}: " + "  ".join(part for part in (counts(run), span(took(run, now))) if part)


def waits_for(run: ClusterRun) -> str | None:
    """What a run that has not ended waits for; None for one that goes on, or has ended."""
    if run.ended:
        return None
    if not run.status:
        return _NOBODY
    reason, message = run.status.get("reason") or "", run.status.get("message") or ""
    return None if reason in _UNTOLD else f"{reason}: {message}" if message else reason


def op_rows(run: ClusterRun) -> list[list[str]]:
    """One row an op: its name, its steps by state, and what the first failed one said."""
    columns = ("steps", "running", "succeeded", "failed", "skipped")
    return [
        [op["name"], *(str(op.get(column, 0)) for column in columns), (op.get("message") or "").partition("\n")[0]]
        for op in run.status.get("ops") or ()
    ]


OP_COLUMNS = ("OP", "STEPS", "RUNNING", "SUCCEEDED", "FAILED", "SKIPPED", "MESSAGE")


def bars(run: ClusterRun) -> list[OpBar]:
    """The ops as a live view draws them."""
    return [
        OpBar(
            op["name"],
            op.get("steps", 0),
            sum(op.get(state, 0) for state in ("succeeded", "failed", "skipped")),
            op.get("running", 0),
            op.get("failed", 0),
        )
        for op in run.status.get("ops") or ()
    ]


def failures(run: ClusterRun) -> list[tuple[str, list[str], str]]:
    """Ops with failed steps: name, keys of the first of these steps, and what the first one said."""
    return [
        (op["name"], list(op["failedKeys"]), op.get("message") or "")
        for op in run.status.get("ops") or ()
        if op.get("failedKeys")
    ]


def conditions(run: ClusterRun) -> list[list[str]]:
    """One row a condition: type, status, reason, since when, message on one line."""
    return [
        [one["type"], one["status"], one["reason"], one["lastTransitionTime"], _on_one_line(one.get("message") or "")]
        for one in run.status.get("conditions") or ()
    ]


def _on_one_line(message: str) -> str:
    return "; ".join(message.splitlines())


CONDITION_COLUMNS = ("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE")


def succeeded(run: ClusterRun) -> bool:
    """Whether it has ended well."""
    return run.phase == Phase.SUCCEEDED


def data(run: ClusterRun) -> dict[str, Any]:
    """The same for programs: names as those of a run of this machine, then what the status says besides."""
    states = {state: run.steps[state] for state in _STATES if run.steps.get(state)}
    return {
        "run": run.name,
        "namespace": run.namespace,
        "id": run.uid,
        "status": run.phase,
        "reason": run.status.get("reason"),
        "message": run.status.get("message"),
        "waitsFor": waits_for(run),
        "created": run.created,
        "ended": run.completed,
        "steps": states,
        "retries": run.steps.get("retries", 0),
        "cached": run.steps.get("cached", 0),
        "failures": [{"op": op, "steps": keys, "message": said} for op, keys, said in failures(run)],
        "conditions": list(run.status.get("conditions") or ()),
        "ops": list(run.status.get("ops") or ()),
        "store": run.status.get("store"),
    }
