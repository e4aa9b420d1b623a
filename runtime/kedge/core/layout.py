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

from dataclasses import dataclass

from kedge.core.ids import StepKey

RUNS = "runs"
CACHE = "cache"


@dataclass(frozen=True, slots=True)
class RunPaths:
    """The paths of one run. `prefix` is `runs/<namespace>/<name>-<uid8>`."""

    prefix: str

    @classmethod
    def of(cls, namespace: str, name: str, uid: str) -> RunPaths:
        return cls(f"{RUNS}/{namespace}/{name}-{uid[:8]}")

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

    def logs(self, step: StepKey, attempt: int) -> str:
        return f"{self.prefix}/logs/{step.segment}/{attempt}/"

    def log_part(self, step: StepKey, attempt: int, part: int) -> str:
        return f"{self.prefix}/logs/{step.segment}/{attempt}/{part:06d}"
