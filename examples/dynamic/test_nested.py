"""The map inside a map."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def result(load: Callable[[str], ModuleType]) -> Any:
    return load("nested.py").nested.execute_in_process()


def test_each_number_collects_its_own_divisors(result: Any) -> None:
    # 4: 1 + 4 + 16; 6: 1 + 4 + 9 + 36; 7: 1 + 49
    assert result.output_for_node("as_text") == "21,50,50"


def test_inner_clones_carry_both_keys(result: Any) -> None:
    steps = [event.step_key for event in result.all_events if event.event_type_value == "STEP_SUCCESS"]
    inner = {"n4": (1, 2, 4), "n6": (1, 2, 3, 6), "n7": (1, 7)}
    squares = {f"square[{number},d{divisor}]" for number, divisors in inner.items() for divisor in divisors}
    outer = {f"{op}[{number}]" for op in ("divisors", "total") for number in inner}
    assert sorted(steps) == sorted({"numbers", "as_text", *outer, *squares})
