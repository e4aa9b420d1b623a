"""What the chart installs: by default what the manifests do, else what values ask for; an API server takes it all."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from rendered import Object, named, objects, prepare, taken, text

from cluster import plane as planes
from cluster.places import ROOT
from cluster.recipes import RECIPES
from kedge_operator import labels, settings
from manifests import admission, crd, deployment, documents, first_store, names, rbac

pytestmark = pytest.mark.charts

EMBEDDED = {
    "store.embedded.enabled": True,
    "store.embedded.accessKeyId": "key",
    "store.embedded.secretAccessKey": "secret",
}
EVERYTHING: dict[str, Any] = {
    **EMBEDDED,
    "commonLabels": {"team": "data"},
    "commonAnnotations": {"owner": "data"},
    "image.digest": "sha256:" + "0" * 64,
    "imagePullSecrets": [{"name": "registry"}],
    "replicas": 2,
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "tolerations": [{"operator": "Exists"}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
    "extraEnvFrom": [{"configMapRef": {"name": "more", "optional": True}}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "scope": ["etl", "ml"],
    "steps.namespaces": ["etl"],
    "steps.serviceAccount": {"create": True, "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/s"}},
    "store.embedded.persistence": {"enabled": True, "storageClassName": "fast"},
    "config.podTemplate": {"spec": {"priorityClassName": "batch"}},
    "rbac.jobStores.enabled": True,
    "metrics.dashboard.enabled": True,
    "networkPolicy.enabled": True,
    "networkPolicy.metrics.from": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
    "networkPolicy.steps.extraEgress": [{"to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}], "ports": [{"port": 5432}]}],
    "admission.enabled": True,
    "config.image": "registry.example/jobs:1",
    "config.podPolicy.images": ["registry.example/team"],
    "config.jobStores.urls": ["s3://shared"],
    "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}],
}
MONITORS = {f"metrics.{kind}.enabled": True for kind in ("serviceMonitor", "podMonitor", "prometheusRule")}


@pytest.fixture(scope="module")
def default() -> list[Object]:
    return objects({})


@pytest.fixture(scope="module")
def everything() -> list[Object]:
    return objects(EVERYTHING)


def pod_of(found: list[Object], name: str) -> Any:
    return named(found, "Deployment", name)["spec"]["template"]["spec"]


def pods(found: list[Object]) -> Iterator[Any]:
    for one in found:
        if one["kind"] in ("Pod", "Deployment"):
            yield one["spec"]["template"]["spec"] if one["kind"] == "Deployment" else one["spec"]


def rights(found: list[Object]) -> dict[tuple[str, str, str | None], Any]:
    """What roles allow and to which roles they are added; whom bindings name."""
    return {
        (one["kind"], one["metadata"]["name"], one["metadata"].get("namespace")): (
            one.get("rules") or [one["roleRef"], one["subjects"]],
            {label for label in one["metadata"]["labels"] if label.startswith("rbac.authorization.k8s.io/")},
        )
        for one in found
        if "Role" in one["kind"]
    }


def expressions(variables: list[Object]) -> dict[str, str]:
    """Variables in CEL by their names; in lists, spaces do not matter."""
    return {one["name"]: one["expression"].replace(", ", ",") for one in variables}


def configuration(found: list[Object], folder: Path) -> settings.Settings:
    """The settings that the operator reads."""
    path = folder / "config.yaml"
    path.write_text(named(found, "ConfigMap", "kedge-operator")["data"]["config.yaml"], encoding="utf-8")
    return settings.load(path)


# -- the same as the manifests --------------------------------------------------------------------------------------


def test_rights_are_those_of_the_manifests(default: list[Object]) -> None:
    assert rights(default) == rights([*rbac.service_account(), *rbac.cluster_wide(), *rbac.people()])


def test_the_operator_is_that_of_the_manifests(default: list[Object]) -> None:
    (expected,) = deployment.deployment()
    found = named(default, "Deployment", names.OPERATOR, names.NAMESPACE)
    assert found["spec"]["template"]["spec"] == expected["spec"]["template"]["spec"]
    assert found["spec"]["replicas"] == expected["spec"]["replicas"]


def test_its_configuration_is_that_of_the_manifests(default: list[Object], tmp_path: Path) -> None:
    expected = deployment.configuration(documents.STORE_URL, documents.STORE_ENVIRONMENT)
    assert configuration(default, tmp_path) == configuration(expected, tmp_path)


def test_the_resource_is_that_of_the_manifests_and_is_kept(default: list[Object]) -> None:
    found = named(default, "CustomResourceDefinition", "opjobs.kedge.dev")
    assert found["spec"] == crd.crd()["spec"]
    assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_pod_policy_at_the_door_is_that_of_the_manifests(everything: list[Object]) -> None:
    found = objects({"admission.enabled": True})
    wanted, binding = admission.objects()
    ours = named(found, wanted["kind"], "kedge-opjobs")["spec"]
    own = next(one for one in ours["variables"] if one["name"] == "ownStore")
    assert json.loads(own["expression"]) == "s3://kedge"
    own["expression"] = '""'
    assert expressions(ours.pop("variables")) == expressions(wanted["spec"].pop("variables"))
    assert ours == wanted["spec"]
    assert named(found, binding["kind"], "kedge-opjobs")["spec"] == binding["spec"]
    # The chart's own account and image for steps are no wish of a job.
    there = {
        one["name"]: one["expression"]
        for one in named(everything, wanted["kind"], "kedge-kedge-system-opjobs")["spec"]["variables"]
    }
    assert json.loads(there["serviceAccountsAllowed"]) == ["kedge-step"]
    assert json.loads(there["imagesAllowed"]) == ["registry.example/team", "registry.example/jobs:1"]
    assert json.loads(there["storesAllowed"]) == ["s3://shared"]
    (namespaces,) = named(everything, binding["kind"], "kedge-kedge-system-opjobs")["spec"]["matchResources"][
        "namespaceSelector"
    ]["matchExpressions"]
    assert namespaces["values"] == ["etl", "ml"]


def test_the_embedded_store_is_that_of_the_first_steps(tmp_path: Path) -> None:
    found = objects(EMBEDDED)
    assert pod_of(found, "kedge-store") == pod_of(first_store.server(), "kedge-store")
    service = named(first_store.server(), "Service", "kedge-store")["spec"]
    assert named(found, "Service", "kedge-store")["spec"]["ports"] == service["ports"]
    first_steps = deployment.configuration(first_store.URL, first_store.ENVIRONMENT)
    assert configuration(found, tmp_path) == configuration(first_steps, tmp_path)


def test_versions_and_images_are_those_of_this_tree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chart = yaml.safe_load((documents.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert {chart["version"], chart["appVersion"]} == {project["version"]}
    found = objects(EMBEDDED)
    images = {one["image"] for pod in pods(found) for one in pod["containers"]}
    assert images == {RECIPES["kedge-operator"].reference, RECIPES["kedge-versitygw"].reference}


# -- what values ask for --------------------------------------------------------------------------------------------


def test_in_some_namespaces_nothing_is_allowed_in_others(tmp_path: Path) -> None:
    found = objects({"scope": ["etl", "ml"], "rbac.people": False, "rbac.jobStores.enabled": True})
    assert not [one for one in found if one["kind"].startswith("ClusterRole")]
    roles = {(name, place) for kind, name, place in rights(found) if kind == "RoleBinding"}
    named_so = ("kedge-operator", "kedge-operator-job-stores")
    assert roles == {(n, p) for n in named_so for p in ("etl", "ml")} | {("kedge-operator-leader", names.NAMESPACE)}
    assert configuration(found, tmp_path).namespaces == ["etl", "ml"]


def test_the_operator_reads_what_everything_makes_of_its_configuration(
    everything: list[Object], tmp_path: Path
) -> None:
    found = configuration(everything, tmp_path)
    assert found.pod_template == {"spec": {"priorityClassName": "batch", "serviceAccountName": "kedge-step"}}
    assert found.store.secret_name == "kedge-store"


def test_an_identity_of_the_cloud_needs_no_credentials(tmp_path: Path) -> None:
    found = objects({"store.url": "gs://bucket", "store.existingSecret": "", "steps.serviceAccount.name": "worker"})
    assert "envFrom" not in pod_of(found, "kedge-operator")["containers"][0]
    store = configuration(found, tmp_path).store
    assert (store.url, store.secret_name, store.environment) == ("gs://bucket", None, {})


def test_other_settings_of_the_operator_are_passed_on(tmp_path: Path) -> None:
    found = objects({"config.resyncSeconds": 7, "config.leaderElection.name": "lead"})
    told = configuration(found, tmp_path)
    assert (told.resync_seconds, told.leader_election.name, told.leader_election.lease_seconds) == (7, "lead", 10)
    leader = named(found, "Role", "kedge-operator-leader")
    assert [(rule["verbs"], rule.get("resourceNames")) for rule in leader["rules"]] == [
        (["create"], None),
        (["get", "update"], ["lead"]),
    ]


def test_another_configuration_starts_the_operator_anew(default: list[Object]) -> None:
    def checksum(found: list[Object]) -> str:
        template = named(found, "Deployment", "kedge-operator")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    assert checksum(objects({"config.log.level": "debug"})) != checksum(default) == checksum(objects({"replicas": 2}))


def test_pods_are_restricted_whatever_is_asked_for(everything: list[Object]) -> None:
    found = list(pods(everything))
    assert len(found) == 3
    for pod in found:
        assert deployment.restricted_pod().items() <= pod["securityContext"].items()
        assert [one["securityContext"] for one in pod["containers"]] == [deployment.restricted_container()]


def test_steps_have_the_credentials_wherever_they_run(everything: list[Object]) -> None:
    secrets = [one for one in everything if one["kind"] == "Secret"]
    assert {one["metadata"]["namespace"] for one in secrets} == {names.NAMESPACE, "etl", "ml"}
    assert len({json.dumps(one["data"]) for one in secrets}) == 1
    accounts = {one["metadata"]["namespace"] for one in everything if one["metadata"]["name"] == "kedge-step"}
    assert accounts == {"etl", "ml"}


def test_credentials_are_made_up_anew_for_each_install_and_are_the_same_everywhere() -> None:
    found = [one for one in objects({"store.embedded.enabled": True, "scope": ["etl"]}) if one["kind"] == "Secret"]
    assert len(found) == 2
    assert found[0]["data"] == found[1]["data"]
    assert all(len(value) > 20 for value in found[0]["data"].values())


def test_steps_reach_name_servers_store_and_operator_alone(everything: list[Object]) -> None:
    spec = named(everything, "NetworkPolicy", "kedge-steps", "ml")["spec"]
    marks = labels.of_run("sizes", "1")
    assert spec["podSelector"]["matchLabels"].items() <= marks.items()
    assert (spec["policyTypes"], spec.get("ingress")) == (["Ingress", "Egress"], None)
    dns, store, announce, more = spec["egress"]
    assert {(one["port"], one["protocol"]) for one in dns["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert store["ports"] == [{"port": first_store.PORT, "protocol": "TCP"}]
    assert announce["ports"] == [{"port": deployment.ANNOUNCE_PORT, "protocol": "UDP"}]
    for rule, name in ((store, "kedge-store"), (announce, "kedge-operator")):
        (peer,) = rule["to"]
        assert selects(peer["podSelector"], everything, name)
        assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": names.NAMESPACE}
    assert more == EVERYTHING["networkPolicy.steps.extraEgress"][0]


def test_the_operator_is_reached_by_steps_and_by_who_reads_metrics(everything: list[Object]) -> None:
    metrics, announce = named(everything, "NetworkPolicy", "kedge-operator")["spec"]["ingress"]
    assert metrics["ports"] == [{"port": "http", "protocol": "TCP"}]
    test, monitoring = metrics["from"]
    pod = named(everything, "Pod", "kedge-operator-test")
    assert test["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert [monitoring] == EVERYTHING["networkPolicy.metrics.from"]
    assert announce["ports"] == [{"port": "announce", "protocol": "UDP"}]
    (steps,) = announce["from"]
    assert steps["namespaceSelector"] == {}
    assert steps["podSelector"]["matchLabels"].items() <= labels.of_run("sizes", "1").items()


def selects(selector: Mapping[str, Any], found: list[Object], name: str) -> bool:
    template = named(found, "Deployment", name)["spec"]["template"]
    return bool(selector["matchLabels"].items() <= template["metadata"]["labels"].items())


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"])
def test_what_selects_pods_finds_those_of_its_name(everything: list[Object], kind: str) -> None:
    found = [one for one in everything if one["kind"] == kind and one["metadata"]["name"] != "kedge-steps"]
    assert found
    for one in found:
        selector = one["spec"].get("podSelector") or one["spec"]["selector"]
        selector = selector if "matchLabels" in selector else {"matchLabels": selector}
        for name in ("kedge-operator", "kedge-store"):
            assert selects(selector, everything, name) is (name == one["metadata"]["name"])


def test_monitors_scrape_the_metrics_of_the_operator() -> None:
    found = objects(MONITORS)
    service = named(found, "Service", "kedge-operator")
    monitor, pod_monitor = (named(found, kind, "kedge-operator")["spec"] for kind in ("ServiceMonitor", "PodMonitor"))
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert selects(pod_monitor["selector"], found, "kedge-operator")
    assert monitor["endpoints"] == pod_monitor["podMetricsEndpoints"] == [{"port": "http", "path": "/metrics"}]


def test_the_alerts_are_the_files_but_for_those_left_out_and_those_added() -> None:
    written = yaml.safe_load((documents.CHART / "alerts/kedge.yaml").read_text(encoding="utf-8"))
    (group,) = written["groups"]
    assert named(objects(MONITORS), "PrometheusRule", "kedge-operator")["spec"] == written
    more = {"record": "runs", "expr": "sum(kedge_runs)"}
    changed = {"metrics.prometheusRule.disabled": ["KedgeRunsFail"], "metrics.prometheusRule.rules": [more]}
    found = named(objects({**MONITORS, **changed}), "PrometheusRule", "kedge-operator")["spec"]["groups"]
    assert found[0]["rules"] == [*(one for one in group["rules"] if one["alert"] != "KedgeRunsFail"), more]


def test_the_dashboard_is_the_file(everything: list[Object]) -> None:
    found = named(everything, "ConfigMap", "kedge-dashboard")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    written = (documents.CHART / "dashboards/kedge.json").read_text(encoding="utf-8")
    assert json.loads(found["data"]["kedge.json"]) == json.loads(written)


def test_no_object_is_there_twice(everything: list[Object]) -> None:
    found = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in everything]
    assert sorted({str(one) for one in found}) == sorted(map(str, found))


def test_all_objects_have_the_labels_that_are_asked_for(everything: list[Object]) -> None:
    for one in everything:
        if one["metadata"]["name"] != "kedge-more":
            assert one["metadata"]["labels"]["team"] == "data", one
            assert one["metadata"]["annotations"]["owner"] == "data", one


def test_names_stay_within_their_limits() -> None:
    found = objects({**EVERYTHING, "fullnameOverride": "k" * 63})
    assert max(len(one["metadata"]["name"]) for one in found) <= 63


# -- an API server --------------------------------------------------------------------------------------------------


@pytest.mark.plane
@pytest.mark.parametrize(
    "values", [{}, EMBEDDED, EVERYTHING, MONITORS], ids=["default", "embedded", "everything", "monitors"]
)
def test_an_api_server_takes_it(plane: planes.Running, values: dict[str, Any]) -> None:
    prepare(plane, "etl", "ml")
    assert taken(plane, text(values)) == len(objects(values))
