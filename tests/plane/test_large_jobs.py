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
SHARE = 0.53
"""Of the processor's time for as many changes of the spec: in the middle, by ratio, of 0.28, which the watch and one
change of the spec take, and of the whole, which a look at each change would take."""


def test_a_change_that_is_none_of_the_spec_costs_no_look_at_it(tmp_path: Path) -> None:
    ops = [{"name": f"op_{i}", "outputs": [{"name": f"x{k}"} for k in range(90)]} for i in range(300)]
    body = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": "large"}}
    spec = {"image": "x", "entrypoint": "m:job", "ops": ops, "suspend": True}
    with planes.running() as plane, operator(plane.kubeconfig, tmp_path, f"file://{tmp_path}/store") as port:
        install_crd(plane)
        kubectl(plane, "create", "-f", "-", given=json.dumps({**body, "spec": spec}))
        kubectl(plane, "wait", "--for=condition=Suspended", "oj/large", "--timeout=120s")
        before = spent(port)
        for number in range(CHANGES):
            kubectl(plane, "annotate", "--overwrite", "oj/large", f"seen={number}")
        change_spec(plane, 1)
        without = spent(port)
        for number in range(CHANGES + 1):
            change_spec(plane, 2 + number)
        assert without - before < SHARE * (spent(port) - without)


def change_spec(plane: planes.Running, number: int) -> None:
    """Change a field of it, and wait until the operator has seen that."""
    patch = json.dumps({"spec": {"maxConcurrent": number}})
    changed = json.loads(kubectl(plane, "patch", "oj", "large", "--type=merge", "-p", patch, "-o", "json"))
    seen = f"jsonpath={{.status.observedGeneration}}={changed['metadata']['generation']}"
    kubectl(plane, "wait", f"--for={seen}", "oj/large", "--timeout=120s")


def spent(port: int) -> float:
    """How long the operator has used a processor, in seconds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return next(family.samples[0].value for family in families if family.name == "process_cpu_seconds")
