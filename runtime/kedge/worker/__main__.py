"""`python -m kedge.worker`: run the step whose ticket stands in $KEDGE_TICKET.

The store's URL is in $KEDGE_STORE; its credentials are in the environment, as obstore reads them. A local engine
also gives $KEDGE_HINT_FD, where $KEDGE_HINT is written once the record is stored, and $KEDGE_ENGINE_PID, the parent
with which to die. `--version` says which kedge an image has, and does nothing else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from kedge.core.errors import KedgeError
from kedge.io.stores import open_store
from kedge.io.tickets import read_ticket
from kedge.worker.process import EXIT_NO_RECORD, run_ticket


def main() -> int:
    """Run one ticket. Returns the exit code."""
    if sys.argv[1:]:
        return _answer(sys.argv[1:])
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    engine = os.environ.pop("KEDGE_ENGINE_PID", None)
    if engine is not None:
        from kedge.worker import forking

        forking.prepare_parent()
        forking.die_with(int(engine))
    try:
        store = open_store(os.environ["KEDGE_STORE"])
        ticket = read_ticket(store, os.environ.pop("KEDGE_TICKET", "null"))
    except (ValueError, KeyError, KedgeError) as error:
        print(f"kedge.worker: no usable ticket or store: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_NO_RECORD
    try:
        return run_ticket(ticket, store, echo=True, announce=_announce)
    except KeyboardInterrupt:
        return 130


def _answer(arguments: list[str]) -> int:
    if arguments != ["--version"]:
        told = " ".join(arguments)
        print(f"kedge.worker: takes --version or nothing, not {told!r}; steps come by $KEDGE_TICKET", file=sys.stderr)  # noqa: T201
        return 2
    from importlib.metadata import version

    print(f"kedge {version('kedge')}")  # noqa: T201
    return 0


def _interrupt(number: int, frame: object) -> None:
    """SIGTERM unwinds the step, so that its resources are torn down."""
    raise KeyboardInterrupt


def _announce() -> None:
    hint = os.environ.get("KEDGE_HINT_FD")
    if hint is not None:
        with contextlib.suppress(OSError):
            os.write(int(hint), os.environ.get("KEDGE_HINT", "").encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
