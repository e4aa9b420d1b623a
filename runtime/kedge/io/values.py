"""Values in a store: written once, read back only if they are what was written.

The writer of an op's output calls `write_value` and puts the `ValueRecord` into its outcome; whoever needs the value
calls `read_value` with that record. Size and digest are checked before a byte is decoded.

A value moves in pieces while threads hash them, out of its own buffer into the store and from the store into one
buffer of the record's size: neither side holds a second copy of an array or an Arrow table.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kedge.io.digests import LEAF_BYTES, Hasher, can_check, digest
from kedge.io.errors import ObjectMissing, ObjectTooLarge, ValueCorrupt
from kedge.io.serializers import decode, encode
from kedge.io.stores import BytesLike, Store, Writer, byte_view


@dataclass(frozen=True, slots=True)
class ValueRecord:
    """Where a value is, how it is serialized, its stored size in bytes, and the digest of the stored bytes."""

    path: str
    format: str
    size: int
    digest: str

    def to_json(self) -> dict[str, Any]:
        """As plain data for an outcome record."""
        return {"path": self.path, "format": self.format, "size": self.size, "digest": self.digest}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ValueRecord:
        """The record of `to_json`, unknown keys ignored. Raises `ValueCorrupt` for anything else."""
        for name, kind in (("path", str), ("format", str), ("size", int), ("digest", str)):
            if not isinstance(data, Mapping) or type(data.get(name)) is not kind:
                raise ValueCorrupt(
                    f"value record {repr(data)[:500]}: {name!r} must be a {kind.__name__}; was it written by Kedge?"
                )
        return cls(path=data["path"], format=data["format"], size=data["size"], digest=data["digest"])


def write_value(store: Store, path: str, value: Any, *, allow_pickle: bool = True) -> ValueRecord:
    """Serialize `value` by its type into the object `path`, over an older one, and return its record.

    Raises `ValueRefused` when the value can't be serialized, `ValueForbidden` when it would be a pickle and none is
    allowed, `StoreError` when the store fails; nothing is left then.
    """
    encoded = encode(value, allow_pickle=allow_pickle)
    hasher = Hasher()
    try:
        with store.writer(path) as out:
            encoded.write_to(_HashingSink(out, hasher))
            found = hasher.finish()
    finally:
        hasher.close()
    return ValueRecord(path=path, format=encoded.format, size=hasher.size, digest=found)


def read_value(store: Store, record: ValueRecord, *, allow_pickle: bool = True) -> Any:
    """The value of `record`, checked first.

    Raises `ObjectMissing` when it is gone, `ValueCorrupt` when size or digest differ, `ValueRefused` when it can't be
    decoded here, and `ValueForbidden` when it is a pickle and `allow_pickle` is false.
    """
    algorithm = record.digest.partition(":")[0]
    if not can_check(algorithm):
        raise ValueCorrupt(
            f"{_where(store, record)}: no way to check a digest {algorithm!r}; "
            "read it with the same Kedge and packages that wrote it"
        )
    try:
        data, found = _read_small(store, record) if record.size <= LEAF_BYTES else _read_large(store, record)
    except ObjectMissing as error:
        raise ObjectMissing(
            f"{_where(store, record)}: gone; expected {record.size} bytes. It was deleted, or its retention ended: "
            "run the step that made it again"
        ) from error
    if found != record.digest:
        raise ValueCorrupt(f"{_where(store, record)}: altered; expected {record.digest}, found {found}. {_AGAIN}")
    return decode(record.format, data, allow_pickle=allow_pickle)


_AGAIN = "Run the step that made it again"


class _HashingSink:
    """Where a serializer writes: every piece goes to the hasher's threads and to the store."""

    def __init__(self, out: Writer, hasher: Hasher) -> None:
        self._out = out
        self._hasher = hasher

    def write(self, data: BytesLike, /) -> int:
        view = byte_view(data)
        for start in range(0, view.nbytes, LEAF_BYTES):
            piece = view[start : start + LEAF_BYTES]
            self._hasher.update(piece)
            self._out.write(piece)
        return view.nbytes


def _read_small(store: Store, record: ValueRecord) -> tuple[memoryview, str]:
    try:
        data = store.get(record.path, most=record.size)
    except ObjectTooLarge:
        _check_size(store, record, store.info(record.path).size)
        raise
    _check_size(store, record, len(data))
    return memoryview(bytearray(data)), digest(data)


def _read_large(store: Store, record: ValueRecord) -> tuple[memoryview, str]:
    _check_size(store, record, store.info(record.path).size)
    buffer = allocate(record.size)
    hasher = Hasher(record.digest.partition(":")[0])
    try:
        for part in store.read_into(record.path, buffer):
            hasher.update(part)
        _check_size(store, record, hasher.size)
        return buffer, hasher.finish()
    finally:
        hasher.close()


def allocate(size: int) -> memoryview:
    """A writable buffer of `size` bytes, on page boundaries, in huge pages where the system has them."""
    area = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        area.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(area)[:size]


def _check_size(store: Store, record: ValueRecord, found: int) -> None:
    if found != record.size:
        raise ValueCorrupt(f"{_where(store, record)}: torn; expected {record.size} bytes, found {found}. {_AGAIN}")


def _where(store: Store, record: ValueRecord) -> str:
    return f"store {store.url}: value {record.path!r}"
