"""Digests: known answers, and the same one however the bytes arrive."""

from __future__ import annotations

import hashlib
import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.io import digests
from kedge.io.digests import LEAF_BYTES, Hasher, can_check, digest

BIG = os.urandom(2 * LEAF_BYTES + 17)
TREES = [name for name in (digests.TREE, digests.BLAKE3) if can_check(name)]


def test_small_data_has_plain_sha256() -> None:
    for data in (b"", b"abc", bytes(LEAF_BYTES)):
        assert digest(data) == "sha256:" + hashlib.sha256(data).hexdigest()


def test_large_data_has_the_documented_tree() -> None:
    leaves = [hashlib.sha256(BIG[at : at + LEAF_BYTES]).digest() for at in range(0, len(BIG), LEAF_BYTES)]
    root = hashlib.sha256(b"kedge-sha256-tree-4m\0" + len(BIG).to_bytes(8, "big") + b"".join(leaves))
    assert digest(BIG, digests.TREE) == f"sha256-tree-4m:{root.hexdigest()}"


@pytest.mark.parametrize("algorithm", TREES)
@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, len(BIG)), max_size=6))
def test_the_digest_does_not_depend_on_how_bytes_arrive(algorithm: str, cuts: list[int]) -> None:
    hasher = Hasher(algorithm)
    edges = [0, *sorted(cuts), len(BIG)]
    for start, end in itertools.pairwise(edges):
        hasher.update(BIG[start:end])
    assert hasher.finish() == digest(BIG, algorithm)
    assert hasher.size == len(BIG)


@pytest.mark.parametrize("algorithm", TREES)
@pytest.mark.parametrize("at", [0, LEAF_BYTES - 1, LEAF_BYTES, len(BIG) - 1])
def test_any_altered_byte_alters_the_digest(algorithm: str, at: int) -> None:
    altered = bytearray(BIG)
    altered[at] ^= 1
    assert digest(altered, algorithm) != digest(BIG, algorithm)


def test_unknown_algorithms_cannot_be_checked() -> None:
    assert can_check("sha256")
    assert not can_check("md5")
