"""What the steps of a cluster's run write: from their pods while they live, from the store afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import click

from kedge.cli import plain
from kedge.cli.cluster import opjobs, reaching
from kedge.cli.cluster.kubectl import Kubectl, Stream
from kedge.cli.cluster.opjobs import ClusterRun
from kedge.cli.cluster.refusals import ClusterError, Unreachable
from kedge.cli.steplogs import Log, Which, stored_parts, text_of
from kedge.core.errors import KedgeError

_CONTAINER = "step"
_STARTED = ("Running", "Succeeded", "Failed")
_AT_ONCE = 20
"""Pods that are followed at the same time; what others wrote comes when there is room."""
_LATE_SECONDS = 30
_PAUSE_SECONDS = 1.0
PLAN = "(plan)"
"""What stands for the step of a pod that compiles a job."""


@dataclass(frozen=True, slots=True)
class StepPod:
    """The pod of one attempt."""

    name: str
    step: str
    attempt: int
    phase: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> StepPod:
        """From the API's object."""
        metadata = body["metadata"]
        step = (metadata.get("annotations") or {}).get("kedge.dev/step") or PLAN
        attempt = int((metadata.get("labels") or {}).get("kedge.dev/attempt") or 1)
        return cls(metadata["name"], step, attempt, (body.get("status") or {}).get("phase") or "Pending")


def written(kubectl: Kubectl, run: ClusterRun, which: Which, url: str | None, endpoint: str | None) -> Iterator[Log]:
    """All that was written up to now, sorted by step. Where the store can't be reached, what pods still hold."""
    running = {} if run.ended else {(one.step, one.attempt): one for one in _pods(kubectl, run, which, "Running")}
    told = False
    try:
        with reaching.reached(kubectl, run, url, endpoint) as store:
            parts = stored_parts(store, run.paths.prefix, which)
            for step, attempt in sorted({*parts, *running}):
                told = True
                pod = running.get((step, attempt))
                text = _text(kubectl, run, pod) if pod is not None else None
                yield Log(step, attempt, text_of(store, parts.get((step, attempt), [])) if text is None else text)
    except KedgeError as error:
        left = [] if told else _logs_of_pods(kubectl, run, which)
        if not left:
            raise
        why = plain.text(str(error))
        click.echo(f"The store can't be read; this is what the pods that are left hold. {why}", err=True)
        yield from left
        return
    if not told:
        yield from _logs_of_pods(kubectl, run, which)


def _logs_of_pods(kubectl: Kubectl, run: ClusterRun, which: Which) -> list[Log]:
    found = ((one, _text(kubectl, run, one)) for one in _pods(kubectl, run, which))
    return sorted(Log(one.step, one.attempt, text) for one, text in found if text is not None)


def _text(kubectl: Kubectl, run: ClusterRun, pod: StepPod) -> str | None:
    """A pod's log; None where it has none, any more or yet."""
    try:
        return kubectl("logs", pod.name, f"--container={_CONTAINER}", f"--namespace={run.namespace}")
    except Unreachable:
        raise
    except ClusterError:
        return None


def _pods(kubectl: Kubectl, run: ClusterRun, which: Which, phase: str | None = None) -> list[StepPod]:
    items = kubectl.raw(_path(run, **({} if phase is None else {"fieldSelector": f"status.phase={phase}"})))["items"]
    return [one for one in map(StepPod.of, items) if which.takes(one.step, one.attempt)]


def _path(run: ClusterRun, **query: str) -> str:
    return (
        f"/api/v1/namespaces/{run.namespace}/pods?{urlencode({'labelSelector': f'kedge.dev/run={run.uid}', **query})}"
    )


# -- following --------------------------------------------------------------------------------------------------------


class Follower:
    """Prints what pods write while they do, until the run has ended or the one step that is wanted has succeeded.

    An interrupt, as any other error, ends all that was started.

    `say(step, line)` prints one line; it is called from one thread at a time.
    """

    def __init__(self, kubectl: Kubectl, run: ClusterRun, which: Which, say: Callable[[str, str], None]) -> None:
        self._kubectl = kubectl
        self._run = run
        self._which = which
        self._say = say
        self._seen: set[str] = set()
        self._streams: set[Stream] = set()
        self._events: Stream | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._unheard: OSError | None = None
        self._printing = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="log")

    def follow(self) -> None:
        """Until the end. Raises ClusterError, and OSError where nobody reads what is said any more."""
        threading.Thread(target=self._await_end, name="run", daemon=True).start()
        try:
            while not self._over.is_set():
                self._watch(_path(self._run, watch="true"))
            if self._unheard is None:
                self._take_the_last()
                self._printing.shutdown()
            if self._unheard is not None:
                raise self._unheard
        except BaseException:
            self._printing.shutdown(wait=False, cancel_futures=True)
            for stream in list(self._streams):
                stream.stop()
            raise

    @contextmanager
    def _stream(self, *arguments: str) -> Iterator[Stream]:
        """A call of kubectl that ends with the follower."""
        with self._kubectl.stream(*arguments) as stream:
            self._streams.add(stream)
            try:
                yield stream
            finally:
                self._streams.discard(stream)

    def _await_end(self) -> None:
        """The run's end stops the watch of its pods."""
        try:
            for seen in opjobs.watch(self._kubectl, self._run):
                if seen.ended:
                    break
        except ClusterError:
            pass  # deleted, or out of reach: then so are its pods
        finally:
            self._end()

    def _end(self) -> None:
        """Take no more pods."""
        self._over.set()
        if self._events is not None:
            self._events.stop()

    def _watch(self, path: str) -> None:
        """Take pods as they start, until the watch ends by itself or is stopped."""
        with self._stream("get", "--raw", path) as events:
            self._events = events
            try:
                for line in events if not self._over.is_set() else ():
                    event = opjobs.event_in(line)
                    if event is None or event["type"] == "ERROR":
                        return
                    self._take(StepPod.of(event["object"]))
                    if self._over.is_set():
                        return
            except Unreachable:
                self._over.wait(_PAUSE_SECONDS)

    def _take(self, pod: StepPod) -> None:
        wanted = self._which.takes(pod.step, pod.attempt)
        if wanted and pod.phase in _STARTED and pod.name not in self._seen:
            self._seen.add(pod.name)
            self._printing.submit(self._print, pod)
        if pod.step == self._which.step and pod.phase == "Succeeded":
            self._over.set()

    def _take_the_last(self) -> None:
        """A run ends with its last record; that a pod has started is told a second later."""
        pods = _pods(self._kubectl, self._run, self._which)
        for pod in pods:
            self._take(pod)
        late = {pod.name for pod in pods} - self._seen
        if not late:
            return
        path = _path(self._run, watch="true", timeoutSeconds=str(_LATE_SECONDS))
        with self._stream("get", "--raw", path) as events:
            for line in events:
                event = opjobs.event_in(line)
                if event is None or event["type"] == "ERROR":
                    return
                pod = StepPod.of(event["object"])
                self._take(pod)
                late -= self._seen | ({pod.name} if event["type"] == "DELETED" else set())
                if not late:
                    return

    def _print(self, pod: StepPod) -> None:
        """Until the pod's log ends. A reader that is gone, as `head` that has read enough, ends all of it."""
        try:
            self._print_log(pod)
        except OSError as error:
            self._unheard = error
            self._end()

    def _print_log(self, pod: StepPod) -> None:
        arguments = ("logs", "--follow", pod.name, f"--container={_CONTAINER}", f"--namespace={self._run.namespace}")
        try:
            with self._stream(*arguments) as lines:
                for line in lines:
                    with self._lock:
                        self._say(pod.step, line)
        except ClusterError as error:
            with self._lock:
                self._say(pod.step, f"(its log can't be read: {error})\n")
