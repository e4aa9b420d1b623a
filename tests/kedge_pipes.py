"""Named pipes by which a step tells a test that it is in the middle of something."""

from __future__ import annotations

import os
import select
from pathlib import Path

SECONDS = 120


def read_pipe(path: Path) -> str:
    """What somebody writes into a pipe until they close it; blocks until somebody does, and not for ever."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as pipe:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        assert poll.poll(SECONDS * 1000), f"nobody has written into {path}"
        os.set_blocking(pipe.fileno(), True)
        return pipe.read()
