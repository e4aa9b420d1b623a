"""What differs on purpose stands in the page for people who come from Dagster, case by case, with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from oracle_differences import DIFFERENCES

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "dagster.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("name", DIFFERENCES)
def test_each_difference_is_told_with_its_reason(name: str) -> None:
    assert f"`{name}`" in PAGE
    assert DIFFERENCES[name].reason in PAGE
