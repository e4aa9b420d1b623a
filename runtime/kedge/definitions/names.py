"""Which names a definition may have. The rules are Dagster's (`_core/definitions/utils.py`)."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping
from typing import Any

from kedge.core.errors import CheckError, DagsterInvalidDefinitionError, ParameterCheckError

_VALID = re.compile(r"[A-Za-z0-9_]+")
_RESERVED = frozenset(
    {"context", "conf", "config", "meta", "arg_dict", "dict", "input_arg_dict", "output_arg_dict"}
    | {"int", "str", "float", "bool", "input", "output", "type"}
)


def check_name(name: str, what: str) -> str:
    """Return `name`. Raises DagsterInvalidDefinitionError for one that can't be used."""
    if not isinstance(name, str) or not _VALID.fullmatch(name) or name[0].isdigit():
        raise DagsterInvalidDefinitionError(
            f"{name!r} can't name {what}: use letters, digits and underscores, and start with a letter"
        )
    if name in _RESERVED or keyword.iskeyword(name):
        raise DagsterInvalidDefinitionError(f"{name!r} can't name {what}: the word is reserved")
    return name


def normalize_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """Tags as text: strings as they are, other values JSON-encoded when JSON gives the same value back.

    Raises DagsterInvalidDefinitionError for values that JSON would change, and CheckError for a key that is no text.
    """
    if not tags:
        return {}
    if not isinstance(tags, Mapping):
        raise ParameterCheckError(f"tags are a dict of text to text, not {tags!r}")
    for key in tags:
        if not isinstance(key, str):
            raise CheckError(f"the key of a tag is text, and {key!r} is none")
    return {key: _tag_text(key, value) for key, value in tags.items()}


def _tag_text(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        text = json.dumps(value)
        same = json.loads(text) == value
    except (TypeError, ValueError) as error:
        raise DagsterInvalidDefinitionError(f"tag {key!r}: {value!r} is not JSON; give a string") from error
    if not same:
        raise DagsterInvalidDefinitionError(f"tag {key!r}: JSON does not give {value!r} back; give a string")
    return text
