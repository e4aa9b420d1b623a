"""Outcome records, from the store to what becomes of a run: its steps, their tickets, its status, what it deletes."""

from __future__ import annotations

import json
import logging

from fuzzing import PREFIX, as_json, check_run_paths, golden, is_below, large_json, refusals

from kedge.core import plan
from kedge.core.actions import Discard, Start
from kedge.core.bindings import bind
from kedge.core.events import Begin, Ended
from kedge.core.graph import OpGraph
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths
from kedge.core.memo import Memo, can_be_kept
from kedge.core.protocol import Outcome, OutcomeStatus, Ticket, check_outputs
from kedge.core.run import Run
from kedge.core.settings import Retain, RunSettings
from kedge.engine import records
from kedge.io.confinement import own_values
from kedge_operator import labels, statuses

_RECORDS = [json.loads(one) for one in golden("protocol/outcome.v1.json")]
_MADE = {"version": 1, "step": "make", "attempt": 1, "status": "succeeded"}
_FAILED = {**_MADE, "status": "failed"}


def _value(path: object) -> dict[str, object]:
    return {"value": {"path": path, "format": "json", "size": 1, "digest": "sha256:0"}}


SEEDS = [
    *golden("protocol/outcome.v1.json"),
    *as_json(
        {**_MADE, "outputs": {"one": _value(f"{PREFIX.prefix}/values/make/1/one"), "many": {"a": None, "b": {}}}},
        {**_MADE, "outputs": {"one": _value("runs/other/x/values/s/1/one"), "many": {}}},
        {**_MADE, "outputs": {"one": {"file": "../x"}, "many": {"../a": None}}},
        {**_MADE, "outputs": {"one": 5, "many": {"a": 5}}},
        {**_MADE, "outputs": {"one": {"value": 5}, "many": {"a": {"value": []}}}},
        {**_MADE, "outputs": {"one": None, "many": {"k" * 5000: None}}},
        {**_MADE, "events": 5},
        {**_MADE, "attempt": 10**12},
        {**_FAILED, "failure": {"error": "E", "message": "\ud800"}},
        {
            **_FAILED,
            "failure": {
                "error": "RetryRequested",
                "message": "",
                "retryRequested": {"maxRetries": 1, "delaySeconds": 1e308},
            },
        },
        {**_FAILED, "failure": {"error": "E", "message": "m", "metadata": 5}},
        {
            **_FAILED,
            "failure": {"error": "E", "message": "m", "retryRequested": {"maxRetries": 10**400, "delaySeconds": -1}},
        },
        {**_MADE, "times": {"started": 1e308, "ended": -1e308}, "cachedFrom": "\udc00"},
    ),
    b'{"version":1,"outputs":' + b"[" * 2000,
]
LARGE = {
    **large_json(),
    **{
        f"outputs: {name}": made
        for name, made in large_json(
            json.dumps({**_MADE, "outputs": {"many": "%", "one": None}}).replace('"%"', "%s").encode()
        ).items()
    },
    **{
        f"failure: {name}": made
        for name, made in large_json(
            json.dumps({**_FAILED, "failure": {"error": "E", "message": "%"}}).replace('"%"', "%s").encode()
        ).items()
    },
}
_GRAPH = OpGraph.from_json(
    [
        {
            "name": "make",
            "outputs": [{"name": "one", "required": False}, {"name": "many", "dynamic": True, "required": False}],
            "codeVersion": "1",
        },
        {"name": "read", "inputs": {"x": {"from": "make.one"}}, "codeVersion": "1"},
        {"name": "each", "inputs": {"x": {"map": "make.many"}}},
        {"name": "all", "inputs": {"xs": {"collect": "make.many"}}},
    ]
)
_PLAN = plan.build(_GRAPH)
_STEP = StepKey("make")
QUICK = ["nested", "numbers", "outputs: keys", "outputs: objects", "failure: a wide text"]


def check(data: bytes) -> None:
    logging.getLogger("kedge.engine").disabled = True
    for path in (PREFIX.outcome(_STEP, 1), f"{PREFIX.prefix}/outcomes/make/{data[:20].decode(errors='replace')}.json"):
        found = records.parse_record(path, data)
        if found is not None:
            _check_outcome(found)
            _check_run(found)


def _check_outcome(found: Outcome) -> None:
    again = Outcome.from_json(json.loads(found.to_bytes()))
    assert again.to_bytes() == found.to_bytes()
    assert 1 <= found.attempt < 10**9
    check_run_paths(PREFIX, [found.step], [])
    labels.of_step("job", "uid", found.step, found.attempt)
    if found.failure is not None:
        f"{found.failure.error}{found.failure.message}{found.failure.stack}".encode()


def _check_run(found: Outcome) -> None:
    run = Run(_PLAN, RunSettings(retain=Retain.UNTIL_CONSUMED))
    run.apply(Begin(0.0))
    actions = run.apply(Ended(found, 1.0))
    memo = Memo("job", {}, {})
    if check_outputs(found, {"one": False, "many": True}) is None and found.status is OutcomeStatus.SUCCEEDED:
        can_be_kept(found, _GRAPH.ops[0])
    deleted: list[str] = []
    for _ in range(3):
        more = []
        for action in actions:
            if isinstance(action, Start):
                step = run.state.steps[action.step]
                inputs = bind(run.state, step)
                memo.key_of(action.step, step.node.op, inputs)
                text = Ticket("r", PREFIX.prefix, "d", action.step, action.attempt, action.retries, inputs).to_text()
                assert Ticket.from_json(json.loads(text)).to_text() == text
                check_run_paths(PREFIX, [action.step], [])
                more += run.apply(Ended(Outcome(action.step, action.attempt, OutcomeStatus.SUCCEEDED, {}), 2.0))
            elif isinstance(action, Discard):
                deleted += own_values(PREFIX, [source.record for source in action.values])
        actions = more
    assert all(is_below(f"{PREFIX.prefix}/values", path) for path in deleted), deleted
    failed = {"make": [run.state.steps[_STEP]]} if run.state.steps[_STEP].failure is not None else {}
    status = statuses.of(run, statuses.Facts(failed=failed, began=0.0), 1.0)
    assert len(json.dumps(status)) < 100_000
    with refusals():
        RunPaths.parse(found.cached_from or "")
