"""Each shape, run; the expected values are written out by hand."""

from types import ModuleType
from typing import Any

import pytest


def run(jobs: ModuleType, job: str, **counts: int) -> Any:
    config = {"ops": {op: {"config": {"count": count}} for op, count in counts.items()}}
    result = getattr(jobs, job).execute_in_process(run_config=config)
    assert result.success
    return result


def ended(result: Any, kind: str) -> list[str]:
    return [event.step_key for event in result.all_events if event.event_type_value == kind]


@pytest.mark.parametrize(
    ("job", "outputs"),
    [
        ("map_and_collect", {"total": 14, "square": {"n1": 1, "n2": 4, "n3": 9}}),
        ("chained_maps", {"as_text": "-1,-4,-9", "negate": {"n1": -1, "n2": -4, "n3": -9}}),
        ("chain_in_one_map", {"as_text": "9,6,1", "ten": 10}),
        ("several_maps", {"total_of_squares": 14, "total_of_negatives": -6}),
        ("tuple_of_maps", {"squares": "1,4,9", "negated_again": "1,2,3"}),
        ("several_outputs", {"wholes": 2, "rests": 2}),
        ("several_dynamic_outputs", {"evens": 4, "odds": 10, "both": 17}),
        ("from_a_list", {"total": 41}),
        ("from_an_annotation", {"total": 85}),
        ("empty", {"total": 0}),
        ("optional", {"total": 14}),
        ("collect_itself", {"as_text": "1,2,3"}),
    ],
)
def test_every_shape_gives_its_values(jobs: ModuleType, job: str, outputs: dict[str, Any]) -> None:
    result = run(jobs, job)
    assert {node: result.output_for_node(node) for node in outputs} == outputs


def test_clones_are_as_many_as_were_yielded(jobs: ModuleType) -> None:
    result = run(jobs, "map_and_collect", numbers=12)
    assert result.output_for_node("total") == sum(n * n for n in range(1, 13))
    clones = {f"square[n{n}]" for n in range(1, 13)}
    assert set(ended(result, "STEP_SUCCESS")) == {"numbers", "total", *clones}


def test_the_collected_list_is_in_the_order_of_the_yields(jobs: ModuleType) -> None:
    assert run(jobs, "collect_itself", numbers=11).output_for_node("as_text") == "1,2,3,4,5,6,7,8,9,10,11"


def test_a_dynamic_op_mapped_twice_runs_once(jobs: ModuleType) -> None:
    assert ended(run(jobs, "several_maps"), "STEP_SUCCESS").count("numbers") == 1


def test_an_empty_fan_out_runs_the_collect_with_an_empty_list(jobs: ModuleType) -> None:
    result = run(jobs, "map_and_collect", numbers=0)
    assert result.output_for_node("total") == 0
    assert ended(result, "STEP_SUCCESS") == ["numbers", "total"]


def test_an_optional_fan_out_that_yields_nothing_skips_its_readers(jobs: ModuleType) -> None:
    result = run(jobs, "optional", perhaps=0)
    assert ended(result, "STEP_SUCCESS") == ["perhaps"]
    assert "total" in ended(result, "STEP_SKIPPED")
