"""Whose turn it is: an operator of the whole cluster would run the jobs of every other module of tests, too.

Whoever installs an operator for some namespaces takes a turn together with others; whoever installs one for all takes
it alone. The kernel keeps the locks, so that they hold between all processes that test on this machine's cluster, in
one run of pytest or in several, and end with their process.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from cluster.places import STATE


@contextlib.contextmanager
def turn(alone: bool = False) -> Iterator[None]:
    """Wait for a turn and hold it. Who waits for one alone lets nobody in before: turns are taken in their order."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "turns").open("w") as turns:
        with (STATE / "turns.door").open("w") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(turns, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
