"""I/O managers that pickle into a folder of the user's: `fs_io_manager` with `base_dir`, `custom_path_fs_io_manager`.

Their files lie where Dagster's lie, so that what reads them goes on reading: RUN/STEP/OUTPUT, with the mapping key
below a dynamic output. All steps have to see the folder: pods need a shared volume.
"""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

from kedge.core.errors import DagsterInvariantViolationError
from kedge.definitions.config import Field
from kedge.definitions.config_kinds import StringSource
from kedge.definitions.io_managers import IOManager, IOManagerDefinition
from kedge.definitions.resources import InitResourceContext
from kedge.io.errors import ValueForbidden
from kedge.io.managers import StoreIOManager
from kedge.io.paths import path_metadata

if TYPE_CHECKING:
    from kedge.definitions.io_contexts import InputContext, OutputContext


class PickledFiles(IOManager):
    """Values are pickles below a folder, by the identifier of the output."""

    def __init__(self, base_dir: str) -> None:
        self.base_dir = os.path.abspath(base_dir)

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        path = os.path.join(self.base_dir, *context.get_identifier())
        _check_allowed(context)
        write_pickle(path, obj)
        context.add_output_metadata({"path": path_metadata(path)})

    def load_input(self, context: InputContext) -> Any:
        _check_allowed(context)
        return read_pickle(os.path.join(self.base_dir, *context.get_identifier()))


class PickledAtPaths(IOManager):
    """Values are pickles below a folder, each at the `path` that its output's metadata says."""

    def __init__(self, base_dir: str) -> None:
        self.base_dir = os.path.abspath(base_dir)

    def _path(self, context: OutputContext) -> str:
        path = context.definition_metadata.get("path")
        if not isinstance(path, str):
            raise DagsterInvariantViolationError(
                f"output {context.name!r} of {context.step_key}: custom_path_fs_io_manager needs to know where; write "
                'Out(metadata={"path": "folder/file"})'
            )
        return os.path.join(self.base_dir, path)

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        from kedge.definitions.values import AssetMaterialization

        path = self._path(context)
        _check_allowed(context)
        write_pickle(path, obj)
        key = [context.job_name, context.step_key, context.name]
        context.log_event(AssetMaterialization(key, metadata={"path": path_metadata(path)}))

    def load_input(self, context: InputContext) -> Any:
        if context.upstream_output is None:
            raise DagsterInvariantViolationError(
                f"input {context.name!r} reads no output; custom_path_fs_io_manager loads what an op stored"
            )
        _check_allowed(context)
        return read_pickle(self._path(context.upstream_output))


def _fs_io_manager(context: InitResourceContext) -> IOManager:
    return manager_for((context.resource_config or {}).get("base_dir"))


def manager_for(base_dir: str | None) -> IOManager:
    """The manager of the run's store, or with a folder, one that pickles into it as Dagster does."""
    return StoreIOManager() if base_dir is None else PickledFiles(base_dir)


fs_io_manager = IOManagerDefinition(
    _fs_io_manager,
    {"base_dir": Field(StringSource, is_required=False)},
    "Values go through the run's store, in a form that fits their type; with base_dir, as pickles into that folder.",
)

custom_path_fs_io_manager = IOManagerDefinition(
    lambda context: PickledAtPaths(context.resource_config["base_dir"]),
    {"base_dir": Field(StringSource)},
    "Values are pickles below base_dir, each at the `path` in the metadata of its Out.",
)


def _check_allowed(context: InputContext | OutputContext) -> None:
    """Raise ValueForbidden in a run that allows no pickles."""
    if context.io is not None and not context.io.allow_pickle:
        raise ValueForbidden(
            f"{context.step_key}: I/O managers with a folder of their own keep values as pickles, and this run allows "
            "none (allowPickle). Leave base_dir away, so that values go into the run's store in a form that fits them"
        )


def write_pickle(path: str, value: Any) -> None:
    """Pickle a value into a file, whole or not at all; folders are made."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    partial = f"{path}.{os.getpid()}.partial"
    try:
        with open(partial, "wb") as file:
            pickle.dump(value, file, protocol=5)
        os.replace(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.remove(partial)
        raise


def read_pickle(path: str) -> Any:
    """The value in a file. Loads pickles, so the folder has to be one that only trusted code writes to."""
    with open(path, "rb") as file:
        return pickle.load(file)
