"""Digests of stored values: cryptographic, computed on threads where a value is large.

Up to one leaf of 4 MiB the digest is plain SHA-256: ``sha256:<hex>``. Beyond that it is BLAKE3, ``blake3:<hex>``, where
the `blake3` package is installed (three times as fast on each core), and else a tree of two levels over SHA-256, whose
leaves are hashed at the same time (hashlib lets go of the interpreter's lock)::

    leaf(i)  = SHA-256 of bytes [i * 4 MiB, (i + 1) * 4 MiB)
    digest   = SHA-256("kedge-sha256-tree-4m\\0" + size as 8 bytes, big end first + leaf(0) + leaf(1) + ...)

written ``sha256-tree-4m:<hex>``. A reader uses the form it finds in the record.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kedge.io.stores import BytesLike, byte_view

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

LEAF_BYTES = 4 << 20
SMALL, TREE, BLAKE3 = "sha256", "sha256-tree-4m", "blake3"
_AHEAD = 6


class Hasher:
    """The digest of bytes that come in pieces, computed on threads while the caller goes on.

    A piece must stay unchanged until `finish`. At most 24 MiB wait to be hashed; then `update` waits. `algorithm` is
    for values beyond one leaf, and by default the quickest that is installed.
    """

    def __init__(self, algorithm: str | None = None) -> None:
        self.size = 0
        self._algorithm = algorithm if algorithm in (TREE, BLAKE3) else quickest()
        self._blake3: Any = _blake3().blake3() if self._algorithm == BLAKE3 else None
        self._leaf: list[memoryview] = []
        self._room = LEAF_BYTES
        self._leaves: list[bytes] = []
        self._pending: list[Future[bytes]] = []
        self._pool: ThreadPoolExecutor | None = None

    def update(self, data: BytesLike) -> None:
        """Add `data` at the end."""
        view = byte_view(data)
        self.size += view.nbytes
        start = 0
        while start < view.nbytes:
            if not self._room:
                self._submit()
            piece = view[start : start + self._room]
            self._leaf.append(piece)
            self._room -= piece.nbytes
            start += piece.nbytes
        if not self._room and self._pool is not None:
            self._submit()

    def finish(self) -> str:
        """The digest's text form. Nothing can be added after it."""
        if self._pool is None:
            return f"{SMALL}:{_hash_leaf(self._leaf).hex()}"
        if self._leaf:
            self._submit()
        while self._pending:
            self._leaves.append(self._pending.pop(0).result())
        self.close()
        if self._blake3 is not None:
            return f"{BLAKE3}:{self._blake3.hexdigest()}"
        root = sha256(b"kedge-sha256-tree-4m\0" + self.size.to_bytes(8, "big"))
        root.update(b"".join(self._leaves))
        return f"{TREE}:{root.hexdigest()}"

    def close(self) -> None:
        """Stop the threads; for a caller that gives up before `finish`."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _submit(self) -> None:
        """Hand the full leaf to the threads, once not too many are waiting."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            threads = 1 if self._blake3 is not None else min(4, os.cpu_count() or 1)
            self._pool = ThreadPoolExecutor(threads, thread_name_prefix="digest")
        if len(self._pending) >= _AHEAD:
            self._leaves.append(self._pending.pop(0).result())
        work = _hash_leaf if self._blake3 is None else self._add_to_blake3
        self._pending.append(self._pool.submit(work, self._leaf))
        self._leaf, self._room = [], LEAF_BYTES

    def _add_to_blake3(self, pieces: Sequence[memoryview]) -> bytes:
        """In order, for there is one thread."""
        for piece in pieces:
            self._blake3.update(piece)
        return b""


def digest(data: BytesLike, algorithm: str | None = None) -> str:
    """The digest of `data` in its text form."""
    hasher = Hasher(algorithm)
    hasher.update(data)
    return hasher.finish()


def can_check(algorithm: str) -> bool:
    """Whether digests of this algorithm can be computed here."""
    return algorithm in (SMALL, TREE) or (algorithm == BLAKE3 and _blake3() is not None)


def _hash_leaf(pieces: Sequence[memoryview]) -> bytes:
    leaf = sha256()
    for piece in pieces:
        leaf.update(piece)
    return leaf.digest()


@cache
def _blake3() -> Any:
    """The package, or None where it isn't installed."""
    try:
        return import_module("blake3")
    except ImportError:
        return None


def quickest() -> str:
    """The algorithm for large values here."""
    return TREE if _blake3() is None else BLAKE3
