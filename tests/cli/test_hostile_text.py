"""What steps say is shown on a terminal, and does nothing to it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

JOB = r"""
import kedge as dg

ATTACK = "\x1b]52;c;ZXZpbA==\x07 \x1b]0;title\x1b\\ \x1b[2J\x1b[1;1H \x1bP+q\x1b\\ \x9b6n \u202etxt.exe \b\b\x00\x7f"

@dg.op
def says():
    print("\x1b[32mgreen\x1b[0m 10%\r20%\tdone", ATTACK, flush=True)

@dg.op
def fails():
    raise ValueError(f"bad {ATTACK}")

@dg.job
def job():
    says()
    fails()
"""
COMMAND = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202e]|\x1b(?!\\[)|\x1b\\[[0-9;]*[^0-9;m]")
"""What a terminal obeys, but for colours and line ends."""
OF_RICH = re.compile("\x1b\\[(\\?25[lh]|[0-9]*A|2K)")
"""By which bars are drawn anew."""


def on_terminal(folder: Path, *arguments: str) -> str:
    """What `kedge` writes to a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "KEDGE_HOME": str(folder / "home"), "COLUMNS": "200", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "kedge.cli", *arguments]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=theirs, stderr=theirs):
        os.close(theirs)
        seen = b""
        while piece := read(ours):
            seen += piece
    os.close(ours)
    return seen.decode()


def read(terminal: int) -> bytes:
    """What comes next; nothing once nobody writes any more, which is an error of terminals."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("hostile")
    (folder / "job.py").write_text(JOB)
    seen = on_terminal(folder, "run", "job.py:job")
    assert "ValueError: bad ␛]52;c;ZXZpbA==␇" in seen
    assert not COMMAND.findall(OF_RICH.sub("", seen))
    return folder


@pytest.mark.parametrize("command", ["logs", "steps"])
def test_control_characters_are_shown_and_not_obeyed(ran: Path, command: str) -> None:
    seen = on_terminal(ran, command, "latest")
    assert "␛]52;c;" in seen
    assert not COMMAND.findall(seen)


def test_a_log_keeps_its_colours_and_what_it_writes_over(ran: Path) -> None:
    seen = on_terminal(ran, "logs", "latest", "says")
    assert "\x1b[32mgreen\x1b[0m 10%\r20%\tdone" in seen


def test_a_log_that_is_piped_is_as_it_was_written(ran: Path) -> None:
    command = [sys.executable, "-m", "kedge.cli", "logs", "latest", "says"]
    environment = {**os.environ, "KEDGE_HOME": str(ran / "home")}
    done = subprocess.run(command, cwd=ran, env=environment, capture_output=True, check=True)
    assert b"10%\r20%\tdone" in done.stdout
    assert b"\x9b6n \xe2\x80\xaetxt.exe \b\b\0\x7f" in done.stdout


def test_an_error_shows_what_it_quotes(ran: Path) -> None:
    (ran / "broken.py").write_text("raise ValueError('bad \\x1b[2J \\x9b2J')")
    seen = on_terminal(ran, "plan", "broken.py:job")
    assert "bad ␛[2J \ufffd2J" in seen
