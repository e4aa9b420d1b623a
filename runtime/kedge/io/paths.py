"""A path in a store, with the part of pathlib's interface that readers and writers of files use.

Objects have no folders: `mkdir` does nothing, and a folder is there while an object is below it. What is written
through `open` appears when the file is closed, and never if the block raises.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from kedge.io.errors import ObjectExists, ObjectMissing
from kedge.io.stores import Store


class StorePath:
    """One path in a store: `base / "folder" / "file.csv"`. Equal when store and path are."""

    __slots__ = ("_pure", "store")

    def __init__(self, store: Store, path: str | PurePosixPath = "") -> None:
        self.store = store
        self._pure = PurePosixPath(path)

    # -- the name ---------------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """The path relative to the store's URL."""
        return "" if str(self._pure) == "." else str(self._pure)

    @property
    def name(self) -> str:
        """The last part."""
        return self._pure.name

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return self._pure.stem

    @property
    def suffix(self) -> str:
        """What follows the last dot of the last part, with the dot."""
        return self._pure.suffix

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path in the store."""
        return self._pure.parts

    @property
    def parent(self) -> StorePath:
        """The path without its last part."""
        return StorePath(self.store, self._pure.parent)

    def joinpath(self, *parts: str) -> StorePath:
        """The path with more parts below it."""
        return StorePath(self.store, self._pure.joinpath(*(part.lstrip("/") for part in map(str, parts))))

    def __truediv__(self, part: Any) -> StorePath:
        return self.joinpath(str(part))

    def with_suffix(self, suffix: str) -> StorePath:
        """The same with another suffix."""
        return StorePath(self.store, self._pure.with_suffix(suffix))

    def with_name(self, name: str) -> StorePath:
        """The same with another last part."""
        return StorePath(self.store, self._pure.with_name(name))

    def __str__(self) -> str:
        return f"{self.store.url.rstrip('/')}/{self.key}"

    def __repr__(self) -> str:
        return f"StorePath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StorePath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    # -- the object -------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether there is an object at the path, or below it."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether there is an object at the path."""
        return bool(self.key) and self.store.exists(self.key)

    def is_dir(self) -> bool:
        """Whether there is an object below the path."""
        return next(iter(self.store.list(self.key)), None) is not None

    def iterdir(self) -> Iterator[StorePath]:
        """The paths one level below, sorted."""
        depth = len(self.parts)
        names = {PurePosixPath(found.path).parts[depth] for found in self.store.list(self.key)}
        return (self / name for name in sorted(names))

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: a store has no folders to make."""

    def read_bytes(self) -> bytes:
        """All bytes. Raises FileNotFoundError."""
        try:
            return self.store.get(self.key)
        except ObjectMissing as error:
            raise FileNotFoundError(str(self)) from error

    def write_bytes(self, data: bytes | bytearray | memoryview) -> int:
        """Write the object whole, over an older one; the number of bytes."""
        self.store.put(self.key, data)
        return len(data)

    def read_text(self, encoding: str = "utf-8") -> str:
        """All of it as text. Raises FileNotFoundError."""
        return self.read_bytes().decode(encoding)

    def write_text(self, data: str, encoding: str = "utf-8") -> int:
        """Write text as the whole object; the number of characters."""
        self.write_bytes(data.encode(encoding))
        return len(data)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object. Raises FileNotFoundError when there is none, unless `missing_ok`."""
        if not missing_ok and not self.is_file():
            raise FileNotFoundError(str(self))
        self.store.delete([self.key])

    def open(self, mode: str = "r", encoding: str = "utf-8", newline: str | None = None) -> Any:
        """The object as a file: modes r, w and x, each as text or with b. It is held in memory while it is open.

        Raises FileNotFoundError, FileExistsError, and ValueError for another mode.
        """
        kind = mode.replace("b", "").replace("t", "")
        if kind not in ("r", "w", "x"):
            raise ValueError(f"{self}: mode {mode!r} is none of r, w, x, with b or without; an object can't be changed")
        if kind == "r":
            data = io.BytesIO(self.read_bytes())
            return data if "b" in mode else io.TextIOWrapper(data, encoding=encoding, newline=newline)
        written = _Written(self, create=kind == "x")
        return written if "b" in mode else _WrittenText(written, encoding=encoding, newline=newline)


class _Written(io.BytesIO):
    """What is written into an object: stored when closed in good order."""

    def __init__(self, path: StorePath, create: bool) -> None:
        super().__init__()
        self._path = path
        self._create = create
        self.failed = False

    def __exit__(self, *error: Any) -> None:
        self.failed = error[0] is not None
        super().__exit__(*error)

    def close(self) -> None:
        if not self.closed and not self.failed:
            try:
                self._path.store.put(self._path.key, self.getvalue(), create=self._create)
            except ObjectExists as error:
                raise FileExistsError(str(self._path)) from error
            finally:
                super().close()
        super().close()


class _WrittenText(io.TextIOWrapper):
    """The same as text."""

    def __init__(self, written: _Written, encoding: str, newline: str | None) -> None:
        super().__init__(written, encoding=encoding, newline=newline)
        self._written = written

    def __exit__(self, *error: Any) -> None:
        self._written.failed = error[0] is not None
        super().__exit__(*error)


def path_metadata(path: Any) -> Any:
    """The metadata by which an I/O manager says where it has put a value."""
    from kedge.definitions.metadata import MetadataValue

    return MetadataValue.path(str(path))
