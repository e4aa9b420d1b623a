"""The parts of a run config that belong to I/O: `outputs` of an op, and `inputs` that an input manager loads.

What they may hold is said by the definitions of the managers, `output_config_schema` and `input_config_schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedge.core.errors import ConfigFault
from kedge.definitions.config import Field
from kedge.definitions.flatten import FlatOp
from kedge.definitions.ins_outs import DEFAULT_IO_MANAGER, NO_VALUE, InputDefinition

IOConfig = dict[tuple[str, str, str], Any]
"""Resolved config by op, "inputs" or "outputs", and name."""


def resolve(
    op: FlatOp, entry: Mapping[str, Any], resources: Mapping[str, Any], path: str, found: IOConfig, errors: list[Any]
) -> None:
    """Resolve what the entry of one op says of its I/O into `found`."""
    given = entry.get("outputs") or {}
    for name in given:
        field = _output_field(op, name, resources)
        if field is None:
            why = f"its I/O manager takes no config for it; it has {_names(op.definition.outputs)}"
            errors.append(ConfigFault(f"{path}:outputs:{name}", why, "FIELD_NOT_DEFINED"))
    for name in op.definition.outputs:
        field = _output_field(op, name, resources)
        if field is not None:
            value = field.resolve(given.get(name, NO_VALUE), f"{path}:outputs:{name}", errors)
            found[op.name, "outputs", name] = None if value is NO_VALUE else value
    inputs = entry.get("inputs") or {}
    for name, definition in op.definition.inputs.items():
        field = input_field(definition, name in op.inputs, resources)
        if field is not None:
            value = field.resolve(inputs.get(name, NO_VALUE), f"{path}:inputs:{name}", errors)
            found[op.name, "inputs", name] = None if value is NO_VALUE else value
        elif definition.input_manager_key and name in inputs and name not in op.inputs:
            why = f"input manager {definition.input_manager_key!r} loads it and takes no config for it"
            errors.append(ConfigFault(f"{path}:inputs:{name}", why, "FIELD_NOT_DEFINED"))


def _names(known: Any) -> str:
    return ", ".join(known) or "none"


def _output_field(op: FlatOp, name: str, resources: Mapping[str, Any]) -> Field | None:
    output = op.definition.outputs.get(name)
    if output is None or output.dagster_type.is_nothing:
        return None
    manager = resources.get(output.io_manager_key or DEFAULT_IO_MANAGER)
    return getattr(manager, "output_config_field", None)


def input_field(definition: InputDefinition, connected: bool, resources: Mapping[str, Any]) -> Field | None:
    """What a run config may give to the manager that loads this input; None for nothing."""
    if connected or definition.input_manager_key is None:
        return None
    return getattr(resources.get(definition.input_manager_key), "input_config_field", None)
