"""A job that another process can find: by its module (or file) and name, and by arguments for one that is made."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedge.core.errors import DagsterInvariantViolationError
from kedge.definitions.jobs import JobDefinition
from kedge.worker.loading import load_job


@dataclass(frozen=True)
class ReconstructableJob:
    """A job by its target: `package.module:name` or `path/to/file.py:name`. Made by `reconstructable`."""

    target: str

    def get_definition(self) -> JobDefinition:
        """The job. Raises TargetError when it can't be loaded."""
        return load_job(self.target)

    @staticmethod
    def for_file(python_file: str, fn_name: str) -> ReconstructableJob:
        """A job in a file."""
        return ReconstructableJob(f"{Path(python_file).resolve()}:{fn_name}")

    @staticmethod
    def for_module(module: str, fn_name: str) -> ReconstructableJob:
        """A job in a module."""
        return ReconstructableJob(f"{module}:{fn_name}")


def reconstructable(target: Any) -> ReconstructableJob:
    """A job that other processes can load: one made by `@job`, or a function without arguments that returns one.

    Raises DagsterInvariantViolationError for what stands at no module's top level: a lambda, a function in a function,
    a job that `to_job` returned.
    """
    fn = target.origin if isinstance(target, JobDefinition) else target
    if fn is None:
        raise DagsterInvariantViolationError(
            f"job {target.name} was not made by @job; write a function at module level that returns it, and give that"
        )
    if not inspect.isfunction(fn):
        raise DagsterInvariantViolationError(f"reconstructable takes a job or a function, not {target!r}")
    name = fn.__name__
    if name == "<lambda>":
        raise DagsterInvariantViolationError("reconstructable takes no lambda; write a function at module level")
    if fn.__qualname__ != name:
        raise DagsterInvariantViolationError(
            f"{fn.__qualname__} does not stand at module level, so no other process can find it; move it there"
        )
    found = ReconstructableJob(f"{_place_of(fn)}:{name}")
    if not isinstance(target, JobDefinition):
        found.get_definition()
    return found


def target_of(job: JobDefinition) -> str:
    """Where the job's code stands, for a run that is only to be read; what can't be found there has its name alone."""
    fn = job.origin
    return f"{_place_of(fn)}:{fn.__qualname__}" if fn is not None else f"unknown:{job.name}"


def _place_of(fn: Any) -> str:
    """Where another process finds a function: in a package on the path by module; anywhere else by file."""
    file = Path(inspect.getfile(fn)).resolve()
    parts = fn.__module__.split(".")
    if len(parts) > 1 and file.with_suffix("").parts[-len(parts) :] == tuple(parts):
        root = file.parents[len(parts) - 1]
        if any(Path(entry).resolve() == root for entry in sys.path if entry):
            return str(fn.__module__)
    return str(file)


def build_reconstructable_job(
    reconstructor_module_name: str,
    reconstructor_function_name: str,
    reconstructable_args: Sequence[Any] | None = None,
    reconstructable_kwargs: Mapping[str, Any] | None = None,
    reconstructor_working_directory: str | None = None,
) -> ReconstructableJob:
    """A job that other processes make by calling a function with arguments.

    `reconstructor_working_directory` is where the module is looked for. Raises DagsterInvariantViolationError for
    arguments that are not JSON.
    """
    given = {
        "args": list(reconstructable_args or ()),
        "kwargs": dict(reconstructable_kwargs or {}),
        "path": reconstructor_working_directory,
    }
    try:
        text = json.dumps({name: value for name, value in given.items() if value}, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise DagsterInvariantViolationError(
            f"the arguments for {reconstructor_function_name} go to another process as JSON: {error}"
        ) from error
    target = f"{reconstructor_module_name}:{reconstructor_function_name}"
    return ReconstructableJob(target if text == "{}" else f"{target}?{text}")
