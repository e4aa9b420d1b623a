"""Signatures: each public name takes the arguments that it takes in Dagster, and asks for the same ones."""

import inspect
import json
from typing import Any

from oracle_cases import HERE
from oracle_sut import dg

NAMES: dict[str, list[str]] = json.loads((HERE / "signatures.json").read_text(encoding="utf-8"))
"""The arguments that people use, by name of the class, function or method."""


def _shown(parameter: Any) -> Any:
    """Whether an argument must be given, or its default where that is plain."""
    if parameter is None:
        return "missing"
    if parameter.default is inspect.Parameter.empty:
        return "required"
    plain = isinstance(parameter.default, bool | int | float | str)
    return parameter.default if plain else "optional"


def _signature(name: str) -> Any:
    found = dg
    for part in name.split("."):
        found = getattr(found, part)
    parameters = inspect.signature(found).parameters
    return {wanted: _shown(parameters.get(wanted)) for wanted in NAMES[name]}


def _case(name: str) -> Any:
    return lambda: _signature(name)


for _name in NAMES:
    globals()[f"case_{_name}"] = _case(_name)
