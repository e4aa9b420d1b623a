"""Writing the record of an attempt: create-only, with patience, and no other than this one counts.

Called for steps and for plans, after which whoever waits for the record is told.
"""

from __future__ import annotations

import contextlib
import sys

from kedge.core.errors import KedgeError
from kedge.io.errors import ObjectExists, StoreError
from kedge.io.stores import Store
from kedge.worker.endings import Ending
from kedge.worker.patience import patiently

EXIT_DONE, EXIT_FAILED, EXIT_SUPERSEDED, EXIT_NO_RECORD = 0, 1, 3, 4


class NoRecord(KedgeError):
    """This attempt can't leave a record; its message says why."""


def write(store: Store, path: str, record: bytes, what: str, ending: Ending) -> int:
    """Write a record; its exit code is EXIT_DONE, whatever it says. Another one that is there already wins."""
    try:
        patiently(lambda: store.put(path, record, create=True), f"storing the record of {what}")
    except ObjectExists:
        with contextlib.suppress(StoreError):
            if patiently(lambda: store.get(path), f"reading the record of {what}") == record:
                return EXIT_DONE  # of an earlier try, whose answer was lost
        return _none(ending, EXIT_SUPERSEDED, f"{what} was given up by the engine")
    except StoreError as error:
        return _none(ending, EXIT_NO_RECORD, f"{what}: its record could not be stored: {error}")
    return EXIT_DONE


def _none(ending: Ending, code: int, cause: str) -> int:
    print(cause, file=sys.stderr)  # noqa: T201
    ending.without_record(cause)
    return code
