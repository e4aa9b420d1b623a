"""How fast the core plans and schedules, and how much memory a step takes.

    python bench/core.py [--sizes 1000,10000,100000] [--rounds 3] [--at-once 100] [--record bench/results/core.md]

A case is played in a process of its own: the graph is laid out, and every step is started, ended and followed up, with
`--at-once` unfinished. An engine's own work (pods, records, tickets) isn't in it. Time is `plan.build` plus every
`Run.apply`, median of the rounds. Memory is what plan and run hold when all has ended, by tracemalloc, in a round of
its own; the op graph and the outcomes are the caller's and not counted.

The last line is JSON. Targets: 100,000 steps in 5 s or less, 1.5 KB a step or less, time per step flat (largest size
against the smallest below 1.5).
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from kedge.core import plan
from kedge.core.actions import Action, Start
from kedge.core.events import Begin, Ended
from kedge.core.graph import Collect, From, Map, OpGraph, OpNode, OutputRef, OutputSpec
from kedge.core.protocol import Outcome, OutcomeStatus
from kedge.core.run import Run
from kedge.core.settings import Retain, RunSettings

TARGETS = {"seconds": 5.0, "bytes": 1536.0, "flat": 1.5}
RECORD = {"value": {"size": 1}}


def fan_out(size: int) -> OpGraph:
    """One dynamic op, two chained clones a key with rising priority, one collect."""
    return OpGraph(
        (
            OpNode("files", outputs=(OutputSpec(dynamic=True),)),
            OpNode("load", inputs={"x": Map(OutputRef("files"))}, tags={"kedge/priority": "1"}),
            OpNode("save", inputs={"x": From(OutputRef("load"))}, tags={"kedge/priority": "2"}),
            OpNode("report", inputs={"xs": Collect(OutputRef("save"))}),
        )
    )


def wide(size: int) -> OpGraph:
    """Independent ops."""
    return OpGraph(tuple(OpNode(f"op_{i}") for i in range(size)))


def chain(size: int) -> OpGraph:
    """Each op reads the one before."""
    rest = (OpNode(f"op_{i}", inputs={"x": From(OutputRef(f"op_{i - 1}"))}) for i in range(1, size))
    return OpGraph((OpNode("op_0"), *rest))


def priorities(size: int) -> OpGraph:
    """Random priorities, and up to two random sources for each op."""
    rng = Random(0)
    ops = []
    for i in range(size):
        above = sorted({rng.randrange(i) for _ in range(2)}) if i else []
        inputs = {f"x{n}": From(OutputRef(f"op_{one}")) for n, one in enumerate(above)}
        ops.append(OpNode(f"op_{i}", inputs=inputs, tags={"kedge/priority": str(rng.randint(-1000, 1000))}))
    return OpGraph(tuple(ops))


CASES: dict[str, Callable[[int], OpGraph]] = {
    "fan-out, collect": fan_out,
    "wide": wide,
    "chain": chain,
    "random priorities": priorities,
}


def outcome_of(start: Start, size: int) -> Outcome:
    """What a worker would report."""
    result: Any = {f"k{i}": RECORD for i in range(size // 2)} if start.step.op == "files" else RECORD
    return Outcome(start.step, start.attempt, OutcomeStatus.SUCCEEDED, {"result": result})


def play(graph: OpGraph, size: int, at_once: int, retain: Retain) -> tuple[Run, dict[str, float]]:
    """A whole run. Returns it, and the seconds for the plan and for the events."""
    began = time.perf_counter()
    run = Run(plan.build(graph), RunSettings(max_concurrent=at_once, retain=retain))
    planned = time.perf_counter() - began
    spent = 0.0
    live: deque[Start] = deque()
    event: Begin | Ended = Begin(0.0)
    while True:
        began = time.perf_counter()
        actions: list[Action] = run.apply(event)
        spent += time.perf_counter() - began
        live.extend(action for action in actions if isinstance(action, Start))
        if not live:
            assert run.finished
            return run, {"plan": planned, "events": spent}
        event = Ended(outcome_of(live.popleft(), size), 0.0)


def measure(case: str, size: int, rounds: int, at_once: int, retain: Retain) -> dict[str, float]:
    """One case, in this process."""
    graph = CASES[case](size)
    times = []
    for _ in range(rounds):
        gc.collect()
        run, spent = play(graph, size, at_once, retain)
        times.append((spent["plan"] + spent["events"], spent["plan"]))
        steps = len(run.state.steps)
        del run
    seconds, planned = (statistics.median(column) for column in zip(*times, strict=True))
    return {"steps": steps, "seconds": seconds, "plan": planned, "bytes": held(graph, size, at_once, retain) / steps}


def held(graph: OpGraph, size: int, at_once: int, retain: Retain) -> int:
    """Bytes that plan and run hold at the end. Outcomes share their parts, so that they weigh next to nothing."""
    shared = {"result": RECORD}
    gc.collect()
    tracemalloc.start()
    run = Run(plan.build(graph), RunSettings(max_concurrent=at_once, retain=retain))
    live: deque[Start] = deque(action for action in run.apply(Begin(0.0)) if isinstance(action, Start))
    keys = 0
    while live:
        start = live.popleft()
        outcome = outcome_of(start, size) if start.step.op == "files" else None
        if outcome is None:
            outcome = Outcome(start.step, start.attempt, OutcomeStatus.SUCCEEDED, shared)
        else:
            keys = sys.getsizeof(outcome.outputs["result"])
        live.extend(action for action in run.apply(Ended(outcome, 0.0)) if isinstance(action, Start))
    assert run.finished
    gc.collect()
    found = tracemalloc.get_traced_memory()[0] - keys
    tracemalloc.stop()
    return found


def apart(case: str, size: int, options: argparse.Namespace) -> dict[str, float]:
    """One case, in a fresh process."""
    command = [sys.executable, __file__, "--one", case, "--sizes", str(size), "--rounds", str(options.rounds)]
    command += ["--at-once", str(options.at_once), "--retain", options.retain]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return {key: float(value) for key, value in json.loads(found.stdout).items()}


def report(options: argparse.Namespace, sizes: list[int]) -> None:
    """All cases and sizes, as a table for people and a line of JSON for machines."""
    lines = ["| case | steps | seconds | of that the plan | µs a step | bytes a step |", "|---|--:|--:|--:|--:|--:|"]
    found: dict[str, Any] = {}
    for case in CASES:
        rows = [apart(case, size, options) for size in sizes]
        per_step = [row["seconds"] / row["steps"] for row in rows]
        for row, each in zip(rows, per_step, strict=True):
            figures = (f"{row['seconds']:.3f}", f"{row['plan']:.3f}", f"{each * 1e6:.1f}", f"{row['bytes']:.0f}")
            lines.append(f"| {case} | {row['steps']:,.0f} | {' | '.join(figures)} |")
        last = rows[-1]
        found[case] = {
            "seconds": round(last["seconds"], 3),
            "bytes": round(last["bytes"]),
            "flat": round(per_step[-1] / per_step[0], 2),
        }
    lines += ["", "| case | time per step, largest : smallest |", "|---|--:|"]
    lines += [f"| {case} | {row['flat']} |" for case, row in found.items()]
    met = all(row[key] <= TARGETS[key] for row in found.values() for key in TARGETS)
    print("\n".join(lines))
    if options.record:
        write(options.record, lines, options)
    print(json.dumps({"benchmark": "core", "at_once": options.at_once, "cases": found, "targets_met": met}))


def write(path: Path, lines: list[str], options: argparse.Namespace) -> None:
    """Keep the table, with what it was measured on."""
    head = [
        "# The core: planning and scheduling",
        "",
        f"`python bench/core.py --at-once {options.at_once} --retain {options.retain}`, {options.on}; what is measured "
        "stands in the script. Targets: 100,000 steps in 5 s or less, 1,536 bytes a step or less, time per step flat.",
        "",
    ]
    path.write_text("\n".join([*head, *lines]) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=100)
    parser.add_argument("--retain", default=Retain.ALWAYS.value, choices=[one.value for one in Retain])
    parser.add_argument("--record", type=Path)
    parser.add_argument("--on", default="", help="the machine and the day, for --record")
    parser.add_argument("--one", choices=list(CASES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    if options.one:
        print(json.dumps(measure(options.one, sizes[0], options.rounds, options.at_once, Retain(options.retain))))
    else:
        report(options, sizes)


if __name__ == "__main__":
    main()
