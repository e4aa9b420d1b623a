"""Run config out of YAML: of files, of texts, of files that stand beside code."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from glob import glob
from typing import Any

from kedge.core.errors import DagsterInvariantViolationError, ProtocolError

RunConfigDict = dict[str, Any]


def config_from_files(config_files: Sequence[str]) -> RunConfigDict:
    """The run config of YAML files laid over each other: a later one wins, mappings are merged.

    A name may be a glob pattern. Raises DagsterInvariantViolationError for a file that is missing or is no mapping in
    YAML.
    """
    names: list[str] = []
    for one in config_files:
        found = sorted(glob(one))
        if not found:
            raise DagsterInvariantViolationError(
                f"config file {one!r}: no such file; the path is relative to {os.getcwd()}"
            )
        names += found
    return _merged([_read(name) for name in names], names)


def config_from_yaml_strings(yaml_strings: Sequence[str]) -> RunConfigDict:
    """The run config of YAML texts laid over each other. Raises DagsterInvariantViolationError for one that is none."""
    return _merged(yaml_strings, [f"text {i + 1}" for i in range(len(yaml_strings))])


def config_from_pkg_resources(pkg_resource_defs: Sequence[tuple[str, str]]) -> RunConfigDict:
    """The run config of YAML files in packages, each by (package, file). Raises DagsterInvariantViolationError."""
    from importlib.resources import files

    texts, names = [], []
    for package, resource in pkg_resource_defs:
        try:
            texts.append(files(package).joinpath(resource).read_text(encoding="utf-8"))
        except (ModuleNotFoundError, OSError, UnicodeDecodeError, TypeError) as error:
            raise DagsterInvariantViolationError(f"config file {resource!r} of package {package}: {error}") from error
        names.append(f"{package}/{resource}")
    return _merged(texts, names)


def file_relative_path(dunderfile: str, relative_path: str) -> str:
    """A path beside a module's own file: `file_relative_path(__file__, "data.csv")`."""
    return os.path.normpath(os.path.join(os.path.dirname(dunderfile), relative_path))


def _read(name: str) -> str:
    try:
        with open(name, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise DagsterInvariantViolationError(f"config file {name!r}: {error}") from error


def _merged(texts: Sequence[str], names: Sequence[str]) -> RunConfigDict:
    found: RunConfigDict = {}
    for text, name in zip(texts, names, strict=True):
        found = _over(found, _parse(text, name))
    return found


def _parse(text: str, name: str) -> Mapping[str, Any]:
    try:
        from kedge.definitions import yaml_data
    except ImportError as error:
        raise DagsterInvariantViolationError("reading YAML needs PyYAML: pip install 'kedge[cli]'") from error
    try:
        found = yaml_data.document(text, name)
    except ProtocolError as error:
        raise DagsterInvariantViolationError(f"config {name}: not YAML: {error}") from error
    if found is not None and not isinstance(found, Mapping):
        raise DagsterInvariantViolationError(f"config {name}: a run config is a mapping, got {repr(found)[:500]}")
    return found or {}


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> RunConfigDict:
    """`above` laid over `below`; where both have a mapping, the mappings are merged."""
    found = dict(below)
    for key, value in above.items():
        old = found.get(key)
        found[key] = _over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return found
