"""From a pydantic model to a config schema, and from a config that fits it to the model.

The shape is Dagster's (`_config/pythonic_config/conversion_utils.py`): a field of text, number or truth may come from
the environment, an enum goes by its names, and a union with a discriminator is a selector: `{"pet": {"cat": {...}}}`.
What has no kind of config of its own (dates, paths, unions) is left to pydantic.
"""

from __future__ import annotations

import enum
import typing
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from types import UnionType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from kedge.core.errors import ConfigFault, DagsterInvalidPythonicConfigDefinitionError
from kedge.definitions.config import (
    ANY,
    FLOAT,
    Array,
    ConfigType,
    Errors,
    Field,
    Noneable,
    Permissive,
    Shape,
    config_type_of,
)
from kedge.definitions.config_kinds import (
    SOURCES,
    Enum,
    EnumValue,
    EnvVar,
    IntEnvVar,
    Map,
    Selector,
    StringSource,
)
from kedge.definitions.ins_outs import NO_VALUE

_SOURCES: dict[Any, ConfigType] = {**SOURCES, float: FLOAT, Any: ANY}


class ModelConfig(ConfigType):
    """The schema behind a pydantic model. It resolves to the model; `values_of` gives the same as plain data."""

    def __init__(self, model: type[BaseModel], omit: frozenset[str] = frozenset()) -> None:
        self.model = model
        self.name = model.__name__
        self._omit = omit

    @cached_property
    def shape(self) -> Shape:
        """The schema as a shape of fields."""
        return shape_of(self.model, self._omit)

    def resolve(self, value: Any, path: str, errors: Errors) -> Any:
        if isinstance(value, BaseModel):
            if isinstance(value, self.model) and not has_env(value):
                return value
            value = plain_of(value)
        faults: Errors = []
        values = self.shape.resolve(value, path, faults)
        made = None if faults else self._make(values, path, faults)
        errors += faults
        return made

    def _make(self, values: Mapping[str, Any], path: str, errors: Errors) -> Any:
        try:
            made = self.model(**values)
            made.__dict__[_VALUES] = values
            return made
        except ValidationError as error:
            for one in error.errors():
                errors.append(ConfigFault(_path_of(path, one["loc"]), one["msg"], "FAILED_POST_PROCESSING"))
            return None

    def implicit_default(self) -> Any:
        return self.shape.implicit_default()

    def example(self) -> Any:
        return self.shape.example()


_VALUES = "_config_values"


def values_of(model: BaseModel) -> dict[str, Any]:
    """The config that a model was made of, as plain data, defaults included; of one made in Python, its fields."""
    found: dict[str, Any] | None = model.__dict__.get(_VALUES)
    return plain_of(model) if found is None else found


def _path_of(path: str, loc: tuple[Any, ...]) -> str:
    return ":".join([path, *map(str, loc)])


@cache
def shape_of(model: type[BaseModel], omit: frozenset[str] = frozenset()) -> Shape:
    """The schema of a model's fields, by alias where there is one.

    Raises DagsterInvalidPythonicConfigDefinitionError for a field that config can't give.
    """
    fields = {
        info.alias or name: _field_of(model, name, info)
        for name, info in model.model_fields.items()
        if name not in omit
    }
    kind = Permissive if model.model_config.get("extra") == "allow" else Shape
    return kind(fields, description=(model.__doc__ or "").strip() or None)


def _field_of(model: type[BaseModel], name: str, info: FieldInfo) -> Field:
    secret = isinstance(info.json_schema_extra, dict) and bool(info.json_schema_extra.get("dagster__is_secret"))
    kind = _kind_of(model, name, info)
    default = NO_VALUE if info.default is PydanticUndefined else plain_value(info.default, info)
    if default is NO_VALUE and discriminator_of(info) and info.default_factory is not None:
        default = plain_value(info.default_factory(), info)  # type: ignore[call-arg]
    if default is not NO_VALUE or not info.is_required():
        kind = kind if isinstance(kind, Noneable) or kind is ANY else Noneable(kind)
        if default is NO_VALUE:
            return Field(kind, is_required=False, description=info.description, is_secret=secret)
    return Field(kind, default, description=info.description, is_secret=secret)


def _kind_of(model: type[BaseModel], name: str, info: FieldInfo) -> ConfigType:
    discriminator = discriminator_of(info)
    if discriminator is not None:
        return _selector_of(info, discriminator)
    if isinstance(info.annotation, type) and issubclass(info.annotation, enum.Enum):
        return Enum.from_python_enum_direct_values(info.annotation)
    try:
        return kind_of_annotation(info.annotation)
    except TypeError:
        raise DagsterInvalidPythonicConfigDefinitionError(
            config_class=model,
            field_name=name,
            invalid_type=info.annotation,
            is_resource=hasattr(model, "nested_fields"),
        ) from None


def discriminator_of(info: FieldInfo) -> str | None:
    """The field that tells the members of a union apart, where it is named by its text."""
    return info.discriminator if isinstance(info.discriminator, str) else None


def members_of_union(info: FieldInfo, discriminator: str) -> dict[str, type[BaseModel]]:
    """The members of a union with a discriminator, by each of their words."""
    return {
        str(word): member
        for member in typing.get_args(info.annotation)
        if member is not type(None)
        for word in typing.get_args(member.model_fields[discriminator].annotation)
    }


def _selector_of(info: FieldInfo, discriminator: str) -> ConfigType:
    members = members_of_union(info, discriminator)
    chosen = Selector({word: shape_of(one, frozenset({discriminator})) for word, one in members.items()})
    return Noneable(chosen) if type(None) in typing.get_args(info.annotation) else chosen


def kind_of_annotation(annotation: Any) -> ConfigType:
    """The kind of config for a Python annotation. Raises TypeError for what config can't give."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return kind_of_annotation(args[0])
    try:
        if annotation in _SOURCES:
            return _SOURCES[annotation]
    except TypeError:
        return _of_pydantic(annotation)
    if origin in (typing.Union, UnionType) and type(None) in args and len(args) == 2:
        return Noneable(kind_of_annotation(args[0] if args[1] is type(None) else args[1]))
    if origin is typing.Literal and all(isinstance(arg, str) for arg in args):
        return Enum(f"Literal{list(args)}", [EnumValue(arg) for arg in args])
    if origin is list:
        return Array(kind_of_annotation(args[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping) and args[0] in _SOURCES:
        return Map(args[0], kind_of_annotation(args[1]))
    if annotation in (list, dict):
        return config_type_of(annotation)
    return _of_class(annotation)


def field_of_annotation(annotation: Any) -> Field:
    """The field for a `config` argument that is annotated with a generic type.

    Raises DagsterInvalidPythonicConfigDefinitionError for one that config can't give.
    """
    try:
        return Field(kind_of_annotation(annotation))
    except TypeError:
        raise DagsterInvalidPythonicConfigDefinitionError(None, None, annotation) from None


def _of_class(annotation: Any) -> ConfigType:
    if isinstance(annotation, ConfigType | Field):
        return config_type_of(annotation)
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return shape_of(annotation)
        if issubclass(annotation, enum.Enum):
            return Enum.from_python_enum(annotation)
    return _of_pydantic(annotation)


def _of_pydantic(annotation: Any) -> ConfigType:
    """Any value, checked by pydantic when the model is made: for types that JSON can describe."""
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise TypeError(str(error)) from None
        adapter = TypeAdapter(annotation, config=ConfigDict())
    try:
        adapter.json_schema()
    except PydanticUserError as error:
        raise TypeError(str(error)) from None
    return _Passed()


class _Passed(ConfigType):
    """A value that goes to pydantic as it is, with `{"env": NAME}` in it read."""

    name = "Any"

    def resolve(self, value: Any, path: str, errors: Errors) -> Any:
        if isinstance(value, Mapping):
            if set(value) == {"env"}:
                return StringSource.resolve(value, path, errors)
            return {key: self.resolve(one, f"{path}:{key}", errors) for key, one in value.items()}
        if isinstance(value, list):
            return [self.resolve(one, f"{path}[{i}]", errors) for i, one in enumerate(value)]
        return value


# -- from a model to plain data -----------------------------------------------------------------------------------


def plain_of(model: BaseModel) -> dict[str, Any]:
    """A model as the plain data that a run config holds: enums by name, unions as selectors, variables by name."""
    kind = type(model)
    found: dict[str, Any] = {}
    for name, value in model:
        if name == _VALUES:
            continue
        info = kind.model_fields.get(name)
        if value is None and info is not None and info.default is None:
            continue
        found[(info.alias if info is not None else None) or name] = plain_value(value, info)
    return found


def plain_value(value: Any, info: FieldInfo | None = None) -> Any:
    """A value of a field as the plain data that stands for it in config."""
    if isinstance(value, EnvVar | IntEnvVar):
        return {"env": value.env_var_name}
    if isinstance(value, BaseModel):
        found = plain_of(value)
        discriminator = discriminator_of(info) if info is not None else None
        return {str(found.pop(discriminator)): found} if discriminator else found
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {key: plain_value(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_value(one) for one in value]
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()  # shown as stars, it would be lost
    return to_jsonable_python(value, fallback=lambda one: one)


def has_env(value: Any) -> bool:
    """Whether an EnvVar stands anywhere in a value."""
    if isinstance(value, EnvVar | IntEnvVar):
        return True
    return any(has_env(one) for one in _parts(value))


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, BaseModel):
        yield from vars(value).values()
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple | set):
        yield from value
