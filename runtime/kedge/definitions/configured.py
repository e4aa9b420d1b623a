"""`configured`: the same definition with its config given now, or computed from a smaller one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedge.core.errors import DagsterConfigMappingFunctionError, DagsterInvalidConfigError
from kedge.definitions.config import Field, field_of


def configured(
    configurable: Any, config_schema: Any = None, name: str | None = None, description: str | None = None
) -> Callable[[Any], Any]:
    """`configured(thing)(config)`, or a decorator of the function that computes the config of `thing`.

    Without `name` the new definition is called as the function is.
    """

    def make(config: Any) -> Any:
        found = name or (config.__name__ if callable(config) else None)
        more = {"description": description} if description is not None else {}
        return configurable.configured(config, name=found, config_schema=config_schema, **more)

    return make


def configured_field(config: Any, config_schema: Any) -> Field | None:
    """The schema of the definition that `configured` makes: none for a constant, the smaller one for a function."""
    if not callable(config):
        return None
    return Field(Any, is_required=False) if config_schema is None else field_of(config_schema)


def resolver_of(inner: Field | None, config: Any, name: str, config_schema: Any) -> Callable[[Any], Any]:
    """From the outer config to the inner one. A constant is checked now.

    Raises DagsterInvalidConfigError when it does not fit.
    """

    def resolve(given: Any) -> Any:
        try:
            value = config(given) if callable(config) else config
        except Exception as error:
            raise DagsterConfigMappingFunctionError(f"the config function of {name} raised: {error}") from error
        if inner is None:
            return value
        errors: list[str] = []
        found = inner.config_type.resolve(value, name, errors)
        if errors:
            raise DagsterInvalidConfigError(f"Error in config for {name}", errors)
        return found

    if not callable(config):
        resolve(None)
    return resolve
