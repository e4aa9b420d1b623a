"""Whether the watches live: kopf keeps them, and this looks over the shoulder of its HTTP session.

kopf takes a watch that is silent for INACTIVITY_SECONDS for dead and opens another; the API server ends each after
SERVER_SECONDS, so that a watch that lives is answered anew at least that often. One that was not is silent; one that
nobody even tried to open is stuck, and only a restart helps. Events tell nothing more: where nothing happens there
are none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp

from kedge_operator import labels

WATCHED = ("pods", labels.PLURAL)
"""kopf asks for other things too, once, and those need not be answered again."""
SERVER_SECONDS = 120
INACTIVITY_SECONDS = 70
SILENT_SECONDS = SERVER_SECONDS + INACTIVITY_SECONDS
FAILING_SECONDS = 30.0
"""So long may requests fail before it is told: an API server that starts anew takes less."""


@dataclass(slots=True)
class _Watch:
    """One watch or its list. `answered`: when a request for it last succeeded, or was made first."""

    answered: float
    tried: float
    failing: float | None = None
    error: str = ""


class Watches:
    """Follows the requests of watches, by path; times in seconds of `clock`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watches: dict[str, _Watch] = {}

    def trace(self) -> aiohttp.TraceConfig:
        """For the session whose requests are to be followed."""
        found = aiohttp.TraceConfig()
        found.on_request_start.append(self._started)
        found.on_request_end.append(self._ended)
        found.on_request_exception.append(self._failed)
        return found

    async def _started(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, told: aiohttp.TraceRequestStartParams
    ) -> None:
        now = self._clock()
        if told.url.name in WATCHED:
            self._watches.setdefault(told.url.path, _Watch(now, now)).tried = now

    async def _ended(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, told: aiohttp.TraceRequestEndParams
    ) -> None:
        if told.response.status >= 400:
            self._note_failure(told.url.path, f"the API server answered {told.response.status}")
            return
        watch = self._watches.get(told.url.path)
        if watch is not None:
            watch.answered, watch.failing = self._clock(), None

    async def _failed(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, told: aiohttp.TraceRequestExceptionParams
    ) -> None:
        self._note_failure(told.url.path, str(told.exception) or type(told.exception).__name__)

    def _note_failure(self, path: str, error: str) -> None:
        watch = self._watches.get(path)
        if watch is not None:
            watch.error = error
            watch.failing = self._clock() if watch.failing is None else watch.failing

    def silence(self) -> dict[str, float]:
        """For each resource, the seconds since the watch that was silent longest was answered."""
        now = self._clock()
        found: dict[str, float] = {}
        for path, watch in self._watches.items():
            resource = path.rpartition("/")[2]
            found[resource] = max(found.get(resource, 0.0), now - watch.answered)
        return found

    def why_silent(self) -> str | None:
        """Why what is known of the cluster may be old; None while all watches live."""
        now = self._clock()
        for path, watch in self._watches.items():
            if watch.failing is not None and now - watch.failing > FAILING_SECONDS:
                return f"the watch at {path} has failed for {now - watch.failing:.0f} s: {watch.error}"
            if now - watch.answered > SILENT_SECONDS:
                return f"the watch at {path} was not answered for {now - watch.answered:.0f} s"
        return None

    def why_stuck(self) -> str | None:
        """Which watch nobody opens any more, though it must have ended; None while there is none."""
        now = self._clock()
        for path, watch in self._watches.items():
            idle = now - max(watch.answered, watch.tried, watch.failing or 0.0)
            if idle > SILENT_SECONDS + FAILING_SECONDS:
                return f"nobody has opened the watch at {path} for {idle:.0f} s"
        return None
