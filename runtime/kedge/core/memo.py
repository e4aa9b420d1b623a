"""Memoization: when a step may take over the outputs of an earlier success, instead of running.

An op with a code version is memoized. The *cache key* of one of its steps is a digest of all that its outputs can
depend on: the job's and the step's name, the op's entrypoint (where it has its own) and code version, the config that
the run gives it, the run's partition, and the version of each value that it reads. The version of a value is the digest
of its stored bytes; where there is none, it follows from the cache key of the step that made it. A step that reads a
value without a version has no key and runs. So does one whose code version is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kedge.core.digests import hex_digest
from kedge.core.graph import PARTITION_TAG, OpNode
from kedge.core.ids import StepKey
from kedge.core.protocol import Binding, Constant, Listing, Outcome, Single, SourceRef

KEY_VERSION = 1


class Memo:
    """The cache keys of one run. `constants` are values of inputs that no step feeds, by op and input."""

    def __init__(
        self,
        job: str,
        run_config: Mapping[str, Any],
        tags: Mapping[str, str],
        constants: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._job = job
        self._run_config = run_config
        self._partition = tags.get(PARTITION_TAG)
        self._constants = constants or {}
        self._keys: dict[StepKey, str] = {}

    def key_of(self, step: StepKey, node: OpNode, inputs: Mapping[str, Binding]) -> str | None:
        """The cache key of a step that is about to start; None when it has to run."""
        if node.code_version is None:
            return None
        versions = {name: self._version(binding) for name, binding in inputs.items()}
        if None in versions.values():
            return None
        parts = [
            KEY_VERSION,
            self._job,
            str(step),
            node.code_version,
            node.config,
            config_for(self._run_config, node.name),
            self._constants.get(node.name, {}),
            self._partition,
            versions,
        ]
        if node.entrypoint is not None:
            parts.append(node.entrypoint)
        text = _as_json(parts)
        if text is None:
            return None
        found = self._keys[step] = hex_digest(text, 64)
        return found

    def known_key(self, step: StepKey) -> str | None:
        """The key that `key_of` found for a step."""
        return self._keys.get(step)

    def _version(self, binding: Binding) -> Any:
        if isinstance(binding, Constant):
            return ["constant", binding.value]
        if isinstance(binding, Single):
            return self._version_of_value(binding.source)
        if isinstance(binding, Listing):
            members = [
                self._version(one) if isinstance(one, Listing) else self._version_of_value(one)
                for one in binding.members
            ]
            return None if None in members else members
        return ["index", binding.digest]

    def _version_of_value(self, source: SourceRef) -> Any:
        value = (source.record or {}).get("value")
        if isinstance(value, Mapping) and "digest" in value:
            return value["digest"]
        key = self._keys.get(source.step)
        return None if key is None else [key, source.output, source.mapping_key]


def config_for(run_config: Mapping[str, Any], op: str) -> Any:
    """What a run config says to one op: its own entry, the config and inputs of the graphs around it, and what is
    said to all (resources, inputs of the job)."""
    found: dict[str, Any] = {name: run_config.get(name) for name in ("resources", "inputs") if run_config.get(name)}
    extra = {name: part for name, part in run_config.items() if name not in _SECTIONS}
    if extra:
        found["mapped"] = extra  # a job with a config mapping takes any fields
    entry: Any = {"ops": run_config.get("ops") or {}}
    path = []
    for name in op.split("."):
        inside = entry.get("ops") if isinstance(entry, Mapping) else None
        if isinstance(inside, Mapping) and "config" in inside and name not in inside:
            path.append(inside["config"])  # the job's own graph maps its config
        entry = inside.get(name) if isinstance(inside, Mapping) else None
        path.append({key: one for key, one in entry.items() if key != "ops"} if isinstance(entry, Mapping) else entry)
    if any(path):
        found["ops"] = path
    return found


_SECTIONS = frozenset({"ops", "resources", "inputs", "execution", "loggers"})


def can_be_kept(outcome: Outcome, node: OpNode) -> bool:
    """Whether another run can take over these outputs: none lies where only the run's own I/O manager finds it."""
    return not any("external" in record for record in records_of(outcome.outputs, node) if record is not None)


def records_of(outputs: Mapping[str, Any], node: OpNode) -> list[Mapping[str, Any] | None]:
    """What an outcome says of each of its values, those of dynamic outputs one by one."""
    found: list[Mapping[str, Any] | None] = []
    for name, given in outputs.items():
        spec = node.output(name)
        found += given.values() if spec is not None and spec.dynamic else [given]
    return found


def _as_json(parts: Any) -> str | None:
    """Canonical JSON, or None for what JSON does not give back."""
    try:
        return json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError):
        return None
