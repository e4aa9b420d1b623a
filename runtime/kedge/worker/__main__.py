"""`python -m kedge.worker`: run the step whose ticket stands in $KEDGE_TICKET (or comes on stdin with `-`).

The store's URL is in $KEDGE_STORE; its credentials are in the environment, as obstore reads them.
"""

from __future__ import annotations

import json
import os
import sys

from kedge.core.errors import KedgeError
from kedge.core.protocol import Ticket
from kedge.io.stores import open_store
from kedge.worker.process import EXIT_NO_RECORD, run_ticket


def main() -> int:
    """Run one ticket. Returns the exit code."""
    text = sys.stdin.read() if sys.argv[1:] == ["-"] else os.environ.get("KEDGE_TICKET", "")
    try:
        ticket = Ticket.from_json(json.loads(text or "null"))
        store = open_store(os.environ["KEDGE_STORE"])
    except (ValueError, KeyError, KedgeError) as error:
        print(f"kedge.worker: no usable ticket or store: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_NO_RECORD
    hint = os.environ.get("KEDGE_HINT_FD")
    announce = None
    if hint is not None:
        announce = lambda: os.write(int(hint), f"{ticket.step}\t{ticket.attempt}\n".encode()) and None  # noqa: E731
    return run_ticket(ticket, store, echo=True, announce=announce)


if __name__ == "__main__":
    sys.exit(main())
