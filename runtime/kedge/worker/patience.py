"""Waiting for a store that is away: what a worker has computed must not be lost to a minute of a bucket's absence.

For a worker's ticket and plan, the values that its step reads and gives, and its record. Where that is in vain for a
value, the attempt ends as lost, and the step is started again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from kedge.io.errors import StoreUnavailable

VARIABLE = "KEDGE_STORE_PATIENCE"
PATIENCE_SECONDS = 180.0
_FIRST_PAUSE_SECONDS, _MOST_PAUSE_SECONDS = 0.2, 5.0

T = TypeVar("T")


def patiently(act: Callable[[], T], what: str) -> T:
    """What `act` returns, tried again while the store is away, for $KEDGE_STORE_PATIENCE seconds.

    Says on stderr when the waiting begins and when it ends. Raises StoreUnavailable when it was in vain, and at once
    whatever else `act` raises.
    """
    try:
        return act()
    except StoreUnavailable as error:
        patience = seconds()
        if patience <= 0:
            raise
        _say(f"{what} has to wait, for {patience:g} s at most: {error}")
    return _again(act, what, patience)


def _again(act: Callable[[], T], what: str, patience: float) -> T:
    began = time.monotonic()
    pause = _FIRST_PAUSE_SECONDS
    while True:
        left = began + patience - time.monotonic()
        time.sleep(max(0.0, min(pause, left)))
        try:
            found = act()
        except StoreUnavailable:
            if time.monotonic() - began >= patience:
                _say(f"{what}: given up after {time.monotonic() - began:.0f} s without the store")
                raise
        else:
            _say(f"{what}: the store is back after {time.monotonic() - began:.0f} s")
            return found
        pause = min(2 * pause, _MOST_PAUSE_SECONDS)


def seconds() -> float:
    """How long a store that is away is waited for."""
    text = os.environ.get(VARIABLE, "")
    try:
        return float(text) if text else PATIENCE_SECONDS
    except ValueError:
        _say(f"${VARIABLE} is {text!r}, which is no number of seconds; taking {PATIENCE_SECONDS:g}")
        return PATIENCE_SECONDS


def _say(text: str) -> None:
    print(f"kedge.worker: {text}", file=sys.stderr, flush=True)  # noqa: T201
