"""What calls of kubectl give, whatever it writes."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from kedge.cli.cluster.kubectl import Kubectl


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for kubectl; to be written."""
    program = tmp_path / "kubectl"
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return program


def test_bytes_of_a_log_that_are_no_text_are_no_trouble(program: Path) -> None:
    program.write_text("#!/bin/sh\nprintf 'a\\377b'\n")
    assert Kubectl()("logs", "pod") == "a\ufffdb"


def test_a_stream_whose_further_lines_nobody_wants_does_not_stand_still(program: Path, tmp_path: Path) -> None:
    more_than_a_pipe_holds = 200_000
    done = tmp_path / "done"
    os.mkfifo(done)
    waits = os.open(done, os.O_RDONLY | os.O_NONBLOCK)
    program.write_text(
        f"#!{sys.executable}\nimport sys, time\nprint('Forwarding', flush=True)\n"
        f"sys.stdout.write('Handling\\n' * {more_than_a_pipe_holds // 9})\nsys.stdout.flush()\n"
        f"with open({str(done)!r}, 'w') as told:\n    told.write('done')\n    told.flush()\n    time.sleep(60)\n"
    )
    with Kubectl().stream("port-forward") as lines:
        assert next(iter(lines)) == "Forwarding\n"
        lines.read_on()
        assert select.select([waits], [], [], 60)[0], "it waits for somebody to read"
        assert os.read(waits, 10) == b"done"
    os.close(waits)
