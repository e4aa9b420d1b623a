"""What an operator believes of a run that it takes up: its records lie where the run's own steps can write."""

from __future__ import annotations

import pytest

from kedge.core.layout import RunPaths
from kedge.io.stores import open_store
from kedge_operator import opening

PATHS = RunPaths("runs/team/sizes-01234567")
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("1700000000.5", 1_700_000_000.5),
        ("1900000000", NOW),
        ("1e300", NOW),
        ("-1", NOW),
        ("NaN", NOW),
        ("null", NOW),
        ("1" + "0" * 400, NOW),
    ],
)
def test_a_run_began_at_some_time_until_now(created: str, expected: float) -> None:
    store = open_store(f"memory://began-{created}")
    store.put(PATHS.run, f'{{"created": {created}}}'.encode())
    assert opening.began(store, PATHS, NOW) == expected
