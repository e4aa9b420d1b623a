"""Quantities of memory: read as Kubernetes reads them, and grown within bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge_operator import quantities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        (1024, 1024),
        ("1.5Gi", 3 << 29),
        (".5Ki", 512),
        ("1.Ki", 1024),
        ("100k", 100_000),
        ("1500m", 1),
        ("2000000u", 2),
        ("1e3", 1000),
        ("12E2", 1200),
        ("1E", 10**18),
        ("+5", 5),
        ("9e99", 2**63 - 1),
    ],
)
def test_a_quantity_in_bytes(text: Any, expected: int) -> None:
    assert quantities.to_bytes(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "Mi", "1 Mi", "1mi", "1KB", "one", None, [], True, "NaN", "Infinity", "1_000", "1e999999999", "٣", "1\n"],
)
def test_what_is_no_quantity_is_none(text: Any) -> None:
    assert quantities.to_bytes(text) is None


@pytest.mark.parametrize(
    ("text", "factor", "times", "limit", "expected"),
    [
        ("64Mi", 2, 0, "1Gi", 64 << 20),
        ("64Mi", 2, 1, "1Gi", 128 << 20),
        ("64Mi", 1.5, 2, "1Gi", 144 << 20),
        ("64Mi", 2, 9, "1Gi", 1 << 30),
        ("2Gi", 2, 3, "1Gi", 2 << 30),
        ("1", 100, 10**6, "1Gi", 1 << 30),
    ],
)
def test_memory_grows_up_to_its_limit(text: str, factor: float, times: int, limit: str, expected: int) -> None:
    assert quantities.grown(text, factor, times, limit) == str(expected)


@pytest.mark.parametrize(("text", "limit"), [("much", "1Gi"), ("1Gi", "much"), (None, "1Gi")])
def test_what_is_no_quantity_does_not_grow(text: Any, limit: str) -> None:
    assert quantities.grown(text, 2, 1, limit) is None


@given(st.integers(0, 2**62), st.floats(1.01, 100), st.integers(0, 50), st.integers(0, 2**62))
def test_it_never_shrinks_and_never_passes_its_limit(now: int, factor: float, times: int, limit: int) -> None:
    found = int(quantities.grown(now, factor, times, limit) or -1)
    assert now <= found <= max(now, limit) or found == now == -1
