"""Config schemas: what `config_schema` may say, and the check of a config against it.

All faults of a config are found at once, each with its path. Scalars follow Dagster: an int is accepted for a
float, a bool never for an int.
"""

from __future__ import annotations

import enum
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any as AnyType

from kedge.core.errors import DagsterInvalidConfigDefinitionError, DagsterInvalidConfigError
from kedge.definitions.ins_outs import NO_VALUE

Errors = list[str]


class ConfigType(ABC):
    """One kind of config. `resolve` gives the value with defaults filled in, and adds what is wrong to `errors`."""

    @abstractmethod
    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        """The resolved value, or None after a fault."""

    def default(self) -> AnyType:
        """What stands for a config that is left out, or NO_VALUE when it may not be."""
        return NO_VALUE


class _Anything(ConfigType):
    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        return value

    def default(self) -> AnyType:
        return None


class Scalar(ConfigType):
    """A string, a number or a truth value."""

    def __init__(self, name: str, *kinds: type) -> None:
        self.name = name
        self.kinds = kinds

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        if isinstance(value, EnvVar):
            value = value.read(path, errors)
        if isinstance(value, self.kinds) and (bool in self.kinds or not isinstance(value, bool)):
            return value
        errors.append(f"{path}: expected {self.name}, got {value!r} ({type(value).__name__})")
        return None


class Source(ConfigType):
    """A scalar given as such or as `{"env": "NAME"}`, then read from the environment where the step runs."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        if isinstance(value, Mapping) and set(value) == {"env"}:
            value = EnvVar(str(value["env"]))
        if isinstance(value, EnvVar):
            text = value.read(path, errors)
            try:
                return None if text is None else _from_text(self.kind, text)
            except ValueError:
                errors.append(f"{path}: environment variable {value} is no {self.kind.__name__}")
                return None
        if isinstance(value, self.kind) and (self.kind is bool or not isinstance(value, bool)):
            return value
        errors.append(f"{path}: expected {self.kind.__name__} or {{'env': NAME}}, got {value!r}")
        return None


def _from_text(kind: type, text: str) -> AnyType:
    if kind is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise ValueError(text)
        return text.lower() in ("true", "1")
    return kind(text)


class EnvVar(str):
    """The name of an environment variable whose value is read where the step runs."""

    __slots__ = ()

    def get_value(self, default: str | None = None) -> str | None:
        """The variable's value now."""
        return os.environ.get(str(self), default)

    def read(self, path: str, errors: Errors) -> str | None:
        found = self.get_value()
        if found is None:
            errors.append(f"{path}: environment variable {str(self)!r} is not set")
        return found


class Field:
    """One entry of a shape: its kind, whether it must be given, its default."""

    def __init__(
        self,
        config: AnyType,
        default_value: AnyType = NO_VALUE,
        is_required: bool | None = None,
        description: str | None = None,
    ) -> None:
        self.config_type = config_type_of(config)
        self.description = description
        self._default = default_value
        if default_value is not NO_VALUE:
            errors: Errors = []
            if default_value is not None:
                self.config_type.resolve(default_value, "default_value", errors)
            if errors:
                raise DagsterInvalidConfigError("Field: the default does not fit its own type", errors)
            if is_required:
                raise DagsterInvalidConfigDefinitionError("Field: a required field takes no default")
        self.is_required = is_required if is_required is not None else self.default() is NO_VALUE

    def default(self) -> AnyType:
        """The default, one built from its parts' defaults, or NO_VALUE."""
        return self._default if self._default is not NO_VALUE else self.config_type.default()


class Shape(ConfigType):
    """A mapping with the given fields and no others."""

    def __init__(self, fields: Mapping[str, AnyType], description: str | None = None) -> None:
        self.fields = {name: _field_of(one) for name, one in fields.items()}
        self.description = description

    extra = False

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        if not isinstance(value, Mapping):
            errors.append(f"{path}: expected a mapping, got {value!r}")
            return None
        found = {}
        for name, one in self.fields.items():
            if name in value:
                found[name] = one.config_type.resolve(value[name], f"{path}:{name}", errors)
            elif (default := one.default()) is not NO_VALUE and (default is not None or one._default is None):
                found[name] = default
            elif one.is_required:
                errors.append(f"{path}: required field {name!r} is missing")
        for name in value:
            if name not in self.fields:
                self._unknown(name, value[name], found, path, errors)
        return found

    def _unknown(self, name: str, value: AnyType, found: dict[str, AnyType], path: str, errors: Errors) -> None:
        errors.append(f"{path}: unknown field {name!r}; it takes {', '.join(sorted(self.fields)) or 'no fields'}")

    def default(self) -> AnyType:
        errors: Errors = []
        found = self.resolve({}, "", errors)
        return NO_VALUE if errors else found


class Permissive(Shape):
    """A mapping that takes fields beyond those declared."""

    def __init__(self, fields: Mapping[str, AnyType] | None = None, description: str | None = None) -> None:
        super().__init__(fields or {}, description)

    def _unknown(self, name: str, value: AnyType, found: dict[str, AnyType], path: str, errors: Errors) -> None:
        found[name] = value


class Array(ConfigType):
    """A list of one kind of member."""

    def __init__(self, inner_type: AnyType) -> None:
        self.inner = config_type_of(inner_type)

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        if not isinstance(value, list | tuple):
            errors.append(f"{path}: expected a list, got {value!r}")
            return None
        return [self.inner.resolve(one, f"{path}[{i}]", errors) for i, one in enumerate(value)]


class Map(ConfigType):
    """A mapping from any key of one kind to values of one kind."""

    def __init__(self, key_type: AnyType, inner_type: AnyType, key_label_name: str | None = None) -> None:
        self.key = config_type_of(key_type)
        self.inner = config_type_of(inner_type)

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        if not isinstance(value, Mapping):
            errors.append(f"{path}: expected a mapping, got {value!r}")
            return None
        return {
            self.key.resolve(key, f"{path}:{key}:key", errors): self.inner.resolve(one, f"{path}:{key}", errors)
            for key, one in value.items()
        }


class Noneable(ConfigType):
    """The inner kind, or None (which is also its default)."""

    def __init__(self, inner_type: AnyType) -> None:
        self.inner = config_type_of(inner_type)

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        return None if value is None else self.inner.resolve(value, path, errors)

    def default(self) -> AnyType:
        return None


class Selector(ConfigType):
    """A mapping with exactly one of the given fields."""

    def __init__(self, fields: Mapping[str, AnyType], description: str | None = None) -> None:
        self.fields = {name: _field_of(one) for name, one in fields.items()}

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        names = ", ".join(sorted(self.fields))
        if not isinstance(value, Mapping) or len(value) != 1:
            errors.append(f"{path}: give exactly one of {names}, got {value!r}")
            return None
        ((name, one),) = value.items()
        if name not in self.fields:
            errors.append(f"{path}: unknown field {name!r}; it takes one of {names}")
            return None
        return {name: self.fields[name].config_type.resolve(one, f"{path}:{name}", errors)}


class EnumValue:
    """One value of an Enum: what config says, and what the op gets."""

    def __init__(self, config_value: str, python_value: AnyType = None, description: str | None = None) -> None:
        self.config_value = config_value
        self.python_value = config_value if python_value is None else python_value
        self.description = description


class Enum(ConfigType):
    """One of a set of names."""

    def __init__(self, name: str, enum_values: list[EnumValue]) -> None:
        self.name = name
        self.values = {one.config_value: one.python_value for one in enum_values}

    @classmethod
    def from_python_enum(cls, kind: type[enum.Enum], name: str | None = None) -> Enum:
        return cls(name or kind.__name__, [EnumValue(one.name, one) for one in kind])

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        if isinstance(value, str) and value in self.values:
            return self.values[value]
        errors.append(f"{path}: expected one of {', '.join(self.values)}, got {value!r}")
        return None


class ScalarUnion(ConfigType):
    """A scalar, or something else when it isn't one."""

    def __init__(self, scalar_type: AnyType, non_scalar_schema: AnyType) -> None:
        self.scalar = config_type_of(scalar_type)
        self.other = config_type_of(non_scalar_schema)

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        kind = self.other if isinstance(value, Mapping | list | tuple) else self.scalar
        return kind.resolve(value, path, errors)


ANY = _Anything()
STRING, INT, FLOAT, BOOL = Scalar("String", str), Scalar("Int", int), Scalar("Float", float, int), Scalar("Bool", bool)
StringSource, IntSource, BoolSource = Source(str), Source(int), Source(bool)
_BUILTIN: dict[AnyType, ConfigType] = {str: STRING, int: INT, float: FLOAT, bool: BOOL, AnyType: ANY}


def config_type_of(schema: AnyType) -> ConfigType:
    """What a schema means. Raises DagsterInvalidConfigDefinitionError for what is none."""
    if isinstance(schema, ConfigType):
        return schema
    if isinstance(schema, Field):
        return schema.config_type
    if isinstance(schema, Mapping):
        if len(schema) == 1 and not isinstance(next(iter(schema)), str):
            ((key, inner),) = schema.items()
            return Map(key, inner)
        return Shape(schema)
    if isinstance(schema, list) and len(schema) == 1:
        return Array(schema[0])
    if schema is dict:
        return Permissive()
    if schema is list:
        return Array(AnyType)
    try:
        return _BUILTIN[schema]
    except (KeyError, TypeError):
        raise DagsterInvalidConfigDefinitionError(
            f"{schema!r} is no config schema: use str, int, float, bool, a list of one, a dict of fields, or a Field"
        ) from None


def _field_of(schema: AnyType) -> Field:
    return schema if isinstance(schema, Field) else Field(schema)


def field_of(schema: AnyType) -> Field | None:
    """The field that a definition's `config_schema` describes; None when it takes none."""
    return None if schema is None else _field_of(schema)
