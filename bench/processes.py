"""What local processes cost: overhead of a trivial step, a cold `kedge run`, a worker's way to user code.

    python bench/processes.py [--peer-python .venv-peer/bin/python] [--rounds 5]

The peer is Dagster's multiprocess executor in an environment of its own; its steps take seconds, so it runs few of
them. Kedge and the peer run in turns in the same call. Overhead per step is the whole run of trivial steps divided by
their number, start and end of the run included; the floor beside it is a bare `os.fork` with `os._exit`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

OPS = """
import {module} as dg

@dg.op
def one(): return 1

@dg.op
def add_one(x): return x + 1

@dg.op(out=dg.DynamicOut())
def many():
    for i in range(100):
        yield dg.DynamicOutput(i, str(i))

@dg.op
def total(xs): return sum(xs)
"""

JOBS = """
@dg.job
def chain():
    x = one()
    for _ in range(49):
        x = add_one(x)

@dg.job
def wide(): total(many().map(add_one).collect())
"""

THREE = """
@dg.job
def three(): add_one(add_one(one()))
"""


def seconds(command: list[str], environment: dict[str, str], folder: Path) -> float:
    """Wall-clock seconds of a command that must succeed."""
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    took = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return took


def kedge(folder: Path, job: str, *more: str) -> float:
    """One `kedge run` in seconds, the start of the interpreter included."""
    command = [sys.executable, "-m", "kedge.cli", "run", f"kedge_jobs.py:{job}", "--json", *more]
    return seconds(command, {**os.environ, "KEDGE_HOME": str(folder / "home")}, folder)


def spans(folder: Path) -> list[dict[str, Any]]:
    """The attempts of the newest run."""
    command = [sys.executable, "-m", "kedge.cli", "gantt", "latest", "--json"]
    environment = {**os.environ, "KEDGE_HOME": str(folder / "home")}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)["spans"]
    return found


def to_user_code(folder: Path, method: str) -> float:
    """Milliseconds from the engine's order to start a step until user code is entered; median over a chain."""
    kedge(folder, "three", "-j", "1", "--start-method", method)
    return 1000 * statistics.median(span["entered"] - span["launched"] for span in spans(folder)[1:])


def fork_floor(count: int = 50) -> float:
    """Milliseconds of a fork, an exit and the wait for it."""
    started = time.perf_counter()
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return 1000 * (time.perf_counter() - started) / count


def peer(python: str, folder: Path) -> dict[str, float]:
    """The three-op chain under Dagster: `dagster job execute`, seconds; its multiprocess executor is the default."""
    home = folder / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    environment = {**os.environ, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    command = [python, "-m", "dagster", "job", "execute", "-f", "dagster_jobs.py", "-j", "three"]
    return {"job_execute_s": seconds(command, environment, folder)}


def main() -> None:
    """Measure, print, and end with a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default=".venv-peer/bin/python")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kedge_jobs.py").write_text(OPS.format(module="kedge") + JOBS + THREE)
        (folder / "dagster_jobs.py").write_text(OPS.format(module="dagster") + THREE)
        kedge(folder, "three")
        rows: dict[str, list[float]] = {key: [] for key in ("floor", "chain", "wide", "cold", "fork", "spawn", "peer")}
        for number in range(options.rounds):
            rows["floor"].append(fork_floor())
            rows["chain"].append(1000 * kedge(folder, "chain", "-j", "2") / 50)
            rows["wide"].append(1000 * kedge(folder, "wide", "-j", "2") / 102)
            rows["cold"].append(kedge(folder, "three"))
            rows["fork"].append(to_user_code(folder, "fork"))
            rows["spawn"].append(to_user_code(folder, "spawn"))
            if number < options.peer_rounds and Path(options.peer_python).exists():
                rows["peer"].append(peer(os.path.abspath(options.peer_python), folder)["job_execute_s"])
    medians = {key: statistics.median(values) for key, values in rows.items() if values}
    report(medians)
    print(json.dumps({key: round(value, 3) for key, value in medians.items()}))


def report(found: dict[str, float]) -> None:
    """The figures as a table."""
    print(f"bare fork and exit                      {found['floor']:8.2f} ms")
    print(f"trivial step, chain of 50               {found['chain']:8.2f} ms   (target 20)")
    print(f"trivial step, 100 clones, 2 at once     {found['wide']:8.2f} ms   (target 20)")
    print(f"told to start -> user code, forked      {found['fork']:8.2f} ms   (target 15)")
    print(f"told to start -> user code, cold        {found['spawn']:8.2f} ms   (target 150)")
    print(f"kedge run of 3 ops, cold                {found['cold']:8.2f} s    (target 0.5)")
    if "peer" in found:
        ratio = found["peer"] / found["cold"]
        print(f"dagster job execute of the same         {found['peer']:8.2f} s    {ratio:.0f} times slower")


if __name__ == "__main__":
    main()
