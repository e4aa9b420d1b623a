"""Config mappings: a graph or a job with a config of its own, from which the config of its ops is computed."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from kedge.core.errors import (
    DagsterConfigMappingFunctionError,
    DagsterInvalidConfigError,
    DagsterInvalidDefinitionError,
)
from kedge.definitions.config import Field, field_of
from kedge.definitions.ins_outs import NO_VALUE


class ConfigMapping:
    """From the config that people give to the one that the ops get.

    `config_fn` gets the config and returns what the `ops` section holds (of a graph), or the whole run config (of a
    job). `config_schema` is what is accepted; without one, anything. With `receive_processed_config_values=False` the
    function gets the config as it was written: no defaults filled in, names of enum values in place of the values.
    """

    def __init__(
        self,
        config_fn: Callable[[Any], Any],
        config_schema: Any = None,
        receive_processed_config_values: bool | None = None,
    ) -> None:
        if not callable(config_fn):
            raise DagsterInvalidDefinitionError(f"ConfigMapping: config_fn is {config_fn!r}; give a function")
        self.config_fn = config_fn
        self.config_schema = config_schema
        self.receive_processed_config_values = receive_processed_config_values
        self.config_field: Field | None = field_of(config_schema)

    def map(self, given: Any, where: str, path: str, errors: list[Any]) -> Any:
        """What the function makes of a config; None after a fault, which goes to `errors`.

        `given` is NO_VALUE when there was none. Raises DagsterConfigMappingFunctionError when the function raises.
        """
        before = len(errors)
        value = self._checked(given, path, errors)
        if len(errors) > before:
            return None
        try:
            found = self.config_fn(value)
        except Exception as error:
            raise DagsterConfigMappingFunctionError(f"the config mapping of {where} raised: {error}") from error
        if hasattr(found, "to_config_dict"):
            found = found.to_config_dict()
        if not isinstance(found, Mapping):
            errors.append(f"{path}: the config mapping of {where} gave {found!r}; return a dict of config")
            return None
        return found

    def _checked(self, given: Any, path: str, errors: list[Any]) -> Any:
        field = self.config_field
        if field is None:
            return {} if given is NO_VALUE else given
        if given is NO_VALUE:
            default = field.default()
            if default is NO_VALUE:
                if field.is_required:
                    errors.append(f"{path}: config is required")
                return None
            return default
        resolved = field.config_type.resolve(given, path, errors)
        return given if self.receive_processed_config_values is False else resolved

    def configured(self, config: Any, name: str, config_schema: Any) -> ConfigMapping:
        """The same mapping behind a config that is given now, or computed from a smaller one."""
        inner = self

        def map_both(given: Any) -> Any:
            errors: list[Any] = []
            value = config(given) if callable(config) else config
            found = inner.map(value, name, name, errors)
            if errors:
                raise DagsterInvalidConfigError(f"Error in config for {name}", errors)
            return found

        if callable(config):
            return ConfigMapping(map_both, config_schema)
        map_both(None)
        return ConfigMapping(map_both, Field(dict, is_required=False))


def config_mapping(
    config_fn: Callable[..., Any] | None = None,
    *,
    config_schema: Any = None,
    receive_processed_config_values: bool | None = None,
) -> Any:
    """Make a ConfigMapping of a function. A parameter annotated with a Config model is its schema.

    Raises DagsterInvalidDefinitionError for a function that does not take exactly one argument.
    """

    def decorate(fn: Callable[..., Any]) -> ConfigMapping:
        if len(inspect.signature(fn).parameters) != 1:
            raise DagsterInvalidDefinitionError(
                f"config_mapping {getattr(fn, '__name__', fn)}: the function takes the config, and nothing else"
            )
        model = _model_of(fn)
        if model is not None and config_schema is not None:
            raise DagsterInvalidDefinitionError(
                f"config_mapping {fn.__name__}: give config_schema or an annotated Config, not both"
            )
        return ConfigMapping(fn, model if model is not None else config_schema, receive_processed_config_values)

    return decorate if config_fn is None else decorate(config_fn)


def _model_of(fn: Callable[..., Any]) -> Field | None:
    """The schema that the annotation of the one parameter stands for."""
    name = next(iter(inspect.signature(fn).parameters))
    try:
        annotation = typing.get_type_hints(fn).get(name)
    except (NameError, TypeError):
        annotation = None
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        from kedge.definitions.models import ModelConfig

        return Field(ModelConfig(annotation))
    return None


def mapping_of(config: Any) -> ConfigMapping:
    """What a graph's `config` means: a mapping as it is, or a dict that is the ops' config for good."""
    if isinstance(config, ConfigMapping):
        return config
    if hasattr(config, "to_config_dict"):
        config = config.to_config_dict()["ops"]
    if not isinstance(config, Mapping):
        raise DagsterInvalidDefinitionError(f"a graph's config is a dict or a ConfigMapping, not {config!r}")
    fixed = dict(config)
    return ConfigMapping(lambda given: fixed)
