"""Every target answers its seeds, what is made out of them at random, and 10 MB of anything, with a value or a refusal.

A short run; `make fuzz` goes on for as long as it is told, led by the code that inputs reach.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import fuzzing
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FUZZ = int(os.environ.get("KEDGE_FUZZ", "0"))
SECONDS, BYTES = 30.0, 700 << 20
"""Of the processor, on a machine that does other things as well, and of memory."""
bounded = settings(
    max_examples=FUZZ or 200,
    derandomize=not FUZZ,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
targets = pytest.mark.parametrize("target", fuzzing.TARGETS)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 1 << 70, 10**400, 1e308, -0.0, float("nan"), float("inf")])
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["", "..", "a/../b", "/x", "\0", "\ud800", "runs/other/x-1/values/s/1/r", "k" * 2000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


def test_there_is_a_target_for_each_kind_of_data_that_comes_from_others() -> None:
    assert len(fuzzing.TARGETS) >= 13


@targets
def test_seeds_are_answered(target: str) -> None:
    module = fuzzing.target(target)
    for data in module.SEEDS:
        module.check(data)


@targets
@bounded
@given(data=st.data())
def test_bytes_are_answered(target: str, data: st.DataObject) -> None:
    module = fuzzing.target(target)
    seed = data.draw(st.sampled_from(module.SEEDS))
    start = data.draw(st.integers(0, len(seed)))
    cut = data.draw(st.integers(0, 8))
    module.check(seed[:start] + data.draw(st.binary(max_size=8)) + seed[start + cut :])
    module.check(data.draw(st.binary(max_size=200)))


def _objects(seeds: list[bytes]) -> Iterator[dict[str, Any]]:
    for seed in seeds:
        try:
            found = json.loads(seed)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _places(found: Any) -> Iterator[tuple[Any, Any]]:
    """Each value inside, by what holds it and the key or number that it has there."""
    held = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, value in list(held):
        yield found, key
        yield from _places(value)


WITH_JSON = [name for name in fuzzing.TARGETS if any(_objects(fuzzing.target(name).SEEDS))]


@pytest.mark.parametrize("target", WITH_JSON)
@bounded
@given(data=st.data())
def test_json_of_another_shape_is_answered(target: str, data: st.DataObject) -> None:
    """One to three parts of a seed become something else."""
    module = fuzzing.target(target)
    found = data.draw(st.sampled_from(list(_objects(module.SEEDS))))
    made = copy.deepcopy(found)
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(_places(made))
        where, key = places[data.draw(st.integers(0, len(places) - 1))]
        where[key] = data.draw(JSON)
    module.check(json.dumps(made).encode())


@targets
def test_10_mb_are_answered_soon_and_in_little_memory(target: str) -> None:
    """Some kinds of it; with KEDGE_FUZZ all of them."""
    command = [sys.executable, str(fuzzing.HERE), target, "--large", *(() if FUZZ else fuzzing.quick(target))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told
    assert [one for one in told if one["seconds"] > SECONDS or one["bytes"] > BYTES] == []
