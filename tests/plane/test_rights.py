"""An operator whose rights go and come back, as when its roles are put in place anew: runs wait, and none is lost."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from plane_operator import install_crd, kubectl, operator, submit
from played_workers import Workers
from prometheus_client.parser import text_string_to_metric_families

from cluster import plane as planes
from kedge.core.ids import StepKey
from kedge.io.stores import open_store
from kedge_kubectl import Kubectl, until
from manifests import names, rbac

pytestmark = pytest.mark.plane

WHO = f"--as=system:serviceaccount:{names.NAMESPACE}:{names.OPERATOR}"
SPEC: dict[str, Any] = {
    "image": "x",
    "ops": [{"name": "one", "entrypoint": "x:one"}],
}


class Operated:
    """A plane with an operator that has the rights of the manifests and no others."""

    def __init__(self, plane: planes.Running, port: int, workers: Workers) -> None:
        self.plane = plane
        self.port = port
        self.workers = workers
        self.kubectl = Kubectl(str(plane.kubeconfig), "")

    def grant(self, *without: tuple[str, str]) -> None:
        """Give it its rights but for some, each a verb and a resource; when this returns, the API server knows."""
        role, _ = rbac.cluster_wide()
        rules = [
            {**rule, "resources": [resource], "verbs": [verb]}
            for rule in role["rules"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
            if (verb, resource) not in without
        ]
        self.kubectl.apply({**role, "rules": rules})
        for verb, resource in RIGHTS:
            until(lambda right=(verb, resource): self.may(*right) is (right not in without))  # type: ignore[misc]

    def may(self, verb: str, resource: str) -> bool:
        name, _, part = resource.partition("/")
        asked = ["auth", "can-i", verb, name, *([f"--subresource={part}"] if part else []), WHO]
        return self.kubectl(*asked, check=False).strip() == "yes"

    def refused(self, verb: str) -> float:
        """How many requests were refused so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = [one for family in families for one in family.samples if one.name == "kedge_api_requests_total"]
        return sum(one.value for one in samples if one.labels["verb"] == verb and one.labels["code"] == "403")

    def wait(self, job: str, condition: str) -> None:
        self.kubectl.wait(f"oj/{job}", condition)

    def status(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = self.kubectl.get("oj", job)["status"]
        return found


RIGHTS = (("patch", "opjobs/status"), ("create", "pods"), ("list", "pods"))


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    folder = tmp_path_factory.mktemp("rights")
    store = open_store(f"file://{folder}/store")
    with planes.running(nodes=1) as plane:
        install_crd(plane)
        kubectl(plane, "create", "namespace", names.NAMESPACE)
        kubectl(plane, "apply", "-f", "-", given=yaml.safe_dump_all([*rbac.service_account(), *rbac.cluster_wide()]))
        with (
            operator(as_operator(plane, folder), folder, store.url) as port,
            Workers(plane.kubeconfig, store, outputs) as workers,
        ):
            yield Operated(plane, port, workers)


def as_operator(plane: planes.Running, folder: Path) -> Path:
    """A kubeconfig with the operator's own token."""
    token = kubectl(plane, "create", "token", names.OPERATOR, f"--namespace={names.NAMESPACE}").strip()
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def outputs(step: StepKey) -> dict[str, object]:
    return {"result": {"value": {"path": f"values/{step}", "format": "json", "size": 1, "digest": "sha256:0"}}}


def test_a_run_whose_end_can_not_be_written_down_is_told_of_later(operated: Operated) -> None:
    operated.workers.hold()
    submit(operated.plane, "ends", SPEC)
    operated.wait("ends", "jsonpath={.status.steps.running}=1")
    before = operated.refused("PATCH")
    operated.grant(("patch", "opjobs/status"))
    operated.workers.go()
    until(lambda: operated.refused("PATCH") > before)
    operated.grant()
    operated.wait("ends", "condition=Complete")


def test_a_pod_that_the_operator_may_not_create_is_waited_for(operated: Operated) -> None:
    operated.grant(("create", "pods"))
    submit(operated.plane, "waits", SPEC)
    operated.wait("waits", "jsonpath={.status.reason}=OperatorForbidden")
    assert 'cannot create resource "pods"' in operated.status("waits")["message"]
    operated.grant()
    operated.wait("waits", "condition=Complete")
    steps = operated.status("waits")["steps"]
    assert (steps["succeeded"], steps["retries"]) == (1, 0)


def test_a_run_whose_pods_can_not_be_looked_for_is_begun_again(operated: Operated) -> None:
    operated.grant(("list", "pods"))
    submit(operated.plane, "refused", {**SPEC, "ops": [{**SPEC["ops"][0], "inputs": {"x": {"from": "one"}}}]})
    operated.wait("refused", "jsonpath={.status.reason}=OperatorForbidden")
    operated.grant()
    operated.wait("refused", "condition=Failed")
    assert operated.status("refused")["reason"] == "PlanRefused"
