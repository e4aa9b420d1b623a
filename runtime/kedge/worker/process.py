"""A step in a process of its own: read the ticket, run the step, ship the log, write the outcome record.

`python -m kedge.worker` (a pod, or a spawned local process) and the fork server's children both end up here.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from kedge.core.document import PlanDocument, digest_of
from kedge.core.errors import ProtocolError
from kedge.core.layout import RunPaths
from kedge.core.protocol import Failure, Outcome, OutcomeStatus, Ticket, Times
from kedge.io.errors import ObjectExists, StoreError, StoreUnavailable
from kedge.io.managers import StepStore, StoreIOManager
from kedge.io.stores import Store, open_store
from kedge.io.tickets import read_index
from kedge.io.values import read_value, write_value
from kedge.worker import announcing
from kedge.worker.failures import print_error
from kedge.worker.loading import job_of, program_of
from kedge.worker.logs import LogShipper, set_up_logging
from kedge.worker.program import Program
from kedge.worker.step import StepEnvironment, run_step

EXIT_DONE, EXIT_FAILED, EXIT_SUPERSEDED, EXIT_NO_RECORD = 0, 1, 3, 4


@lru_cache(maxsize=4)
def _program(data: bytes) -> Program:
    """Bind a document once per process; a fork server does it before it forks."""
    document = PlanDocument.from_bytes(data)
    return program_of(document, StoreIOManager(), job_of(document))


_STEPS_LOAD = ("kedge.worker.io_contexts", "kedge.worker.hooks", "kedge.definitions.logs", "kedge.definitions.wire")
"""What a step loads when it comes to it: milliseconds in each child, once in the server."""


def warm_up(data: bytes) -> Program:
    """Import the user's code and what moves values, and bind the run, so that forked children find it done."""
    program = _program(data)
    for name in _STEPS_LOAD:
        importlib.import_module(name)
    aside = open_store("memory://warm-up")
    read_value(aside, write_value(aside, "value", 0))
    return program


def run_ticket(
    ticket: Ticket, store: Store, *, echo: bool, plan: bytes | None = None, announce: Callable[[], None] | None = None
) -> int:
    """Run one attempt from its ticket to its stored outcome. Returns the process's exit code.

    `plan` is the plan document, when it is at hand already; `announce` is called once the record is stored.
    """
    paths = RunPaths(ticket.prefix)
    started = time.time()
    set_up_logging()
    shipper = LogShipper(lambda part, data: store.put(paths.log_part(ticket.step, ticket.attempt, part), data), echo)
    try:
        outcome = _outcome_of(ticket, store, paths, plan, started)
    finally:
        shipper.close()
    outcome = replace(outcome, times=_with_engine_times(outcome.times, ticket, started))
    code = write_outcome(store, paths, outcome)
    if code in (EXIT_DONE, EXIT_FAILED):
        announcing.announce(ticket.announce, ticket.run, ticket.step.digest, ticket.attempt)
        if announce is not None:
            announce()
    return code


def _outcome_of(ticket: Ticket, store: Store, paths: RunPaths, plan: bytes | None, started: float) -> Outcome:
    try:
        data = plan if plan is not None else store.get(paths.plan)
        if digest_of(data) != ticket.plan_digest:
            raise ProtocolError(f"{paths.plan} is not the plan that the ticket was made for")
        program = _program(data)
        return _run(program, ticket, store, paths)
    except SystemExit as error:
        return _broken(ticket, started, "SystemExit", f"the op called sys.exit({error.code!r}); raise an error instead")
    except StoreUnavailable as error:
        print(f"step {ticket.step}: {error}", file=sys.stderr)  # noqa: T201
        lost = _broken(ticket, started, type(error).__name__, str(error))
        return replace(lost, status=OutcomeStatus.LOST)  # not the op's fault, and it may pass
    except Exception as error:
        traceback.print_exc()
        return _broken(ticket, started, type(error).__name__, str(error))


def _run(program: Program, ticket: Ticket, store: Store, paths: RunPaths) -> Outcome:
    scope = program.scope(logging.getLogger("kedge"))
    env = StepEnvironment(program, scope, io=StepStore(store, paths), read_index=lambda index: read_index(store, index))
    try:
        with program.logging():
            outcome = run_step(env, ticket.step, ticket.attempt, ticket.retries, ticket.inputs)
        if env.last_error is not None:
            print_error(env.last_error)
    finally:
        try:
            scope.close()
        except Exception:
            logging.getLogger("kedge").exception("step %s: tearing down its resources failed", ticket.step)
    return outcome


def _broken(ticket: Ticket, started: float, error: str, message: str) -> Outcome:
    """The outcome of an attempt that did not get as far as user code, or was ended by it."""
    failure = Failure(error, message, retryable=False)
    return Outcome(ticket.step, ticket.attempt, OutcomeStatus.FAILED, {}, failure, Times(started, ended=time.time()))


def _with_engine_times(times: Times | None, ticket: Ticket, started: float) -> Times:
    found = times or Times(started)
    return replace(found, started=started, ready=ticket.ready, launched=ticket.launched, ended=time.time())


def write_outcome(store: Store, paths: RunPaths, outcome: Outcome) -> int:
    """Write the record, create-only. Another record that is there already wins: this attempt was given up."""
    data = outcome.to_bytes()
    path = paths.outcome(outcome.step, outcome.attempt)
    done = EXIT_DONE if outcome.status is OutcomeStatus.SUCCEEDED else EXIT_FAILED
    try:
        store.put(path, data, create=True)
    except ObjectExists:
        with contextlib.suppress(StoreError):
            if store.get(path) == data:
                return done
        print(f"step {outcome.step}: attempt {outcome.attempt} was given up by the engine", file=sys.stderr)  # noqa: T201
        return EXIT_SUPERSEDED
    except StoreError as error:
        print(f"step {outcome.step}: the outcome could not be stored: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_NO_RECORD
    return done
