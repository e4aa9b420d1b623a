"""When a step may take over the outputs of an earlier success: what its cache key depends on, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from kedge.core.graph import OpGraph, OpNode, OutputSpec
from kedge.core.ids import StepKey
from kedge.core.memo import Memo, can_be_kept, config_for
from kedge.core.protocol import EXTERNAL, Constant, Listing, Outcome, OutcomeStatus, Single, SourceRef

NODE = OpNode("work", code_version="1")
STORED = SourceRef(StepKey("load"), "result", None, {"value": {"digest": "sha256:a", "path": "p"}})
OTHER = SourceRef(StepKey("load"), "result", None, {"value": {"digest": "sha256:b", "path": "p"}})


def key(
    job: str = "job",
    run_config: Any = None,
    tags: Any = None,
    constants: Any = None,
    step: str = "work",
    node: OpNode = NODE,
    **inputs: Any,
) -> str | None:
    return Memo(job, run_config or {}, tags or {}, constants).key_of(StepKey.parse(step), node, inputs)


def test_the_same_step_of_two_runs_has_one_key() -> None:
    assert key(x=Single(STORED)) == key(x=Single(STORED)) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"job": "other"},
        {"run_config": {"ops": {"work": {"config": 1}}}},
        {"run_config": {"resources": {"r": {"config": 1}}}},
        {"tags": {"dagster/partition": "a"}},
        {"constants": {"work": {"y": 1}}},
        {"step": "work[k1]"},
        {"node": OpNode("work", code_version="2")},
        {"node": OpNode("work", code_version="1", config=3)},
        {"x": Single(OTHER)},
        {"x": Listing([STORED])},
        {"y": Constant(1)},
    ],
)
def test_what_the_outputs_can_depend_on_is_in_the_key(changed: dict[str, Any]) -> None:
    assert key(**{"x": Single(STORED), **changed}) != key(x=Single(STORED))


@pytest.mark.parametrize(
    "changed",
    [
        {"run_config": {"ops": {"other": {"config": 1}}}},
        {"run_config": {"loggers": {"console": {}}, "execution": {"config": {}}}},
        {"tags": {"team": "x"}},
        {"node": OpNode("work", code_version="1", tags={"kedge/priority": "3"}, timeout=5)},
        {"x": Single(SourceRef(StepKey("elsewhere"), "out", None, {"value": {"digest": "sha256:a", "path": "q"}}))},
    ],
)
def test_what_they_can_not_depend_on_is_not(changed: dict[str, Any]) -> None:
    assert key(**{"x": Single(STORED), **changed}) == key(x=Single(STORED))


def test_the_order_of_a_list_is_in_the_key() -> None:
    assert key(x=Listing([STORED, OTHER])) != key(x=Listing([OTHER, STORED]))


def test_an_op_without_a_code_version_has_no_key() -> None:
    assert key(node=OpNode("work"), x=Single(STORED)) is None
    assert not OpGraph((OpNode("work"),)).is_memoized
    assert OpGraph((OpNode("work"), NODE)).is_memoized


def test_a_step_that_reads_a_value_without_a_version_has_no_key() -> None:
    bare = SourceRef(StepKey("load"), "result")
    assert key(x=Single(bare)) is None
    assert key(x=Listing([STORED, bare])) is None


def test_a_value_without_a_digest_has_the_version_of_the_step_that_made_it() -> None:
    def chain(version: str) -> str | None:
        memo = Memo("job", {}, {})
        assert memo.key_of(StepKey("load"), OpNode("load", code_version=version), {}) is not None
        return memo.key_of(StepKey("work"), NODE, {"x": Single(SourceRef(StepKey("load"), "result"))})

    assert chain("1") == chain("1") is not None
    assert chain("1") != chain("2")


def test_a_config_that_is_no_json_gives_no_key() -> None:
    assert key(run_config={"ops": {"work": {"config": object()}}}) is None
    assert key(constants={"work": {"x": {1, 2}}}) is None


@pytest.mark.parametrize(
    ("run_config", "op", "found"),
    [
        ({}, "a", {}),
        ({"ops": {"a": {"config": 1}}}, "a", {"ops": [{"config": 1}]}),
        ({"ops": {"g": {"ops": {"a": {"config": 1}}}}}, "g.a", {"ops": [{}, {"config": 1}]}),
        ({"ops": {"g": {"config": 2}}}, "g.a", {"ops": [{"config": 2}, None]}),
        ({"ops": {"g": {"inputs": {"x": 1}}}}, "g.a", {"ops": [{"inputs": {"x": 1}}, None]}),
        ({"ops": {"config": 2}}, "a", {"ops": [2, None]}),
        ({"m": 4}, "a", {"mapped": {"m": 4}}),
        ({"inputs": {"x": 1}}, "a", {"inputs": {"x": 1}}),
    ],
)
def test_the_part_of_a_run_config_that_speaks_to_an_op(run_config: Any, op: str, found: Any) -> None:
    assert config_for(run_config, op) == found


def test_outputs_that_only_their_own_run_finds_are_not_kept() -> None:
    node = OpNode("work", outputs=(OutputSpec(), OutputSpec("many", dynamic=True)))

    def outcome(**outputs: Any) -> Outcome:
        return Outcome(StepKey("work"), 1, OutcomeStatus.SUCCEEDED, outputs)

    stored = {"value": {"path": "p"}}
    assert can_be_kept(outcome(result=stored, many={"a": stored, "value": stored}), node)
    assert can_be_kept(outcome(result=None, many={}), node)
    assert not can_be_kept(outcome(result=dict(EXTERNAL)), node)
    assert not can_be_kept(outcome(result=None, many={"a": stored, "b": dict(EXTERNAL)}), node)


def test_an_outcome_says_whose_outputs_were_taken_over() -> None:
    outcome = Outcome(StepKey("work"), 1, OutcomeStatus.SUCCEEDED, cached_from="runs/local/job-1")
    assert outcome.to_json()["cachedFrom"] == "runs/local/job-1"
    assert Outcome.from_json(outcome.to_json()) == outcome
