"""Whether this process may fork, and what a forked child has to put in order.

A fork copies one thread only. Locks that another thread held stay locked for ever, so a fork is refused when there
are threads that are not known to put up with it; steps then start in fresh interpreters.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_HARMLESS = ("jemalloc_bg_thd", "polars-ooc-clea")
"""Threads of native libraries that hold no lock while idle or come back after a fork by themselves."""

_PR_SET_PDEATHSIG = 1


def reason_against_fork() -> str | None:
    """Why a fork here is not safe, or None when it is."""
    if sys.platform != "linux":
        return f"forking with native libraries loaded is not safe on {sys.platform}"
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate() if thread is not threading.main_thread())
        return f"the imported code started threads ({names})"
    unknown = sorted({name for name in _native_threads() if not _is_harmless(name)})
    return f"the imported code started native threads ({', '.join(unknown)})" if unknown else None


def _native_threads() -> list[str]:
    main = os.getpid()
    names = []
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != main:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                names.append((task / "comm").read_text().strip())
    return names


def _is_harmless(name: str) -> bool:
    """OpenBLAS (numpy) names its threads after the program, and stops and restarts them around a fork."""
    own = Path("/proc/self/comm").read_text().strip()
    return name in _HARMLESS or (name == own and "numpy" in sys.modules)


def fork() -> int:
    """`os.fork` after `reason_against_fork` found none. Python 3.12 and later warn of any second thread, also of those
    that are known to put up with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


class _Libc:
    """Loaded once, before the forks."""

    prctl: Any = None


def prepare_parent() -> None:
    """Load what children need, once, before the forks."""
    if sys.platform == "linux":
        _Libc.prctl = ctypes.CDLL(None, use_errno=True).prctl


def settle_child(parent: int) -> None:
    """Put a forked child in order: a session of its own, death with its parent, its own randomness."""
    os.setsid()
    die_with(parent)
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def die_with(parent: int) -> None:
    """Have the system kill this process when its parent ends; at once when that has happened already."""
    if _Libc.prctl is not None:
        _Libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


@contextlib.contextmanager
def dying_with(parent: int) -> Iterator[None]:
    """As `die_with`, for the length of a block; nothing of this process may be left to end by itself meanwhile."""
    die_with(parent)
    yield
    if _Libc.prctl is not None:
        _Libc.prctl(_PR_SET_PDEATHSIG, 0)
