"""What engine and worker say to each other: the ticket goes in, one outcome record comes out. Versioned JSON.

A *ticket* is small: it points into the object store. A *record* (what an outcome says of one output) is plain
data that only the worker and its I/O managers look into; the core hands it on. Golden files in tests/data hold
every version of both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from kedge.core.errors import ProtocolError, VersionMismatch
from kedge.core.ids import StepKey, is_mapping_key
from kedge.core.layout import RunPaths

if TYPE_CHECKING:
    from kedge.core.hints import Announce

PROTOCOL_VERSION = 1
"""The version that is written. Fields may be added within a version; who doesn't know one passes over it."""
READS = frozenset({1})
"""Those that are read. A new version comes with two minor releases: the first reads it, the second writes it, so that
operator and workers may be one minor release apart."""
EXIT_VERSION_MISMATCH = 5
"""Of a worker that got a ticket of a version that it does not read: another attempt would fare no better."""
NO_TICKET = "kedge.worker: no usable ticket or store"
"""So what such a worker says begins: user code may end its process with any code."""
MOST_BYTES = 32 << 20
"""Of one record, ticket, plan or manifest: 600 bytes for each of 50,000 dynamic values. None larger is read."""
MOST_VALUES = 2_000_000
"""Of values in one of these; in memory each takes 100 bytes or more, whatever it takes in JSON."""
MOST_PLANNED = 500_000
"""Of values in what a plan pod leaves: 100 for each of 5,000 ops. An operator goes through all of them at once, for all
runs, and keeps them for as long as the run goes on."""
API_LEVELS = 12_000
"""Of calls, for who reads what an API server gives: it takes JSON of 10,000 levels, and who can't read one OpJob sees
none in their list."""
MOST_CAUSES = 100
"""Of causes behind a failure, each the cause of the one before. Whoever reads more goes as deep with each."""
MOST_ATTEMPTS = 999_999_999
YEAR_10000 = 253_402_300_800.0
"""In seconds since the epoch; calendars end before it."""
KEY_MAX = 1_000
"""Characters of a mapping key in a record: no store takes a longer name, and no annotation holds it."""
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What reading JSON of the wrong shape raises."""

Record = Mapping[str, Any]
"""What is known of one stored output: `{"value": {...}, "metadata": {...}}`; either may be missing."""


EXTERNAL: Record = {"external": True}
"""The record of a value that an I/O manager has put where Kedge does not look."""


class OutcomeStatus(StrEnum):
    """How an attempt ended. LOST is not the op's doing; where no record will come, the engine writes it."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """The op asked for another attempt: at most `max_retries` in all, after `delay` seconds."""

    max_retries: int
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt did not succeed. `retryable` False is final, whatever the policy says."""

    error: str
    message: str
    stack: str = ""
    retryable: bool = True
    request: RetryRequest | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    cause: Failure | None = None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"error": self.error, "message": self.message}
        if self.stack:
            found["stack"] = self.stack
        if not self.retryable:
            found["retryable"] = False
        if self.request is not None:
            found["retryRequested"] = {"maxRetries": self.request.max_retries, "delaySeconds": self.request.delay}
        if self.metadata:
            found["metadata"] = dict(self.metadata)
        if self.cause is not None:
            found["cause"] = self.cause.to_json()
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any], causes: int = MOST_CAUSES) -> Failure:
        """Read one with so many causes at most. Raises ProtocolError for more; see `UNREADABLE` for what else."""
        asked, cause = data.get("retryRequested"), data.get("cause")
        if cause is not None and causes == 0:
            raise ProtocolError(f"a failure has more than {MOST_CAUSES} causes")
        return cls(
            text_in(data["error"]),
            text_in(data["message"]),
            text_in(data.get("stack", "")),
            bool(data.get("retryable", True)),
            None if asked is None else RetryRequest(int(asked["maxRetries"]), _finite(asked["delaySeconds"])),
            _mapping(data.get("metadata", {}), "metadata"),
            None if cause is None else cls.from_json(cause, causes - 1),
        )


@dataclass(frozen=True, slots=True)
class Times:
    """When an attempt did what, in seconds since the epoch. None: it didn't come to that.

    `ready` and `launched` are the engine's: when its sources had ended, and when it was told to start.
    """

    started: float
    entered: float | None = None
    left: float | None = None
    ended: float | None = None
    ready: float | None = None
    launched: float | None = None

    def to_json(self) -> dict[str, float]:
        names = ("ready", "launched", "started", "entered", "left", "ended")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Times:
        rest = (_time_in(data, name) for name in ("entered", "left", "ended", "ready", "launched"))
        return cls(_finite(data["started"]), *rest)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt of one step ended.

    `outputs` holds, by output name, a record, or for a dynamic output a mapping of key to record in the order
    in which the keys were yielded. An optional output that was not yielded is absent. `cached_from` names the run
    whose outputs a memoized step took over, without running.
    """

    step: StepKey
    attempt: int
    status: OutcomeStatus
    outputs: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    times: Times | None = None
    events: Sequence[Mapping[str, Any]] = ()
    cached_from: str | None = None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "version": PROTOCOL_VERSION,
            "step": str(self.step),
            "attempt": self.attempt,
            "status": self.status.value,
        }
        if self.outputs:
            found["outputs"] = self.outputs
        if self.failure is not None:
            found["failure"] = self.failure.to_json()
        if self.times is not None:
            found["times"] = self.times.to_json()
        if self.events:
            found["events"] = list(self.events)
        if self.cached_from is not None:
            found["cachedFrom"] = self.cached_from
        return found

    def to_bytes(self) -> bytes:
        """The record as it is stored."""
        return json.dumps(self.to_json(), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: Any) -> Outcome:
        """Read a record. Raises ProtocolError for another version or a shape that isn't one."""
        check_version(data, "outcome")
        try:
            failure, times = data.get("failure"), data.get("times")
            return cls(
                StepKey.parse(data["step"]),
                count_from_1(data["attempt"]),
                OutcomeStatus(data["status"]),
                _mapping(data.get("outputs", {}), "outputs"),
                None if failure is None else Failure.from_json(failure),
                None if times is None else Times.from_json(times),
                _events(data.get("events", ())),
                None if data.get("cachedFrom") is None else text_in(data["cachedFrom"]),
            )
        except UNREADABLE as error:
            raise ProtocolError(f"this is no outcome record: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class SourceRef:
    """One stored value that an input reads: which step's which output, and what its outcome says of it."""

    step: StepKey
    output: str
    mapping_key: str | None = None
    record: Record | None = None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"step": str(self.step), "output": self.output}
        if self.mapping_key is not None:
            found["key"] = self.mapping_key
        if self.record is not None:
            found["record"] = self.record
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SourceRef:
        key, record = data.get("key"), data.get("record")
        return cls(
            StepKey.parse(data["step"]),
            _str(data["output"]),
            None if key is None else _str(key),
            None if record is None else _mapping(record, "a record"),
        )


@dataclass(frozen=True, slots=True)
class Single:
    """An input with one source."""

    source: SourceRef


@dataclass(frozen=True, slots=True)
class Constant:
    """An input whose value stands in the graph."""

    value: Any


@dataclass(frozen=True, slots=True)
class Listing:
    """An input that is a list, members in order; a nested collect holds listings in a listing."""

    members: Sequence[SourceRef | Listing]

    def to_json(self) -> list[Any]:
        return [member.to_json() for member in self.members]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Listing:
        return cls([cls.from_json(one) if isinstance(one, list) else SourceRef.from_json(one) for one in data])


@dataclass(frozen=True, slots=True)
class Index:
    """A long listing, stored once under `path`; the ticket only points to it. `digest` is that of its bytes."""

    path: str
    count: int
    digest: str


Binding = Single | Constant | Listing | Index


@dataclass(frozen=True, slots=True)
class Ticket:
    """All that a worker is told: which attempt of which step of which run, where its inputs are, whom it is to tell."""

    run: str
    prefix: str
    plan_digest: str
    step: StepKey
    attempt: int
    retries: int
    inputs: Mapping[str, Binding] = field(default_factory=dict)
    ready: float | None = None
    launched: float | None = None
    announce: Announce | None = None

    def to_json(self) -> dict[str, Any]:
        times = {"ready": self.ready, "launched": self.launched}
        return {
            "version": PROTOCOL_VERSION,
            "run": self.run,
            "prefix": self.prefix,
            "plan": self.plan_digest,
            "step": str(self.step),
            "attempt": self.attempt,
            "retries": self.retries,
            "inputs": {name: _binding_to_json(binding) for name, binding in self.inputs.items()},
            **{name: at for name, at in times.items() if at is not None},
            **announce_to_json(self.announce),
        }

    def to_text(self) -> str:
        """The ticket as a worker gets it."""
        return json.dumps(self.to_json(), separators=(",", ":"))

    @classmethod
    def from_json(cls, data: Any) -> Ticket:
        """Read a ticket. Raises ProtocolError for another version or a shape that isn't one."""
        check_version(data, "ticket")
        try:
            return cls(
                _str(data["run"]),
                RunPaths.parse(_str(data["prefix"])).prefix,
                _str(data["plan"]),
                StepKey.parse(data["step"]),
                count_from_1(data["attempt"]),
                int(data["retries"]),
                {name: _binding_from_json(binding) for name, binding in data["inputs"].items()},
                _time_in(data, "ready"),
                _time_in(data, "launched"),
                announce_in(data),
            )
        except UNREADABLE as error:
            raise ProtocolError(f"this is no ticket: {type(error).__name__}: {error}") from error


class TicketRef(NamedTuple):
    """Stands for a large ticket in the environment: it lies in the store at `at`, with this digest of its bytes."""

    at: str
    digest: str

    def to_text(self) -> str:
        return json.dumps({"version": PROTOCOL_VERSION, "at": self.at, "digest": self.digest}, separators=(",", ":"))

    @classmethod
    def from_json(cls, data: Any) -> TicketRef:
        """Read a reference. Raises ProtocolError for another version or a shape that isn't one."""
        check_version(data, "ticket")
        try:
            return cls(_str(data["at"]), _str(data["digest"]))
        except UNREADABLE as error:
            raise ProtocolError(f"this refers to no ticket: {type(error).__name__}: {error}") from error


def announce_to_json(announce: Announce | None) -> dict[str, Any]:
    """The part of a ticket that says whom to tell; nothing of it where nobody is to be told."""
    return {} if announce is None else {"announce": announce.to_json()}


def announce_in(data: Mapping[str, Any]) -> Announce | None:
    """Whom a ticket says is to be told."""
    if data.get("announce") is None:
        return None
    from kedge.core.hints import Announce  # steps of local engines do without

    return Announce.from_json(data["announce"])


def _time_in(data: Mapping[str, Any], name: str) -> float | None:
    return None if data.get(name) is None else _finite(data[name])


def read_json(data: bytes | str, what: str, most: int = MOST_VALUES) -> Any:
    """The JSON in bytes that anybody may have written.

    Raises ProtocolError for what is none, for more than so many values, and for what is nested too deep.
    """
    check_room(data, what, most)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{what} is no JSON that can be read: {error}") from error


def check_room(data: bytes | str, what: str, most: int = MOST_VALUES) -> None:
    """Raise ProtocolError for more JSON than `read_json` reads."""
    if len(data) > MOST_BYTES:
        raise ProtocolError(f"{what} has {len(data)} bytes; no more than {MOST_BYTES} are read")
    values = sum(data.count(mark) if isinstance(data, str) else data.count(mark.encode()) for mark in (",", "[", "{"))
    if values > most:
        raise ProtocolError(f"{what} holds {values} values or so; no more than {most} are read")


def check_version(data: Any, what: str) -> None:
    """Raise VersionMismatch for an object of a version that is not read, and ProtocolError for what has none."""
    version = data.get("version") if isinstance(data, Mapping) else None
    if type(version) is not int:
        raise ProtocolError(f"this is no {what}: it says no version")
    if version not in READS:
        raise VersionMismatch(
            f"{what} of version {str(version)[:20]}; this Kedge reads {', '.join(map(str, sorted(READS)))}. "
            "Use an image of the same minor version as the operator, or of one next to it"
        )


def check_outputs(outcome: Outcome, dynamic: Mapping[str, bool]) -> str | None:
    """What is wrong with the outputs of a record (an unknown name, a wrong shape), or None."""
    for name, given in outcome.outputs.items():
        if name not in dynamic:
            return f"the outcome names an output {name!r} that the op does not have"
        if dynamic[name]:
            if not isinstance(given, Mapping):
                return f"output {name!r} is dynamic, but the outcome lists no keys for it"
            bad = next((key for key in given if not is_mapping_key(key)), None)
            if bad is not None:
                return f"output {name!r}: {str(bad)[:80]!r} is no mapping key"
            if any(len(key) > KEY_MAX for key in given):
                return f"output {name!r}: a mapping key has more than {KEY_MAX} characters"
        fault = _fault_of_records(given.values() if dynamic[name] else (given,))
        if fault is not None:
            return f"output {name!r}: {fault}"
    return None


def _fault_of_records(records: Iterable[Any]) -> str | None:
    """What is wrong with what an outcome says of some values, or None."""
    for record in records:
        if record is None:
            continue
        if not isinstance(record, Mapping):
            return f"its record is {str(record)[:80]!r}, no object"
        value = record.get("value", {})
        if not isinstance(value, Mapping):
            return "its record says nothing of its value"
        for what, kind in (("path", str), ("format", str), ("size", int), ("digest", str)):
            if not isinstance(value.get(what, kind()), kind):
                return f"its record gives no {what} of its value"
        if not isinstance(record.get("file", ""), str):
            return "its record names no file"
    return None


def time_in(found: Any) -> float:
    """A time in seconds since the epoch that a calendar has. Raises ValueError."""
    number = _finite(found)
    if not 0 <= number < YEAR_10000:
        raise ValueError(f"{number!r} is no time")
    return number


def _finite(number: Any) -> float:
    """A number that can be compared and added; an outcome is not to be trusted with a NaN."""
    found = float(number)
    if not isfinite(found):
        raise ValueError(f"{number!r} is no finite number")
    return found


def count_from_1(number: Any) -> int:
    """The number of an attempt. Raises ValueError below 1, and beyond what names and hints have room for."""
    found = int(number)
    if not 1 <= found <= MOST_ATTEMPTS:
        raise ValueError(f"attempts are counted from 1, and this one is {str(found)[:20]}")
    return found


def text_in(data: Any) -> str:
    """What somebody else says, as text that can be encoded: half a surrogate pair becomes a question mark."""
    found = str(data)
    return _HALF_PAIR.sub("?", found) if not found.isascii() else found


_HALF_PAIR = re.compile("[\ud800-\udfff]")


def _str(data: Any) -> str:
    if not isinstance(data, str):
        raise TypeError(f"{str(data)[:80]!r} is no text")
    return data


def _mapping(data: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise TypeError(f"{what} must be an object, not {type(data).__name__}")
    return data


def _events(data: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(data, list | tuple) or not all(
        isinstance(one, Mapping) and isinstance(one.get("kind"), str) for one in data
    ):
        raise TypeError("events must be a list of objects that each have a kind")
    return data


def _binding_to_json(binding: Binding) -> dict[str, Any]:
    if isinstance(binding, Single):
        return {"from": binding.source.to_json()}
    if isinstance(binding, Constant):
        return {"value": binding.value}
    if isinstance(binding, Index):
        return {"index": {"path": binding.path, "count": binding.count, "digest": binding.digest}}
    return {"list": binding.to_json()}


def _binding_from_json(data: Mapping[str, Any]) -> Binding:
    if "from" in data:
        return Single(SourceRef.from_json(data["from"]))
    if "value" in data:
        return Constant(data["value"])
    if "index" in data:
        index = data["index"]
        return Index(_str(index["path"]), int(index["count"]), _str(index["digest"]))
    return Listing.from_json(data["list"])
