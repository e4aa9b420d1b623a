"""`python -m kedge.worker`, asked for something other than a step."""

import subprocess
import sys

import kedge


def worker(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kedge.worker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_says_its_version() -> None:
    done = worker("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"kedge {kedge.__version__}\n", "")


def test_other_arguments_are_refused_with_what_it_takes() -> None:
    done = worker("run", "job.py")
    assert done.returncode == 2
    assert done.stderr == "kedge.worker: takes --version or nothing, not 'run job.py'; steps come by $KEDGE_TICKET\n"
