"""Plan pods: an OpJob without `ops` is compiled in the user's image, for the operator never imports user code.

The operator stores the OpJob and starts a worker with a *plan ticket*. The worker leaves one *plan record*,
create-only: what the code says of the OpJob's spec, or every fault that it found. Versioned JSON, as in `protocol`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kedge.core.errors import ProtocolError
from kedge.core.hints import Announce
from kedge.core.layout import RunPaths
from kedge.core.protocol import (
    PROTOCOL_VERSION,
    UNREADABLE,
    Times,
    announce_in,
    announce_to_json,
    check_version,
    count_from_1,
    text_in,
)

COMPILED = ("ops", "runConfig", "tags", "opSelection")
"""Fields of a spec that compiling makes, or adds to."""
ASKED = ("image", "maxConcurrent", "tagConcurrencyLimits", "retries", "podTemplate")
"""Fields that a job's executor sets, where the OpJob does not."""
PLAN_KIND = "plan"
"""The `kind` of a plan ticket; a step's has none."""


@dataclass(frozen=True, slots=True)
class PlanTicket:
    """All that a plan worker is told. The OpJob is at `RunPaths.manifest`; `manifest_digest` is that of its bytes."""

    run: str
    prefix: str
    manifest_digest: str
    attempt: int
    announce: Announce | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "version": PROTOCOL_VERSION,
            "kind": PLAN_KIND,
            "run": self.run,
            "prefix": self.prefix,
            "manifest": self.manifest_digest,
            "attempt": self.attempt,
            **announce_to_json(self.announce),
        }

    def to_text(self) -> str:
        """The ticket as a worker gets it."""
        return json.dumps(self.to_json(), separators=(",", ":"))

    @classmethod
    def from_json(cls, data: Any) -> PlanTicket:
        """Read a plan ticket. Raises ProtocolError for another version or a shape that isn't one."""
        check_version(data, "plan ticket")
        try:
            if data["kind"] != PLAN_KIND:
                raise ValueError(f"its kind is {data['kind']!r}")
            return cls(
                str(data["run"]),
                RunPaths.parse(str(data["prefix"])).prefix,
                str(data["manifest"]),
                count_from_1(data["attempt"]),
                announce_in(data),
            )
        except UNREADABLE as error:
            raise ProtocolError(f"this is no plan ticket: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class PlanFault:
    """One thing that is wrong with a job: the error's class, what it says, and where it stands.

    `path` leads to the value in the run config, where it is a fault of that (`ops:load:config:size`); `stack` is that
    of user code, where it raised.
    """

    error: str
    message: str
    path: str = ""
    stack: str = ""

    def to_json(self) -> dict[str, str]:
        found = {"error": self.error, "message": self.message}
        if self.path:
            found["path"] = self.path
        if self.stack:
            found["stack"] = self.stack
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PlanFault:
        path, stack = data.get("path", ""), data.get("stack", "")
        return cls(text_in(data["error"]), text_in(data["message"]), text_in(path), text_in(stack))


@dataclass(frozen=True, slots=True)
class Planned:
    """How one attempt to plan ended: with a spec and the digest of its graph, or with faults.

    `spec` holds the fields that the compiled OpJob has besides, or otherwise than, the one that was given; see `over`.
    """

    attempt: int
    spec: Mapping[str, Any] | None = None
    graph_digest: str | None = None
    errors: Sequence[PlanFault] = ()
    times: Times | None = None

    def over(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The given spec with what was planned laid over it: the spec that `kedge compile` prints for the OpJob.

        A plan pod is believed where a compiler has something to say, and where the given spec is silent an executor;
        no record says where a run stores, what it takes over, or what it is allowed.
        """
        planned = self.spec or {}
        asked = {name: planned[name] for name in ASKED if name in planned}
        return {**asked, **given, **{name: planned[name] for name in COMPILED if name in planned}}

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"version": PROTOCOL_VERSION, "attempt": self.attempt}
        if self.spec is not None:
            found["spec"] = self.spec
        if self.graph_digest is not None:
            found["graphHash"] = self.graph_digest
        if self.errors:
            found["errors"] = [fault.to_json() for fault in self.errors]
        if self.times is not None:
            found["times"] = self.times.to_json()
        return found

    def to_bytes(self) -> bytes:
        """The record as it is stored."""
        return json.dumps(self.to_json(), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: Any) -> Planned:
        """Read a record. Raises ProtocolError for another version, and for what has neither a spec nor faults."""
        check_version(data, "plan record")
        try:
            spec, times = data.get("spec"), data.get("times")
            errors = tuple(PlanFault.from_json(fault) for fault in data.get("errors", ()))
            if not errors and not (isinstance(spec, Mapping) and isinstance(spec["ops"], list)):
                raise ValueError("it has neither a spec with ops nor errors")
            return cls(
                count_from_1(data["attempt"]),
                spec,
                None if data.get("graphHash") is None else text_in(data["graphHash"]),
                errors,
                None if times is None else Times.from_json(times),
            )
        except UNREADABLE as error:
            raise ProtocolError(f"this is no plan record: {type(error).__name__}: {error}") from error
