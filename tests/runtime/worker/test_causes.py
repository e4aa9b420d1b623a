"""What of an exception stands in a record, whatever user code has made of it."""

from __future__ import annotations

from kedge.core.protocol import MOST_CAUSES, Failure
from kedge.worker.failures import failure_of


def test_causes_that_go_in_a_circle_are_told_a_number_of_times() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    told = failure_of(first, 0)
    assert Failure.from_json(told.to_json()) == told
    names = []
    one: Failure | None = told
    while one is not None:
        names.append(one.error)
        one = one.cause
    assert names == ["ValueError", "KeyError"] * (MOST_CAUSES // 2) + ["ValueError"]
