"""A run config checked as a whole against a job: every fault at once, each with its path.

Shape (Dagster's): `ops: {name: {config, inputs, ops: {nested}}}`, `resources: {key: {config}}`, `inputs`,
`execution`, `loggers`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedge.core.errors import DagsterInvalidConfigError
from kedge.definitions.flatten import FlatOp
from kedge.definitions.ins_outs import NO_VALUE, InputDefinition
from kedge.definitions.ops import scalar_type_of, takes_scalar
from kedge.definitions.resources import ResourceDefinition, resolve_configs

_SECTIONS = ("ops", "resources", "inputs", "execution", "loggers")


@dataclass
class ResolvedConfig:
    """A run config after the check. `ops` holds what the functions get; `plain` the same as plain data."""

    ops: dict[str, Any] = field(default_factory=dict)
    plain: dict[str, Any] = field(default_factory=dict)
    inputs: dict[tuple[str, str], Any] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)


def plain_run_config(given: Any) -> Mapping[str, Any]:
    """What was passed as run config, as a mapping; a RunConfig or a model is turned into one."""
    if given is None:
        return {}
    if hasattr(given, "to_config_dict"):
        found: Mapping[str, Any] = given.to_config_dict()
        return found
    if not isinstance(given, Mapping):
        raise DagsterInvalidConfigError(f"a run config is a mapping or a RunConfig, not {given!r}")
    return given


def merge_defaults(default: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The job's own config under a given one: an entry that is given replaces the job's, and is not merged with it."""
    found = dict(default)
    for section, content in given.items():
        if section in ("ops", "resources", "inputs", "loggers") and isinstance(content, Mapping):
            found[section] = {**(found.get(section) or {}), **content}
        else:
            found[section] = content
    return found


def resolve(
    ops: Mapping[str, FlatOp],
    resources: Mapping[str, ResourceDefinition],
    needed: frozenset[str],
    given: Mapping[str, Any],
    available: Mapping[str, Any],
    job: str,
) -> ResolvedConfig:
    """Check `given` for these ops and resources. `available` holds input values that need no config.

    Raises DagsterInvalidConfigError with all faults.
    """
    errors: list[str] = []
    for section in given:
        if section not in _SECTIONS:
            errors.append(f"{section}: unknown section; there are {', '.join(_SECTIONS)}")
    found = ResolvedConfig(given=given)
    entries = _flat_entries(given.get("ops") or {}, ops, errors)
    roots = given.get("inputs") or {}
    for op in ops.values():
        entry = entries.get(op.name, {})
        _resolve_op(op, entry, found, errors)
        _resolve_inputs(op, entry.get("inputs") or {}, roots, available, found, errors)
    found.resources = resolve_configs(resources, sorted(needed), given.get("resources") or {}, errors)
    if errors:
        raise DagsterInvalidConfigError(f"Error in config for job {job}", errors)
    return found


def _flat_entries(
    given: Any, ops: Mapping[str, FlatOp], errors: list[str], prefix: str = ""
) -> dict[str, Mapping[str, Any]]:
    """The entries of the `ops` section by flat name."""
    found: dict[str, Mapping[str, Any]] = {}
    if not isinstance(given, Mapping):
        errors.append(f"ops: expected a mapping, got {given!r}")
        return found
    for name, entry in given.items():
        flat = f"{prefix}{name}"
        path = "ops:" + flat.replace(".", ":ops:")
        if hasattr(entry, "model_dump"):
            entry = {"config": entry}
        if not isinstance(entry, Mapping):
            errors.append(f"{path}: expected a mapping with `config` or `inputs`, got {entry!r}")
        elif flat in ops:
            for key in entry:
                if key not in ("config", "inputs", "outputs"):
                    errors.append(f"{path}: unknown field {key!r}; an op takes config and inputs")
            found[flat] = entry
        elif any(one.startswith(flat + ".") for one in ops):
            found.update(_flat_entries(entry.get("ops") or {}, ops, errors, flat + "."))
        else:
            known = ", ".join(sorted({one.split(".")[0] for one in ops}))
            clone = " (config is given once for the op, not for one clone)" if "[" in flat else ""
            errors.append(f"{path}: no such op{clone}; there are {known}")
    return found


def _resolve_op(op: FlatOp, entry: Mapping[str, Any], found: ResolvedConfig, errors: list[str]) -> None:
    path = "ops:" + op.name.replace(".", ":ops:") + ":config"
    definition_field = op.definition.config_field
    if definition_field is None:
        if entry.get("config") is not None:
            found.ops[op.name] = found.plain[op.name] = entry["config"]
        return
    if "config" in entry:
        value = definition_field.config_type.resolve(entry["config"], path, errors)
        found.plain[op.name] = _plain(entry["config"])
    else:
        value = definition_field.default()
        if value is NO_VALUE:
            if definition_field.is_required:
                errors.append(f"{path}: config is required by op {op.definition.name}")
            value = None
    found.ops[op.name] = value


def _plain(config: Any) -> Any:
    if hasattr(config, "model_dump"):
        from kedge.definitions.models import plain_of

        return plain_of(config)
    try:
        json.dumps(config)
    except (TypeError, ValueError):
        return None
    return config


def _resolve_inputs(
    op: FlatOp,
    given: Mapping[str, Any],
    roots: Mapping[str, Any],
    available: Mapping[str, Any],
    found: ResolvedConfig,
    errors: list[str],
) -> None:
    path = "ops:" + op.name.replace(".", ":ops:") + ":inputs"
    for name in given:
        if name not in op.definition.inputs:
            errors.append(f"{path}:{name}: op {op.definition.name} has no such input")
        elif name in op.inputs:
            errors.append(f"{path}:{name}: this input is connected to {op.inputs[name]}, so it takes no config")
    for name, definition in op.definition.inputs.items():
        if name in op.inputs or definition.dagster_type.is_nothing or definition.input_manager_key:
            continue
        root = op.roots.get(name)
        if name in given:
            found.inputs[op.name, name] = _load(definition, given[name], f"{path}:{name}", errors)
        elif root is not None and root in roots:
            found.inputs[op.name, name] = _load(definition, roots[root], f"inputs:{root}", errors)
        elif root is not None and root in available:
            found.inputs[op.name, name] = available[root]
        elif definition.has_default_value:
            found.inputs[op.name, name] = definition.default_value
        else:
            errors.append(
                f"{path}:{name}: no value. Connect the input, or give it in the run config"
                + (f", as input value {root!r}" if root else "")
                + ", or give it a default"
            )


def _load(definition: InputDefinition, given: Any, path: str, errors: list[str]) -> Any:
    """The value of an input from config: as it is, or under `value`, or from a `json` or `pickle` file."""
    loader = definition.dagster_type.loader
    if loader is not None:
        return loader(given)
    if isinstance(given, Mapping) and len(given) == 1:
        ((kind, content),) = given.items()
        if kind == "value":
            given = content
        elif kind == "json":
            with open(content["path"], encoding="utf-8") as file:
                return json.load(file)
        elif kind == "pickle":
            import pickle

            with open(content["path"], "rb") as binary:
                return pickle.load(binary)
    if takes_scalar(definition):
        return scalar_type_of(definition).resolve(given, path, errors)
    return given
