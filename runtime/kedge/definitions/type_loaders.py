"""Values of inputs out of run config: what each type takes there, and who makes a value of it.

An input that nothing feeds may be given in the run config. Types that are built in take the value itself, or
`{"value": ...}`, `{"json": {"path": ...}}`, `{"pickle": {"path": ...}}`. Any other type may have a loader, made with
`dagster_type_loader`. The config is checked before the run; loaders run where the step runs.
"""

from __future__ import annotations

import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kedge.core.errors import DagsterInvalidDefinitionError, DagsterTypeLoadingError
from kedge.definitions.ins_outs import ConfiguredInput

if TYPE_CHECKING:
    from kedge.definitions.config import ConfigType, Errors
    from kedge.definitions.types import DagsterType


class _TypeContext:
    """The context of the step, with the resources that a type asked for."""

    def __init__(self, step_context: Any, resources: Any) -> None:
        self._step_context = step_context
        self.resources = resources

    @property
    def log(self) -> Any:
        """The step's logger."""
        if self._step_context is not None:
            return self._step_context.log
        from kedge.definitions.logs import DagsterLogManager

        return DagsterLogManager(None, "types")

    @property
    def run_id(self) -> str | None:
        """The run's id; None outside of a run."""
        return None if self._step_context is None else self._step_context.run_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step_context, name)


class TypeCheckContext(_TypeContext):
    """What the check function of a type gets: `log`, `run_id`, and the `resources` that the type asked for."""


class DagsterTypeLoaderContext(_TypeContext):
    """What a loader gets: the step's context, with the `resources` that the loader asked for."""


class DagsterTypeLoader(ABC):
    """Makes values of a type out of config."""

    @property
    @abstractmethod
    def schema_type(self) -> Any:
        """The schema of the config, as `config_schema` takes it."""

    @abstractmethod
    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        """The value that a config stands for."""

    def required_resource_keys(self) -> frozenset[str]:
        """The resources that it needs on `context.resources`."""
        return frozenset()


class _FunctionLoader(DagsterTypeLoader):
    def __init__(self, fn: Callable[[Any, Any], Any], schema: Any, keys: Iterable[str] | None) -> None:
        from kedge.definitions.config import config_type_of

        self._fn = fn
        self._schema = config_type_of(schema)
        self._keys = frozenset(keys or ())

    @property
    def schema_type(self) -> Any:
        return self._schema

    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        return self._fn(context, config_value)

    def required_resource_keys(self) -> frozenset[str]:
        return self._keys


def dagster_type_loader(
    config_schema: Any, required_resource_keys: Iterable[str] | None = None
) -> Callable[[Callable[[Any, Any], Any]], DagsterTypeLoader]:
    """Make a loader of a function `(context, config)` that gives the value: `DagsterType(..., loader=that)`.

    Raises DagsterInvalidDefinitionError for a function that does not take the two.
    """

    def decorate(fn: Callable[[Any, Any], Any]) -> DagsterTypeLoader:
        if len(inspect.signature(fn).parameters) != 2:
            raise DagsterInvalidDefinitionError(
                f"dagster_type_loader {getattr(fn, '__name__', fn)}: it takes two arguments, context and config"
            )
        return _FunctionLoader(fn, config_schema, required_resource_keys)

    return decorate


class _PartsLoader(DagsterTypeLoader):
    """Loads a list or an optional value by the loader of what it holds."""

    def __init__(self, inner: DagsterTypeLoader, optional: bool) -> None:
        from kedge.definitions.config import Array, Noneable

        self._inner = inner
        self._optional = optional
        self._schema = (Noneable if optional else Array)(inner.schema_type)

    @property
    def schema_type(self) -> Any:
        return self._schema

    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        load = self._inner.construct_from_config_value
        if self._optional:
            return None if config_value is None else load(context, config_value)
        return [load(context, one) for one in config_value]

    def required_resource_keys(self) -> frozenset[str]:
        return self._inner.required_resource_keys()


class _FileLoader(DagsterTypeLoader):
    """Reads a value from a file, of JSON or a pickle."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    @property
    def schema_type(self) -> Any:
        return {"path": str}

    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        if self._kind == "json":
            with open(config_value["path"], encoding="utf-8") as file:
                return json.load(file)
        import pickle

        with open(config_value["path"], "rb") as binary:
            return pickle.load(binary)


def loader_of(kind: DagsterType) -> DagsterTypeLoader | None:
    """The loader that a type was given, or that its parts make."""
    if kind.loader is not None:
        return kind.loader if isinstance(kind.loader, DagsterTypeLoader) else None
    if kind.kind.value not in ("LIST", "NULLABLE"):
        return None
    inner = loader_of(kind.parts[0])
    return None if inner is None else _PartsLoader(inner, optional=kind.kind.value == "NULLABLE")


def resources_of(kind: DagsterType) -> frozenset[str]:
    """The resources that a type needs for its check and its loader."""
    loader = loader_of(kind)
    return kind.required_resource_keys | (loader.required_resource_keys() if loader is not None else frozenset())


def load(given: ConfiguredInput, context: Any, select: Callable[[Iterable[str]], Any], what: str) -> Any:
    """The value of an input out of config. `select` gives resources by key.

    Raises DagsterTypeLoadingError when the loader raises.
    """
    try:
        loading = DagsterTypeLoaderContext(context, select(given.loader.required_resource_keys()))
        return given.loader.construct_from_config_value(loading, given.config)
    except Exception as error:
        raise DagsterTypeLoadingError(f"{what}: it could not be loaded from the run config: {error}") from error


def resolve_input(kind: DagsterType, given: Any, path: str, errors: Errors) -> Any:
    """What a run config gives for an input of this type: the value, or a ConfiguredInput to be loaded in the step."""
    loader = loader_of(kind)
    if loader is not None:
        from kedge.definitions.config import config_type_of

        return ConfiguredInput(loader, config_type_of(loader.schema_type).resolve(given, path, errors))
    if isinstance(given, Mapping) and len(given) == 1:
        ((name, content),) = given.items()
        if name == "value":
            given = content
        elif name in ("json", "pickle"):
            return _file(name, content, f"{path}:{name}", errors)
    schema = _schema_of(kind)
    return given if schema is None else schema.resolve(given, path, errors)


def _file(kind: str, content: Any, path: str, errors: Errors) -> Any:
    from kedge.definitions.config import config_type_of

    loader = _FileLoader(kind)
    return ConfiguredInput(loader, config_type_of(loader.schema_type).resolve(content, path, errors))


def _schema_of(kind: DagsterType) -> ConfigType | None:
    """What a built-in type takes in config; None for anything."""
    from kedge.definitions import config

    if kind in config.OF_TYPES:
        return config.OF_TYPES[kind]
    if kind.kind.value in ("LIST", "NULLABLE"):
        inner = _schema_of(kind.parts[0])
        wrap: Any = config.Array if kind.kind.value == "LIST" else config.Noneable
        return None if inner is None else wrap(inner)
    return None
