"""OpJobs as large as an API server takes them: read again when their specs change, and not with each status."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest
from plane_operator import install_crd, kubectl, operator
from prometheus_client.parser import text_string_to_metric_families

from cluster import plane as planes

pytestmark = pytest.mark.plane

CHANGES = 6
SECONDS_EACH = 0.09
"""Of the processor's time. Reading what the watch tells takes a third of it; its models would take 0.15 more."""


def test_a_change_that_is_none_of_the_spec_costs_no_look_at_it(tmp_path: Path) -> None:
    ops = [{"name": f"op_{i}", "outputs": [{"name": f"x{k}"} for k in range(90)]} for i in range(300)]
    body = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": "large"}}
    spec = {"image": "x", "ops": ops, "suspend": True}
    with planes.running() as plane, operator(plane.kubeconfig, tmp_path, f"file://{tmp_path}/store") as port:
        install_crd(plane)
        kubectl(plane, "create", "-f", "-", given=json.dumps({**body, "spec": spec}))
        kubectl(plane, "wait", "--for=condition=Suspended", "oj/large", "--timeout=60s")
        before = spent(port)
        for number in range(CHANGES):
            kubectl(plane, "annotate", "--overwrite", "oj/large", f"seen={number}")
        kubectl(plane, "patch", "oj", "large", "--type=merge", "-p", '{"spec":{"cancel":true}}')
        kubectl(plane, "wait", "--for=condition=Failed", "oj/large", "--timeout=60s")
        assert spent(port) - before < CHANGES * SECONDS_EACH


def spent(port: int) -> float:
    """How long the operator has used a processor, in seconds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return next(family.samples[0].value for family in families if family.name == "process_cpu_seconds")
