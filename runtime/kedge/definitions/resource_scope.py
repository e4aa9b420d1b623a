"""Starting resources: those that are needed, each once, in dependency order; torn down in reverse, even after failure.

In process a scope lives as long as the run; in a step process, as long as the step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kedge.core.errors import (
    ConfigFault,
    DagsterInvalidConfigError,
    DagsterInvalidDefinitionError,
    DagsterInvariantViolationError,
    DagsterResourceFunctionError,
)
from kedge.definitions.event_loops import RunLoop
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.resources import InitResourceContext, ResourceDefinition, Resources


class ResourceScope:
    """Starts resources on demand, each once, and tears all of them down in reverse order at `close`.

    `configs` holds the resolved config by key. Raises DagsterResourceFunctionError when user code raises.
    """

    def __init__(
        self,
        definitions: Mapping[str, ResourceDefinition],
        configs: Mapping[str, Any],
        log: Any = None,
        run: Any = None,
        instance_of: Callable[[], Any] = lambda: None,
        event_loop: Any = None,
    ) -> None:
        self._definitions = definitions
        self._configs = configs
        self._log = log
        self._run = run
        self._instance_of = instance_of
        self.loop = RunLoop(event_loop)
        self._values: dict[str, Any] = {}
        self._failed: dict[str, Exception] = {}
        self._opened: list[tuple[str, contextlib.AbstractContextManager[Any]]] = []

    def get(self, key: str) -> Any:
        """The value of one resource, started if need be. One that could not be started is not tried again."""
        if key not in self._values:
            if key in self._failed:
                raise self._failed[key]
            try:
                self._values[key] = self._start(key)
            except Exception as error:
                self._failed[key] = error
                raise
        return self._values[key]

    def select(self, keys: Iterable[str]) -> Resources:
        """The view that one op gets: the resources it declared."""
        return Resources({key: self.get(key) for key in keys})

    def close(self) -> None:
        """Tear down what was started, last first. An error there is logged: the work is done, the others are closed."""
        while self._opened:
            key, opened = self._opened.pop()
            try:
                opened.__exit__(None, None, None)
            except Exception:
                from kedge.definitions.logs import get_dagster_logger

                get_dagster_logger("resources").exception("resource %s could not be torn down", key)
        self.loop.close()

    def _start(self, key: str) -> Any:
        definition = self._definitions[key]
        context = InitResourceContext(
            self._configs.get(key),
            self.select(sorted(definition.required_resource_keys)),
            definition,
            self._definitions,
            self._instance_of(),
            self._run,
            self._log,
            self.loop,
        )
        opened = definition.open(context)
        try:
            value = opened.__enter__()
        except DagsterInvalidConfigError:
            raise
        except Exception as error:
            raise DagsterResourceFunctionError(
                f"Error executing resource_fn on resource {key}: {error}", user_exception=error
            ) from error
        self._opened.append((key, opened))
        return value


def check_dependencies(definitions: Mapping[str, ResourceDefinition]) -> None:
    """Raise DagsterInvariantViolationError for a needed resource that is unknown, and for a circle of them
    DagsterInvalidDefinitionError."""
    done: set[str] = set()

    def visit(key: str, path: tuple[str, ...]) -> None:
        if key in path:
            raise DagsterInvalidDefinitionError(f"resources need each other in a circle: {' -> '.join((*path, key))}")
        if key in done:
            return
        for needed in sorted(definitions[key].required_resource_keys):
            if needed not in definitions:
                raise DagsterInvariantViolationError(
                    f"resource with key '{needed}' required by resource with key '{key}' is not provided; "
                    f"add it to resource_defs"
                )
            visit(needed, (*path, key))
        done.add(key)

    for key in definitions:
        visit(key, ())


def resolve_configs(
    definitions: Mapping[str, ResourceDefinition], needed: Iterable[str], given: Mapping[str, Any], errors: list[str]
) -> dict[str, Any]:
    """The resolved config of each needed resource; what is wrong goes to `errors`, path first."""
    found: dict[str, Any] = {}
    unknown = [key for key in given if key not in definitions]
    for key in unknown:
        known = ", ".join(sorted(definitions)) or "none"
        errors.append(ConfigFault(f"resources:{key}", f"no such resource; there are {known}", "FIELD_NOT_DEFINED"))
    for key in needed:
        found[key] = _resolve_entry(definitions[key], given.get(key, {}), f"resources:{key}", errors)
    return found


def _resolve_entry(definition: ResourceDefinition, entry: Any, path: str, errors: list[str]) -> Any:
    if not isinstance(entry, Mapping):
        if hasattr(entry, "config_values"):
            entry = {"config": entry.config_values()}
        else:
            errors.append(ConfigFault(path, f"expected a mapping with `config`, got {entry!r}"))
            return None
    for key in entry:
        if key != "config":
            text = f"unknown field {key!r}; a resource takes config"
            errors.append(ConfigFault(path, text, "FIELD_NOT_DEFINED"))
    if definition.config_field is None:
        return entry.get("config")
    found = definition.config_field.resolve(entry.get("config", NO_VALUE), f"{path}:config", errors)
    return None if found is NO_VALUE else found
