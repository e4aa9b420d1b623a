"""Random graphs, outcomes and interleavings, checked after every event against a naive evaluator of the rules."""

from __future__ import annotations

import os
from random import Random

import pytest
from core_worlds import Engine, live_through, random_engine, random_graph, stop_sometime
from hypothesis import given
from hypothesis import strategies as st

from kedge.core.actions import RunStatus
from kedge.core.graph import OpGraph
from kedge.core.settings import RunSettings
from kedge.core.state import StepState

RANDOM = st.randoms(use_true_random=False)
WORLDS = int(os.environ.get("KEDGE_FUZZ", "300"))
FIRST = Random().randint(0, 10**9) if "KEDGE_FUZZ" in os.environ else 0


@given(RANDOM)
def test_any_run_obeys_every_rule_at_every_event(rng: Random) -> None:
    engine = random_engine(rng)
    live_through(engine, rng)
    engine.check_end()
    engine.check_replay()


@pytest.mark.parametrize("block", range(4))
def test_many_seeded_worlds_obey_every_rule(block: int) -> None:
    for seed in range(FIRST + block * WORLDS, FIRST + (block + 1) * WORLDS):
        rng = Random(seed)
        try:
            engine = random_engine(rng)
            live_through(engine, rng)
            engine.check_end()
            engine.check_replay()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error


@given(RANDOM)
def test_final_states_depend_neither_on_interleaving_nor_on_limits(rng: Random) -> None:
    first = random_engine(rng)
    second = Engine(first.graph, (), first.script, RunSettings(max_concurrent=1, infrastructure_retries=2))
    for engine in (first, second):
        live_through(engine, rng)
    assert first.final == second.final


@given(RANDOM)
def test_a_cancelled_run_stops_all_that_runs_and_starts_nothing_more(rng: Random) -> None:
    engine = random_engine(rng)
    stop_sometime(engine, rng, cancel=True)
    assert engine.cancelled == (engine.run.status is RunStatus.CANCELLED)
    engine.check_replay()


@given(RANDOM)
def test_fail_fast_ends_every_step(rng: Random) -> None:
    engine = random_engine(rng, fail_fast=True)
    stop_sometime(engine, rng, cancel=False)
    failed = any(state is StepState.FAILED for state in engine.final.values())
    assert failed == (engine.run.stopping is not None)
    engine.check_replay()


@given(RANDOM)
def test_a_graph_survives_json(rng: Random) -> None:
    graph = random_graph(rng)
    again = OpGraph.from_json(graph.to_json())
    assert again == graph
    assert again.digest == graph.digest
