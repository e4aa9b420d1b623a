"""Where things lie in the store, relative to its URL. One place, for the engines, the worker and the readers.

::

    runs/<namespace>/<name>-<uid8>/
        run.json                        what was asked for: target, settings, tags (local engines)
        manifest.json                   the OpJob, for the plan pod that is to compile it
        planned/<attempt>.json          create-only: what a plan pod made of it
        plan.json                       op graph, run config, entrypoint
        tickets/<step>/<attempt>.json   a ticket that is too large for an environment variable
        outcomes/<step>/<attempt>.json  create-only: the truth of a run
        values/<step>/<attempt>/<output>[/<key>]
        indexes/<step>/<input>.json     a long fan-in, in one object
        logs/<step>/<attempt>/<part>
        result.json                     how the run ended
    cache/<namespace>/<key>.json        which run's outputs a memoized step can take over
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kedge.core.errors import ProtocolError
from kedge.core.ids import StepKey

RUNS = "runs"
CACHE = "cache"
_NOT_IN_A_PATH = re.compile("[\0\ud800-\udfff]")
NOT_IN_A_URL = r"\x00-\x20\x7f%?#@\\"
"""Of these characters none stands in the URL of a job's store: who reads it would make something else of it."""
_NOT_PLAIN = re.compile(f"[{NOT_IN_A_URL}]")


def is_path(text: str) -> bool:
    """Whether `text` may be a path in a store: segments joined by `/`, none of them empty, `.` or `..`."""
    return not any(part in ("", ".", "..") for part in text.split("/")) and _NOT_IN_A_PATH.search(text) is None


def is_segment(text: str) -> bool:
    """Whether `text` may be one segment of a path."""
    return "/" not in text and is_path(text)


def is_plain_url(text: str) -> bool:
    """Whether a store's URL means what it seems to: nothing in it is escaped or blank, a user, a query, `.` or `..`."""
    return _NOT_PLAIN.search(text) is None and not {".", ".."}.intersection(text.split("/"))


@dataclass(frozen=True, slots=True)
class RunPaths:
    """The paths of one run. `prefix` is `runs/<namespace>/<name>-<uid8>`."""

    prefix: str

    @classmethod
    def of(cls, namespace: str, name: str, uid: str) -> RunPaths:
        return cls(f"{RUNS}/{namespace}/{name}-{uid[:8]}")

    @classmethod
    def parse(cls, prefix: str) -> RunPaths:
        """The paths below a prefix that somebody else has written. Raises ProtocolError for one that is no run's."""
        parts = prefix.split("/")
        if len(parts) != 3 or parts[0] != RUNS or not is_path(prefix):
            raise ProtocolError(f"{prefix[:200]!r} is no run's place in a store; one reads runs/NAMESPACE/NAME-UID")
        return cls(prefix)

    def other(self, prefix: str) -> RunPaths:
        """The paths of another run, whose outputs this one takes over: one of the same namespace.

        Raises ProtocolError for any other.
        """
        found = RunPaths.parse(prefix)
        if found.namespace != self.namespace:
            raise ProtocolError(
                f"{self.prefix} can take nothing over from {prefix}, which is a run of another namespace"
            )
        return found

    def may_read(self, path: str) -> bool:
        """Whether the run may read a value at `path`: below `values/` of a run of its own namespace.

        Of which runs a run takes over values, and of which those did, is not told apart: a value that is taken over
        keeps its path, and a namespace is what credentials and quotas are given to.
        """
        parts = path.split("/")
        return parts[:2] == self.prefix.split("/")[:2] and len(parts) > 4 and parts[3] == "values" and is_path(path)

    def owns(self, path: str) -> bool:
        """Whether `path` is a value of this very run, which it may delete."""
        return path.startswith(f"{self.prefix}/values/") and is_path(path)

    @property
    def namespace(self) -> str:
        """The namespace in the prefix."""
        return self.prefix.split("/")[1]

    @property
    def run(self) -> str:
        return f"{self.prefix}/run.json"

    @property
    def plan(self) -> str:
        return f"{self.prefix}/plan.json"

    @property
    def manifest(self) -> str:
        return f"{self.prefix}/manifest.json"

    def planned(self, attempt: int) -> str:
        return f"{self.prefix}/planned/{attempt}.json"

    @property
    def result(self) -> str:
        return f"{self.prefix}/result.json"

    @property
    def outcomes(self) -> str:
        return f"{self.prefix}/outcomes/"

    def outcome(self, step: StepKey, attempt: int) -> str:
        return f"{self.prefix}/outcomes/{step.segment}/{attempt}.json"

    def ticket(self, step: StepKey, attempt: int) -> str:
        return f"{self.prefix}/tickets/{step.segment}/{attempt}.json"

    def value(self, step: StepKey, output: str, key: str | None, attempt: int) -> str:
        """Attempts write apart, so that a lost attempt that is still writing can't touch its successor's values."""
        tail = f"/{key}" if key is not None else ""
        return f"{self.prefix}/values/{step.segment}/{attempt}/{output}{tail}"

    def index(self, step: StepKey, name: str) -> str:
        return f"{self.prefix}/indexes/{step.segment}/{name}.json"

    def has_index(self, path: str) -> bool:
        """Whether `path` is that of a listing of this run."""
        return path.startswith(f"{self.prefix}/indexes/") and is_path(path)

    def logs(self, step: StepKey, attempt: int) -> str:
        return f"{self.prefix}/logs/{step.segment}/{attempt}/"

    def log_part(self, step: StepKey, attempt: int, part: int) -> str:
        return f"{self.prefix}/logs/{step.segment}/{attempt}/{part:06d}"
