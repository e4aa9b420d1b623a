"""The cache of memoized steps over a store: found while all its values are there, believed only where they can be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from kedge.core.graph import OpNode, OutputSpec
from kedge.core.ids import StepKey
from kedge.core.protocol import MOST_BYTES, Outcome, OutcomeStatus
from kedge.io.cache import ResultCache
from kedge.io.stores import Store
from kedge.io.values import write_value

NODE = OpNode("work", outputs=(OutputSpec(), OutputSpec("many", dynamic=True, required=False)), code_version="1")
STEP = StepKey("work")
PREFIX = "runs/local/job-1"


def kept(store: Store, outputs: Mapping[str, Any]) -> ResultCache:
    cache = ResultCache(store, "local")
    cache.keep("k", Outcome(STEP, 1, OutcomeStatus.SUCCEEDED, outputs), NODE, PREFIX)
    return cache


def stored(store: Store, name: str, folder: str = PREFIX) -> dict[str, Any]:
    return {"value": write_value(store, f"{folder}/values/work/1/{name}", name).to_json()}


def test_outputs_are_found_by_their_key(store: Store) -> None:
    outputs = {"result": stored(store, "result"), "many": {"a": stored(store, "many/a"), "b": stored(store, "many/b")}}
    cache = kept(store, outputs)
    found = cache.find("k", STEP, NODE)
    assert found is not None
    assert (found.outputs, found.run) == (outputs, PREFIX)
    assert cache.find("other", STEP, NODE) is None
    assert ResultCache(store, "elsewhere").find("k", STEP, NODE) is None


def test_an_entry_whose_values_have_gone_counts_no_more(store: Store) -> None:
    outputs = {"result": stored(store, "result"), "many": {"a": stored(store, "many/a")}}
    cache = kept(store, outputs)
    store.delete([f"{PREFIX}/values/work/1/many/a"])
    assert cache.find("k", STEP, NODE) is None


def test_a_value_of_another_size_is_another_value(store: Store) -> None:
    cache = kept(store, {"result": stored(store, "result")})
    store.put(f"{PREFIX}/values/work/1/result", b"something else")
    assert cache.find("k", STEP, NODE) is None


@pytest.mark.parametrize("folder", ["runs/other/job-1", "runs/local/../other/job-1", "elsewhere"])
def test_values_elsewhere_than_in_runs_of_the_namespace_are_not_taken_over(store: Store, folder: str) -> None:
    record = stored(store, "result", "runs/other/job-1")
    record["value"]["path"] = record["value"]["path"].replace("runs/other/job-1", folder)
    cache = kept(store, {"result": record})
    assert cache.find("k", STEP, NODE) is None


@pytest.mark.parametrize(
    "outputs", [{"result": 5}, {"result": {"value": 5}}, {"result": None, "many": [1]}, {"x": None}]
)
def test_outputs_that_make_no_sense_are_not_kept(store: Store, outputs: dict[str, Any]) -> None:
    kept(store, outputs)
    assert list(store.list()) == []


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"[]",
        b"{",
        json.dumps({"version": 99, "run": PREFIX, "outputs": {}}).encode(),
        json.dumps({"version": 1, "run": PREFIX}).encode(),
        json.dumps({"version": 1, "run": PREFIX, "outputs": {}}).encode(),
        json.dumps({"version": 1, "run": PREFIX, "outputs": {"nope": None, "result": None}}).encode(),
        json.dumps({"version": 1, "run": PREFIX, "outputs": {"result": {"value": 3}}}).encode(),
        json.dumps({"version": 1, "run": PREFIX, "outputs": {"result": None, "many": [1]}}).encode(),
        b'{"version":1,"run":' + b"[" * 100_000,
        b" " * (MOST_BYTES + 1),
    ],
    ids=lambda entry: entry[:40].decode(),
)
def test_an_entry_that_makes_no_sense_counts_as_none(store: Store, entry: bytes) -> None:
    store.put("cache/local/k.json", entry)
    assert ResultCache(store, "local").find("k", STEP, NODE) is None


def test_outputs_of_other_io_managers_leave_no_entry(store: Store) -> None:
    assert kept(store, {"result": {"external": True}}).find("k", STEP, NODE) is None
