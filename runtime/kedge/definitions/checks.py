"""Checks of arguments that a file may get wrong only at run time: Dagster's errors, with the name of the argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kedge.core.errors import CheckError, DagsterInvalidDefinitionError, ParameterCheckError


def of_type(value: Any, kinds: type | tuple[type, ...], name: str, *, optional: bool = False) -> Any:
    """`value`, if it is of the kind. Raises ParameterCheckError; None passes where it is optional."""
    if isinstance(value, kinds) or (optional and value is None):
        return value
    raise ParameterCheckError(f"{name} must be a {_names_of(kinds)}, not {value!r}, a {type(value).__name__}")


def _names_of(kinds: type | tuple[type, ...]) -> str:
    return kinds.__name__ if isinstance(kinds, type) else " or ".join(kind.__name__ for kind in kinds)


def texts(value: Any, name: str) -> list[str]:
    """`value` as a list, if it is a sequence of strings. Raises ParameterCheckError, or CheckError for a member."""
    found = list(of_type(value, Sequence, name))
    members(found, str, name)
    return found


def members(values: Sequence[Any], kinds: type | tuple[type, ...], name: str) -> None:
    """Raise CheckError for a member of another kind."""
    for one in values:
        if not isinstance(one, kinds):
            raise CheckError(f"{name}: each member must be a {_names_of(kinds)}, not {one!r}, a {type(one).__name__}")


def string_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Tags of an output or an asset. Raises DagsterInvalidDefinitionError for a value that is no string."""
    found = dict(tags or {})
    for key, value in found.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise DagsterInvalidDefinitionError(f"tag {key!r}: {value!r} is a {type(value).__name__}; write a string")
    return found
