"""What `import kedge` costs over a bare interpreter: pairs of cold processes, taking turns, medians.

python bench/startup.py [--peer-python .venv-peer/bin/python]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

FIRST_JOB = """
import kedge as dg

@dg.op
def one():
    return 1

@dg.job
def job():
    one()

job.execute_in_process()
"""
ALL_NAMES = "import kedge; [getattr(kedge, name) for name in kedge.__all__]"


def seconds(python: str, code: str) -> float:
    began = time.perf_counter()
    subprocess.run([python, "-c", code], check=True)
    return time.perf_counter() - began


def over_bare(python: str, code: str, pairs: int) -> float:
    """The median of the differences, in milliseconds."""
    seconds(python, code)  # the first one reads the files from disk
    return statistics.median(seconds(python, code) - seconds(python, "pass") for _ in range(pairs)) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="an interpreter with Dagster, to compare with")
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    found = {
        "bare interpreter": statistics.median(seconds(sys.executable, "pass") for _ in range(options.pairs)) * 1000,
        "import kedge, over bare": over_bare(sys.executable, "import kedge", options.pairs),
        "define and run a first job, over bare": over_bare(sys.executable, FIRST_JOB, options.pairs),
        "every public name, over bare": over_bare(sys.executable, ALL_NAMES, options.pairs),
    }
    if options.peer_python:
        found["import dagster, over bare"] = over_bare(options.peer_python, "import dagster", 3)
    print("| what | ms |\n|---|---|")
    for what, value in found.items():
        print(f"| {what} | {value:.1f} |")
    print(json.dumps({what: round(value, 1) for what, value in found.items()}))


if __name__ == "__main__":
    main()
