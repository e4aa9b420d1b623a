"""Datagrams that anybody may send to the operator, and what a ticket says of whom a worker is to tell."""

from __future__ import annotations

from fuzzing import MEGABYTES, as_json, refusals

from kedge.core.hints import HINT_BYTES, Announce, Hint, key_of
from kedge.core.protocol import UNREADABLE, announce_in, read_json

_KEY = "0123456789abcdef0123456789abcdef"
SEEDS = [
    f"kedge1 run 0123456789abcdef 1 {_KEY}".encode(),
    f"kedge1 run plan 999999999 {_KEY}".encode(),
    f"kedge1 run plan 1 {_KEY}\n".encode(),
    *as_json(
        {"announce": {"host": "10.0.0.7", "port": 7420, "key": _KEY}},
        {"announce": {"host": [], "port": "9e9", "key": 1}},
    ),
]
LARGE = {"spaces": lambda: b" " * (MEGABYTES << 20), "a run": lambda: b"kedge1 " + b"x" * (MEGABYTES << 20)}


def check(data: bytes) -> None:
    with refusals():
        found = Hint.parse(data)
        assert len(data) <= HINT_BYTES
        assert found.to_bytes() == data
        assert len(key_of(b"secret", found.run, found.step_digest, found.attempt)) == len(found.key)
    with refusals():
        told = read_json(data, "it")
        if isinstance(told, dict):
            try:
                announce = announce_in(told)
            except UNREADABLE:
                return
            assert announce is None or isinstance(announce, Announce)
