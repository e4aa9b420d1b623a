"""The status of an OpJob, computed from its run: pure, and never read back to decide anything.

Its size does not grow with the run: clones are counted, of many ops those that matter are listed, and all that authors'
code says shares a bounded room. It stays under 100 KB, whatever the run is like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from kedge.core.actions import RunStatus
from kedge.core.plan import PlanNode
from kedge.core.run import Run
from kedge.core.state import FINAL, Step, StepState
from kedge.core.status import FAILED_KEYS_SHOWN, Phase
from kedge_operator.labels import Reason

OPS_SHOWN = 300
"""Of more ops than this, those that are at work or failed come first."""
_OPS_ROOM, _DETAILS_ROOM = 40_000, 24_000
"""Bytes for the ops and their counts, and for what failed ops say."""
_MESSAGE_MAX, _REFUSAL_MAX = 2_000, 24_000
"""Bytes of a message; a plan that was refused may say more, for it lists every fault."""
_COUNTS_BYTES, _KEY_MAX = 120, 1_000
_LINE_ENDS = re.compile(r"(?<=[\w)\]}'\"])[^\S\n]*\n\s*")
"""Ends of lines that come after a word, and not after a mark that goes on or ends something."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WAITING = (StepState.WAITING, StepState.READY, StepState.DELAYED)
_NOT_RUN = (StepState.SKIPPED, StepState.UNTOUCHED)
_CONDITIONS = ("Planned", "Suspended", "Complete", "Failed")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, as far as it is decided."""

    status: bool
    reason: str
    message: str = ""


@dataclass(slots=True)
class Facts:
    """What a status says besides what the run itself tells. Times in seconds since the epoch.

    `waits`: reason and message of what the run waits for, while it does. `failed`: failed steps by op, in the order in
    which they failed.
    """

    generation: int = 0
    suspended: bool = False
    planned: Condition | None = None
    began: float | None = None
    ended: float | None = None
    ending: tuple[str, str] | None = None
    waits: tuple[str, str] | None = None
    place: tuple[str, str] | None = None
    cached: int = 0
    failed: dict[str, list[Step]] = field(default_factory=dict)
    conditions: list[dict[str, Any]] = field(default_factory=list)


def of(run: Run | None, facts: Facts, now: float) -> dict[str, Any]:
    """The whole status. `facts.conditions` is brought up to date."""
    phase = _phase(run, facts)
    reason, message = _why(run, facts, phase)
    found: dict[str, Any] = {
        "observedGeneration": facts.generation,
        "phase": phase.value,
        "reason": reason,
        "message": cut(message, _MESSAGE_MAX),
        "startTime": time_text(facts.began),
        "completionTime": time_text(facts.ended),
        "store": None if facts.place is None else {"url": facts.place[0], "path": facts.place[1]},
    }
    if run is not None:
        found |= _counts(run, facts)
    facts.conditions = _conditions(facts, phase, reason, message, now)
    found["conditions"] = facts.conditions
    return found


def time_text(at: float | None) -> str | None:
    """A time as Kubernetes writes it."""
    return None if at is None else datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _phase(run: Run | None, facts: Facts) -> Phase:
    if facts.ending is not None:
        return Phase.CANCELLED if facts.ending[0] == Reason.CANCELLED else Phase.FAILED
    if run is not None and facts.ended is not None:
        ends = {RunStatus.SUCCEEDED: Phase.SUCCEEDED, RunStatus.CANCELLED: Phase.CANCELLED}
        return ends.get(run.status, Phase.FAILED)
    if facts.suspended:
        return Phase.SUSPENDED
    return Phase.PENDING if run is None else Phase.RUNNING


def _why(run: Run | None, facts: Facts, phase: Phase) -> tuple[str, str]:
    if facts.ending is not None:
        return facts.ending
    if phase is Phase.SUCCEEDED:
        return Reason.SUCCEEDED, "all steps have ended"
    if run is not None and phase is Phase.CANCELLED:
        return Reason.CANCELLED, "the run was cancelled"
    if run is not None and phase is Phase.FAILED:
        by_deadline = run.stopping is not None and run.stopping.value == Reason.DEADLINE
        return (Reason.DEADLINE if by_deadline else Reason.STEPS_FAILED), _failures(run, facts)
    if run is not None and run.stopping is not None:
        return Reason.CANCELLING, f"stopping ({run.stopping.value})"
    if facts.waits is not None:
        return facts.waits
    if phase is Phase.SUSPENDED:
        return Reason.SUSPENDED, "spec.suspend is true: no step is started"
    return (Reason.PLANNING, "") if run is None else (Reason.RUNNING, "")


def _failures(run: Run, facts: Facts) -> str:
    first = [found[0] for found in facts.failed.values() if found]
    count = run.state.counts[StepState.FAILED]
    told = f"{counted(count, 'step')} failed; {said(first[0])}" if first else ""
    if len(first) > 1:
        told += f"; and {counted(len(first) - 1, 'more op')}"
    if run.stopping is not None and run.stopping.value == Reason.DEADLINE:
        told = f"activeDeadlineSeconds ({run.settings.deadline or 0:g}) are over" + (f"; {told}" if told else "")
    return told or "stopped"


def cut(text: str, most: int) -> str:
    """The text in at most so many bytes of UTF-8, without control characters."""
    data = _CONTROLS.sub(" ", text).encode("utf-8", "replace")
    if len(data) <= most:
        return data.decode()
    return data[: most - 3].decode("utf-8", "ignore") + "…"


def counted(number: int, what: str) -> str:
    """A number of things, as people say it."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def said(step: Step) -> str:
    """What a failed step said, on one line."""
    failure = step.failure
    if failure is None:
        return str(step.key)
    lines = _LINE_ENDS.sub("; ", failure.message[: 2 * _MESSAGE_MAX].strip())
    return f"{step.key}: {failure.error}: {' '.join(lines.split())}"


def _counts(run: Run, facts: Facts) -> dict[str, Any]:
    counts = run.state.counts
    total = len(run.state.steps)
    ended = sum(counts[state] for state in FINAL)
    steps = {
        "total": total,
        "waiting": sum(counts[state] for state in _WAITING),
        "running": counts[StepState.RUNNING],
        "succeeded": counts[StepState.SUCCEEDED],
        "failed": counts[StepState.FAILED],
        "skipped": sum(counts[state] for state in _NOT_RUN),
        "cancelled": counts[StepState.CANCELLED],
        "cached": facts.cached,
        "retries": run.retries,
    }
    return {"progress": f"{ended}/{total}", "steps": steps, "ops": _ops(run, facts)}


def _ops(run: Run, facts: Facts) -> list[dict[str, Any]]:
    shown = _shown(run)
    failed = sum(node.name in facts.failed for node in shown)
    return [_op(run, node, facts, _DETAILS_ROOM // max(1, failed)) for node in shown]


def _shown(run: Run) -> Sequence[PlanNode]:
    nodes = run.plan.nodes
    if len(nodes) <= OPS_SHOWN and sum(map(_size, nodes)) <= _OPS_ROOM:
        return nodes

    def rank(node: PlanNode) -> int:
        counts = run.state.counts_of(node.index)
        if StepState.FAILED in counts:
            return 0
        return 1 if StepState.RUNNING in counts else 2 if any(state in counts for state in _WAITING) else 3

    room = accumulate(map(_size, ranked := sorted(nodes, key=rank)))
    chosen = [node for node, used in zip(ranked[:OPS_SHOWN], room, strict=False) if used <= _OPS_ROOM]
    return sorted(chosen, key=lambda node: node.index)


def _size(node: PlanNode) -> int:
    return len(node.name.encode()) + _COUNTS_BYTES


def _op(run: Run, node: PlanNode, facts: Facts, room: int) -> dict[str, Any]:
    """One op's counts; `room` is in bytes, for what it says of its failures."""
    counts = run.state.counts_of(node.index)
    found: dict[str, Any] = {
        "name": node.name,
        "steps": sum(counts.values()),
        "running": counts.get(StepState.RUNNING, 0),
        "succeeded": counts.get(StepState.SUCCEEDED, 0),
        "failed": counts.get(StepState.FAILED, 0),
        "skipped": sum(counts.get(state, 0) for state in _NOT_RUN),
    }
    failed = facts.failed.get(node.name)
    if failed:
        found["failedKeys"] = keys = _keys(failed, room // 2)
        found["message"] = cut(said(failed[0]), min(_MESSAGE_MAX, room - sum(map(len, keys))))
    return found


def _keys(failed: Sequence[Step], room: int) -> list[str]:
    """The first failed keys, as many as there is room for; at least one, shortened."""
    texts = [cut(str(step.key), _KEY_MAX) for step in failed[:FAILED_KEYS_SHOWN]]
    sizes = accumulate(len(text) + 4 for text in texts)
    found = [text for text, used in zip(texts, sizes, strict=True) if used <= room]
    return found or [cut(texts[0], room)]


def _conditions(facts: Facts, phase: Phase, reason: str, message: str, now: float) -> list[dict[str, Any]]:
    decided: dict[str, Condition] = {}
    if facts.planned is not None:
        decided["Planned"] = facts.planned
    before = {one.get("type"): one for one in facts.conditions}
    if facts.suspended:
        decided["Suspended"] = Condition(True, Reason.SUSPENDED, "spec.suspend is true")
    elif "Suspended" in before:
        decided["Suspended"] = Condition(False, Reason.NOT_SUSPENDED, "")
    if phase is Phase.SUCCEEDED:
        decided["Complete"] = Condition(True, reason, message)
    elif phase.is_final:
        decided["Failed"] = Condition(True, reason, message)
    return [_condition(name, decided[name], before.get(name), facts, now) for name in _CONDITIONS if name in decided]


def _condition(
    name: str, found: Condition, before: Mapping[str, Any] | None, facts: Facts, now: float
) -> dict[str, Any]:
    status = str(found.status)
    changed = before is None or before.get("status") != status
    since = None if changed or before is None else before.get("lastTransitionTime")
    return {
        "type": name,
        "status": status,
        "reason": found.reason,
        "message": cut(found.message, _REFUSAL_MAX if facts.ending is not None else _MESSAGE_MAX),
        "lastTransitionTime": since or time_text(now),
        "observedGeneration": facts.generation,
    }


def is_final(status: Mapping[str, Any] | None) -> bool:
    """Whether a status says that the run has ended."""
    conditions = (status or {}).get("conditions")
    return isinstance(conditions, list) and any(
        isinstance(one, Mapping) and one.get("type") in ("Complete", "Failed") and one.get("status") == "True"
        for one in conditions
    )
