"""Entry points, tags, limits, and the names of what users define: all that is typed somewhere as a text."""

from __future__ import annotations

import json

import click
from fuzzing import MEGABYTES, refusals, text_of

from kedge.cli import options
from kedge.core.errors import KedgeError
from kedge.core.protocol import text_in
from kedge.definitions import names
from kedge.io.stores import open_store
from kedge.worker.loading import load_job

SEEDS = [
    b"jobs:job",
    b"jobs.py:job",
    b":",
    b"a:",
    b":b",
    b"a:b:c",
    b"/etc/passwd.py:x",
    b"x?{}",
    b'x:y?{"args": [1]}',
    b"x:y?[1]",
    b'x:y?{"path": 5}',
    b"x:y?{",
    b"x:y?" + b"[" * 2000,
    b"a=b",
    b"=b",
    b"a",
    b"a=b:3",
    b"a=*:1",
    b"a:9999999999999999999",
    "a:\u00b2".encode(),
    b"a:-1",
    b"context",
    b"class",
    b"1a",
    b"a b",
    b"\xed\xa0\x80",
    b"\x00:a",
    b"..:a",
    b"s3://bucket",
    b"memory://x",
    b"s3://",
    b"://",
    b"gs://a/../b",
    b"http://x",
]
_SIZE = MEGABYTES << 20
LARGE = {
    "a word": lambda: b"a" * _SIZE,
    "colons": lambda: b":" * _SIZE,
    "dots": lambda: b"a." * (_SIZE // 2),
    "equals": lambda: b"=" * _SIZE,
    "arguments": lambda: b"x:y?" + b"[" * _SIZE,
}
_ARGUMENT = 4096
_NOWHERE = "kedge_no_such_module."
"""Before what is to be imported, so that nothing is."""


def check(data: bytes) -> None:
    text = text_of(data)
    for found in (
        _NOWHERE + text,
        f"{_NOWHERE}py:{text}",
        f"no/such/{text.replace('/', '_')}.py:x",
        f"{_NOWHERE}x:y?{text}",
    ):
        with refusals():
            load_job(found)
            raise AssertionError(f"{found[:100]!r} was loaded")
    with refusals(click.BadParameter):
        for limit in options.read_tag_limits((text[:_ARGUMENT],)):
            assert isinstance(limit.limit, int)
    with refusals(click.BadParameter):
        options.read_tags((text[:_ARGUMENT],))
    with refusals():
        checked = names.check_name(text, "an op")
        assert checked.isidentifier()
    with refusals():
        json.dumps(names.normalize_tags({text: text, "x": [text]}))
    with refusals():
        open_store(text if text.startswith(("s3:", "gs:", "az:", "memory:")) else f"nowhere{text}")
    text_in(text).encode()
    assert issubclass(KedgeError, Exception)
