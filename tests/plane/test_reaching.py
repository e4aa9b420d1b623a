"""How `kedge` reaches the store of a run that somebody else wrote: not by what their pods say of one's own rights."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from plane_operator import install_crd, kubectl

from cluster import plane as planes
from cluster.tools import need
from kedge.cli.cluster import opjobs
from kedge.cli.cluster.kubectl import Kubectl
from kedge.cli.cluster.reaching import reached

pytestmark = pytest.mark.plane

AWS = {"AWS_REGION": "eu-1", "AWS_ENDPOINT_URL": "https://store.example", "AWS_ALLOW_HTTP": "true"}
AZURE = {"AZURE_STORAGE_ACCOUNT_NAME": "team7"}
HOSTILE = {
    "AWS_ENDPOINT_URL_STS": "https://evil.example",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://evil.example",
    "AWS_METADATA_ENDPOINT": "https://evil.example",
    "AWS_ALLOW_INVALID_CERTIFICATES": "true",
    "AWS_PROXY_URL": "https://evil.example",
    "AZURE_STORAGE_AUTHORITY_HOST": "https://evil.example",
    "AZURE_AUTHORITY_HOST": "https://evil.example",
    "AZURE_MSI_ENDPOINT": "https://evil.example",
    "AZURE_ENDPOINT": "https://evil.example",
    "AZURE_USE_AZURE_CLI": "true",
    "GOOGLE_APPLICATION_CREDENTIALS": "/home/user/key.json",
    "PATH": "/evil",
    "LD_PRELOAD": "/evil.so",
}


@pytest.fixture(scope="module")
def server() -> Iterator[planes.Running]:
    with planes.running() as plane:
        install_crd(plane)
        yield plane


def told(
    plane: planes.Running, monkeypatch: pytest.MonkeyPatch, url: str, pod: dict[str, str], **own: str
) -> dict[str, str]:
    """What a user with variables of their own has in the environment while they look at a run with such a pod."""
    for name in [*os.environ]:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    monkeypatch.setenv("PATH", f"{need('kubectl').parent}{os.pathsep}{os.environ['PATH']}")
    job: dict[str, Any] = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"generateName": "theirs-"}}
    made = json.loads(kubectl(plane, "create", "-o", "json", "-f", "-", given=json.dumps({**job, "spec": {"ops": []}})))
    name = made["metadata"]["name"]
    status = json.dumps({"status": {"store": {"url": url, "path": f"runs/default/{name}-0"}}})
    kubectl(plane, "patch", "oj", name, "--subresource=status", "--type=merge", "-p", status)
    env = [{"name": key, "value": value} for key, value in {"KEDGE_STORE": url, **pod}.items()]
    metadata = {"name": name, "labels": {"kedge.dev/run": made["metadata"]["uid"]}}
    spec = {"containers": [{"name": "step", "image": "i", "env": env}]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    kubectl(plane, "create", "-f", "-", given=json.dumps(body))
    before = dict(os.environ)
    reader = Kubectl()
    with reached(reader, opjobs.get(reader, name), None, None):
        during = dict(os.environ)
    assert dict(os.environ) == before
    return {key: value for key, value in during.items() if before.get(key) != value}


def test_a_pod_says_where_its_store_is_and_nothing_else(
    server: planes.Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "mine"}
    pod = {**AWS, **HOSTILE, "AWS_ACCESS_KEY_ID": "theirs"}
    assert told(server, monkeypatch, "s3://bucket/a", pod, **own) == AWS
    pod = {**AZURE, **HOSTILE, "AZURE_STORAGE_ENDPOINT": "https://evil.example"}
    own = {"AZURE_CLIENT_ID": "me", "AZURE_CLIENT_SECRET": "mine", "AZURE_TENANT_ID": "we"}
    assert told(server, monkeypatch, "az://container/a", pod, **own) == AZURE
    assert told(server, monkeypatch, "gs://bucket/a", HOSTILE, GOOGLE_SERVICE_ACCOUNT_KEY="{}") == {}


def test_without_credentials_of_ones_own_those_of_the_pod_go_where_it_says(
    server: planes.Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {"AWS_ACCESS_KEY_ID": "theirs", "AWS_SECRET_ACCESS_KEY": "theirs"}
    assert told(server, monkeypatch, "s3://bucket/a", {**AWS, **theirs, **HOSTILE}) == {**AWS, **theirs}
    theirs = {"AZURE_STORAGE_ACCOUNT_KEY": "theirs", "AZURE_STORAGE_ENDPOINT": "https://store.example"}
    assert told(server, monkeypatch, "az://container/a", {**AZURE, **theirs, **HOSTILE}) == {**AZURE, **theirs}


@pytest.mark.parametrize("name", ["evil.example/", "evil.example#", "Team", "a"])
def test_the_name_of_an_account_is_no_host(server: planes.Running, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pod = {"AZURE_STORAGE_ACCOUNT_NAME": name}
    assert told(server, monkeypatch, "az://container/a", pod, AZURE_STORAGE_SAS_TOKEN="mine") == {}
