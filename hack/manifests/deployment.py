"""The operator itself: its namespace, its configuration, and the Deployment."""

from __future__ import annotations

from typing import Any

import yaml

from manifests.names import LABELS, NAMESPACE, OPERATOR, SELECTOR, STORE_SECRET, Object, metadata

IMAGE = "localhost/kedge-operator:dev"
CONFIG = "config.yaml"
FOLDER = "/etc/kedge"
HTTP_PORT = 8080
ANNOUNCE_PORT = 8091
USER = 65532


def namespace() -> list[Object]:
    """Where the operator lives; it keeps to the strictest Pod Security."""
    strict = {"pod-security.kubernetes.io/enforce": "restricted"}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(NAMESPACE, labels=strict)}]


def configuration(url: str, environment: dict[str, str]) -> list[Object]:
    """The operator's settings, as `kedge_operator.settings` reads them at its start."""
    text = yaml.safe_dump(_settings(url, environment), sort_keys=False)
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(OPERATOR, NAMESPACE), "data": {CONFIG: text}}
    ]


def _settings(url: str, environment: dict[str, str]) -> dict[str, Any]:
    return {
        "store": {"url": url, "environment": environment, "secretName": STORE_SECRET},
        "namespaces": [],
        "image": None,
        "podTemplate": {},
        "announce": {"enabled": True, "port": ANNOUNCE_PORT},
        "leaderElection": {"enabled": True, "name": OPERATOR, "leaseSeconds": 10},
        "http": {"port": HTTP_PORT},
        "log": {"format": "text", "level": "info"},
    }


def deployment() -> list[Object]:
    """One replica; more are spares, and take over when the leader's lease is over."""
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata(OPERATOR, NAMESPACE),
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": SELECTOR},
                "template": {"metadata": {"labels": LABELS}, "spec": _pod()},
            },
        }
    ]


def restricted_pod() -> dict[str, Any]:
    """The security context of a pod as restricted Pod Security wants it."""
    return {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "seccompProfile": {"type": "RuntimeDefault"}}


def restricted_container() -> dict[str, Any]:
    """And that of its containers."""
    return {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def _pod() -> dict[str, Any]:
    return {
        "serviceAccountName": OPERATOR,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "securityContext": restricted_pod(),
        "containers": [_container()],
        "volumes": [
            {"name": "config", "configMap": {"name": OPERATOR}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _container() -> dict[str, Any]:
    return {
        "name": "operator",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--config", f"{FOLDER}/{CONFIG}"],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "env": [
            _from_pod("POD_NAME", "metadata.name"),
            _from_pod("POD_NAMESPACE", "metadata.namespace"),
            _from_pod("POD_IP", "status.podIP"),
        ],
        "envFrom": [{"secretRef": {"name": STORE_SECRET, "optional": True}}],
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT},
            {"name": "announce", "containerPort": ANNOUNCE_PORT, "protocol": "UDP"},
        ],
        "livenessProbe": _probe("/healthz", periodSeconds=10, failureThreshold=6),
        "readinessProbe": _probe("/readyz", periodSeconds=5),
        "startupProbe": _probe("/healthz", periodSeconds=1, failureThreshold=60),
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": restricted_container(),
        "volumeMounts": [
            {"name": "config", "mountPath": FOLDER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }


def _from_pod(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _probe(path: str, **limits: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 3, **limits}
