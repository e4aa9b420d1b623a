"""Waiting for native code so that a signal can end the wait: Python sees a signal only between its own instructions.

Called by `objects`, whose requests spend their time in native code: a pod that is told to end while its store hangs
would be killed otherwise, with its resources left as they are.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")


def interruptibly(act: Callable[[], T]) -> T:
    """What `act` returns or raises. A signal handler that raises leaves it running, with nobody to hear of its end.

    Only the main thread sees signals; on another, `act` is simply called.
    """
    if threading.current_thread() is not threading.main_thread():
        return act()
    ended: SimpleQueue[tuple[list[T], BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            ended.put(([act()], None))
        except BaseException as error:
            ended.put(([], error))

    _thread.start_new_thread(run, ())  # costs a third of a threading.Thread
    found, error = ended.get()
    if error is not None:
        raise error
    return found[0]


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool for the length of a block, at whose end its work is waited for; not when the block is interrupted."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    except BaseException as error:
        pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
        raise
    pool.shutdown()
