"""The test cluster is a real one: nodes, names, tokens, logs, exec, Pod Security, services, and images made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import kedge
from cluster import s3
from cluster.recipes import RECIPES

pytestmark = pytest.mark.cluster

RUNTIME = RECIPES["kedge-runtime"].reference
GATEWAY = RECIPES["kedge-versitygw"].reference


def test_a_node_is_ready_and_the_server_says_its_version(kubectl: Any) -> None:
    nodes = kubectl.get("nodes")["items"]
    conditions = [{one["type"]: one["status"] for one in node["status"]["conditions"]} for node in nodes]
    assert "True" in [found["Ready"] for found in conditions]
    assert "Server Version: v1." in kubectl("version")


def test_a_restricted_pod_of_the_runtime_image_prints_its_version(kubectl: Any, pod: Any, ours: None) -> None:
    kubectl.apply(pod("version", RUNTIME, container={"args": ["--version"]}))
    kubectl.wait("pod/version", "jsonpath={.status.phase}=Succeeded")
    assert kedge.__version__ in kubectl("logs", "version")


def test_names_resolve_in_a_pod_and_it_has_a_token_of_its_account(kubectl: Any, pod: Any, ours: None) -> None:
    look = "import socket; print(socket.gethostbyname('kubernetes.default.svc.cluster.local'))"
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    code = f"{look}\nprint(len(open('{folder}/token').read().split('.')))"
    kubectl.apply(pod("looks", RUNTIME, "python", "-c", code))
    kubectl.wait("pod/looks", "jsonpath={.status.phase}=Succeeded")
    address, parts = kubectl("logs", "looks").split()
    assert address == kubectl.get("service", "kubernetes", "--namespace=default")["spec"]["clusterIP"]
    assert parts == "3"


def test_commands_run_in_a_pod(kubectl: Any, pod: Any, ours: None) -> None:
    kubectl.apply(pod("waits", RUNTIME, "python", "-c", "import signal; signal.pause()"))
    kubectl.wait("pod/waits", "condition=Ready")
    assert kubectl("exec", "waits", "--", "python", "-c", "import os; print(os.getuid())").strip() == "65532"


def test_pod_security_refuses_root(kubectl: Any, pod: Any) -> None:
    wrong = pod("root", RUNTIME)
    wrong["spec"]["containers"][0]["securityContext"]["runAsUser"] = 0
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        kubectl.apply(wrong)


def test_a_bucket_is_served_to_pods_and_refuses_a_second_record(kubectl: Any, pod: Any, ours: None) -> None:
    gateway = pod(
        "s3",
        GATEWAY,
        container={
            "args": ["--port", ":7070", "posix", "/data"],
            "env": [
                {"name": "ROOT_ACCESS_KEY", "value": s3.ACCESS_KEY},
                {"name": "ROOT_SECRET_KEY", "value": s3.SECRET_KEY},
            ],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "readinessProbe": {"tcpSocket": {"port": 7070}, "periodSeconds": 1},
        },
        first=[
            {
                "name": "bucket",
                "image": RUNTIME,
                "command": ["python", "-c", "import os; os.mkdir('/data/steps')"],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
        volumes=[{"name": "data", "emptyDir": {}}],
        securityContext={"fsGroup": 65532},
    )
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s3"},
        "spec": {"selector": {"app": "s3"}, "ports": [{"port": 7070}]},
    }
    kubectl.apply(gateway, service)
    kubectl.wait("pod/s3", "condition=Ready")
    code = (Path(__file__).parent / "uses_a_bucket.py").read_text(encoding="utf-8")
    found = s3.client("http://s3:7070")
    environment = [{"name": name, "value": value} for name, value in found.items() if name.startswith("AWS_")]
    kubectl.apply(pod("writes", RUNTIME, "python", "-c", code, container={"env": environment}))
    kubectl.wait("pod/writes", "jsonpath={.status.phase}=Succeeded")
    assert kubectl("logs", "writes").split() == ["first", "refused", "kept"]
