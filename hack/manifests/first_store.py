"""A store for first steps: an S3 server in the cluster, forgotten with its pod, with credentials that everybody knows.

It is apart from the default manifests: real runs want a real bucket.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from manifests.deployment import restricted_container, restricted_pod
from manifests.names import LABELS, NAMESPACE, STORE_SECRET, Object, metadata

VERSION = tomllib.loads((Path(__file__).parents[1] / "versions.toml").read_text(encoding="utf-8"))["versitygw"][
    "version"
]
IMAGE = f"localhost/kedge-versitygw:{VERSION}"
PORT = 7070
BUCKET = "kedge"
SIZE = "2Gi"
MEMORY = "2304Mi"
"""SIZE and 256Mi: some nodes keep volumes in memory, and then what the store holds counts as its own."""
URL = f"s3://{BUCKET}"
ENVIRONMENT = {
    "AWS_ENDPOINT_URL": f"http://{STORE_SECRET}.{NAMESPACE}:{PORT}",
    "AWS_ALLOW_HTTP": "true",
    "AWS_REGION": "us-east-1",
}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "first-steps", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
JOBS_NAMESPACE = "default"
"""Where the samples are run: their pods need the credentials, too."""
_SELECTOR = {"app.kubernetes.io/name": STORE_SECRET}
_LABELS = {**LABELS, **_SELECTOR}


def secrets() -> list[Object]:
    """The credentials, for the operator and for the steps of jobs."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata(STORE_SECRET, namespace),
            "stringData": dict(CREDENTIALS),
        }
        for namespace in (NAMESPACE, JOBS_NAMESPACE)
    ]


def server() -> list[Object]:
    """The S3 server and its name in the cluster."""
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata(STORE_SECRET, NAMESPACE, _SELECTOR),
            "spec": {
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": _SELECTOR},
                "template": {"metadata": {"labels": _LABELS}, "spec": _pod()},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(STORE_SECRET, NAMESPACE, _SELECTOR),
            "spec": {"selector": _SELECTOR, "ports": [{"name": "s3", "port": PORT, "targetPort": "s3"}]},
        },
    ]


def _pod() -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {**restricted_pod(), "fsGroup": restricted_pod()["runAsGroup"]},
        "containers": [
            {
                "name": "s3",
                "image": IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "args": ["--port", f":{PORT}", "posix", "/data"],
                "env": [
                    _credential("ROOT_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
                    _credential("ROOT_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"),
                ],
                "ports": [{"name": "s3", "containerPort": PORT}],
                "readinessProbe": {"tcpSocket": {"port": "s3"}, "periodSeconds": 1},
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": MEMORY}},
                "securityContext": restricted_container(),
                "volumeMounts": [
                    {"name": "data", "mountPath": "/data"},
                    # A bucket is a folder; the kubelet makes it, because something is to be mounted from there.
                    {"name": "data", "mountPath": f"/data/{BUCKET}", "subPath": BUCKET},
                ],
            }
        ],
        "volumes": [{"name": "data", "emptyDir": {"sizeLimit": SIZE}}],
    }


def _credential(name: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": STORE_SECRET, "key": key}}}
