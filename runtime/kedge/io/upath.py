"""`UPathIOManager`: the base class of I/O managers that write one file for each output, in a folder or in a store.

A subclass says how a value becomes a file, and reads it back. Where the file lies is decided here: below `base_path`
where that is given, as in Dagster; otherwise in the run's own store, where attempts never touch each other's files.
"""

from __future__ import annotations

import inspect
import os
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from kedge.core.errors import CheckError, DagsterInvariantViolationError
from kedge.definitions.io_contexts import InputContext, OutputContext
from kedge.definitions.io_managers import IOManager
from kedge.io import confinement
from kedge.io.paths import StorePath, path_metadata

AnyPath: TypeAlias = Path | StorePath
"""A file's path: pathlib's for a folder, a StorePath for a store. They read, write and join alike."""


class UPathIOManager(IOManager):
    """One file for each output. Override `dump_to_path` and `load_from_path`, and set `extension` (".csv").

    `base_path` is a folder, the URL of a store (`s3://bucket/prefix`), an object with pathlib's interface (a Path, a
    UPath), or None for the run's own store.
    """

    extension: str | None = None

    def __init__(self, base_path: Any = None) -> None:
        if self.extension and not self.extension.startswith("."):
            raise CheckError(f"{type(self).__name__}: extension {self.extension!r} starts with a dot, as '.csv'")
        self._base_path = _path_of(base_path)

    @abstractmethod
    def dump_to_path(self, context: OutputContext, obj: Any, path: Any) -> None:
        """Write the value to the file."""

    @abstractmethod
    def load_from_path(self, context: InputContext, path: Any) -> Any:
        """The value in the file. May be `async`."""

    def get_metadata(self, context: OutputContext, obj: Any) -> Mapping[str, Any]:
        """More metadata about a value that was stored, beside its path."""
        return {}

    # -- where ------------------------------------------------------------------------------------------------

    @property
    def base_path(self) -> AnyPath | None:
        """The folder that was given; None for the run's own store."""
        return self._base_path

    def get_op_output_relative_path(self, context: InputContext | OutputContext) -> Any:
        """The file's path below `base_path`, without extension: run, step, output, mapping key."""
        return Path(*context.get_identifier())

    def get_path(self, context: InputContext | OutputContext) -> AnyPath:
        """The file of an output, or of the one that an input reads."""
        if self._base_path is None:
            return self._in_the_run(context)
        parts = [part for part in Path(self.get_op_output_relative_path(context)).parts if part != "/"]
        return self._with_extension(self._base_path.joinpath(*parts))

    def _in_the_run(self, context: InputContext | OutputContext) -> AnyPath:
        place = context.io
        if place is None:
            raise DagsterInvariantViolationError(
                f"{type(self).__name__} has no base_path, and outside of a run there is no store to write to; give it "
                "one in the test: base_path=tmp_path"
            )
        if isinstance(context, OutputContext):
            found = place.paths.value(context.step, context.name, context.mapping_key, context.attempt)
            return self._with_extension(StorePath(place.store, found))
        key = (context.record or {}).get("file")
        if key is None:
            raise DagsterInvariantViolationError(
                f"input {context.name!r} of {context.step_key}: its source left no file in the run's store. Was it "
                "stored by another I/O manager?"
            )
        where = f"input {context.name} of {context.step_key}"
        return StorePath(place.store, confinement.readable(place.paths, key, where))

    def _with_extension(self, path: AnyPath) -> AnyPath:
        return path.with_suffix(path.suffix + self.extension) if self.extension else path

    # -- files ------------------------------------------------------------------------------------------------

    def path_exists(self, path: Any) -> bool:
        """Whether the file is there."""
        return bool(path.exists())

    def make_directory(self, path: Any) -> None:
        """Make the folder that a file goes into."""
        path.mkdir(parents=True, exist_ok=True)

    def unlink(self, path: Any) -> None:
        """Remove the file."""
        path.unlink()

    def has_output(self, context: OutputContext) -> bool:
        """Whether the file of an output is there."""
        return self.path_exists(self.get_path(context))

    def get_writing_output_log_message(self, path: Any) -> str:
        """What to log before a file is written."""
        return f"Writing {path} with {type(self).__name__}"

    def get_loading_input_log_message(self, path: Any) -> str:
        """What to log before a file is read."""
        return f"Reading {path} with {type(self).__name__}"

    # -- the manager ------------------------------------------------------------------------------------------

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        path = self.get_path(context)
        self.make_directory(path.parent)
        context.log.debug(self.get_writing_output_log_message(path))
        self.dump_to_path(context=context, obj=obj, path=path)
        if self._base_path is None and isinstance(path, StorePath):
            context.record = {"file": path.key}
        noted = {"path": path_metadata(path)} if obj is not None else {}
        context.add_output_metadata({**noted, **self.get_metadata(context=context, obj=obj)})

    def load_input(self, context: InputContext) -> Any:
        path = self.get_path(context)
        context.log.debug(self.get_loading_input_log_message(path))
        found = self.load_from_path(context=context, path=path)
        if inspect.iscoroutine(found):
            import asyncio

            found = asyncio.run(found)
        return found


def _path_of(given: Any) -> AnyPath | None:
    if given is None or hasattr(given, "joinpath"):
        return given  # type: ignore[no-any-return]
    text = str(os.fspath(given)) if hasattr(given, "__fspath__") else str(given)
    if "://" not in text:
        return Path(text)
    from kedge.io.stores import open_store

    return StorePath(open_store(text))
