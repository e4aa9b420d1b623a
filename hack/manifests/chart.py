"""What the Helm chart shares with the manifests: rights, Pod Security, containers, as data that its templates read.

`documents` writes it to `charts/kedge/files/shared.yaml`, so that nothing of it stands twice.
"""

from __future__ import annotations

from typing import Any

from kedge_operator import labels, permissions
from manifests import admission, deployment, first_store, rbac
from manifests.names import Object

_TABLES = {
    "operator": permissions.OPERATOR,
    "leader": permissions.LEADER,
    "jobStores": permissions.JOB_STORES,
    "viewers": permissions.VIEWERS,
    "editors": permissions.EDITORS,
}
_MANAGED_BY = "app.kubernetes.io/managed-by"
_OF_OPERATOR = (
    "name",
    "args",
    "terminationMessagePolicy",
    "env",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "volumeMounts",
)
_OF_STORE = ("name", "args", "ports", "readinessProbe", "volumeMounts")


def shared() -> Object:
    """The data: `rules` by role, the restricted security contexts, what each container has whatever the values say."""
    pod, store = (_pod_of(found) for found in (deployment.deployment(), first_store.server()))
    return {
        "rules": {name: rbac.rules(table) for name, table in _TABLES.items()},
        "podSecurity": deployment.restricted_pod(),
        "containerSecurity": deployment.restricted_container(),
        "operator": {
            "pod": _only(pod, ("enableServiceLinks", "terminationGracePeriodSeconds")),
            "container": _only(pod["containers"][0], _OF_OPERATOR),
        },
        "admission": {**admission.spec({}), "variables": admission.variables()},
        "steps": {"selector": _only(labels.of_run("", ""), (_MANAGED_BY,))},
        "store": {
            "url": first_store.URL,
            "port": first_store.PORT,
            "bucket": first_store.BUCKET,
            "pod": _only(store, ("automountServiceAccountToken", "enableServiceLinks", "securityContext")),
            "container": _only(store["containers"][0], _OF_STORE),
        },
    }


def _pod_of(objects: list[Object]) -> Any:
    return objects[0]["spec"]["template"]["spec"]


def _only(found: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: found[name] for name in names}
