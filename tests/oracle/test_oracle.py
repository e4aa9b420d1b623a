"""Kedge against a recording of the real Dagster: the same files, the same observations."""

import json
from typing import Any

import pytest
from oracle_cases import HERE, find_cases, observe
from oracle_differences import DIFFERENCES

RECORDED: dict[str, Any] = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
EXPECTED: dict[str, Any] = RECORDED["observations"]
CASES = find_cases()


@pytest.mark.parametrize("name", sorted(CASES))
def test_kedge_does_what_dagster_does(name: str) -> None:
    found = observe(CASES[name])
    difference = DIFFERENCES.get(name)
    assert found == (EXPECTED[name] if difference is None else difference.kedge)


def test_the_recording_is_of_these_cases_and_of_the_dagster_we_follow() -> None:
    assert RECORDED["dagster"] == "1.13.28"
    assert sorted(EXPECTED) == sorted(CASES), "run hack/record_oracle.py"


def test_no_case_fails_by_itself_under_dagster() -> None:
    assert [name for name, found in EXPECTED.items() if isinstance(found, dict) and "case raised" in found] == []


def test_every_wanted_difference_is_one_and_has_a_reason() -> None:
    for name, difference in DIFFERENCES.items():
        assert EXPECTED[name] != difference.kedge, name
        assert difference.reason


def test_there_are_enough_observations() -> None:
    assert len(CASES) >= 150
