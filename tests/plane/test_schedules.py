"""The CronJob of docs/schedules.md on a real API server: its account makes OpJobs and may do nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from plane_operator import install_crd

from cluster import plane as planes
from kedge_kubectl import Kubectl, await_right

pytestmark = pytest.mark.plane

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/schedules.md").read_text(encoding="utf-8")
(OBJECTS,) = [list(yaml.safe_load_all(block)) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)]
BY_KIND: dict[str, dict[str, Any]] = {one["kind"]: one for one in OBJECTS}
ACCOUNT = "system:serviceaccount:etl:nightly"
AS_ACCOUNT = f"--as={ACCOUNT}"


@pytest.fixture(scope="module")
def server() -> Iterator[Kubectl]:
    with planes.running() as plane:
        install_crd(plane)
        found = Kubectl(str(plane.kubeconfig), "etl")
        found("create", "namespace", "etl")
        found("label", "namespace", "etl", "pod-security.kubernetes.io/enforce=restricted")
        for one in OBJECTS:
            found("create", "-f", "-", given=one)
        await_right(found, ACCOUNT, "create", "opjobs.kedge.dev")
        yield found


def test_its_account_makes_an_opjob_by_the_command_of_the_page(server: Kubectl, tmp_path: Path) -> None:
    pod = BY_KIND["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == BY_KIND["ServiceAccount"]["metadata"]["name"]
    program, *arguments, path = pod["containers"][0]["command"]
    assert (program, path) == ("kubectl", "/job/job.yaml")
    (tmp_path / "job.yaml").write_text(BY_KIND["ConfigMap"]["data"]["job.yaml"])
    for _ in range(2):
        made = server(*arguments, str(tmp_path / "job.yaml"), AS_ACCOUNT)
        assert re.fullmatch(r"opjob\.kedge\.dev/nightly-\w+ created\n", made)
    assert len(server("get", "oj", "-o", "name").splitlines()) == 2


def test_its_account_may_do_nothing_else(server: Kubectl) -> None:
    told = server("auth", "can-i", "--list", AS_ACCOUNT, "--no-headers")
    assert [line.split()[0] for line in told.splitlines() if "[create]" in line and "selfsubject" not in line] == [
        "opjobs.kedge.dev"
    ]
    for verb, what in (("get", "secrets"), ("create", "pods"), ("patch", "opjobs"), ("get", "opjobs")):
        server.refusal("auth", "can-i", verb, what, AS_ACCOUNT)


def test_its_pod_meets_restricted_pod_security(server: Kubectl) -> None:
    spec = BY_KIND["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "now", "namespace": "etl"}, "spec": spec}
    server("create", "--dry-run=server", "-f", "-", given=pod)
