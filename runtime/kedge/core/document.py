"""The plan document: what a run is, written once to the store as `plan.json` and read by its engine and workers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from kedge.core.digests import hex_digest
from kedge.core.errors import ProtocolError
from kedge.core.graph import OpGraph
from kedge.core.layout import RunPaths
from kedge.core.plan import TagLimit
from kedge.core.protocol import MOST_PLANNED, PROTOCOL_VERSION, UNREADABLE, check_version, read_json
from kedge.core.retry import RetryPolicy
from kedge.core.settings import Retain, RunSettings

PARENT_RUN_ID_TAG = "dagster/parent_run_id"
ROOT_RUN_ID_TAG = "dagster/root_run_id"
"""Tags of a run that re-executes another: which, and the first of them all. Named as Dagster names them."""


@dataclass(frozen=True, slots=True)
class Reexecution:
    """This run takes over from an earlier one: `prefix` is its place in the store.

    `steps` None: whatever had not succeeded runs again; otherwise a selection of steps.
    """

    prefix: str
    steps: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """A run: its graph, its code (`entrypoint`, or one for each op), its config, and how it is to be run.

    `graph_digest` is that of the job as the author's code gave it; a worker whose code gives another refuses.
    """

    run_id: str
    job: str
    graph: OpGraph
    entrypoint: str | None = None
    graph_digest: str | None = None
    run_config: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    op_selection: tuple[str, ...] = ()
    settings: RunSettings = field(default_factory=RunSettings)
    tag_limits: tuple[TagLimit, ...] = ()
    reexecute: Reexecution | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "version": PROTOCOL_VERSION,
            "runId": self.run_id,
            "job": self.job,
            "entrypoint": self.entrypoint,
            "graphHash": self.graph_digest,
            "ops": self.graph.to_json(),
            "runConfig": self.run_config,
            "resources": self.resources,
            "tags": self.tags,
            "opSelection": list(self.op_selection),
            "settings": _settings_to_json(self.settings),
            "tagConcurrencyLimits": [limit.to_json() for limit in self.tag_limits],
            "reexecute": None
            if self.reexecute is None
            else {
                "from": self.reexecute.prefix,
                "steps": None if self.reexecute.steps is None else list(self.reexecute.steps),
            },
        }

    def to_bytes(self) -> bytes:
        """The bytes that are stored; their `digest_of` goes into every ticket."""
        return json.dumps(self.to_json(), separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> PlanDocument:
        """Read a stored document. Raises ProtocolError for anything else."""
        try:
            return cls._from_json(read_json(data, "the plan document", 2 * MOST_PLANNED))
        except UNREADABLE as error:
            raise ProtocolError(f"this is no plan document: {type(error).__name__}: {error}") from error

    @classmethod
    def _from_json(cls, data: Any) -> PlanDocument:
        check_version(data, "plan document")
        again = data["reexecute"]
        return cls(
            _typed(data["runId"], str),
            _typed(data["job"], str),
            OpGraph.from_json(_typed(data["ops"], list)),
            _typed(data["entrypoint"], str, NoneType),
            _typed(data["graphHash"], str, NoneType),
            _typed(data["runConfig"], dict),
            _typed(data["resources"], dict),
            {key: _typed(value, str) for key, value in _typed(data["tags"], dict).items()},
            _texts(data["opSelection"]),
            _settings_from_json(data["runId"], _typed(data["settings"], dict)),
            tuple(limit_from_json(_typed(limit, dict)) for limit in _typed(data["tagConcurrencyLimits"], list)),
            None
            if again is None
            else Reexecution(
                RunPaths.parse(_typed(again["from"], str)).prefix,
                None if again["steps"] is None else _texts(again["steps"]),
            ),
        )


def digest_of(data: bytes) -> str:
    """The digest of a stored document."""
    return hex_digest(data.decode(errors="surrogateescape"), 32)


def _typed(value: Any, *kinds: type) -> Any:
    if not isinstance(value, kinds):
        raise TypeError(f"{str(value)[:80]!r} is no {' or '.join(kind.__name__ for kind in kinds)}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_typed(one, str) for one in _typed(value, list))


def _settings_to_json(settings: RunSettings) -> dict[str, Any]:
    return {
        "maxConcurrent": settings.max_concurrent,
        "failFast": settings.fail_fast,
        "retryPolicy": None if settings.retry is None else settings.retry.to_json(),
        "infrastructureRetries": settings.infrastructure_retries,
        "activeDeadlineSeconds": settings.deadline,
        "retainValues": settings.retain.value,
        **({} if settings.cache else {"cache": False}),
        **({} if settings.retries else {"retries": False}),
        **({} if settings.allow_pickle else {"allowPickle": False}),
    }


def _settings_from_json(run_id: str, data: Mapping[str, Any]) -> RunSettings:
    retry = data["retryPolicy"]
    return RunSettings(
        run_id,
        _typed(data["maxConcurrent"], int, NoneType),
        bool(data["failFast"]),
        None if retry is None else RetryPolicy.from_json(retry),
        _typed(data["infrastructureRetries"], int),
        _typed(data["activeDeadlineSeconds"], int, float, NoneType),
        Retain(data["retainValues"]),
        bool(data.get("cache", True)),
        bool(data.get("retries", True)),
        bool(data.get("allowPickle", True)),
    )


def limit_from_json(data: Mapping[str, Any]) -> TagLimit:
    """Read one entry of `tagConcurrencyLimits`."""
    value, key, limit = data.get("value"), _typed(data["key"], str), _typed(data["limit"], int)
    if isinstance(value, Mapping):
        return TagLimit(key, limit, None, bool(value.get("applyLimitPerUniqueValue")))
    return TagLimit(key, limit, _typed(value, str, NoneType))
