"""A wide fan-out on real pods, to its end, with the operator killed on the way.

A node with two cores runs about two pods a second, so that this is narrower than what a real API server with played
kubelets is shown in `tests/plane/test_scale.py`; KEDGE_CLONES=1000 makes it as wide.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

import pytest
from cluster_runs import op
from kedge_installed import Installed, steps_of

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("fan_out")]

ALONE = True
"""So many pods would starve those of other modules."""
CLONES = int(os.environ.get("KEDGE_CLONES", "300"))
SECONDS = 1500


def size(found: Any) -> int:
    """Bytes of an object, but for what the API server notes on who wrote which field."""
    metadata = {name: one for name, one in found["metadata"].items() if name != "managedFields"}
    return len(json.dumps({**found, "metadata": metadata}))


def test_clones_run_once_each_and_stay_readable(kedge: Installed) -> None:
    numbers = op("numbers", outputs=[{"name": "result", "dynamic": True}], config={"count": CLONES})
    mapped = op("add_one", inputs={"x": {"map": "numbers"}})
    total = op("total", inputs={"values": {"collect": "add_one"}})
    job = kedge.submit({"ops": [numbers, mapped, total], "maxConcurrent": 10})

    kedge.until(job, lambda status: status["steps"].get("succeeded", 0) > CLONES // 4, SECONDS)
    kedge.kill_operator()
    status = kedge.ended(job, SECONDS)
    assert (status["phase"], status["progress"]) == ("Succeeded", f"{CLONES + 2}/{CLONES + 2}")
    assert status["steps"]["succeeded"] == CLONES + 2
    assert size(kedge.get(job)) < 6_000

    pods = kedge.pods(job)
    assert set(Counter(steps_of(pods)).values()) == {1}
    assert len(pods) == CLONES + 2
    assert max(size(pod) for pod in pods) < 8_000
    records = kedge.outcomes(job)
    assert {len(found) for found in records.values()} == {1}
    (outcome,) = records["total"]
    value = json.loads(kedge.store.get(outcome.outputs["result"]["value"]["path"]))
    assert value == sum(i + 1 for i in range(CLONES))
