"""Config and resources as pydantic models: Config, PermissiveConfig, RunConfig, ConfigurableResource and friends.

Apart from the rest, because pydantic takes most of the time of an import: a job that declares no model never
loads it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, create_model, model_validator
from pydantic.fields import FieldInfo

from kedge.core.errors import DagsterInvalidConfigError
from kedge.definitions.config import ConfigType, EnvVar, Errors
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.io_managers import InputContext, IOManager, OutputContext


class _EnvModel(BaseModel):
    """A model whose fields may be an EnvVar: it stays one until the run reads it."""

    @model_validator(mode="wrap")
    @classmethod
    def _keep_env(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        made = validate(values)
        if isinstance(values, dict):
            for name, value in values.items():
                if isinstance(value, EnvVar):
                    made.__dict__[name] = value  # pydantic made plain text of it
        return made


def plain_of(model: BaseModel, but: Iterable[str] = ()) -> dict[str, Any]:
    """A model as the plain data that a run config holds."""
    found = model.model_dump(mode="json", exclude=set(but))
    for name in found:
        value = getattr(model, name, None)
        if isinstance(value, EnvVar):
            found[name] = {"env": str(value)}
    return found


class Config(_EnvModel):
    """Config of an op or a resource as a model; unknown fields are refused, values can't be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class PermissiveConfig(Config):
    """Config that takes fields beyond those declared."""

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)


class ModelConfig(ConfigType):
    """The schema behind a pydantic model. Types are strict, as in Dagster: no text for a number."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model

    def resolve(self, value: Any, path: str, errors: Errors) -> Any:
        if isinstance(value, BaseModel):
            if isinstance(value, self.model) and not any(isinstance(one, EnvVar) for one in vars(value).values()):
                return value
            value = plain_of(value)
        faults: Errors = []
        given, from_env = _read_env(value if value is not None else {}, path, faults)
        errors += faults
        if faults:
            return None
        try:
            return _validate(self.model, given, strict=not from_env)
        except ValidationError as error:
            errors += [f"{_path_of(path, one['loc'])}: {one['msg']}" for one in error.errors()]
            return None

    def default(self) -> Any:
        try:
            return self.model()
        except ValidationError:
            return NO_VALUE


def _path_of(path: str, loc: tuple[Any, ...]) -> str:
    return ":".join([path, *map(str, loc)])


def _validate(model: type[BaseModel], value: Any, strict: bool) -> BaseModel:
    """JSON mode is strict about scalars and still takes an enum's name or a nested mapping."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        return model.model_validate(value)
    return model.model_validate_json(text, strict=strict)


def _read_env(value: Any, path: str, errors: Errors) -> tuple[Any, bool]:
    """`value` with EnvVar and {"env": NAME} read from the environment, and whether there was one."""
    if isinstance(value, EnvVar):
        return value.read(path, errors), True
    if isinstance(value, Mapping):
        if set(value) == {"env"} and isinstance(value["env"], str):
            return EnvVar(value["env"]).read(path, errors), True
        pairs = {key: _read_env(one, f"{path}:{key}", errors) for key, one in value.items()}
        return {key: one for key, (one, _) in pairs.items()}, any(found for _, found in pairs.values())
    if isinstance(value, list | tuple):
        members = [_read_env(one, f"{path}[{i}]", errors) for i, one in enumerate(value)]
        return [one for one, _ in members], any(found for _, found in members)
    return value, False


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
        return {name: part for name, part in found.items() if part}


def _entry(one: Any) -> Any:
    if isinstance(one, ConfigurableResource):
        return {"config": one.config_values()}
    if isinstance(one, BaseModel):
        return {"config": plain_of(one)}
    return one


class ConfigurableResource(_EnvModel):
    """A resource as a model: its fields are its config, and it is itself what ops get.

    Override `create_resource` to hand something else to ops, `setup_for_execution` and
    `teardown_after_execution`, or `yield_for_execution`, for what has to be opened and closed. Fields may be
    resources themselves.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    launch_time: ClassVar[bool] = False

    @classmethod
    def configure_at_launch(cls, **values: Any) -> Any:
        """A resource whose remaining fields come from the run config."""
        from kedge.definitions.resources import ModelResource

        return ModelResource(cls, values)

    def config_values(self) -> dict[str, Any]:
        """The fields that are config, as plain data."""
        return plain_of(self, but=self.nested())

    @classmethod
    def nested_fields(cls) -> dict[str, type]:
        """The fields that are declared as resources."""
        return {
            name: info.annotation
            for name, info in cls.model_fields.items()
            if isinstance(info.annotation, type) and issubclass(info.annotation, ConfigurableResource)
        }

    def nested(self) -> dict[str, Any]:
        """The fields that hold resources."""
        return {
            name: getattr(self, name)
            for name in type(self).model_fields
            if isinstance(getattr(self, name), ConfigurableResource)
        }

    def setup_for_execution(self, context: Any) -> None:
        """Called once before the resource is used."""

    def teardown_after_execution(self, context: Any) -> None:
        """Called once after the run (in process) or the step, also when it failed."""

    def create_resource(self, context: Any) -> Any:
        """What ops get: the model itself, unless overridden."""
        return self

    @contextlib.contextmanager
    def yield_for_execution(self, context: Any) -> Iterator[Any]:
        """Set up, hand over, tear down."""
        self.setup_for_execution(context)
        try:
            yield self.create_resource(context)
        finally:
            self.teardown_after_execution(context)


def config_of_resource(model: Any, fixed: Mapping[str, Any]) -> ModelConfig:
    """The schema of the fields that a run config may give to a resource.

    `model` is a class, all of whose fields but the `fixed` are open, or an object, whose values are the defaults.
    """
    kind: Any = model if isinstance(model, type) else type(model)
    nested = kind.nested_fields()
    fields: dict[str, Any] = {}
    for name, info in kind.model_fields.items():
        if name not in fixed and name not in nested:
            fields[name] = (info.annotation, info if kind is model else _with_default(info, getattr(model, name)))
    return ModelConfig(create_model(f"{kind.__name__}Config", __base__=Config, **fields))


def _with_default(info: FieldInfo, value: Any) -> FieldInfo:
    return FieldInfo.merge_field_infos(info, default=value)


class ConfigurableResourceFactory(ConfigurableResource):
    """A ConfigurableResource whose `create_resource` gives ops something other than the model."""

    def create_resource(self, context: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a create_resource")


class ConfigurableIOManager(ConfigurableResource, IOManager):
    """An I/O manager as a model."""

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} needs a handle_output")

    def load_input(self, context: InputContext) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a load_input")


class ConfigurableIOManagerFactory(ConfigurableResource):
    """A model that makes an I/O manager."""

    def create_io_manager(self, context: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a create_io_manager")

    def create_resource(self, context: Any) -> Any:
        return self.create_io_manager(context)


def resolve_or_raise(schema: ConfigType, value: Any, what: str) -> Any:
    """Resolve one config alone. Raises DagsterInvalidConfigError with all faults."""
    errors: Errors = []
    found = schema.resolve(value, what, errors)
    if errors:
        raise DagsterInvalidConfigError(f"Error in config for {what}", errors)
    return found
