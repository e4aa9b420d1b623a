"""From a pydantic model to a structural schema, the kind of JSON schema that a CRD takes. `crd` calls it.

What such a schema can't say (either text or an object) and what is open on purpose (any JSON) becomes a field that
keeps whatever it is given; the operator reads it with the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

OPEN: Schema = {"x-kubernetes-preserve-unknown-fields": True}
"""Keeps whatever it is given."""
_INT32 = 2**31 - 1
_UNSAID = ("title", "$defs", "$ref", "anyOf")


@dataclass
class Converter:
    """Converts one model. `extras` are added to models by name, and to their fields as `Model.fieldInYaml`."""

    extras: Mapping[str, Schema]
    silent: Set[str] = frozenset()
    """Fields of which the API server adds no default: that nothing was said of them tells something."""
    used: set[str] = field(default_factory=set)
    _definitions: Schema = field(default_factory=dict)

    def convert(self, model: type[BaseModel]) -> Schema:
        """The structural schema of a model, references resolved."""
        found = model.model_json_schema(by_alias=True)
        self._definitions |= found.get("$defs", {})
        return self._object(model.__name__, found)

    def _convert(self, found: Schema) -> Schema:
        if "$ref" in found:
            name = found["$ref"].rsplit("/", 1)[-1]
            return self._described(self._named(name), found)
        if "anyOf" in found:
            return self._described(self._any_of(found["anyOf"]), found)
        kind = found.get("type")
        if kind is None:
            return self._described({**OPEN, "nullable": True}, found)
        if kind == "object":
            return self._described(self._map(found), found)
        if kind == "array":
            return self._described({**_limits(found), "items": self._convert(found["items"])}, found)
        return _scalar(found)

    def _named(self, name: str) -> Schema:
        found = self._definitions[name]
        return self._object(name, found) if found["type"] == "object" else _scalar(found)

    def _object(self, name: str, found: Schema) -> Schema:
        properties = {key: self._field(f"{name}.{key}", one) for key, one in found["properties"].items()}
        required = {"required": found["required"]} if found.get("required") else {}
        made = {"type": "object", "description": _text(found), **required, "properties": properties}
        return made | self._extra(name)

    def _field(self, name: str, found: Schema) -> Schema:
        made = self._convert(found) | self._extra(name)
        if name in self.silent:
            made.pop("default", None)
        return made

    def _extra(self, name: str) -> Schema:
        self.used.add(name)
        return dict(self.extras.get(name, {}))

    def _any_of(self, kinds: list[Schema]) -> Schema:
        real = [one for one in kinds if one.get("type") != "null"]
        return self._convert(real[0]) if len(real) == 1 else {**OPEN, **_union(real)}

    def _map(self, found: Schema) -> Schema:
        values = found.get("additionalProperties", True)
        made = {**OPEN, "nullable": True} if values is True else self._convert(values)
        return {"type": "object", **_limits(found, "Properties"), "additionalProperties": made}

    @staticmethod
    def _described(made: Schema, found: Schema) -> Schema:
        """What stands beside a reference or a choice goes before what it stands for."""
        said = {key: found[key] for key in ("description", "default") if found.get(key) is not None}
        return {**made, **said}


def _text(found: Schema) -> str:
    return " ".join(str(found["description"]).split("\n\n")[0].split())


def _limits(found: Schema, what: str = "Items") -> Schema:
    limits = {key: found[key] for key in (f"min{what}", f"max{what}") if key in found}
    return {"type": found["type"], **limits}


def _scalar(found: Schema) -> Schema:
    made = {key: value for key, value in found.items() if key not in _UNSAID and value is not None}
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if bound in made:
            made |= {limit: made[bound], bound: True}
    if "const" in made:
        made["enum"] = [made.pop("const")]
    if made["type"] == "integer":
        made["format"] = "int32" if made.get("maximum", _INT32 + 1) <= _INT32 else "int64"
    if "description" in made:
        made["description"] = _text(made)
    return made


def _union(kinds: list[Schema]) -> Schema:
    """What can be said of several types at once: each of these words binds values of its own type alone."""
    made: Schema = {}
    for kind in kinds:
        made |= {key: kind[key] for key in ("maxLength", "minLength", "maxItems", "maxProperties") if key in kind}
        if "const" in kind:
            made["pattern"] = f"^{kind['const']}$"
    return made
