"""Jobs of the ops that the tests on a cluster share, and what is seen of their runs."""

from __future__ import annotations

from typing import Any

from kedge_installed import Installed, steps_of

from kedge.io.values import ValueRecord, read_value


def op(name: str, code: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "entrypoint": f"pod_ops:{code or name}", **more}


def fan_out(code: str) -> dict[str, Any]:
    return op(code, outputs=[{"name": "result", "dynamic": True}])


CHAIN = [
    fan_out("ten"),
    op("add_one", inputs={"x": {"map": "ten"}}),
    op("more", "add_one", inputs={"x": {"from": "add_one"}}),
    op("total", inputs={"values": {"collect": "more"}}),
]


def run_once(kedge: Installed, job: str) -> None:
    """Each step has one record, of its first attempt, and one pod."""
    records = kedge.outcomes(job)
    assert len(records) == 22
    assert {len(found) for found in records.values()} == {1}
    assert {found[0].status.value for found in records.values()} == {"succeeded"}
    steps = steps_of(kedge.pods(job))
    assert sorted(steps) == sorted(records)


def value(kedge: Installed, job: str, step: str) -> Any:
    """What a step gave."""
    record = ValueRecord.from_json(kedge.outcomes(job)[step][-1].outputs["result"]["value"])
    return read_value(kedge.store, record)


def events(kedge: Installed, job: str) -> list[tuple[str, str]]:
    found = kedge.kubectl.get("events", f"--field-selector=involvedObject.name={job}")["items"]
    return [(one["reason"], one["message"]) for one in found]


def hints(kedge: Installed) -> dict[str, float]:
    """What became of the hints so far."""
    return {labels["result"]: value for labels, value in kedge.metric("kedge_hints_total")}


def most_at_once(spans: list[tuple[Any, Any]]) -> int:
    moments = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    now = most = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most
