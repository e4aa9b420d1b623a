"""Skips, failures and dynamic outputs: Dagster's rules, one situation each."""

from __future__ import annotations

import pytest
from core_play import asks_retry, collects, dynamic, fails, joins, maps, op, play, reads, start

from kedge.core.actions import RunStatus
from kedge.core.ids import StepKey

OPTIONAL = [{"name": "result", "required": False}]
FORK = op("fork", outputs=[{"name": "left", "required": False}, {"name": "right", "required": False}])


# -- skips and failures ---------------------------------------------------------------------------------------------


def test_an_optional_output_not_yielded_skips_what_reads_it_through_chains_and_the_run_succeeds() -> None:
    ops = [FORK, reads("g.a", "fork.left"), reads("g.b", "g.a"), reads("c", "g.b"), reads("d", "fork.right")]
    done = play(ops, {"fork": {"right": True}})
    assert done.of("skipped") == ["g.a", "g.b", "c"]
    assert done.of("succeeded") == ["fork", "d"]
    assert done.run.status is RunStatus.SUCCEEDED


def test_a_join_of_one_taken_and_one_skipped_source_is_skipped() -> None:
    ops = [FORK, op("join", inputs={"x": {"from": "fork.left"}, "y": {"from": "fork.right"}})]
    assert play(ops, {"fork": {"left": True}}).states["join"] == "skipped"


def test_a_failure_leaves_what_reads_it_untouched_and_other_branches_go_on() -> None:
    done = play([op("a"), reads("b", "a"), reads("c", "b"), op("x"), reads("y", "x")], {"a": fails()})
    assert done.of("failed") == ["a"]
    assert done.of("untouched") == ["b", "c"]
    assert done.of("succeeded") == ["x", "y"]
    assert done.finishes == [RunStatus.FAILED]


@pytest.mark.parametrize("first", ["skip", "failure"])
def test_where_a_failure_and_a_skip_meet_on_plain_inputs_the_skip_wins(first: str) -> None:
    sources = {"x": {"from": "fork.left"}, "y": {"from": "bad"}}
    inputs = sources if first == "skip" else dict(reversed(sources.items()))
    done = play([FORK, op("bad"), op("join", inputs=inputs)], {"fork": {}, "bad": fails()})
    assert done.states["join"] == "skipped"


def test_where_a_failure_and_a_skip_meet_in_a_fan_in_list_the_failure_wins() -> None:
    done = play([FORK, op("bad"), joins("join", "fork.left", "bad")], {"fork": {}, "bad": fails()})
    assert done.states["join"] == "untouched"


def test_a_fan_in_list_drops_skipped_members() -> None:
    done = play([FORK, op("a"), joins("join", "fork.left", "a", "fork.right")], {"fork": {"right": True}})
    assert done.inputs["join"] == {"xs": ["a", "fork.right"]}


def test_a_fan_in_list_is_skipped_when_all_its_members_are() -> None:
    assert play([FORK, joins("join", "fork.left", "fork.right")], {"fork": {}}).states["join"] == "skipped"


def test_an_empty_list_in_a_manifest_is_an_empty_list() -> None:
    done = play([joins("join")])
    assert done.states == {"join": "succeeded"}
    assert done.inputs["join"] == {"xs": []}


def test_constants_are_given_also_when_they_are_null() -> None:
    assert play([op("a", inputs={"x": {"value": None}, "y": {"value": [1]}})]).inputs["a"] == {"x": None, "y": [1]}


@pytest.mark.parametrize(
    ("result", "state"), [(None, "succeeded"), (fails(), "untouched"), ({}, "succeeded")], ids=["ok", "failed", "bare"]
)
def test_after_waits_for_an_op_whatever_it_yields(result: object, state: str) -> None:
    assert play([op("a", outputs=OPTIONAL), op("b", after=["a"])], {"a": result}).states["b"] == state


def test_after_a_skipped_op_comes_a_skipped_one() -> None:
    done = play([FORK, reads("a", "fork.left"), op("b", after=["a"])], {"fork": {}})
    assert done.states["b"] == "skipped"


# -- dynamic outputs ------------------------------------------------------------------------------------------------

NUMS = [dynamic("nums"), maps("work", "nums"), reads("echo", "work"), collects("merge", "echo")]


def test_clones_carry_their_keys_and_collect_lists_them_as_yielded() -> None:
    done = play(NUMS, {"nums": {"result": ["k2", "k1", "k3"]}}, max_concurrent=2)
    assert done.inputs["work[k1]"] == {"x": "nums:k1"}
    assert done.inputs["echo[k1]"] == {"x": "work[k1]"}
    assert done.inputs["merge"] == {"x": ["echo[k2]", "echo[k1]", "echo[k3]"]}


def test_collect_of_a_dynamic_output_itself_lists_its_values() -> None:
    done = play([dynamic("nums"), collects("all", "nums")], {"nums": {"result": ["b", "a"]}})
    assert done.inputs["all"] == {"x": ["nums:b", "nums:a"]}


def test_nothing_from_a_required_dynamic_output_collects_an_empty_list_also_after_a_chain_of_maps() -> None:
    done = play([*NUMS, collects("direct", "nums"), op("last", after=["work"])], {"nums": {"result": []}})
    assert done.states == {"nums": "succeeded", "merge": "succeeded", "direct": "succeeded", "last": "succeeded"}
    assert done.inputs["merge"] == done.inputs["direct"] == {"x": []}


def test_nothing_from_an_optional_dynamic_output_skips_all_its_readers() -> None:
    ops = [dynamic("nums", required=False), *NUMS[1:], collects("direct", "nums"), reads("end", "merge")]
    done = play(ops, {"nums": {}})
    assert done.states == {"nums": "succeeded", "merge": "skipped", "direct": "skipped", "end": "skipped"}
    assert done.run.status is RunStatus.SUCCEEDED


def test_a_dynamic_op_that_failed_leaves_its_map_and_collect_untouched() -> None:
    done = play([*NUMS, collects("direct", "nums")], {"nums": fails()})
    assert done.states == {"nums": "failed", "merge": "untouched", "direct": "untouched"}


def test_a_dynamic_op_that_was_skipped_skips_them() -> None:
    ops = [FORK, dynamic("nums", inputs={"x": {"from": "fork.left"}}), *NUMS[1:]]
    assert play(ops, {"fork": {}}).states == {"fork": "succeeded", "nums": "skipped", "merge": "skipped"}


def test_one_failed_clone_leaves_the_collect_untouched_and_its_siblings_and_other_branches_go_on() -> None:
    done = play([*NUMS, maps("other", "nums"), collects("sum", "other")], {"work[k1]": fails()})
    assert done.of("failed") == ["work[k1]"]
    assert done.of("untouched") == ["merge", "echo[k1]"]
    assert set(done.of("succeeded")) >= {"echo[k2]", "sum"}
    assert done.run.status is RunStatus.FAILED


WORK_MAY_SKIP = [dynamic("nums"), maps("work", "nums", outputs=OPTIONAL), *NUMS[2:]]


def test_a_skipped_clone_is_left_out_of_the_collect() -> None:
    done = play(WORK_MAY_SKIP, {"work[k1]": {}})
    assert done.of("skipped") == ["echo[k1]"]
    assert done.inputs["merge"] == {"x": ["echo[k2]"]}


def test_a_collect_is_skipped_when_all_clones_are() -> None:
    assert play(WORK_MAY_SKIP, {"work[k1]": {}, "work[k2]": {}}).states["merge"] == "skipped"


def test_among_clones_one_failure_beats_all_skips() -> None:
    assert play(WORK_MAY_SKIP, {"work[k1]": {}, "work[k2]": fails()}).states["merge"] == "untouched"


def test_a_retried_dynamic_op_forgets_what_it_had_yielded() -> None:
    done = play(NUMS, {"nums": [asks_retry(1), {"result": ["new"]}]})
    assert [one for one in done.states if one.startswith("work")] == ["work[new]"]


def test_each_clone_has_its_own_retry_budget() -> None:
    ops = [dynamic("nums"), maps("work", "nums", retryPolicy={"maxRetries": 1})]
    done = play(ops, {"work[k1]": [fails(), None], "work[k2]": [fails(), None]})
    assert done.of("succeeded") == ["nums", "work[k1]", "work[k2]"]
    assert {step.retries for step in done.run.state.steps_of("work")} == {1}


# -- maps in maps ---------------------------------------------------------------------------------------------------

NESTED = [
    dynamic("gens"),
    dynamic("parts", inputs={"x": {"map": "gens"}}),
    maps("score", "parts"),
    collects("per_gen", "score"),
    collects("all", "score", levels=2),
    collects("all_parts", "parts", levels=2),
    collects("sums", "per_gen"),
]
NESTED_KEYS = {"gens": {"result": ["g1", "g2"]}, "parts[g1]": {"result": ["b", "a"]}, "parts[g2]": {"result": []}}


def test_a_map_in_a_map_has_a_clone_for_each_pair_and_collect_closes_the_innermost() -> None:
    done = play(NESTED, NESTED_KEYS)
    assert done.inputs["score[g1,a]"] == {"x": "parts[g1]:a"}
    assert done.inputs["per_gen[g1]"] == {"x": ["score[g1,b]", "score[g1,a]"]}
    assert done.inputs["per_gen[g2]"] == {"x": []}
    assert done.inputs["sums"] == {"x": ["per_gen[g1]", "per_gen[g2]"]}


def test_collect_with_two_levels_lists_lists() -> None:
    done = play(NESTED, NESTED_KEYS)
    assert done.inputs["all"] == {"x": [["score[g1,b]", "score[g1,a]"], []]}
    assert done.inputs["all_parts"] == {"x": [["parts[g1]:b", "parts[g1]:a"], []]}


def test_an_inner_failure_blocks_its_own_collect_and_those_above_alone() -> None:
    script = NESTED_KEYS | {"parts[g2]": {"result": ["c"]}, "score[g1,a]": fails()}
    done = play(NESTED, script)
    assert done.of("untouched") == ["all", "sums", "per_gen[g1]"]
    assert done.states["per_gen[g2]"] == "succeeded"


def test_an_outer_value_is_broadcast_into_the_clones_of_a_map() -> None:
    both = op(
        "both",
        inputs={"part": {"map": "parts"}, "gen": {"map": "gens"}, "base": {"from": "base"}, "all": {"collect": "gens"}},
    )
    done = play([op("base"), dynamic("gens"), dynamic("parts", inputs={"x": {"map": "gens"}}), both])
    assert done.inputs["both[k2,k1]"] == {
        "part": "parts[k2]:k1",
        "gen": "gens:k2",
        "base": "base",
        "all": ["gens:k1", "gens:k2"],
    }


def test_after_inside_a_map_waits_for_the_same_clone_and_outside_for_all() -> None:
    ops = [dynamic("nums"), maps("a", "nums"), maps("b", "nums", after=["a"]), op("c", after=["a"])]
    done = play(ops, {"a[k1]": fails()})
    assert done.states["b[k1]"] == "untouched"
    assert done.states["b[k2]"] == "succeeded"
    assert done.states["c"] == "untouched"


def test_a_collect_read_by_clones_of_another_map() -> None:
    ops = [*NUMS[:2], dynamic("more"), op("mix", inputs={"one": {"map": "more"}, "all": {"collect": "work"}})]
    assert play(ops).inputs["mix[k2]"] == {"one": "more:k2", "all": ["work[k1]", "work[k2]"]}


# -- room -----------------------------------------------------------------------------------------------------------


def many(count: int) -> list[str]:
    return [f"k{number}" for number in range(count)]


def test_a_dynamic_output_with_which_a_run_would_have_too_many_steps_fails_its_step() -> None:
    mapped = [maps(f"m{number}", "make") for number in range(50)]
    run = start([dynamic("make"), op("other"), collects("all", "m0"), *mapped])
    run.end("make", {"result": many(5_000)})
    assert run.states["make"] == "failed"
    failure = run.run.state.steps[StepKey("make")].failure
    assert failure is not None
    assert failure.message.startswith(
        "step make: output 'result' has 5000 mapping keys, with which the run would have 25"
    )
    assert not failure.retryable
    assert len(run.run.state.steps) == 3
    assert run.go().states["other"] == "succeeded"


def test_what_every_clone_of_a_map_gives_counts_together() -> None:
    ops = [
        dynamic("outer"),
        {**dynamic("inner"), **maps("inner", "outer", outputs=[{"name": "result", "dynamic": True}])},
    ]
    run = start([*ops, maps("leaf", "inner")], {"outer": {"result": many(3)}})
    run.end("outer")
    for key in many(3):
        run.end(f"inner[{key}]", {"result": many(100_000)})
    assert [run.states[f"inner[{key}]"] for key in many(3)] == ["succeeded", "succeeded", "failed"]
    assert len(run.run.state.steps) == 200_004


def test_keys_that_nothing_maps_over_count_too() -> None:
    run = start([dynamic("make")])
    run.end("make", {"result": many(250_000)})
    assert run.states["make"] == "failed"
