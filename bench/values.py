"""How fast a large value goes through a store, against a plain copy of the same bytes.

    python bench/values.py --dir /var/tmp [--gib 1.0] [--rounds 3] [--kinds numpy,arrow,polars,pandas]

Passing: one process writes the value (`write_value`), another reads and checks it (`read_value`).
Floor: `shutil.copyfile` of the same file to a new name, then one `readinto` of the copy into a preallocated buffer.
Both go to fresh names, in turns, each part in a process of its own that measures only the call; medians of all rounds,
and the best of each.
Files stay in the page cache, so the floor is memory speed: the hardest case. Any network store is slower.

Memory is each process's peak resident set less what it held before the call; "extra" is that less the value's own size.
The writer holds the value before the call, so all of its growth is extra.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MIB = 1 << 20


def make(kind: str, size: int) -> Any:
    """A value of about `size` bytes in `kind`'s library: float64, in 8 columns if it is a table."""
    import numpy as np

    if kind == "numpy":
        return np.random.default_rng(0).random(size // 8)
    columns = {f"c{n}": np.random.default_rng(n).random(size // 64) for n in range(8)}
    if kind == "arrow":
        import pyarrow as pa

        return pa.table(columns)
    if kind == "polars":
        import polars as pl

        return pl.DataFrame(columns)
    import pandas as pd

    return pd.DataFrame(columns)


def preload(kind: str) -> None:
    """Import what reading needs, so that imports aren't timed."""
    for name in {"numpy": ["numpy"], "arrow": ["pyarrow"], "polars": ["polars", "pyarrow"]}.get(
        kind, ["pandas", "pyarrow"]
    ):
        __import__(name)


def now_mib() -> float:
    """Resident memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / MIB


def forget_peak() -> None:
    """Let the peak start again from what is held now; `resource.getrusage` can't be told to (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> float:
    """The most that this process has held since."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def child(role: str, kind: str, url: str, size: int) -> dict[str, Any]:
    """One timed part, in this process."""
    from kedge.io.stores import open_store
    from kedge.io.values import ValueRecord, read_value, write_value

    store = open_store(url)
    if role == "write":
        value = make(kind, size)
        forget_peak()
        before, start = now_mib(), time.perf_counter()
        record = write_value(store, "value", value)
        return {"seconds": time.perf_counter() - start, "grown": peak_mib() - before, "record": record.to_json()}
    preload(kind)
    record = ValueRecord.from_json(json.loads(sys.stdin.read()))
    forget_peak()
    before, start = now_mib(), time.perf_counter()
    value = read_value(store, record)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "grown": peak_mib() - before - record.size / MIB}


def touch(size: int) -> None:
    """Use and free three times the size, so that what follows finds warm memory: virtual machines get it lazily."""
    code = "import mmap, sys; n = 3 * int(sys.argv[1]); m = mmap.mmap(-1, n, flags=34); m[::4096] = bytes(n // 4096)"
    subprocess.run([sys.executable, "-c", code, str(-(-size // 4096) * 4096)], check=True)


def run(role: str, kind: str, url: str, size: int, record: object = None) -> dict[str, Any]:
    """One timed part in a process of its own."""
    touch(size)
    command = [sys.executable, __file__, "--child", role, "--kinds", kind, "--dir", url, "--bytes", str(size)]
    done = subprocess.run(command, input=json.dumps(record), capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def floor(source: Path, target: Path) -> tuple[float, float]:
    """Seconds to copy the file, and to read the copy into memory."""
    import numpy as np

    touch(source.stat().st_size)
    start = time.perf_counter()
    shutil.copyfile(source, target)
    copied = time.perf_counter()
    buffer = memoryview(np.empty(source.stat().st_size, np.uint8))
    done = 0
    with target.open("rb", buffering=0) as file:
        while count := file.readinto(buffer[done:]):
            done += count
    return copied - start, time.perf_counter() - copied


def one_round(kind: str, size: int, folder: Path) -> dict[str, float]:
    """Pass one value, then copy its file, all to fresh names."""
    store = folder / "store"
    shutil.rmtree(store, ignore_errors=True)
    url = f"file://{store}"
    written = run("write", kind, url, size)
    read = run("read", kind, url, size, written["record"])
    target = folder / "copy"
    copied, loaded = floor(store / "value", target)
    target.unlink()
    return {
        "write": written["seconds"],
        "read": read["seconds"],
        "copy": copied,
        "load": loaded,
        "speed": (copied + loaded) / (written["seconds"] + read["seconds"]),
        "write_extra_mib": written["grown"],
        "read_extra_mib": read["grown"],
    }


def summary(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Medians of everything, and `speed_best`: the best floor against the best pass, which noise can't flatter."""
    found = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    best = {name: min(each[name] for each in rounds) for name in ("write", "read", "copy", "load")}
    found["speed_best"] = (best["copy"] + best["load"]) / (best["write"] + best["read"])
    return {name: round(value, 3) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", default=tempfile.gettempdir())
    parser.add_argument("--gib", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--verbose", action="store_true", help="print every round")
    parser.add_argument("--kinds", default="numpy,arrow,polars,pandas")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--bytes", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(args.child, args.kinds, args.dir, args.bytes)))
        return
    from kedge.io.digests import quickest

    size, report = int(args.gib * (1 << 30)), {}
    print(f"{args.gib} GiB, {args.rounds} rounds, digest {quickest()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        for kind in args.kinds.split(","):
            rounds = [one_round(kind, size, Path(folder)) for _ in range(args.rounds)]
            if args.verbose:
                print(*rounds, sep="\n")
            report[kind] = summary(rounds)
            print(f"{kind:8}", "  ".join(f"{name} {value:.2f}" for name, value in report[kind].items()), flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
