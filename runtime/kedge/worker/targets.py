"""Finding user code: `package.module:attribute` or `path/to/file.py:attribute`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import Any

from kedge.core.errors import KedgeError

_SHOWN = 20


class TargetError(KedgeError):
    """A target can't be loaded: no such module, file or attribute, or importing it raised."""


def jobs_in(module: Any) -> list[str]:
    """The jobs and graphs of a module."""
    from kedge.definitions.graphs import GraphDefinition
    from kedge.definitions.jobs import JobDefinition

    return sorted(name for name, one in vars(module).items() if isinstance(one, JobDefinition | GraphDefinition))


def ops_in(module: Any) -> list[str]:
    """What may be an op in a module: its ops, and the functions that are written in it."""
    from kedge.definitions.ops import OpDefinition

    def is_own(name: str, one: Any) -> bool:
        return isfunction(one) and one.__module__ == getattr(module, "__name__", None) and not name.startswith("_")

    return sorted(name for name, one in vars(module).items() if isinstance(one, OpDefinition) or is_own(name, one))


def load_object(target: str, offers: Callable[[Any], list[str]] = jobs_in) -> Any:
    """The object that a target names. Raises TargetError, saying which part is wrong.

    `offers`: the names in a module that could have been meant.
    """
    module_name, separator, attribute = target.rpartition(":")
    if not separator or not module_name or not attribute:
        raise TargetError(f"{target!r} is no target; write package.module:attribute or path/to/file.py:attribute")
    found: Any = _load_file(module_name) if module_name.endswith(".py") else _load_module(module_name)
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            known = _some(offers(found)) if hasattr(found, "__dict__") else ""
            known = known or "nothing that could be meant"
            raise TargetError(f"{module_name} has no attribute {part!r}; it has {known}") from None
    return found


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _load_module(name: str) -> ModuleType:
    cwd = str(Path.cwd())
    if cwd not in sys.path:
        sys.path.insert(0, cwd)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise TargetError(f"there is no module {name!r} here or on the path; is it installed?") from error
        raise TargetError(f"importing {name} failed: {error}") from error
    except Exception as error:
        raise TargetError(f"importing {name} failed: {type(error).__name__}: {error}") from error


def _load_file(text: str) -> ModuleType:
    """Import a file under its own name, with its folder on the path so that it finds its siblings."""
    try:
        path = Path(text).resolve()
        is_there = path.is_file()
    except (OSError, ValueError) as error:
        raise TargetError(f"{text} can be no file: {error}") from error
    if not is_there:
        raise TargetError(f"there is no file {text}")
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = path.stem if known is None else f"_kedge_{path.stem}_{abs(hash(str(path)))}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{text} can't be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise TargetError(f"importing {text} failed: {type(error).__name__}: {error}") from error
    return module
