"""Service account, roles and bindings, from the table in `kedge_operator.permissions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kedge_operator import permissions
from manifests.names import NAMESPACE, OPERATOR, Object, metadata

API_VERSION = "rbac.authorization.k8s.io/v1"
Permission = dict[str, Any]


def service_account() -> list[Object]:
    """Who the operator is, with its right to lead."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(OPERATOR, NAMESPACE)}
    name = f"{OPERATOR}-leader"
    return [
        account,
        _role("Role", name, permissions.LEADER, namespace=NAMESPACE),
        _binding("RoleBinding", name, "Role", namespace=NAMESPACE),
    ]


def cluster_wide() -> list[Object]:
    """Its rights in all namespaces."""
    return [
        _role("ClusterRole", OPERATOR, permissions.OPERATOR),
        _binding("ClusterRoleBinding", OPERATOR, "ClusterRole"),
    ]


def namespaced() -> list[Object]:
    """Its rights in one namespace: the one to which this is applied."""
    return [_role("Role", OPERATOR, permissions.OPERATOR), _binding("RoleBinding", OPERATOR, "Role")]


def job_stores() -> list[Object]:
    """Its right to read the Secrets of jobs with stores of their own; to be bound where there are such jobs."""
    return [_role("ClusterRole", f"{OPERATOR}-job-stores", permissions.JOB_STORES)]


def people() -> list[Object]:
    """What people may do, added to the roles that every cluster has."""
    viewers = _role("ClusterRole", "kedge-viewer", permissions.VIEWERS, _aggregated("view", "edit", "admin"))
    editors = _role("ClusterRole", "kedge-editor", permissions.EDITORS, _aggregated("edit", "admin"))
    return [viewers, editors]


def _aggregated(*roles: str) -> dict[str, str]:
    return {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true" for role in roles}


def _role(
    kind: str,
    name: str,
    rows: Sequence[Permission],
    labels: dict[str, str] | None = None,
    namespace: str | None = None,
) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": metadata(name, namespace, labels),
        "rules": rules(rows),
    }


def rules(rows: Sequence[Permission]) -> list[Object]:
    """Rows of the table as a role has them."""
    return [
        {
            "apiGroups": [row["group"]],
            "resources": list(row["resources"]),
            "verbs": list(row["verbs"]),
            **({"resourceNames": list(row["names"])} if "names" in row else {}),
        }
        for row in rows
    ]


def _binding(kind: str, name: str, role: str, namespace: str | None = None) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": metadata(name, namespace),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": NAMESPACE}],
    }
