"""One release with all that the chart can do: what matters to running pods is there, and jobs of two namespaces run."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cluster_runs import CHAIN, op, run_once, value
from kedge_installed import RUNTIME, SECONDS, Object
from kedge_released import Place, Release, released

from cluster.tools import TOOLS, need
from kedge_kubectl import Kubectl, established
from manifests import deployment, names

pytestmark = [pytest.mark.cluster, pytest.mark.charts, pytest.mark.xdist_group("everything")]

VOLUMES = "/var/lib/kedge-test"
RULES = [{"action": "labeldrop", "regex": "pod_template_hash"}]
MONITOR = {
    "enabled": True,
    "interval": "30s",
    "scrapeTimeout": "10s",
    "labels": {"release": "prometheus"},
    "relabelings": RULES,
    "metricRelabelings": RULES,
}


@dataclass(frozen=True)
class Everything:
    """The release and its two namespaces."""

    release: Release
    etl: Place
    ml: Place

    def values(self) -> Object:
        """Each value that can matter to something that runs."""
        importance, etl = f"{self.release.namespace}-high", self.etl.namespace
        more = {"name": "{{ .Release.Name }}-more"}
        return {
            "commonLabels": {"team": "data"},
            "commonAnnotations": {"owner": "data"},
            "replicas": 2,
            "strategy": {"type": "Recreate"},
            "revisionHistoryLimit": 1,
            "resources": {"requests": {"cpu": "20m", "memory": "100Mi"}, "limits": {"memory": "600Mi"}},
            "podLabels": {"tier": "control"},
            "podAnnotations": {"note": "yes"},
            "podSecurityContext": {**deployment.restricted_pod(), "runAsUser": 12345},
            "securityContext": {**deployment.restricted_container(), "privileged": False},
            "priorityClassName": importance,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [APART]}},
            "tolerations": [{"key": "kedge", "operator": "Exists"}],
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
            ],
            "extraEnv": [{"name": "GREETING", "value": "hello"}],
            "extraEnvFrom": [{"configMapRef": {"name": "kedge-more"}}],
            "extraVolumes": [{"name": "more", "configMap": {"name": "kedge-more"}}],
            "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
            "scope": [etl, self.ml.namespace],
            "steps": {"serviceAccount": {"create": True, "annotations": {"cloud": "steps"}}},
            "store": {
                "patienceSeconds": 60,
                "environment": {"AWS_MAX_ATTEMPTS": "5"},
                "embedded": {
                    "persistence": {"enabled": True, "size": "100Mi", "storageClassName": self.release.namespace},
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
                },
            },
            "config": {
                "announce": {"port": 9091},
                "http": {"port": 9080},
                "log": {"format": "json", "level": "debug"},
            },
            "serviceAccount": {"name": "captain", "annotations": {"cloud": "operator"}},
            "rbac": {"jobStores": {"enabled": True, "namespaces": [etl]}},
            "metrics": {
                "service": {"port": 80, "annotations": {"prometheus.io/scrape": "true"}},
                "serviceMonitor": MONITOR,
                "podMonitor": MONITOR,
                "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
                "dashboard": {"enabled": True, "namespace": etl, "annotations": {"grafana_folder": "Kedge"}},
            },
            "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
            "admission": {"enabled": True},
            "extraObjects": [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": more, "data": {"NAME": "{{ .Release.Name }}"}},
                {
                    "apiVersion": "scheduling.k8s.io/v1",
                    "kind": "PriorityClass",
                    "metadata": {"name": importance},
                    "value": 1000,
                },
            ],
        }


APART = {
    "weight": 1,
    "podAffinityTerm": {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "kedge-operator"}},
    },
}


@pytest.fixture(scope="module")
def everything(cluster: str, ours: None, request: pytest.FixtureRequest) -> Iterator[Everything]:
    with released(cluster, request, "etl", "ml") as (release, (etl, ml)):
        found = Everything(release, etl, ml)
        for name in TOOLS["prometheus-operator"].files:
            release.kubectl("apply", "--server-side", "-f", str(need(name)))
            established(release.kubectl, "-f", str(need(name)))
        with volume(release):
            release.bring(found.values())
            yield found


def test_operators_have_what_is_asked_for(everything: Everything) -> None:
    pods = everything.release.operator_pods()
    assert len(pods) == 2
    for pod in pods:
        assert {"team": "data", "tier": "control"}.items() <= pod["metadata"]["labels"].items()
        assert pod["metadata"]["annotations"]["note"] == "yes"
        spec = pod["spec"]
        assert (spec["priority"], spec["serviceAccountName"]) == (1000, "captain")
        assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
        assert spec["containers"][0]["resources"]["limits"] == {"memory": "600Mi"}
        assert {"key": "kedge", "operator": "Exists"} in spec["tolerations"]
        assert spec["affinity"] == everything.values()["affinity"]
        assert spec["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"
    look = "import os; print(os.getuid(), os.environ['GREETING'], os.environ['NAME'], open('/more/NAME').read())"
    told = everything.release.kubectl("exec", pods[0]["metadata"]["name"], "--", "python", "-c", look)
    assert told.split() == ["12345", "hello", "kedge", "kedge"]


def test_jobs_of_two_namespaces_run_and_of_no_other(everything: Everything) -> None:
    elsewhere = everything.release.submit({"ops": [op("one")]})
    for place in (everything.etl, everything.ml):
        job = place.submit({"ops": [op("one"), op("add_one", inputs={"x": {"from": "one"}})]})
        assert place.ended(job)["phase"] == "Succeeded"
        assert value(place, job, "add_one") == 2
        (pod, _) = place.pods(job)
        assert pod["spec"]["serviceAccountName"] == "kedge-step"
    assert everything.release.status(elsewhere) == {}


def test_a_leader_is_killed_and_no_step_is_run_twice(everything: Everything) -> None:
    job = everything.etl.submit({"ops": CHAIN, "maxConcurrent": 3})
    everything.etl.until(job, lambda status: status["steps"]["succeeded"] >= 3)
    leader = everything.release.leader()
    everything.release.kubectl("delete", "pod", leader, "--grace-period=0", "--force")
    assert everything.etl.ended(job)["phase"] == "Succeeded"
    run_once(everything.etl, job)
    assert everything.release.leader() != leader


def is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def test_data_outlives_the_pod_of_the_store(everything: Everything) -> None:
    job = everything.ml.submit({"ops": [op("one")]})
    assert everything.ml.ended(job)["phase"] == "Succeeded"
    store = "-lapp.kubernetes.io/name=kedge-store"
    before = {pod["metadata"]["uid"] for pod in everything.release.kubectl.get("pods", store)["items"]}
    everything.release.kubectl("delete", "pod", store)
    # A Deployment may not know yet that its pod is gone.
    pods = everything.release.watch("pods", store)
    assert any(pod["metadata"]["uid"] not in before and is_ready(pod) for pod in pods)
    everything.release.close()  # what was forwarded led to the pod before
    assert value(everything.ml, job, "one") == 1


def test_a_budget_keeps_one_operator(everything: Everything) -> None:
    everything.release.ready()
    for budget in everything.release.watch("pdb", names.OPERATOR):
        if budget.get("status", {}).get("currentHealthy") == 2:
            break
    assert (budget["status"]["desiredHealthy"], budget["status"]["disruptionsAllowed"]) == (1, 1)


def test_the_api_server_takes_the_monitors_and_what_they_name_is_there(everything: Everything) -> None:
    kubectl = everything.release.kubectl
    for kind in ("servicemonitor", "podmonitor", "prometheusrule"):
        found = kubectl.get(kind, names.OPERATOR)
        assert found["metadata"]["labels"]["release"] == "prometheus"
    (endpoint,) = kubectl.get("servicemonitor", names.OPERATOR)["spec"]["endpoints"]
    service = f"/api/v1/namespaces/{kubectl.namespace}/services/{names.OPERATOR}:{endpoint['port']}/proxy"
    metrics = f"{service}{endpoint['path']}"
    # A pod that was killed is an endpoint of the service for a moment more.
    assert everything.release.soon(lambda: "kedge_" in kubectl("get", "--raw", metrics, check=False))


def test_helm_tests_the_release(everything: Everything) -> None:
    assert "Succeeded" in everything.release.helm("test", f"--timeout={SECONDS}s")


def test_the_dashboard_is_where_it_is_asked_for(everything: Everything) -> None:
    found = everything.etl.kubectl.get("configmap", "kedge-dashboard")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(found["data"]["kedge.json"])["panels"]


def test_operators_write_json(everything: Everything) -> None:
    lines = [
        line
        for pod in everything.release.operator_pods()
        for line in everything.release.kubectl("logs", pod["metadata"]["name"]).splitlines()
    ]
    assert [line for line in lines if not line.startswith("{")] == []
    assert all("message" in json.loads(line) for line in lines)
    assert any(json.loads(line)["levelname"] == "DEBUG" for line in lines)


def test_the_api_server_refuses_what_the_pod_policy_does(everything: Everything) -> None:
    greedy = {"ops": [op("one")], "podTemplate": {"spec": {"hostNetwork": True}}}
    with pytest.raises(AssertionError, match="podPolicy"):
        everything.etl.submit(greedy)


def test_all_objects_are_labelled(everything: Everything) -> None:
    kinds = "deployments,services,configmaps,secrets,roles,rolebindings,serviceaccounts,pdb,pvc"
    for place in (everything.release, everything.etl, everything.ml):
        found = place.kubectl.get(kinds, "-lapp.kubernetes.io/managed-by=Helm")["items"]
        assert found
        for one in found:
            if one["metadata"]["name"] != "kedge-more":
                assert one["metadata"]["labels"]["team"] == one["metadata"]["annotations"]["owner"] == "data", one


# -- a volume by hand: the cluster has nobody who makes one ------------------------------------------------------------


@contextlib.contextmanager
def volume(release: Release) -> Iterator[None]:
    """A local volume of the class that is called as the namespace is. What is in it goes with it."""
    node = release.kubectl.get("nodes")["items"][0]["metadata"]["labels"]["kubernetes.io/hostname"]
    where = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    spec = {
        "storageClassName": release.namespace,
        "capacity": {"storage": "100Mi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "local": {"path": f"{VOLUMES}/{release.namespace}"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [where]}]}},
    }
    metadata = {"name": release.namespace}
    on_node(release, "makes", f"import os; os.makedirs('/volumes/{release.namespace}')")
    release.kubectl.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec})
    try:
        yield
    finally:
        release.kubectl("delete", "pv", release.namespace, "--wait=false")
        on_node(release, "removes", f"import shutil; shutil.rmtree('/volumes/{release.namespace}', True)")


def on_node(release: Release, does: str, code: str) -> None:
    """Some Python that sees the node's volumes, as root."""
    name = f"{release.namespace}-{does}"
    system = Kubectl(release.kubectl.kubeconfig, "kube-system")
    container: dict[str, Any] = {
        "name": "main",
        "image": RUNTIME,
        "command": ["python", "-c", code],
        "securityContext": {"runAsUser": 0, "runAsNonRoot": False},
        "volumeMounts": [{"name": "volumes", "mountPath": "/volumes"}],
    }
    host = {"name": "volumes", "hostPath": {"path": VOLUMES, "type": "DirectoryOrCreate"}}
    spec = {"restartPolicy": "Never", "containers": [container], "volumes": [host]}
    system.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    system.wait(f"pod/{name}", "jsonpath={.status.phase}=Succeeded")
    system("delete", "pod", name, "--wait=false")


def test_a_job_that_asks_for_the_host_is_refused_when_it_is_made(everything: Everything) -> None:
    body = {
        "apiVersion": "kedge.dev/v1alpha1",
        "kind": "OpJob",
        "metadata": {"name": "greedy"},
        "spec": {"ops": [op("one", pod={"hostNetwork": True})]},
    }
    for place in (everything.etl, everything.ml):
        told = place.kubectl("create", "-f", "-", given=json.dumps(body), check=False)
        assert "op one asks for fields that podPolicy.fields does not allow" in told
        account = {**body, "spec": {"ops": [op("one", pod={"serviceAccountName": "kedge-step"})]}}
        assert "created" in place.kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(account))
