"""Config schemas: what `config_schema` may say, and the check of a config against it.

All faults of a config are found at once, each with its path. Scalars follow Dagster: an int is accepted for a
float, a bool never for an int. The kinds that are rarely used stand in `config_kinds`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any as AnyType

from kedge.core.errors import (
    CheckError,
    ConfigFault,
    DagsterInvalidConfigDefinitionError,
    DagsterInvalidConfigError,
    DagsterInvalidDefinitionError,
    ParameterCheckError,
)
from kedge.definitions import types
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.types import DagsterType

Errors = list[str]


class ConfigType(ABC):
    """One kind of config. `resolve` gives the value with defaults filled in, and adds what is wrong to `errors`."""

    name = "config"

    @abstractmethod
    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        """The resolved value, or None after a fault."""

    def implicit_default(self) -> AnyType:
        """What stands for a config that is left out, before it is resolved; NO_VALUE when it may not be."""
        return NO_VALUE

    def example(self) -> AnyType:
        """A small config that fits, for messages."""
        return None


class _Anything(ConfigType):
    name = "Any"

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        return value

    def example(self) -> AnyType:
        return "AnyType"


class Scalar(ConfigType):
    """A string, a number or a truth value."""

    def __init__(self, name: str, example: AnyType, *kinds: type) -> None:
        self.name = name
        self.kinds = kinds
        self._example = example

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        if hasattr(value, "env_var_name"):
            name = value.env_var_name
            errors.append(
                ConfigFault(
                    path,
                    f"EnvVar({name!r}) stands in plain run config, which is data; write {{'env': {name!r}}} under a "
                    "StringSource, or pass the config as a model in a RunConfig",
                )
            )
            return None
        if isinstance(value, self.kinds) and (bool in self.kinds or not isinstance(value, bool)):
            return value
        shown = "None" if value is None else f"{value!r} ({type(value).__name__})"
        errors.append(ConfigFault(path, f"expected {self.name}, got {shown}"))
        return None

    def example(self) -> AnyType:
        return self._example


class Field:
    """One entry of a shape: its kind, whether it must be given, its default (as config, before it is resolved).

    `is_secret` keeps the value out of messages. Raises DagsterInvalidConfigError for a default that does not
    fit, and ParameterCheckError for a required field with one.
    """

    def __init__(
        self,
        config: AnyType,
        default_value: AnyType = NO_VALUE,
        is_required: bool | None = None,
        description: str | None = None,
        is_secret: bool = False,
    ) -> None:
        self.config_type = config_type_of(config)
        self.description = description
        self.is_secret = is_secret
        self._default = default_value
        if default_value is not NO_VALUE:
            self._check_default(default_value, is_required)
        elif is_required is None:
            self._default = self.config_type.implicit_default()
        self.is_required = is_required if is_required is not None else self._default is NO_VALUE

    def _check_default(self, default: AnyType, is_required: bool | None) -> None:
        if callable(default):
            raise ParameterCheckError("Field: default_value can't be a function; give the value itself")
        if is_required:
            raise ParameterCheckError("Field: a required field takes no default; leave one of the two away")
        if hasattr(type(default), "__members__"):
            raise DagsterInvalidDefinitionError(
                f"Field: the default is written as config has it: {default.name!r}, not {default!r}"
            )
        if hasattr(default, "env_var_name"):
            self._default = default = {"env": default.env_var_name}
        faults: Errors = []
        self.config_type.resolve(default, "default_value", faults)
        faults = [one for one in faults if getattr(one, "reason", "") != "FAILED_POST_PROCESSING"]
        if faults:
            raise DagsterInvalidConfigError("Field: the default does not fit its own type", faults)

    @property
    def default_provided(self) -> bool:
        """Whether there is a default, given or made of the parts' own."""
        return self._default is not NO_VALUE

    @property
    def default_value(self) -> AnyType:
        """The default as config. Raises CheckError when there is none."""
        if self._default is NO_VALUE:
            raise CheckError("Field: there is no default; ask default_provided first")
        return self._default

    def as_field(self) -> Field:
        """This field; what `Config.to_config_schema()` gives can be used as one."""
        return self

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        """The resolved value, of the default where `value` is NO_VALUE; NO_VALUE when there is neither."""
        if value is NO_VALUE:
            value = self._default
            if value is NO_VALUE:
                if self.is_required:
                    errors.append(ConfigFault(path, f"config is required; {_example(self)}", "MISSING_REQUIRED_FIELD"))
                return NO_VALUE
        if self.is_secret:
            return self._resolve_secret(value, path, errors)
        return self.config_type.resolve(value, path, errors)

    def _resolve_secret(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        faults: Errors = []
        found = self.config_type.resolve(value, path, faults)
        for one in faults:
            fault = ConfigFault.of(one)
            text = f"the secret does not fit, expected {self.config_type.name}"
            shown = fault if fault.reason == "FAILED_POST_PROCESSING" else ConfigFault(fault.path, text, fault.reason)
            errors.append(shown)
        return found

    def default(self) -> AnyType:
        """The resolved default, or NO_VALUE. Raises DagsterInvalidConfigError when it can't be resolved here."""
        if self._default is NO_VALUE:
            return NO_VALUE
        faults: Errors = []
        found = self.config_type.resolve(self._default, "default_value", faults)
        if faults:
            raise DagsterInvalidConfigError("Error in a default of the config", faults)
        return found

    def __repr__(self) -> str:
        default = "none" if self._default is NO_VALUE else repr(self._default)
        return f"Field({self.config_type.name}, default={default}, is_required={self.is_required})"


def _example(field: Field) -> str:
    return f"for example {field.config_type.example()!r}"


class Shape(ConfigType):
    """A mapping with the given fields and no others. `field_aliases` maps a field to another name it may go by."""

    name = "Shape"

    def __init__(
        self,
        fields: Mapping[str, AnyType],
        description: str | None = None,
        field_aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.fields = fields_of(fields)
        self.description = description
        self.field_aliases = dict(field_aliases or {})

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        if not isinstance(value, Mapping):
            shown = f"got {value!r}" if value is not None else "got None"
            errors.append(ConfigFault(path, f"expected a mapping, {shown}; for example {self.example()!r}"))
            return None
        found: dict[str, AnyType] = {}
        self._take_unknown(value, found, path, errors)
        self._find_missing(value, path, errors)
        for name, one in self.fields.items():
            given = self._given(name, value, path, errors)
            if given is not NO_VALUE or one.default_provided:
                found[name] = one.resolve(given, f"{path}:{name}", errors)
        return found

    def _given(self, name: str, value: Mapping[str, AnyType], path: str, errors: Errors) -> AnyType:
        alias = self.field_aliases.get(name)
        if alias is None or alias not in value:
            return value.get(name, NO_VALUE)
        if name in value:
            text = f"given as {name!r} and as {alias!r}; use one of them"
            errors.append(ConfigFault(f"{path}:{name}", text, "FIELD_ALIAS_COLLISION"))
        return value[alias]

    def _find_missing(self, value: Mapping[str, AnyType], path: str, errors: Errors) -> None:
        missing = [
            name
            for name, one in self.fields.items()
            if one.is_required and name not in value and self.field_aliases.get(name) not in value
        ]
        if missing:
            fields = ", ".join(repr(name) for name in sorted(missing))
            what = f"required field {fields} is missing" if len(missing) == 1 else f"required fields {fields} missing"
            example = {name: self.fields[name].config_type.example() for name in missing}
            reason = "MISSING_REQUIRED_FIELD" if len(missing) == 1 else "MISSING_REQUIRED_FIELDS"
            errors.append(ConfigFault(path, f"{what}; for example {example!r}", reason))

    def _take_unknown(self, value: Mapping[str, AnyType], found: dict[str, AnyType], path: str, errors: Errors) -> None:
        unknown = [name for name in value if name not in self.fields and name not in self.field_aliases.values()]
        if unknown:
            names = ", ".join(repr(name) for name in unknown)
            known = ", ".join(sorted(self.fields)) or "no fields"
            reason = "FIELD_NOT_DEFINED" if len(unknown) == 1 else "FIELDS_NOT_DEFINED"
            plural = "" if len(unknown) == 1 else "s"
            errors.append(ConfigFault(path, f"unknown field{plural} {names}; it takes {known}", reason))

    def implicit_default(self) -> AnyType:
        return NO_VALUE if any(one.is_required for one in self.fields.values()) else {}

    def example(self) -> AnyType:
        return {name: one.config_type.example() for name, one in self.fields.items() if one.is_required}


class Permissive(Shape):
    """A mapping that takes fields beyond those declared."""

    name = "Permissive"

    def __init__(self, fields: Mapping[str, AnyType] | None = None, description: str | None = None) -> None:
        super().__init__(fields or {}, description)

    def _take_unknown(self, value: Mapping[str, AnyType], found: dict[str, AnyType], path: str, errors: Errors) -> None:
        found.update({name: one for name, one in value.items() if name not in self.fields})


class Array(ConfigType):
    """A list of one kind of member."""

    def __init__(self, inner_type: AnyType) -> None:
        self.inner = config_type_of(inner_type)
        self.name = f"[{self.inner.name}]"

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        if not isinstance(value, list | tuple):
            errors.append(ConfigFault(path, f"expected a list, got {value!r}"))
            return None
        return [self.inner.resolve(one, f"{path}[{i}]", errors) for i, one in enumerate(value)]

    def example(self) -> AnyType:
        return []


class Noneable(ConfigType):
    """The inner kind, or None (which is also its default)."""

    def __init__(self, inner_type: AnyType) -> None:
        self.inner = config_type_of(inner_type)
        self.name = f"{self.inner.name}?"

    def resolve(self, value: AnyType, path: str, errors: Errors) -> AnyType:
        return None if value is None else self.inner.resolve(value, path, errors)

    def implicit_default(self) -> AnyType:
        return None


ANY = _Anything()
STRING, INT = Scalar("String", "...", str), Scalar("Int", 0, int)
FLOAT, BOOL = Scalar("Float", 0.0, float, int), Scalar("Bool", True, bool)
_BUILTIN: dict[AnyType, ConfigType] = {str: STRING, int: INT, float: FLOAT, bool: BOOL, AnyType: ANY, None: ANY}
OF_TYPES: dict[DagsterType, ConfigType] = {
    types.resolve(kind): schema for kind, schema in _BUILTIN.items() if kind is not None
}
"""The schema of each built-in type of inputs and outputs."""
_ALLOWED = "str, int, float, bool, a list of one schema, a dict of fields, a Field, or a config type"


def config_type_of(schema: AnyType) -> ConfigType:
    """What a schema means. Raises DagsterInvalidDefinitionError for what is none."""
    if isinstance(schema, ConfigType):
        return schema
    if isinstance(schema, Field):
        return schema.config_type
    if isinstance(schema, Mapping):
        return _of_mapping(schema)
    if isinstance(schema, list):
        if len(schema) != 1:
            raise DagsterInvalidDefinitionError(f"{schema!r}: a list in a config schema holds one schema, as [int]")
        return Array(schema[0])
    if schema is dict:
        return Permissive()
    if schema is list:
        return Array(AnyType)
    if isinstance(schema, DagsterType):
        return _of_type(schema)
    if isinstance(schema, type) and issubclass(schema, ConfigType):
        raise ParameterCheckError(f"{schema.__name__} is a class of config types; give one, as {schema.__name__}(...)")
    try:
        return _BUILTIN[schema]
    except (KeyError, TypeError):
        raise DagsterInvalidDefinitionError(f"{schema!r} is no config schema: use {_ALLOWED}") from None


def _of_mapping(schema: Mapping[AnyType, AnyType]) -> ConfigType:
    if len(schema) == 1 and not isinstance(next(iter(schema)), str):
        from kedge.definitions.config_kinds import Map

        ((key, inner),) = schema.items()
        return Map(key, inner)
    return Shape(schema)


def _of_type(schema: DagsterType) -> ConfigType:
    found = OF_TYPES.get(schema)
    if found is None:
        raise DagsterInvalidDefinitionError(
            f"{schema.display_name} is a type of inputs and outputs, not of config: use {_ALLOWED}"
        )
    return found


def fields_of(fields: Mapping[str, AnyType]) -> dict[str, Field]:
    """The fields of a mapping of schemas. Raises DagsterInvalidConfigDefinitionError, naming the field."""
    if not isinstance(fields, Mapping):
        raise DagsterInvalidConfigDefinitionError(f"{fields!r}: fields are a mapping from names to schemas")
    found: dict[str, Field] = {}
    for name, one in fields.items():
        if not isinstance(name, str):
            raise DagsterInvalidConfigDefinitionError(f"field {name!r}: the name of a field is text")
        try:
            found[name] = field_from(one)
        except (DagsterInvalidDefinitionError, DagsterInvalidConfigDefinitionError) as error:
            raise DagsterInvalidConfigDefinitionError(f"field {name!r}: {error}") from None
    return found


def field_from(schema: AnyType) -> Field:
    """A schema as a field."""
    return schema if isinstance(schema, Field) else Field(schema)


def field_of(schema: AnyType) -> Field | None:
    """The field that a definition's `config_schema` describes; None when it takes none.

    Raises DagsterInvalidConfigDefinitionError for what is no schema, and DagsterInvalidDefinitionError for a type of
    inputs and outputs.
    """
    if schema is None:
        return None
    try:
        return field_from(schema)
    except DagsterInvalidDefinitionError as error:
        if isinstance(schema, DagsterType) or hasattr(schema, "__origin__"):
            raise
        raise DagsterInvalidConfigDefinitionError(f"config_schema: {error}") from None
