"""Running a job across local processes: the core's actions carried out by a fork server, its events read back.

The truth of a run is its outcome records. A worker's hint or exit only says when to look; when a process is gone
and left no record, the engine writes a `lost` record in its place, create-only, so that exactly one of the two
stands.
"""

from __future__ import annotations

import contextlib
import heapq
import logging
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from kedge.core.actions import Action, Discard, Finish, RunStatus, Start, Stop, Wake
from kedge.core.bindings import bind
from kedge.core.document import PlanDocument, digest_of
from kedge.core.errors import KedgeError
from kedge.core.events import Begin, Cancel, Ended, Event, Tick
from kedge.core.layout import RunPaths
from kedge.core.protocol import Binding, Failure, Outcome, OutcomeStatus, Ticket, Times
from kedge.core.run import Run
from kedge.core.state import Step
from kedge.engine import records
from kedge.io.confinement import own_values
from kedge.io.errors import ObjectExists, ObjectMissing, StoreError, StoreUnavailable
from kedge.io.stores import Store
from kedge.io.tickets import with_indexes
from kedge.local.pool import AttemptId, Exited, Hinted, ProcessPool, ServerDied
from kedge.worker import patience
from kedge.worker.server import CANCELLING

if TYPE_CHECKING:
    from kedge.engine.memoization import Memoization

_log = logging.getLogger("kedge.engine")

INDEX_FROM = 100
"""A listing with more members than this goes into the store; the ticket points to it."""
GRACE_SECONDS = 10.0
_POOL_RESTARTS = 3
_STORE_PAUSE_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 3600.0
"""A system call takes no wait of a month; whatever is due later is looked at again."""


class Observer(Protocol):
    """Is told of what happens in a run, to show it."""

    def changed(self, run: Run) -> None:
        """Something has changed."""

    def ended(self, run: Run, outcome: Outcome) -> None:
        """An attempt has ended."""

    def close(self) -> None:
        """The run has ended, or can't go on: nothing more is shown."""


class Quiet:
    """An observer that shows nothing."""

    def changed(self, run: Run) -> None: ...
    def ended(self, run: Run, outcome: Outcome) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class _Attempt:
    """An attempt that was started here.

    `settled`: its record has been taken in; its process may still be ending. `overran`: it was told to end for having
    run longer than this many seconds.
    """

    launched: float
    ready: float | None
    settled: bool = False
    overran: float | None = None


class EngineFailed(KedgeError):
    """The engine can't go on; the run can be resumed."""


class ProcessEngine:
    """Drives one run to its end. Safe to kill at any time: another engine takes the run up from its records."""

    def __init__(
        self,
        store: Store,
        paths: RunPaths,
        document: PlanDocument,
        observer: Observer | None = None,
        method: str = "auto",
    ) -> None:
        self._store = store
        self._paths = paths
        self._document = document
        self._observer = observer or Quiet()
        self._plan_bytes = document.to_bytes()
        self._plan_digest = digest_of(self._plan_bytes)
        self._method = method
        self._memo: Memoization | None = None
        self._attempts: dict[AttemptId, _Attempt] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timer_count = 0
        self._events: deque[Event] = deque()
        self._signals = 0
        self._restarts = 0

    def run(self) -> RunStatus:
        """Run until nothing is left to do, and return how it ended. SIGINT and SIGTERM cancel; a second one kills."""
        history = records.history_of(self._store, self._paths, self._document)
        self._run = Run(records.plan_of(self._document), self._document.settings, history)
        self._memo = self._memoization()
        with _signals_to_pipe() as signal_pipe, selectors.DefaultSelector() as selector:
            self._pool = ProcessPool(self._store.url, self._plan_bytes, self._method)
            try:
                self._selector = selector
                selector.register(signal_pipe, selectors.EVENT_READ, "signal")
                self._watch_pool()
                self._events.append(Begin(time.time()))
                self._loop(signal_pipe)
            finally:
                self._pool.close()
        records.close_run(self._store, self._paths, self._run, time.time())
        return self._run.status

    @property
    def state(self) -> Run:
        """The run as the core keeps it."""
        return self._run

    @property
    def start_method(self) -> tuple[str, str | None]:
        """How steps are started, and why not by fork."""
        return self._pool.method, self._pool.why_not_fork

    # -- the loop ---------------------------------------------------------------------------------------------

    def _loop(self, signal_pipe: int) -> None:
        while True:
            while self._events:
                self._feed(self._events.popleft())
            if self._run.finished and not self._unsettled():
                return
            ready = {key.data for key, _ in self._selector.select(self._timeout())}
            if "signal" in ready:
                self._on_signal(signal_pipe)
            if "pool" in ready:
                self._on_pool()
            self._on_time()

    def _feed(self, event: Event) -> None:
        for action in self._run.apply(event):
            self._carry_out(action)
        self._observer.changed(self._run)

    def _timeout(self) -> float | None:
        return None if not self._timers else min(max(0.0, self._timers[0][0] - time.time()), _LONGEST_WAIT_SECONDS)

    def _at(self, when: float, then: Callable[[], None]) -> None:
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, then))

    def _on_time(self) -> None:
        while self._timers and self._timers[0][0] <= time.time():
            heapq.heappop(self._timers)[2]()

    def _on_signal(self, pipe: int) -> None:
        before = self._signals
        with contextlib.suppress(BlockingIOError):
            self._signals += sum(number in CANCELLING for number in os.read(pipe, 4096))
        if before == 0 and self._signals > 0:
            self._events.append(Cancel(time.time()))
        if self._signals > 1:
            for attempt in self._unsettled():
                self._pool.signal(attempt, signal.SIGKILL)
            if not self._pool.ready:
                self._pool.kill()  # it is importing the user's code, and may hang in there

    def _on_pool(self) -> None:
        for event in self._pool.read():
            if isinstance(event, Hinted):
                self._patiently(partial(self._look, event.attempt))
            elif isinstance(event, Exited):
                self._patiently(partial(self._give_up, event.attempt, f"its process {event.status}"))
            elif isinstance(event, ServerDied):
                self._on_server_death()

    def _on_server_death(self) -> None:
        self._restarts += 1
        if self._restarts > _POOL_RESTARTS:
            raise EngineFailed("the fork server ended again and again; see its messages above")
        for descriptor in self._pool.files:
            self._selector.unregister(descriptor)
        if self._run.stopping is None:
            self._pool.restart()
            self._watch_pool()
        for attempt in list(self._attempts):
            self._patiently(partial(self._give_up, attempt, "the fork server ended, and its processes with it"))

    def _watch_pool(self) -> None:
        for descriptor in self._pool.files:
            self._selector.register(descriptor, selectors.EVENT_READ, "pool")

    def _unsettled(self) -> list[AttemptId]:
        return [name for name, attempt in self._attempts.items() if not attempt.settled]

    # -- how attempts end -------------------------------------------------------------------------------------

    def _patiently(self, act: Callable[[], object], began: float | None = None) -> None:
        """Do it, and again and again while the store is away, for as long as steps wait for it; others go on meanwhile.

        Raises StoreUnavailable when that was in vain, and at once when the run is to end at once.
        """
        try:
            act()
        except StoreUnavailable as error:
            now = time.time()
            if self._signals > 1 or now - (began or now) >= patience.seconds():
                raise
            if began is None:
                _log.warning("the run has to wait for its store: %s", error)
            self._at(now + _STORE_PAUSE_SECONDS, lambda: self._patiently(act, began or now))

    def _look(self, name: AttemptId) -> bool:
        """Read the attempt's record, if there is one. Returns whether its outcome is known."""
        attempt = self._attempts.get(name)
        if attempt is None or attempt.settled:
            return True
        try:
            path = self._paths.outcome(*name)
            outcome = records.read_record(self._store, path, *name)
        except ObjectMissing:
            return False
        self._settle(name, outcome)
        return True

    def _give_up(self, name: AttemptId, cause: str) -> None:
        """The attempt's process is gone: unless it left a record, write one in its place."""
        if not self._look(name):
            overran = self._attempts[name].overran
            if overran is None:
                self._write_instead(name, OutcomeStatus.LOST, Failure("Lost", cause))
            else:
                message = f"step {name[0]} ran for more than its {overran:g} s"
                self._write_instead(name, OutcomeStatus.FAILED, Failure("Timeout", message))
        self._attempts.pop(name, None)

    def _write_instead(self, name: AttemptId, status: OutcomeStatus, failure: Failure) -> None:
        """Write a record for an attempt that will bring none; one that came all the same wins."""
        attempt = self._attempts[name]
        now = time.time()
        times = Times(attempt.launched, ended=now, ready=attempt.ready, launched=attempt.launched)
        outcome = Outcome(name[0], name[1], status, {}, failure, times)
        try:
            self._store.put(self._paths.outcome(*name), outcome.to_bytes(), create=True)
        except ObjectExists:
            self._look(name)
        else:
            self._settle(name, outcome)

    def _settle(self, name: AttemptId, outcome: Outcome) -> None:
        self._attempts[name].settled = True
        self._keep(outcome)
        self._events.append(Ended(outcome, time.time()))
        self._observer.ended(self._run, outcome)

    def _keep(self, outcome: Outcome) -> None:
        """Keep a success for later runs, where its step is memoized. That it can't be is no reason to end a run."""
        if self._memo is None:
            return
        try:
            self._memo.keep(outcome)
        except StoreError as error:
            _log.warning("%s could not be kept for later runs: %s", outcome.step, error)

    # -- actions ----------------------------------------------------------------------------------------------

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, Start):
            self._start(action)
        elif isinstance(action, Stop):
            self._stop((action.step, action.attempt))
        elif isinstance(action, Wake):
            self._at(action.at, lambda: self._events.append(Tick(time.time())))
        elif isinstance(action, Discard):
            self._discard(own_values(self._paths, (source.record for source in action.values)))
        else:
            assert isinstance(action, Finish)

    def _discard(self, paths: list[str]) -> None:
        """Delete values that have been consumed. That they stay is no reason to end a run."""
        try:
            self._store.delete(paths)
        except StoreError as error:
            _log.warning("%d values that were consumed could not be deleted: %s", len(paths), error)

    def _start(self, action: Start) -> None:
        step = self._run.state.steps[action.step]
        bindings = bind(self._run.state, step)
        if not self._take_from_cache(step, bindings):
            self._launch(action, step, bindings)

    def _take_from_cache(self, step: Step, bindings: Mapping[str, Binding]) -> bool:
        """For a memoized step: write down that it takes over the outputs of an earlier success, if there is one."""
        if self._memo is None:
            return False
        now = time.time()
        try:
            outcome = self._memo.record_take_over(
                self._store, self._paths, step.key, step.attempt, bindings, step.ready, now
            )
        except StoreError as error:
            _log.warning("%s runs, as the cache can't be asked: %s", step.key, error)
            return False
        if outcome is None:
            return False
        self._events.append(Ended(outcome, now))
        self._observer.ended(self._run, outcome)
        return True

    def _memoization(self) -> Memoization | None:
        """What memoizes the steps of the run; None when no op is."""
        if not self._document.graph.is_memoized:
            return None
        from kedge.engine import memoization

        return memoization.of_stored(self._document, self._document.job, self._store, self._paths, self._run)

    def _launch(self, action: Start, step: Step, bindings: Mapping[str, Binding]) -> None:
        now = time.time()
        inputs = with_indexes(self._store, self._paths, action.step, bindings, INDEX_FROM)
        ticket = Ticket(
            self._document.run_id,
            self._paths.prefix,
            self._plan_digest,
            action.step,
            action.attempt,
            action.retries,
            inputs,
            step.ready,
            now,
        )
        name = (action.step, action.attempt)
        self._attempts[name] = _Attempt(now, step.ready)
        self._pool.start(ticket)
        timeout = step.node.op.timeout
        if timeout is not None:
            self._at(now + timeout, lambda: self._time_out(name, timeout))

    def _time_out(self, name: AttemptId, seconds: float) -> None:
        attempt = self._attempts.get(name)
        if attempt is not None and not attempt.settled:
            attempt.overran = seconds
            self._stop(name)

    def _stop(self, name: AttemptId) -> None:
        """Ask the process to end; make it end if it does not within the grace period."""
        self._pool.signal(name, signal.SIGTERM)

        def kill() -> None:
            if name in self._attempts:
                self._pool.signal(name, signal.SIGKILL)

        self._at(time.time() + GRACE_SECONDS, kill)


@contextlib.contextmanager
def _signals_to_pipe() -> Iterator[int]:
    """A pipe that becomes readable on SIGINT or SIGTERM; what was set before is put back at the end."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    before = {number: signal.getsignal(number) for number in CANCELLING}
    wakeup = -1
    try:
        wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in before:
            signal.signal(number, lambda number, frame: None)
    except ValueError:
        before = {}  # not the main thread: signals are its caller's affair
    try:
        yield read
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if before:
            signal.set_wakeup_fd(wakeup)
        os.close(read)
        os.close(write)
