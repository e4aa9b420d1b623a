"""Kinds of config beyond scalars, lists and shapes: maps, selectors, enums, unions, and values of the environment."""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping, Sequence
from typing import Any

from kedge.core.errors import CheckError, ConfigFault
from kedge.definitions.config import BOOL, INT, STRING, ConfigType, Errors, Shape, config_type_of, fields_of
from kedge.definitions.ins_outs import NO_VALUE


class Map(ConfigType):
    """A mapping from any key of one scalar kind to values of one kind. `key_label_name` names the keys for readers."""

    def __init__(self, key_type: Any, inner_type: Any, key_label_name: str | None = None) -> None:
        self.key = config_type_of(key_type)
        self.inner = config_type_of(inner_type)
        self.key_label_name = key_label_name
        self.name = f"{{{self.key.name}: {self.inner.name}}}"

    def resolve(self, value: Any, path: str, errors: Errors) -> Any:
        if not isinstance(value, Mapping):
            errors.append(ConfigFault(path, f"expected a mapping, got {value!r}"))
            return None
        keys = [self.key.resolve(key, f"{path}:{key}:key", errors) for key in value]
        values = [self.inner.resolve(one, f"{path}:{key}", errors) for key, one in value.items()]
        return dict(zip(keys, values, strict=True))

    def example(self) -> Any:
        return {}


class Selector(ConfigType):
    """A mapping with exactly one of the given fields."""

    name = "Selector"

    def __init__(self, fields: Mapping[str, Any], description: str | None = None) -> None:
        self.fields = fields_of(fields)
        self.description = description

    def resolve(self, value: Any, path: str, errors: Errors) -> Any:
        names = ", ".join(sorted(self.fields))
        if not isinstance(value, Mapping):
            errors.append(ConfigFault(path, f"expected a mapping with one of {names}, got {value!r}"))
            return None
        if not value and len(self.fields) == 1 and self.implicit_default() is not NO_VALUE:
            value = dict.fromkeys(self.fields, NO_VALUE)
        if len(value) != 1:
            errors.append(ConfigFault(path, f"give exactly one of {names}, got {value!r}", "SELECTOR_FIELD_ERROR"))
            return None
        ((name, one),) = value.items()
        field = self.fields.get(name)
        if field is None:
            text = f"unknown field {name!r}; it takes one of {names}"
            errors.append(ConfigFault(path, text, "FIELD_NOT_DEFINED"))
            return None
        if one is None and isinstance(field.config_type, Shape | Selector):
            one = {}
        found = field.resolve(one, f"{path}:{name}", errors)
        return {name: None if found is NO_VALUE else found}

    def implicit_default(self) -> Any:
        return {} if len(self.fields) == 1 and not any(one.is_required for one in self.fields.values()) else NO_VALUE

    def example(self) -> Any:
        return {name: one.config_type.example() for name, one in list(self.fields.items())[:1]}


class EnumValue:
    """One value of an Enum: what config says, and what the op gets (the same unless given)."""

    def __init__(self, config_value: str, python_value: Any = None, description: str | None = None) -> None:
        self.config_value = config_value
        self.python_value = config_value if python_value is None else python_value
        self.description = description


class Enum(ConfigType):
    """One of a set of names. Raises CheckError for a name that stands twice."""

    def __init__(self, name: str, enum_values: Sequence[EnumValue]) -> None:
        self.name = self.given_name = name
        self.enum_values = list(enum_values)
        self.values = {one.config_value: one.python_value for one in enum_values}
        if len(self.values) != len(self.enum_values):
            raise CheckError(f"enum {name}: a value stands twice in {self.config_values}")

    @property
    def config_values(self) -> list[str]:
        """What config may say."""
        return [one.config_value for one in self.enum_values]

    @classmethod
    def from_python_enum(cls, enum: type[enum.Enum], name: str | None = None) -> Enum:
        """The names of a Python enum; the op gets the member."""
        return cls(name or enum.__name__, [EnumValue(one.name, one) for one in enum])

    @classmethod
    def from_python_enum_direct_values(cls, enum: type[enum.Enum], name: str | None = None) -> Enum:
        """The names of a Python enum; the op gets the name."""
        return cls(name or enum.__name__, [EnumValue(one.name) for one in enum])

    def resolve(self, value: Any, path: str, errors: Errors) -> Any:
        if isinstance(value, str) and not isinstance(value, enum.Enum) and value in self.values:
            return self.values[value]
        hint = f"; write its name, {value.name!r}" if isinstance(value, enum.Enum) else ""
        errors.append(ConfigFault(path, f"expected one of {', '.join(self.values)}, got {value!r}{hint}"))
        return None

    def example(self) -> Any:
        return next(iter(self.values), None)


class ScalarUnion(ConfigType):
    """A scalar, or something else when it isn't one."""

    def __init__(self, scalar_type: Any, non_scalar_schema: Any) -> None:
        self.scalar = config_type_of(scalar_type)
        self.other = config_type_of(non_scalar_schema)
        self.name = f"({self.scalar.name} | {self.other.name})"

    def resolve(self, value: Any, path: str, errors: Errors) -> Any:
        kind = self.other if isinstance(value, Mapping | list | tuple) else self.scalar
        return kind.resolve(value, path, errors)

    def example(self) -> Any:
        return self.scalar.example()


def _direct_use(kind: str, name: str) -> RuntimeError:
    return RuntimeError(
        f'{kind}("{name}") stands for a value that is read where the step runs, and has none yet; pass it to config or '
        "a resource as it is, or call get_value() to read the variable now"
    )


class IntEnvVar(int):
    """The name of an environment variable with a number; made by `EnvVar.int("NAME")`."""

    name: str

    @classmethod
    def create(cls, name: str) -> IntEnvVar:
        """The variable of that name."""
        found = cls(0)
        found.name = name
        return found

    @property
    def env_var_name(self) -> str:
        """The variable's name."""
        return self.name

    def get_value(self, default: int | None = None) -> int | None:
        """The variable's value now, or the default."""
        text = os.environ.get(self.name)
        return int(text) if text else default

    def __int__(self) -> int:
        raise _direct_use("EnvVar.int", self.name)

    def __str__(self) -> str:
        raise _direct_use("EnvVar.int", self.name)

    def __repr__(self) -> str:
        return f"EnvVar.int({self.name!r})"


class EnvVar(str):
    """The name of an environment variable whose value is read where the step runs.

    For fields of a Config or a ConfigurableResource. Using it as text raises RuntimeError: it has no value yet.
    """

    __slots__ = ()

    @classmethod
    def int(cls, name: str) -> IntEnvVar:
        """The same for a field that is a number."""
        return IntEnvVar.create(name)

    @property
    def env_var_name(self) -> str:
        """The variable's name."""
        return str.__str__(self)

    def get_value(self, default: str | None = None) -> str | None:
        """The variable's value now, or the default."""
        return os.environ.get(self.env_var_name, default)

    def __str__(self) -> str:
        raise _direct_use("EnvVar", self.env_var_name)

    def __repr__(self) -> str:
        return f"EnvVar({self.env_var_name!r})"


class Source(ConfigType):
    """A scalar given as such or as `{"env": "NAME"}`, then read from the environment where the step runs."""

    def __init__(self, scalar: ConfigType, convert: Any) -> None:
        self.scalar = scalar
        self.name = f"{scalar.name}Source"
        self._convert = convert

    def resolve(self, value: Any, path: str, errors: Errors) -> Any:
        if not isinstance(value, Mapping):
            return self.scalar.resolve(value, path, errors)
        name = _ENV.resolve(value, path, errors)
        return self._read(name["env"], path, errors) if name is not None and name["env"] is not None else None

    def _read(self, name: str, path: str, errors: Errors) -> Any:
        text = os.environ.get(name)
        if text is None:
            text = f"environment variable {name!r} is not set; set it where the step runs"
            errors.append(ConfigFault(path, text, "FAILED_POST_PROCESSING"))
            return None
        try:
            return self._convert(text)
        except ValueError:
            # The value stays out of the message: it may be a secret.
            what = f"the value of environment variable {name!r} is no {self.scalar.name}"
            errors.append(ConfigFault(path, what, "FAILED_POST_PROCESSING"))
            return None

    def example(self) -> Any:
        return self.scalar.example()


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "1", "false", "0", "none", ""):
        raise ValueError(text)
    return text.lower() in ("true", "1")


_ENV = Selector({"env": str})
StringSource, IntSource, BoolSource = Source(STRING, str), Source(INT, int), Source(BOOL, _truth)
SOURCES: dict[Any, ConfigType] = {str: StringSource, int: IntSource, bool: BoolSource}
"""What stands for a Python type where a value of the environment may stand for the value."""
