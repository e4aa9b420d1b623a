"""The chart's values: each is described, each does something, and what is misspelt is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from rendered import helm, nested, objects, ours, prepare, refusal, taken, text

from cluster import plane as planes
from cluster.places import ROOT
from manifests import documents

pytestmark = pytest.mark.charts

VALUES = (documents.CHART / "values.yaml").read_text(encoding="utf-8")
PAGES = "\n".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("install.md", "clouds.md"))
_PEERS = [{"ipBlock": {"cidr": "198.51.100.0/24"}}]
_RULE = [{"ports": [{"port": 5432}], "to": _PEERS}]
_RELABEL = [{"action": "labeldrop", "regex": "pod"}]

SWITCHED: dict[str, Any] = {
    "nameOverride": "anchor",
    "fullnameOverride": "anchor",
    "commonLabels": {"team": "data"},
    "commonAnnotations": {"owner": "data"},
    "image.repository": "registry.example/operator",
    "image.tag": "",
    "image.digest": "sha256:" + "0" * 64,
    "image.pullPolicy": "Always",
    "imagePullSecrets": [{"name": "registry"}],
    "replicas": 2,
    "strategy": {"type": "Recreate"},
    "revisionHistoryLimit": 1,
    "resources.requests": {"cpu": "1"},
    "resources.limits": {"memory": "1Gi"},
    "podLabels": {"tier": "control"},
    "podAnnotations": {"note": "yes"},
    "podSecurityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "affinity": {"nodeAffinity": {}},
    "tolerations": [{"operator": "Exists"}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
    "extraEnvFrom": [{"configMapRef": {"name": "more"}}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "scope": ["etl", "ml"],
    "steps.namespaces": ["etl"],
    "steps.serviceAccount.create": True,
    "steps.serviceAccount.name": "worker",
    "steps.serviceAccount.annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/steps"},
    "store.url": "gs://bucket/kedge",
    "store.endpoint": "http://minio:9000",
    "store.region": "eu-central-1",
    "store.environment": {"AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true"},
    "store.existingSecret": "",
    "store.patienceSeconds": 60,
    "store.embedded.enabled": True,
    "store.embedded.image.repository": "registry.example/versitygw",
    "store.embedded.image.tag": "1.9.0",
    "store.embedded.image.pullPolicy": "Never",
    "store.embedded.accessKeyId": "another",
    "store.embedded.secretAccessKey": "another",
    "store.embedded.sizeLimit": "1Gi",
    "store.embedded.persistence.enabled": True,
    "store.embedded.persistence.existingClaim": "data",
    "store.embedded.persistence.size": "1Gi",
    "store.embedded.persistence.storageClassName": "fast",
    "store.embedded.persistence.accessModes": ["ReadWriteMany"],
    "store.embedded.persistence.annotations": {"helm.sh/resource-policy": "keep"},
    "store.embedded.resources.requests": {"cpu": "1"},
    "store.embedded.resources.limits": {"memory": "1Gi"},
    "config.image": "registry.example/jobs:1",
    "config.podTemplate": {"spec": {"priorityClassName": "batch"}},
    "config.podPolicy.fields": ["containers"],
    "config.podPolicy.volumes": ["emptyDir"],
    "config.podPolicy.capabilities": ["NET_BIND_SERVICE"],
    "config.podPolicy.serviceAccounts": ["reader"],
    "config.podPolicy.images": ["registry.example/team"],
    "config.podPolicy.tokens": True,
    "config.podPolicy.privileged": True,
    "config.allowPickle": False,
    "config.jobStores.urls": ["s3://shared"],
    "config.announce.enabled": False,
    "config.announce.port": 9091,
    "config.leaderElection.enabled": False,
    "config.leaderElection.leaseSeconds": 15,
    "config.http.port": 9080,
    "config.log.format": "json",
    "config.log.level": "debug",
    "serviceAccount.create": False,
    "serviceAccount.name": "somebody",
    "serviceAccount.annotations": {"iam.gke.io/gcp-service-account": "kedge@example"},
    "rbac.create": False,
    "rbac.people": False,
    "rbac.jobStores.enabled": True,
    "rbac.jobStores.namespaces": ["etl"],
    "crds.install": False,
    "crds.keep": False,
    "crds.annotations": {"note": "yes"},
    "metrics.service.enabled": False,
    "metrics.service.port": 80,
    "metrics.service.annotations": {"prometheus.io/scrape": "true"},
    "metrics.dashboard.enabled": True,
    "metrics.dashboard.namespace": "monitoring",
    "metrics.dashboard.labels": {"grafana": "yes"},
    "metrics.dashboard.annotations": {"grafana_folder": "Kedge"},
    "networkPolicy.enabled": True,
    "networkPolicy.dns.to": _PEERS,
    "networkPolicy.dns.ports": [5353],
    "networkPolicy.apiServer.to": _PEERS,
    "networkPolicy.apiServer.ports": [8443],
    "networkPolicy.store.to": _PEERS,
    "networkPolicy.store.ports": [9000],
    "networkPolicy.metrics.from": _PEERS,
    "networkPolicy.steps.enabled": False,
    "metrics.prometheusRule.enabled": True,
    "metrics.prometheusRule.labels": {"release": "prometheus"},
    "metrics.prometheusRule.disabled": ["KedgeRunsFail"],
    "metrics.prometheusRule.rules": [{"record": "runs", "expr": "sum(kedge_runs)"}],
    "networkPolicy.steps.extraEgress": _RULE,
    "networkPolicy.operator.extraIngress": [{"from": _PEERS}],
    "networkPolicy.operator.extraEgress": _RULE,
    "admission.enabled": True,
    "admission.actions": ["Warn", "Audit"],
    "podDisruptionBudget.enabled": True,
    "podDisruptionBudget.minAvailable": "50%",
    "podDisruptionBudget.maxUnavailable": 2,
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}],
} | {
    f"metrics.{kind}.{name}": value
    for kind in ("serviceMonitor", "podMonitor")
    for name, value in {
        "enabled": True,
        "interval": "30s",
        "scrapeTimeout": "10s",
        "labels": {"release": "prometheus"},
        "relabelings": _RELABEL,
        "metricRelabelings": _RELABEL,
    }.items()
}
"""Another value for each, by its path."""
NEEDS: dict[str, dict[str, Any]] = {
    "extraVolumeMounts": {"extraVolumes": [{"name": "more", "emptyDir": {}}]},
    "steps": {"steps.namespaces": ["jobs"], "steps.serviceAccount.create": True},
    "store.embedded": {
        "store.embedded.enabled": True,
        "store.embedded.accessKeyId": "key",
        "store.embedded.secretAccessKey": "secret",
    },
    "store.embedded.persistence": {"store.embedded.persistence.enabled": True},
    "rbac.jobStores": {"rbac.jobStores.enabled": True},
    "metrics.serviceMonitor": {"metrics.serviceMonitor.enabled": True},
    "metrics.podMonitor": {"metrics.podMonitor.enabled": True},
    "metrics.prometheusRule": {"metrics.prometheusRule.enabled": True},
    "metrics.dashboard": {"metrics.dashboard.enabled": True},
    "networkPolicy": {"networkPolicy.enabled": True, "scope": ["etl"]},
    "podDisruptionBudget": {"podDisruptionBudget.enabled": True},
    "admission": {"admission.enabled": True},
}
"""What must be said besides, for a path and those below it to matter."""


def leaves(values: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths of all values that are not parts of our own shape."""
    parts = {name for name, _ in ours()}
    for name, value in values.items():
        here = f"{path}.{name}".lstrip(".")
        yield from leaves(value, here) if here in parts else [here]


def besides(path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for above, values in NEEDS.items():
        if path == above or path.startswith(f"{above}."):
            found |= {name: value for name, value in values.items() if name != path}
    return found


def test_each_value_is_switched_below() -> None:
    assert sorted(leaves(yaml.safe_load(VALUES))) == sorted(SWITCHED)


@pytest.mark.parametrize("path", SWITCHED)
def test_a_value_changes_what_is_installed(path: str) -> None:
    before = besides(path)
    assert text({**before, path: SWITCHED[path]}) != text(before)


@pytest.mark.plane
def test_an_api_server_takes_what_each_value_makes(plane: planes.Running) -> None:
    prepare(plane, "etl", "ml", "jobs", "monitoring")
    # The resource is large, and only its own values change it.
    small = {"crds.install": False}
    found = [one for path, value in SWITCHED.items() for one in objects({**small, **besides(path), path: value})]
    distinct = list({json.dumps(one, sort_keys=True): one for one in found}.values())
    assert taken(plane, yaml.safe_dump_all(distinct)) == len(distinct)


def test_each_value_has_a_comment_right_above() -> None:
    lines = VALUES.splitlines()
    told = [number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    inner = [number for number in told if lines[number].lstrip().startswith(("- ", "podSelector:"))]
    for number in (one for one in told if one not in inner):
        assert lines[number - 1].lstrip().startswith("# "), lines[number]


def test_the_chart_is_clean() -> None:
    done = helm("lint", "--strict", str(documents.CHART))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_misspelt_value_is_refused_wherever_it_is() -> None:
    places = [path for path, schema in ours() if not schema["additionalProperties"]]
    assert {"", "image", "store.embedded.persistence", "config.log", "networkPolicy.steps"} <= set(places)
    told = refusal({f"{path}.typo".lstrip("."): True for path in places})
    for path in places:
        assert f"at '/{path.replace('.', '/')}': additional properties 'typo' not allowed" in told.replace("''", "'/'")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("scope", "everywhere"),
        ("scope", []),
        ("scope", ["Etl"]),
        ("replicas", "2"),
        ("replicas", -1),
        ("image.pullPolicy", "Sometimes"),
        ("store.url", "bucket"),
        ("store.endpoint", "minio:9000"),
        ("config.log.level", "loud"),
        ("config.http.port", 70000),
        ("config.store", {"url": "s3://elsewhere"}),
        ("metrics.serviceMonitor.interval", "often"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(path: str, value: Any) -> None:
    place, name = path.replace(".", "/"), path.rsplit(".", 1)[-1]
    told = refusal({path: value})
    assert f"'/{place}" in told or f"'{name}'" in told


def test_an_alert_that_there_is_not_can_not_be_left_out() -> None:
    values = {"metrics.prometheusRule.enabled": True, "metrics.prometheusRule.disabled": ["KedgeRunFails"]}
    assert "there is no alert KedgeRunFails; there are KedgeHasNoLeader, " in refusal(values)


def test_a_service_monitor_without_a_service_is_refused_with_what_to_do() -> None:
    values = {"metrics.service.enabled": False, "metrics.serviceMonitor.enabled": True}
    assert "metrics.serviceMonitor needs metrics.service: enable it" in refusal(values)


@pytest.mark.parametrize("values", re.findall(r"```yaml\n(?!# \S+\.yaml\n)(.*?)```", PAGES, re.S))
def test_what_the_page_on_installing_shows_can_be_installed(values: str) -> None:
    done = helm("template", "kedge", str(documents.CHART), "-f", "-", given=values)
    assert done.returncode == 0, done.stderr


def test_paths_become_a_values_file() -> None:
    assert nested({"a.b": 1, "a.c": [2], "d": {}}) == {"a": {"b": 1, "c": [2]}, "d": {}}
