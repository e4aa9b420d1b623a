"""Manifests and run config in YAML, as the command line reads them from files."""

from __future__ import annotations

import json

from fuzzing import DATA, MEGABYTES, large_json, refusals, text_of

from kedge.core import spec
from kedge.definitions import yaml_data
from kedge.definitions.config_files import config_from_yaml_strings

_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcdefghi", "bcdefghij", strict=True)
)
_MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}\n" for n in range(1, 60))
SEEDS = [
    *(path.read_bytes() for path in sorted((DATA / "manifests").glob("*.yaml"))),
    _BOMB.encode(),
    _MERGES.encode(),
    b"a: &a [*a]",
    b"&a {*a : 1}",
    b"a: &x 1\nb: &x 2\nc: *x",
    b"*x",
    b"[" * 2000,
    b"- " * 2000,
    b"{a: " * 2000,
    b"? " * 500,
    b"a: " + b"9" * 5000,
    b"a: 1:2:3:" + b"1:" * 4000 + b"1",
    b"a: 2024-01-01",
    b"2001-99-99",
    b"!!timestamp x",
    b"!!int x",
    b"!!int",
    b"!!bool x",
    b"!!float",
    b"!!null x",
    b"!!float x",
    b"!!binary x",
    b"!!set {a}",
    b"!!python/object/apply:os.system [x]",
    b"!!omap [a: 1]",
    b"<<: 1",
    b"- <<: [a]",
    b"=: 1",
    b"{[1]: 2}",
    b"a: .nan",
    b"a: 1e999",
    b"0x" + b"f" * 9000,
    b'{"a": ' * 500,
    b"--- a\n--- b",
    b"%YAML 9.9\n---",
    b"\xed\xa0\x80",
    b"\x00",
    b"\xff",
    b"a:\tb",
    b"key: [a, b",
    "k: \u2028\x85".encode(),
]
_SIZE = MEGABYTES << 20
_UNITS = {
    "a word": b"x",
    "spaces": b" ",
    "lines": b"\n",
    "comments": b"#",
    "lists": b"[",
    "objects": b"{",
    "items": b"- a\n",
    "dashes": b"- ",
    "words": b"a\n",
    "pairs": b"k: 1\n",
    "flow": b"a,",
    "documents": b"--- a\n",
    "tags": b"!",
    "anchors": b"&a ",
    "aliases": b"*a ",
    "colons": b":",
    "questions": b"? ",
    "tabs": b"\t",
    "quotes": b"'",
    "folded": b"> ",
    "comment signs": b" #",
}


def _large(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


LARGE = {
    **{
        f"{name}, {size} bytes": lambda unit=unit, size=size: _large(unit, size)
        for name, unit in _UNITS.items()
        for size in (_SIZE, 4_000_000)
    },
    **{f"JSON: {name}": made for name, made in large_json().items()},
    "a list of aliases": lambda: b"a: &a [1]\nb: [" + b"*a," * 1_000_000 + b"]",
    "a list of words": lambda: b"[" + b"a," * 1_900_000 + b"]",
    "texts in lines": lambda: b"a: |\n" + (b"  " + b"x" * 70 + b"\n") * 50_000,
}
QUICK = [
    "a word, 10485760 bytes",
    "lists, 4000000 bytes",
    "dashes, 4000000 bytes",
    "JSON: nested",
    "a list of aliases",
    "items, 4000000 bytes",
]


def check(data: bytes) -> None:
    text = text_of(data)
    with refusals():
        for document in yaml_data.documents(text, "it"):
            json.dumps(document, skipkeys=True)
            with refusals():
                spec.parse(document)
    with refusals():
        assert isinstance(config_from_yaml_strings([text]), dict)
