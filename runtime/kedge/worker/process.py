"""A step in a process of its own: read the ticket, run the step, ship the log, write the outcome record.

`python -m kedge.worker` (a pod, or a spawned local process) and the fork server's children both end up here.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
import traceback
from dataclasses import replace
from functools import lru_cache

from kedge.core.document import PlanDocument, digest_of
from kedge.core.errors import ProtocolError
from kedge.core.layout import RunPaths
from kedge.core.protocol import MOST_BYTES, Failure, Index, Listing, Outcome, OutcomeStatus, Ticket, Times, check_room
from kedge.io.errors import StoreUnavailable
from kedge.io.managers import StepStore, StoreIOManager
from kedge.io.stores import Store, open_store
from kedge.io.tickets import read_index
from kedge.io.values import read_value, write_value
from kedge.worker import records
from kedge.worker.endings import Ending
from kedge.worker.failures import print_error
from kedge.worker.loading import job_of, program_of
from kedge.worker.logs import LogShipper, set_up_logging
from kedge.worker.patience import patiently
from kedge.worker.program import Program
from kedge.worker.records import EXIT_DONE, EXIT_FAILED, EXIT_NO_RECORD, NoRecord
from kedge.worker.step import StepEnvironment, run_step


@lru_cache(maxsize=4)
def _program(data: bytes) -> Program:
    """Bind a document once per process; a fork server does it before it forks."""
    document = PlanDocument.from_bytes(data)
    return program_of(document, StoreIOManager(), job_of(document))


ALLOW_PICKLE = "KEDGE_ALLOW_PICKLE"
"""Anything but `true` in this variable forbids pickles."""
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


def run_ticket(ticket: Ticket, store: Store, ending: Ending, *, echo: bool, plan: bytes | None = None) -> int:
    """Run one attempt from its ticket to its stored outcome. Returns the process's exit code.

    `plan` is the plan document, when it is at hand already; `ending` is told once the record is stored, or won't be.
    """
    paths = RunPaths(ticket.prefix)
    started = time.time()
    set_up_logging()
    shipper = LogShipper(lambda part, data: store.put(paths.log_part(ticket.step, ticket.attempt, part), data), echo)
    try:
        outcome = _outcome_of(ticket, store, paths, plan, started)
    except NoRecord as error:
        ending.without_record(str(error))
        return EXIT_NO_RECORD
    finally:
        shipper.close()
    outcome = replace(outcome, times=_with_engine_times(outcome.times, ticket, started))
    code = _end(ticket, store, paths, outcome, ending)
    if code != EXIT_NO_RECORD:
        shipper.finish()
    return code


def _end(ticket: Ticket, store: Store, paths: RunPaths, outcome: Outcome, ending: Ending) -> int:
    """Store the record, then tell whoever waits for it."""
    what = f"step {ticket.step}, attempt {ticket.attempt}"
    outcome, record = _fitting(outcome, what)
    code = records.write(store, paths.outcome(ticket.step, ticket.attempt), record, what, ending)
    if code != EXIT_DONE:
        return code
    if ticket.announce is not None:
        from kedge.worker import announcing

        announcing.announce(ticket.announce, ticket.run, ticket.step.digest, ticket.attempt)
    ending.stored(record)
    return EXIT_DONE if outcome.status is OutcomeStatus.SUCCEEDED else EXIT_FAILED


def _fitting(outcome: Outcome, what: str) -> tuple[Outcome, bytes]:
    """An outcome and its record; a failure in place of one whose record is larger than what is read."""
    record = outcome.to_bytes()
    try:
        check_room(record, f"the record of {what}")
    except ProtocolError as error:
        message = f"{error}. Give fewer outputs, and metadata and events that take less room"
        failure = Failure(type(error).__name__, message, retryable=False)
        outcome = replace(outcome, status=OutcomeStatus.FAILED, outputs={}, failure=failure, events=())
        print(message, file=sys.stderr)  # noqa: T201
        return outcome, outcome.to_bytes()
    return outcome, record


def _outcome_of(ticket: Ticket, store: Store, paths: RunPaths, plan: bytes | None, started: float) -> Outcome:
    try:
        data = plan if plan is not None else _read_plan(store, paths)
        if digest_of(data) != ticket.plan_digest:
            raise ProtocolError(f"{paths.plan} is not the plan that the ticket was made for")
        program = _program(data)
        return _run(program, ticket, store, paths)
    except (NoRecord, KeyboardInterrupt):
        raise
    except SystemExit as error:
        return _broken(ticket, started, "SystemExit", f"the op called sys.exit({error.code!r}); raise an error instead")
    except StoreUnavailable as error:
        print(f"step {ticket.step}: {error}", file=sys.stderr)  # noqa: T201
        lost = _broken(ticket, started, type(error).__name__, str(error))
        return replace(lost, status=OutcomeStatus.LOST)  # not the op's fault, and it may pass
    except BaseException as error:  # a cancelled task's, for one: of user code, and no sign that anything was lost
        traceback.print_exc()
        return _broken(ticket, started, type(error).__name__, str(error))


def _read_plan(store: Store, paths: RunPaths) -> bytes:
    try:
        return patiently(lambda: store.get(paths.plan, most=MOST_BYTES), "reading the plan")
    except StoreUnavailable as error:
        raise NoRecord(f"the plan could not be read: {error}") from error


def _run(program: Program, ticket: Ticket, store: Store, paths: RunPaths) -> Outcome:
    scope = program.scope(logging.getLogger("kedge"))
    place = StepStore(store, paths, program.settings.allow_pickle and _may_pickle(), patiently)
    env = StepEnvironment(program, scope, io=place, read_index=lambda index: _read_index(store, paths, index))
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


def _may_pickle() -> bool:
    """Whether those who run the engine allow pickles at all, whatever the job says."""
    return os.environ.get(ALLOW_PICKLE, "true") == "true"


def _read_index(store: Store, paths: RunPaths, index: Index) -> Listing:
    found: Listing = patiently(lambda: read_index(store, paths, index), "reading the listing of an input")
    return found


def _broken(ticket: Ticket, started: float, error: str, message: str) -> Outcome:
    """The outcome of an attempt that did not get as far as user code, or was ended by it."""
    failure = Failure(error, message, retryable=False)
    return Outcome(ticket.step, ticket.attempt, OutcomeStatus.FAILED, {}, failure, Times(started, ended=time.time()))


def _with_engine_times(times: Times | None, ticket: Ticket, started: float) -> Times:
    found = times or Times(started)
    return replace(found, started=started, ready=ticket.ready, launched=ticket.launched, ended=time.time())
