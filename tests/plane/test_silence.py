"""A network that goes silent, as when a node in between is gone: nothing is closed, and nothing comes any more."""

from __future__ import annotations

from pathlib import Path

import pytest
from plane_operator import install_crd, kubectl, operator, requests, submit
from played_workers import Workers
from silent_relay import relayed

from cluster import plane as planes
from cluster import s3
from kedge.core.ids import StepKey
from kedge.io.stores import open_store
from kedge_kubectl import SECONDS, until

pytestmark = [pytest.mark.plane, pytest.mark.s3]

OPS = [
    {"name": "first", "entrypoint": "x:first"},
    {"name": "second", "entrypoint": "x:second", "inputs": {"x": {"from": "first"}}},
]


def outputs(step: StepKey) -> dict[str, object]:
    return {"result": {"value": {"path": f"values/{step}", "format": "json", "size": 1, "digest": "sha256:0"}}}


@pytest.mark.parametrize("gone", [False, True], ids=["its pod has ended", "its pod is gone"])
def test_a_run_goes_on_from_a_step_whose_end_no_watch_tells(tmp_path: Path, gone: bool) -> None:
    with planes.running(nodes=1) as plane, s3.running() as environment, pytest.MonkeyPatch.context() as patch:
        for name, text in environment.items():
            patch.setenv(name, text)
        store = open_store(f"s3://{s3.BUCKET}/silence")
        install_crd(plane)
        relay, kubeconfig = relayed(plane, tmp_path)
        try:
            with (
                operator(kubeconfig, tmp_path, store.url, resyncSeconds=2) as port,
                Workers(plane.kubeconfig, store, outputs, lasting=["first"] if gone else []) as workers,
            ):
                workers.hold()
                submit(plane, "silent", {"image": "x", "ops": OPS})
                kubectl(plane, "wait", "pod", "-l", "kedge.dev/op=first", "--for=create", f"--timeout={SECONDS}s")
                assert relay.silence() > 0
                workers.go()
                if gone:
                    until(lambda: any("/outcomes/" in one.path for one in store.list("runs")), "a record")
                    kubectl(plane, "delete", "pod", "-l", "kedge.dev/op=first", "--grace-period=0", "--force")
                kubectl(plane, "wait", "--for=condition=Complete", "oj/silent", "--timeout=300s")
                assert requests(port)["pod GET"] > 0, "it was a watch that told"
        finally:
            relay.close()
