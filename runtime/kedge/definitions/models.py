"""Config as pydantic models: Config, PermissiveConfig, and RunConfig.

Apart from the rest, because pydantic takes most of the time of an import: a job that declares no model never
loads it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.fields import FieldInfo

from kedge.core.errors import DagsterInvalidConfigError, DagsterInvalidInvocationError
from kedge.definitions.config import ConfigType, Errors, Field
from kedge.definitions.config_kinds import EnvVar, IntEnvVar
from kedge.definitions.model_schema import ModelConfig, discriminator_of, plain_of, shape_of, values_of

__all__ = ["Config", "ModelConfig", "ModelOfConfig", "PermissiveConfig", "RunConfig", "plain_of", "values_of"]


class ModelOfConfig(BaseModel):
    """What configs and resources have in common: they can't be changed, and a field may hold an EnvVar."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, ignored_types=(cached_property,))

    @model_validator(mode="wrap")
    @classmethod
    def _take_config(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Take values in the form of config too, and keep each EnvVar as it is."""
        if not isinstance(values, Mapping):
            return validate(values)
        made = validate(_from_config(cls, values))
        for name, info in cls.model_fields.items():
            given = values.get(info.alias or name, values.get(name))
            if given is not None and isinstance(given, EnvVar | IntEnvVar | list | dict):
                made.__dict__[name] = _with_env(made.__dict__[name], given)
        return made

    @classmethod
    def to_config_schema(cls) -> Field:
        """The model's schema as a field, for `config_schema`; what is given then is plain data, not the model."""
        return Field(shape_of(cls))

    @classmethod
    def to_fields_dict(cls) -> dict[str, Field]:
        """The model's fields, for a schema that is written by hand."""
        return shape_of(cls).fields

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            super().__setattr__(name, value)
        except (ValidationError, ValueError) as error:
            raise DagsterInvalidInvocationError(
                f"{type(self).__name__}: field {name!r} can't be set, a config or resource does not change. Keep state "
                "in a private attribute (a name with an underscore and PrivateAttr), or in an object of its own"
            ) from error


class Config(ModelOfConfig):
    """Config of an op or a resource as a model: its values can't be changed. A run config has its fields alone."""


class PermissiveConfig(Config):
    """Config that takes fields beyond those declared."""

    model_config = ConfigDict(extra="allow")


def _from_config(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with selectors of a union, names of enums and left-out optional fields in pydantic's own form."""
    found = dict(values)
    for name, info in model.model_fields.items():
        key = info.alias or name
        if key in found:
            found[key] = _field_from_config(info, found[key])
        elif name not in found and info.is_required() and _may_be_none(info):
            found[key] = None
    return found


def _may_be_none(info: FieldInfo) -> bool:
    import typing

    return type(None) in typing.get_args(info.annotation)


def _field_from_config(info: FieldInfo, value: Any) -> Any:
    discriminator = discriminator_of(info)
    if discriminator is not None and isinstance(value, Mapping) and len(value) == 1 and discriminator not in value:
        ((word, content),) = value.items()
        return {**(content or {}), discriminator: word} if isinstance(content, Mapping | None) else value
    kind = info.annotation
    if isinstance(kind, type) and issubclass(kind, enum.Enum) and isinstance(value, str):
        named = kind.__members__.get(value)
        if named is not None and not any(value == one.value for one in kind):
            return named
    return value


def _with_env(made: Any, given: Any) -> Any:
    """`made` with the EnvVars of `given` in their places; pydantic made plain values of them."""
    if isinstance(given, EnvVar | IntEnvVar):
        return given
    if isinstance(given, list) and isinstance(made, list) and len(given) == len(made):
        return [_with_env(one, other) for one, other in zip(made, given, strict=True)]
    if isinstance(given, dict) and isinstance(made, dict):
        return {key: _with_env(one, given.get(key)) for key, one in made.items()}
    return made


class RunConfig:
    """A run config in Python: ops and resources by name, as models or as plain data."""

    def __init__(
        self,
        ops: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        loggers: Mapping[str, Any] | None = None,
        execution: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        self.ops = dict(ops or {})
        self.resources = dict(resources or {})
        self.loggers = dict(loggers or {})
        self.execution = dict(execution or {})
        self.inputs = dict(inputs or {})

    def to_config_dict(self) -> dict[str, Any]:
        """The plain form that `run_config` takes."""
        found = {
            "ops": {name: _entry(one) for name, one in self.ops.items()},
            "resources": {name: _entry(one) for name, one in self.resources.items()},
            "loggers": self.loggers,
            "execution": self.execution,
            "inputs": self.inputs,
        }
        if not found["inputs"]:
            del found["inputs"]
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunConfig) and self.to_config_dict() == other.to_config_dict()

    __hash__ = None  # type: ignore[assignment]


def _entry(one: Any) -> Any:
    if hasattr(one, "config_values"):
        return {"config": one.config_values()}
    if isinstance(one, BaseModel):
        return {"config": plain_of(one)}
    if isinstance(one, Mapping):
        return {key: _ops(inner) if key == "ops" else _nested(inner) for key, inner in one.items()}
    return one


def _ops(entries: Any) -> Any:
    return {name: _entry(one) for name, one in entries.items()} if isinstance(entries, Mapping) else entries


def _nested(value: Any) -> Any:
    """Models inside of a plain entry, as those of the ops of a nested graph are."""
    if isinstance(value, BaseModel):
        return plain_of(value)
    return {key: _nested(one) for key, one in value.items()} if isinstance(value, Mapping) else value


def resolve_or_raise(schema: ConfigType, value: Any, what: str) -> Any:
    """Resolve one config alone. Raises DagsterInvalidConfigError with all faults."""
    errors: Errors = []
    found = schema.resolve(value, what, errors)
    if errors:
        raise DagsterInvalidConfigError(f"Error in config for {what}", errors)
    return found
