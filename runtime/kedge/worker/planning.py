"""A plan pod's work: compile the OpJob in the user's image, and leave a record of its spec or of all that is wrong.

Called by `python -m kedge.worker` for a plan ticket.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from kedge.core import spec
from kedge.core.errors import DagsterInvalidConfigError, KedgeError, ProtocolError
from kedge.core.hints import PLAN
from kedge.core.layout import RunPaths
from kedge.core.planning import PlanFault, Planned, PlanTicket
from kedge.core.protocol import MOST_PLANNED, Times, check_room
from kedge.definitions.jobs import JobDefinition
from kedge.io.digests import digest
from kedge.io.errors import StoreError
from kedge.io.stores import Store
from kedge.worker import announcing, records
from kedge.worker.compiling import compiled, load_manifest
from kedge.worker.documents import executor_settings
from kedge.worker.endings import Ending
from kedge.worker.failures import shortened_text, user_stack
from kedge.worker.loading import load_job
from kedge.worker.patience import patiently
from kedge.worker.records import EXIT_DONE, EXIT_FAILED, EXIT_NO_RECORD

T = TypeVar("T")


def run_plan(ticket: PlanTicket, store: Store, ending: Ending) -> int:
    """Compile the OpJob of a ticket and store the record. Returns the process's exit code."""
    paths, started = RunPaths(ticket.prefix), time.time()
    try:
        data = patiently(lambda: store.get(paths.manifest), "reading the OpJob")
    except StoreError as error:
        cause = f"plan: the OpJob could not be read: {error}"
        print(cause, file=sys.stderr)  # noqa: T201
        ending.without_record(cause)
        return EXIT_NO_RECORD
    planned = _planned(ticket, paths, data, started)
    for fault in planned.errors:
        print(f"{fault.stack}{fault.error}: {fault.message}", file=sys.stderr)  # noqa: T201
    record = planned.to_bytes()
    code = records.write(store, paths.planned(ticket.attempt), record, f"plan, attempt {ticket.attempt}", ending)
    if code != EXIT_DONE:
        return code
    if ticket.announce is not None:
        announcing.announce(ticket.announce, ticket.run, PLAN, ticket.attempt)
    ending.stored(record)
    return EXIT_FAILED if planned.errors else EXIT_DONE


def _planned(ticket: PlanTicket, paths: RunPaths, data: bytes, started: float) -> Planned:
    manifest: Any = None
    try:
        if digest(data) != ticket.manifest_digest:
            raise ProtocolError(f"{paths.manifest} is not the OpJob that the ticket was made for")
        manifest = json.loads(data)
        loaded = load_manifest(spec.parse(manifest))
        given = manifest["spec"]
        found = compiled(loaded, given)
        spec.parse({**manifest, "spec": found.spec})
        own = {name: value for name, value in found.spec.items() if name == "ops" or given.get(name) != value}
        check_room(json.dumps(own), "what the job compiles to", MOST_PLANNED)
    except (Exception, SystemExit) as error:
        faults = tuple(fault for one in _all_errors(manifest, error) for fault in faults_of(one))
        return Planned(ticket.attempt, errors=faults, times=Times(started, ended=time.time()))
    return Planned(ticket.attempt, own, found.graph_digest, times=Times(started, ended=time.time()))


def _all_errors(manifest: Any, first: BaseException) -> list[BaseException]:
    """The error that came first and those behind it: of the op selection, the partition and the run config."""
    try:
        given = spec.parse(manifest).spec
        if given.entrypoint is None:
            return [first]
        job = load_job(given.entrypoint)
    except (Exception, SystemExit):
        return [first]
    found: list[BaseException] = []
    chosen = _tried(lambda: job.get_subset(given.op_selection) if given.op_selection else job, found)
    run_config = _tried(lambda: _run_config_of(job, given), found)
    if chosen is not None and run_config is not None:
        _tried(lambda: executor_settings(chosen, run_config), found)
    return found if any(type(one) is type(first) for one in found) else [first, *found]


def _tried(act: Callable[[], T], errors: list[BaseException]) -> T | None:
    """What `act` returns; None when it raises, which goes to `errors`."""
    try:
        return act()
    except Exception as error:
        errors.append(error)
        return None


def _run_config_of(job: JobDefinition, given: spec.OpJobSpec) -> Mapping[str, Any]:
    """The run config that the OpJob gives, or its partition. Raises DagsterUnknownPartitionError."""
    if given.partition_key is None or job.partitions_def is None:
        return given.run_config
    of_partition = job.get_run_config_for_partition_key(given.partition_key)
    return given.run_config or of_partition


def faults_of(error: BaseException) -> list[PlanFault]:
    """What an error says: one fault for each fault of a run config, else one, with the stack of the user's code."""
    if isinstance(error, DagsterInvalidConfigError) and error.errors:
        return [PlanFault(type(error).__name__, str(fault), fault.path) for fault in error.errors]
    if isinstance(error, SystemExit):
        message = f"the code called sys.exit({error.code!r}) while it was loaded; raise an error instead"
        return [PlanFault("SystemExit", message, stack=user_stack(error))]
    return [PlanFault(type(error).__name__, shortened_text(error), stack=user_stack(_root(error)))]


def _root(error: BaseException) -> BaseException:
    """What user code raised, below the errors of Kedge's own that say where."""
    while isinstance(error, KedgeError) and error.__cause__ is not None:
        error = error.__cause__
    return error
