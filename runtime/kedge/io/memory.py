"""A store in the memory of one process: for tests and for runs that need no trace. A dict behind a lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from kedge.io.errors import ObjectExists, ObjectMissing
from kedge.io.stores import STREAM_BYTES, BytesLike, ObjectInfo, Store, Writer, byte_view, check_path, check_size

_contents: dict[str, dict[str, tuple[bytes, float]]] = {}
_lock = threading.Lock()


class MemoryStore(Store):
    """``memory://name``: stores of one name in a process hold the same objects; a fork copies them."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        with _lock:
            self._objects = _contents.setdefault(url, {})

    def get(self, path: str, *, most: int | None = None) -> bytes:
        data = self._entry(path)[0]
        check_size(self.url, path, len(data), most)
        return data

    def get_many(self, paths: Sequence[str], *, most: int | None = None) -> list[bytes]:
        return [self.get(path, most=most) for path in paths]

    def put(self, path: str, data: BytesLike, *, create: bool = False) -> None:
        check_path(self.url, path)
        entry = (bytes(data), time.time())
        with _lock:
            if create and path in self._objects:
                raise ObjectExists(f"store {self.url}: {path!r} exists already and was to be created")
            self._objects[path] = entry

    @contextmanager
    def writer(self, path: str) -> Iterator[Writer]:
        check_path(self.url, path)
        out = _Pieces()
        yield out
        self.put(path, b"".join(out.pieces))

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            check_path(self.url, path)
            with _lock:
                self._objects.pop(path, None)

    def info(self, path: str) -> ObjectInfo:
        data, modified = self._entry(path)
        return ObjectInfo(path, len(data), modified)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        for path, data, modified in self._below(prefix):
            yield ObjectInfo(path, len(data), modified)

    def list_folders(self, prefix: str = "") -> Sequence[str]:
        start = len(prefix.strip("/")) + 1 if prefix.strip("/") else 0
        ends = ((path, path.find("/", start)) for path, _, _ in self._below(prefix))
        return sorted({path[:end] for path, end in ends if end >= 0})

    def stream(self, path: str, chunk_bytes: int = STREAM_BYTES) -> Iterator[memoryview]:
        view = memoryview(self.get(path))
        for start in range(0, len(view), chunk_bytes):
            yield view[start : start + chunk_bytes]

    def read_into(self, path: str, buffer: memoryview) -> Iterator[memoryview]:
        start = 0
        for chunk in self.stream(path):
            part = buffer[start : start + len(chunk)]
            part[:] = chunk[: len(part)]
            yield part
            start += len(part)

    def _entry(self, path: str) -> tuple[bytes, float]:
        check_path(self.url, path)
        with _lock:
            entry = self._objects.get(path)
        if entry is None:
            raise ObjectMissing(f"store {self.url}: no object {path!r}")
        return entry

    def _below(self, prefix: str) -> Sequence[tuple[str, bytes, float]]:
        start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        with _lock:
            return [(path, data, time_) for path, (data, time_) in self._objects.items() if path.startswith(start)]


class _Pieces:
    """The pieces of an object that isn't whole yet."""

    def __init__(self) -> None:
        self.pieces: list[memoryview] = []

    def write(self, data: BytesLike, /) -> int:
        self.pieces.append(byte_view(data))
        return self.pieces[-1].nbytes
