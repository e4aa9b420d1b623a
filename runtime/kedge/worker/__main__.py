"""`python -m kedge.worker`: run the step, or make the plan, whose ticket stands in $KEDGE_TICKET.

The store's URL is in $KEDGE_STORE; its credentials are in the environment, as obstore reads them. $KEDGE_STORE_PATIENCE
says for how many seconds a store that is away is waited for, $KEDGE_TERMINATION_LOG where the termination message goes.
A local engine also gives $KEDGE_HINT_FD, where $KEDGE_HINT is written once the record is stored, and $KEDGE_ENGINE_PID,
the parent with which to die. `--version` says which kedge an image has, and does nothing else.

Exit codes: 0 done, 1 the step failed or the plan has faults, 3 another record was there already, 4 no record could be
left, 5 the ticket is of a version that this one does not read, 130 interrupted or terminated.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedge.worker.endings import Ending

EXIT_INTERRUPTED = 130


def main() -> int:
    """Run one ticket. Returns the exit code."""
    if sys.argv[1:]:
        return _answer(sys.argv[1:])
    # Before all that is slow to import: a first process, as that of a pod is, ignores what it does not handle.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    from kedge.worker import endings

    ending = endings.of_environment()
    try:
        return _work(ending)
    except KeyboardInterrupt as interrupt:
        ending.without_record(f"stopped by {str(interrupt) or 'a KeyboardInterrupt'} before its end")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_INTERRUPTED)  # threads that user code or a request left behind are not waited for


def _work(ending: Ending) -> int:
    """Find the ticket and run it. A local engine's process ends with its parent."""
    engine = os.environ.pop("KEDGE_ENGINE_PID", None)
    if engine is not None:
        from kedge.worker import forking

        forking.prepare_parent()
        forking.die_with(int(engine))
    from kedge.core.errors import KedgeError, VersionMismatch
    from kedge.core.protocol import EXIT_VERSION_MISMATCH, NO_TICKET, Ticket
    from kedge.io.stores import open_store
    from kedge.io.tickets import read_ticket
    from kedge.worker import process
    from kedge.worker.patience import patiently
    from kedge.worker.records import EXIT_NO_RECORD

    try:
        store = open_store(os.environ["KEDGE_STORE"])
        text = os.environ.pop("KEDGE_TICKET", "null")
        ticket = patiently(lambda: read_ticket(store, text), "reading the ticket")
    except (ValueError, KeyError, KedgeError) as error:
        cause = f"{NO_TICKET}: {error}"
        print(cause, file=sys.stderr)  # noqa: T201
        ending.without_record(cause)
        return EXIT_VERSION_MISMATCH if isinstance(error, VersionMismatch) else EXIT_NO_RECORD
    ending.began()
    if isinstance(ticket, Ticket):
        return process.run_ticket(ticket, store, ending, echo=True)
    from kedge.worker import planning

    return planning.run_plan(ticket, store, ending)


def _answer(arguments: list[str]) -> int:
    if arguments != ["--version"]:
        told = " ".join(arguments)
        print(f"kedge.worker: takes --version or nothing, not {told!r}; steps come by $KEDGE_TICKET", file=sys.stderr)  # noqa: T201
        return 2
    from importlib.metadata import version

    print(f"kedge {version('kedge')}")  # noqa: T201
    return 0


def _interrupt(number: int, frame: object) -> None:
    """The first SIGTERM or SIGINT unwinds the step, so that its resources are torn down; no other disturbs that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
