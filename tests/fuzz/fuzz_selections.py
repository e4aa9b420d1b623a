"""Selections of ops and of steps, several clauses in lines."""

from __future__ import annotations

from fuzzing import MEGABYTES, refusals, text_of

from kedge.core.graph import OpGraph
from kedge.core.ids import StepKey
from kedge.core.selection import select_ops, select_steps, subset

_GRAPH = OpGraph.from_json(
    [
        {"name": "a", "outputs": [{"name": "result", "dynamic": True}]},
        {"name": "g.b", "inputs": {"x": {"map": "a"}}},
        {"name": "g.c", "inputs": {"xs": {"collect": "g.b"}}},
        {"name": "d", "inputs": {"xs": {"each": ["g.c", "a"]}}, "after": ["a"]},
    ]
)
_NAMES = {op.name for op in _GRAPH}
SEEDS = [
    b"a",
    b"*g",
    b"g.b*",
    b"+g.c++",
    b"g.b[k1]",
    b"g.b[k1,k2]",
    b"*a*\nd",
    b"",
    b"*",
    b"++",
    b"a[",
    b"a[]",
    b"g.b[,]",
    b" a ",
    b"A",
    b"\xed\xb0\x80",
    b"a\x00",
]
_SIZE = MEGABYTES << 20
LARGE = {
    "plus": lambda: b"+" * (_SIZE // 2) + b"a" + b"+" * (_SIZE // 2),
    "stars": lambda: b"*" * _SIZE,
    "a name": lambda: b"a" * _SIZE,
    "keys": lambda: b"g.b[" + b"k," * (_SIZE // 2) + b"]",
    "spaces": lambda: b" " * _SIZE,
    "clauses": lambda: b"a\n" * 100_000,
}


def check(data: bytes) -> None:
    clauses = [clause for clause in text_of(data).split("\n") if clause]
    with refusals():
        found = select_ops(_GRAPH, clauses)
        assert found <= _NAMES
        assert set(subset(_GRAPH, found).names) == found
    with refusals():
        selected = select_steps(_GRAPH, clauses)
        for step in (StepKey("a"), StepKey("g.b", ("k1",)), StepKey("d")):
            assert selected(step) in (True, False)
