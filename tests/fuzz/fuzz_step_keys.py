"""Step keys and mapping keys, and the segments, digests and paths that are made of them."""

from __future__ import annotations

from fuzzing import MEGABYTES, PREFIX, check_run_paths, refusals, text_of

from kedge.core.errors import KedgeError
from kedge.core.ids import StepKey, is_mapping_key, is_name, is_op_name
from kedge.definitions.values import DynamicOutput

SEEDS = [
    b"op",
    b"outer.inner.op",
    b"op[key]",
    b"op[k1,k2]",
    b"op[]",
    b"op[k,]",
    b"op[k]]",
    b"..",
    b"a..b",
    b".a",
    b"a.",
    b"op[..]",
    b"op[k]\n",
    b"op\x00",
    "op[ü]".encode(),
    b"op[" + b"k" * 400 + b"]",
    b"a" * 300,
    b"\xed\xa0\x80",
    b"op[/]",
    b"~",
    b"op[" + b"k," * 200 + b"k]",
]
_SIZE = MEGABYTES << 20
LARGE = {
    "an op": lambda: b"a" * _SIZE,
    "dots": lambda: b"a." * (_SIZE // 2) + b"a",
    "only dots": lambda: b"." * _SIZE,
    "keys": lambda: b"op[" + b"k," * (_SIZE // 2) + b"k]",
    "a key": lambda: b"op[" + b"k" * _SIZE + b"]",
    "unclosed": lambda: b"op[" + b"k," * (_SIZE // 2),
}


def check(data: bytes) -> None:
    text = text_of(data)
    with refusals():
        found = StepKey.parse(text)
        assert str(found) == text
        assert len(found.segment) <= 180
        assert len(found.digest) == 16
        check_run_paths(PREFIX, [found], [])
    if is_name(text) and len(text) < 1000:
        check_run_paths(PREFIX, [StepKey("a")], [text])
    if is_mapping_key(text):
        assert str(StepKey.parse(f"a[{text}]")) == f"a[{text}]"
    if is_op_name(text):
        assert StepKey.parse(text) == StepKey(text)
    assert is_mapping_key(text) == _takes(text)


def _takes(text: str) -> bool:
    """Whether users may give a value this key."""
    try:
        DynamicOutput(1, text)
    except KedgeError:
        return False
    return True
