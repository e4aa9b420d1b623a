"""What the targets share: what counts as an answer to data that anybody may have written, and large pieces of it.

A target is a module `fuzz_*.py` with `check(data)`, which raises nothing for any bytes whatever; `SEEDS` to begin with,
among them all that was ever found; and `LARGE`, inputs of 10 MB by name.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from kedge.core.errors import KedgeError
from kedge.core.layout import RunPaths

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
TARGETS = sorted(path.stem for path in HERE.glob("fuzz_*.py"))
MEGABYTES = 10
PREFIX = RunPaths("runs/team/job-01234567")

Large = Mapping[str, Callable[[], bytes]]


@contextlib.contextmanager
def refusals(*others: type[Exception]) -> Iterator[None]:
    """The only errors that data may meet are Kedge's own, each with a text that somebody can read."""
    refusal: Exception | None = None
    try:
        yield
    except (KedgeError, *others) as error:
        refusal = error
    said = "x" if refusal is None else str(refusal)
    assert 0 < len(said) < 50_000, f"{type(refusal).__name__} with a text of {len(said)} characters: {said[:200]}"


def text_of(data: bytes) -> str:
    """Any text, halves of surrogate pairs among it."""
    return data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace") if _decodes(data) else str(data)


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def golden(*names: str) -> list[bytes]:
    """Each object in some files of golden data, by itself."""
    found: list[bytes] = []
    for name in names:
        data = json.loads((DATA / name).read_text())
        found += [json.dumps(one).encode() for one in (data if isinstance(data, list) else [data])]
    return found


def as_json(*values: Any) -> list[bytes]:
    """Values as JSON."""
    return [json.dumps(value).encode() for value in values]


def large_json(around: bytes = b'{"version":1,"x":%s}') -> Large:
    """10 MB of JSON of every kind, in the place of `%s`."""
    size = MEGABYTES << 20

    def inside(unit: bytes, begin: bytes = b"[", end: bytes = b"0]") -> Callable[[], bytes]:
        return lambda: around.replace(b"%s", begin + unit * (size // len(unit)) + end)

    return {
        "lists": inside(b"[],"),
        "objects": inside(b"{},"),
        "numbers": inside(b"0,"),
        "texts": inside(b'"",'),
        "nested": inside(b"[", b"", b""),
        "nested objects": inside(b'{"a":', b"", b""),
        "a text": inside(b"a", b'"', b'"'),
        "a wide text": inside(b"\xf0\x9f\x98\x80", b'"', b'"'),
        "a number": inside(b"9", b"", b""),
        "escapes": inside(rb"\ud800", b'"', b'"'),
        "keys": lambda: around.replace(b"%s", b"{" + b",".join(b'"k%d":0' % n for n in range(900_000)) + b"}"),
    }


def is_below(prefix: str, path: str) -> bool:
    """Whether a path leads to somewhere below a prefix, as any store or file system understands it."""
    segments = path.split("/")
    return path.startswith(f"{prefix}/") and not {"", ".", ".."} & set(segments) and "\0" not in path


def check_run_paths(found: RunPaths, steps: Sequence[Any], names: Sequence[str]) -> None:
    """Every path that is made for a step lies below its run."""
    for step in steps:
        made = [found.outcome(step, 1), found.ticket(step, 1), found.log_part(step, 1, 0)]
        made += [found.value(step, name, name, 1) for name in names] + [found.index(step, name) for name in names]
        assert all(is_below(found.prefix, path) for path in made), made


def target(name: str) -> ModuleType:
    """The module of a target."""
    import importlib

    return importlib.import_module(name)


def quick(name: str) -> Sequence[str]:
    """Those of a target's large inputs that take little time."""
    found: Sequence[str] = getattr(target(name), "QUICK", ())
    return found
