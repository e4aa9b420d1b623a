"""A store: named objects, each read and written whole. The only durable state Kedge has lives in one.

`open_store` turns a URL into a `Store`. Three kinds stand behind it: `files.FileStore` (plain system calls: a step
process then never pays for obstore and its threads), `memory.MemoryStore` (tests and in-process runs) and
`objects.ObjectStore` (S3, GCS, Azure through obstore). One test suite holds for all three.

A path is relative to the store's URL: segments joined by ``/``, none of them empty, ``.`` or ``..``. Brackets and
commas are fine: ``outcomes/size[k1,k2]/1.json``. Writes are atomic: an object is seen whole or not at all, and never
listed before.

Importing this module is cheap and starts nothing; the kinds are imported when one is opened.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, TypeVar

from kedge.core.layout import is_path
from kedge.io.errors import ObjectTooLarge, StoreError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

T = TypeVar("T")
BytesLike: TypeAlias = bytes | bytearray | memoryview

STREAM_BYTES = 4 << 20
"""Default size of the pieces in which large objects move, in bytes."""


class ObjectInfo(NamedTuple):
    """What a listing says of an object: its path, its size in bytes, its last change in seconds since the epoch."""

    path: str
    size: int
    modified: float


class Writer(Protocol):
    """Where `Store.writer` takes an object's bytes, piece by piece."""

    def write(self, data: BytesLike, /) -> int:
        """Take all of `data` (bytes, any shape) and return its length. It must not change until the writer closes."""


class Store(ABC):
    """Named objects under one URL. Safe to share between threads, to pickle, and to create before a fork.

    All methods raise `StoreError` or one of its kinds (`ObjectMissing`, `ObjectExists`, `StoreUnavailable`).
    """

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        self.url = url
        self._options = dict(options or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (self.url, self._options)

    @abstractmethod
    def get(self, path: str, *, most: int | None = None) -> bytes:
        """All bytes of the object. Raises `ObjectMissing`, and `ObjectTooLarge` for more than `most` bytes."""

    @abstractmethod
    def get_many(self, paths: Sequence[str], *, most: int | None = None) -> list[bytes]:
        """The objects' bytes in the order of `paths`, fetched at once where that helps. Raises what `get` raises."""

    @abstractmethod
    def put(self, path: str, data: BytesLike, *, create: bool = False) -> None:
        """Write the object whole, over an older one.

        With `create`, raise `ObjectExists` when there is one already. Of any number of racing creators one wins.
        A create whose answer was lost on the network and which was then tried again also ends in `ObjectExists`:
        compare contents where that matters.
        """

    @abstractmethod
    def writer(self, path: str) -> AbstractContextManager[Writer]:
        """Write an object in pieces: it appears when the block ends well, and never if the block raises."""

    @abstractmethod
    def delete(self, paths: Iterable[str]) -> None:
        """Remove the objects; a missing one is fine."""

    @abstractmethod
    def info(self, path: str) -> ObjectInfo:
        """Size and time of one object. Raises `ObjectMissing`."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects below the folder `prefix`, however deep, in no promised order."""

    @abstractmethod
    def list_folders(self, prefix: str = "") -> Sequence[str]:
        """The paths of the folders one level below `prefix`, sorted. A folder exists while an object is below it."""

    @abstractmethod
    def stream(self, path: str, chunk_bytes: int = STREAM_BYTES) -> Iterator[memoryview]:
        """The object's bytes in order, in pieces of about `chunk_bytes`. Raises `ObjectMissing`."""

    @abstractmethod
    def read_into(self, path: str, buffer: memoryview) -> Iterator[memoryview]:
        """Fill `buffer` from the object's start, yielding each part of it once filled, in order.

        Ends early when the object is shorter than the buffer. Raises `ObjectMissing`.
        """

    def exists(self, path: str) -> bool:
        """Whether there is an object at `path`."""
        from kedge.io.errors import ObjectMissing

        try:
            self.info(path)
        except ObjectMissing:
            return False
        return True

    def put_stream(self, path: str, chunks: Iterable[BytesLike]) -> None:
        """Write one object from pieces, atomically; nothing appears if the iterable raises."""
        with self.writer(path) as out:
            for chunk in chunks:
                out.write(chunk)


def open_store(url: str, *, options: Mapping[str, str] | None = None) -> Store:
    """The store at `url`: ``file:///dir``, ``memory://name``, ``s3://bucket/prefix``, ``gs://...`` or ``az://...``.

    A `file` folder is created when missing; a `memory` name means the same store all through the process. Credentials
    of the object stores come from the environment as obstore reads them; `options` (such as ``endpoint`` or
    ``allow_http``) win over it. Nothing is contacted before the first use.

    Raises `StoreError` for a URL that names no store.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("file", "memory"):
        if options:
            raise StoreError(
                f"store {url}: a {scheme} store takes no options, got {', '.join(sorted(options))}; remove them"
            )
        if scheme == "file":
            from kedge.io.files import FileStore

            return FileStore(url)
        from kedge.io.memory import MemoryStore

        return MemoryStore(url)
    if separator and rest and scheme in ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss"):
        from kedge.io.objects import ObjectStore

        return ObjectStore(url, options)
    raise StoreError(
        f"store {url!r}: not a store's URL; use file:///absolute/folder, memory://name, s3://bucket/prefix, "
        "gs://bucket/prefix or az://container/prefix"
    )


def at_once(act: Callable[[], T], what: str) -> T:
    """Do something with a store, once: for stores that are never away."""
    return act()


def check_path(url: str, path: str) -> str:
    """`path` itself when it is well-formed (see the module); else raises `StoreError`."""
    if not is_path(path):
        raise StoreError(
            f"store {url}: {path!r} is no path of an object; write segments joined by '/', none empty, '.' or '..'"
        )
    return path


def check_size(url: str, path: str, size: int, most: int | None) -> None:
    """Raise `ObjectTooLarge` for an object of more than `most` bytes."""
    if most is not None and size > most:
        raise ObjectTooLarge(f"store {url}: {path!r} has {size} bytes; no more than {most} are read of its kind")


def byte_view(data: BytesLike) -> memoryview:
    """`data` as a flat view of its bytes, nothing copied."""
    view = memoryview(data)
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")


def _reopen(url: str, options: Mapping[str, str]) -> Store:
    """Unpickling: the same store by its URL."""
    return open_store(url, options=options or None)
