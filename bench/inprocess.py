"""In-process runs of trivial ops, Kedge and Dagster side by side: time per step, and growth of memory.

    python bench/inprocess.py --peer-python .venv-peer/bin/python

Every measurement is a fresh process that imports, runs a small job to warm up, then defines and runs the job
once; Kedge's and Dagster's take turns. The same file makes the same jobs for both. Memory is the growth of the
process's peak, its result still alive, over what it held before the job was defined, and over what it held
right after the import (with what the first run loads).
"""

import argparse
import gc
import importlib
import json
import logging
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

CASES = {"wide": 1000, "chain": 200, "dynamic": 1000}
CLONES = 10_000


def make_job(dg, case: str, size: int):
    """A job of trivial ops. Returns it and its number of steps."""

    @dg.op
    def one():
        return 1

    @dg.op
    def inc(x):
        return x + 1

    @dg.op(out=dg.DynamicOut())
    def numbers():
        for i in range(size):
            yield dg.DynamicOutput(i, str(i))

    @dg.op
    def total(xs):
        return sum(xs)

    def wide():
        for _ in range(size):
            one()

    def chain():
        value = one()
        for _ in range(size - 1):
            value = inc(value)

    def dynamic():
        total(numbers().map(inc).collect())

    bodies = {"wide": (wide, size), "chain": (chain, size), "dynamic": (dynamic, size + 2)}
    body, steps = bodies[case]
    return dg.job(name=case)(body), steps


def rss_now() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def measure(sut: str, case: str, size: int) -> dict:
    """One measurement, in this process."""
    logging.disable(logging.CRITICAL)
    dg = importlib.import_module(sut)
    gc.collect()
    imported = rss_now()
    for warm in CASES:
        make_job(dg, warm, 3)[0].execute_in_process()
    gc.collect()
    before = rss_now()
    began = time.perf_counter()
    job, steps = make_job(dg, case, size)
    defined = time.perf_counter()
    result = job.execute_in_process()
    ended = time.perf_counter()
    assert result.success
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "defined": defined - began,
        "ran": ended - defined,
        "ms_per_step": (ended - began) / steps * 1000,
        "bytes": max(peak - before, 1),
        "bytes_since_import": max(peak - imported, 1),
    }


def measure_in_child(python: str, sut: str, case: str, size: int) -> dict:
    command = [python, __file__, "--measure", sut, case, str(size)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def median(found: list[dict], name: str) -> float:
    return statistics.median(one[name] for one in found)


def compare(case: str, size: int, peer: str, rounds: int) -> dict:
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(measure_in_child(sys.executable, "kedge", case, size))
        theirs.append(measure_in_child(peer, "dagster", case, size))
    return {
        "case": f"{case} {size}",
        "kedge_us_per_step": round(median(ours, "ms_per_step") * 1000, 1),
        "dagster_ms_per_step": round(median(theirs, "ms_per_step"), 2),
        "times_faster": round(median(theirs, "ms_per_step") / median(ours, "ms_per_step")),
        "kedge_mb": round(median(ours, "bytes") / 1e6, 2),
        "dagster_mb": round(median(theirs, "bytes") / 1e6, 2),
        "memory_ratio": round(median(ours, "bytes") / median(theirs, "bytes"), 3),
        "since_import_kedge_mb": round(median(ours, "bytes_since_import") / 1e6, 2),
        "since_import_dagster_mb": round(median(theirs, "bytes_since_import") / 1e6, 2),
        "since_import_ratio": round(median(ours, "bytes_since_import") / median(theirs, "bytes_since_import"), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default=".venv-peer/bin/python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=3, metavar=("SUT", "CASE", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        sut, case, size = options.measure
        print(json.dumps(measure(sut, case, int(size))))
        return
    rows = [compare(case, size, options.peer_python, options.rounds) for case, size in CASES.items()]
    clones = [measure_in_child(sys.executable, "kedge", "dynamic", CLONES) for _ in range(options.rounds)]
    seconds = median(clones, "defined") + median(clones, "ran")
    print("| case | Kedge, µs a step | Dagster, ms a step | times faster | Kedge, MB | Dagster, MB | ratio |", end="")
    print(" since import: Kedge, MB | Dagster, MB | ratio |")
    print("|---" * 10 + "|")
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")
    print(f"\n{CLONES} clones and their collect in Kedge: {seconds:.2f} s, {median(clones, 'bytes') / 1e6:.0f} MB")
    print(json.dumps({"cases": rows, "clones": {"count": CLONES, "seconds": round(seconds, 3)}}))


if __name__ == "__main__":
    main()
