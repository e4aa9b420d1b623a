"""What a step writes to its log: every byte is shipped, in order, whatever it is."""

from __future__ import annotations

import os
import sys

from fuzzing import MEGABYTES

from kedge.worker.logs import LogShipper

SEEDS = [b"", b"a line\n", b"\x00\xff\n", b"\r\n", b"\x1b[2J", "ü".encode() * 100, b"x" * 100_000]
LARGE = {"lines": lambda: b"a line\n" * ((MEGABYTES << 20) // 7), "one line": lambda: b"x" * (MEGABYTES << 20)}


def check(data: bytes) -> None:
    parts: dict[int, bytes] = {}
    before = os.fstat(1), os.fstat(2)
    shipper = LogShipper(parts.__setitem__, echo=False)
    try:
        for start in range(0, len(data), 1 << 16):
            _write(1 + start % 2, data[start : start + (1 << 16)])
    finally:
        shipper.close()
        shipper.finish()
    assert b"".join(parts[number] for number in sorted(parts)) == data
    assert sorted(parts) == list(range(len(parts)))
    assert all(os.path.samestat(*pair) for pair in zip(before, (os.fstat(1), os.fstat(2)), strict=True))
    sys.stdout.flush()


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
