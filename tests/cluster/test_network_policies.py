"""The chart's network policies on a network that enforces them: what each pod reaches without them, and with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from cluster_runs import hints, op, value
from kedge_installed import JOBS, SECONDS, Installed, Object
from kedge_released import Release, released

from kedge_kubectl import Kubectl
from manifests import names

pytestmark = [pytest.mark.cluster, pytest.mark.charts, pytest.mark.xdist_group("network")]

PORT = 8000
CODE = (JOBS / "network_ops.py").read_text(encoding="utf-8")
LOOK = f"{CODE}\nimport json, sys\nprint(json.dumps(looks_around(None, json.loads(sys.argv[1]))))"
MONITOR = {"role": "monitor"}
EVERYTHING = ["api", "metrics", "monitor", "names", "neighbour", "node", "step", "store", "stranger"]
CLOSED = {"step": ["neighbour"], "operator": ["neighbour"]}
CLOSED |= {who: ["step", "store"] for who in ("neighbour", "monitor", "stranger")}
"""Some of what each no longer reaches once the policies hold."""
FOR_THE_MONITOR = CLOSED | {who: [*CLOSED[who], "metrics"] for who in ("neighbour", "stranger")}
"""And once metrics are for the monitor alone."""


@dataclass(frozen=True)
class World:
    """A release with a step that listens; and listening pods: two beside it, and one in another namespace."""

    release: Release
    pods: Mapping[str, Installed]
    step: str
    """The name of the listening step's pod."""

    def targets(self) -> dict[str, tuple[str, int]]:
        """All that is listened at."""
        kubectl = self.release.kubectl
        addresses = kubectl.get("nodes")["items"][0]["status"]["addresses"]
        (node,) = [one["address"] for one in addresses if one["type"] == "InternalIP"]
        return {
            "store": (f"{names.STORE_SECRET}.{self.release.namespace}", 7070),
            "names": (name_service(kubectl)["spec"]["clusterIP"], 53),
            "metrics": (self.release.operator_pods()[0]["status"]["podIP"], 8080),
            "api": ("kubernetes.default", 443),
            "node": (node, 10250),
            "step": (address(kubectl, self.step), PORT),
            **{name: (address(place.kubectl, name), PORT) for name, place in self.pods.items()},
        }

    def look(self, closed: Sequence[str]) -> Object:
        """An op that looks at all that it reaches, once it reaches nothing of `closed`."""
        config = {"targets": self.targets(), "closed": closed}
        return {"name": "looks", "entrypoint": "network_ops:looks_around", "config": config}

    def seen(self, closed: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """What each reaches, looked at once it reaches nothing of what is `closed` to it."""
        look = self.look(closed.get("step", ()))
        job = self.release.submit({"ops": [look]})
        status = self.release.ended(job)
        assert status["phase"] == "Succeeded", status
        (operator,) = self.release.operator_pods()
        pods = [(name, place.kubectl, name) for name, place in self.pods.items()]
        pods.append(("operator", self.release.kubectl, operator["metadata"]["name"]))
        found = {"step": value(self.release, job, "looks")}
        for who, kubectl, pod in pods:
            config = json.dumps({**look["config"], "closed": closed.get(who, ())})
            found[who] = json.loads(run(kubectl, pod, LOOK, config))
        return found


@dataclass(frozen=True)
class Seen:
    """What each pod reaches: without policies, with them, and with metrics for the monitor alone."""

    world: World
    without: Mapping[str, list[str]]
    policed: Mapping[str, list[str]]
    chosen: Mapping[str, list[str]]


@pytest.fixture(scope="module")
def seen(cluster: str, ours: None, request: pytest.FixtureRequest) -> Iterator[Seen]:
    with released(cluster, request, "elsewhere") as (release, (elsewhere,)):
        release.bring({})
        pods = {"neighbour": release, "monitor": release, "stranger": elsewhere}
        for name, place in pods.items():
            place.kubectl.apply(listening(name, MONITOR if name == "monitor" else {}))
        job = release.submit({"ops": [{"name": "listens", "entrypoint": "network_ops:listens"}]})
        for name, place in pods.items():
            place.kubectl.wait(f"pod/{name}", "condition=Ready")
        step = release.running(job, "listens")["metadata"]["name"]
        release.said(step, "listening")
        world = World(release, pods, step)
        without = world.seen({})
        release.bring({"networkPolicy": {"enabled": True, "dns": {"to": name_servers(release.kubectl)}}})
        policed = world.seen(CLOSED)
        release.bring({"networkPolicy": {"metrics": {"from": [{"podSelector": {"matchLabels": MONITOR}}]}}})
        yield Seen(world, without, policed, world.seen(FOR_THE_MONITOR))


def test_without_policies_everybody_reaches_everything(seen: Seen) -> None:
    assert seen.without == dict.fromkeys(["step", "neighbour", "monitor", "stranger", "operator"], EVERYTHING)


def test_a_step_reaches_store_and_name_servers_alone(seen: Seen) -> None:
    assert seen.policed["step"] == seen.chosen["step"] == ["names", "store"]


def test_the_operator_reaches_store_name_servers_and_api_alone(seen: Seen) -> None:
    assert seen.policed["operator"] == ["api", "metrics", "names", "store"], "of a pod itself no policy keeps it"


@pytest.mark.parametrize("who", ["neighbour", "stranger"])
def test_nobody_reaches_steps_and_the_store(seen: Seen, who: str) -> None:
    assert set(EVERYTHING) - set(seen.policed[who]) == {"step", "store"}


def test_metrics_are_read_by_those_who_are_named(seen: Seen) -> None:
    read = {who: "metrics" in found for who, found in seen.chosen.items()}
    assert read == {"step": False, "neighbour": False, "stranger": False, "monitor": True, "operator": True}


def test_a_job_runs_and_a_step_announces_its_outcome(seen: Seen) -> None:
    release = seen.world.release
    before = hints(release).get("taken", 0)
    # The first outlasts the moment in which its pod is not known to the network yet.
    look = seen.world.look(CLOSED["step"])
    job = release.submit({"ops": [look, op("says", inputs={"x": {"from": "looks"}})]})
    assert release.ended(job)["phase"] == "Succeeded"
    assert hints(release)["taken"] > before


def test_helm_tests_the_release(seen: Seen) -> None:
    assert "Succeeded" in seen.world.release.helm("test", f"--timeout={SECONDS}s")


def listening(name: str, labels: Mapping[str, str]) -> Object:
    """A pod that takes connections."""
    spec = Installed.restricted_spec()
    spec["containers"][0] |= {
        "command": ["python", "-c", f"{CODE}\nlistens()"],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": dict(labels)}, "spec": spec}


def run(kubectl: Any, pod: str, code: str, *arguments: str) -> str:
    """What some Python prints in a pod."""
    return str(kubectl("exec", pod, "--", "python", "-c", code, *arguments))


def address(kubectl: Any, pod: str) -> str:
    return str(kubectl.get("pod", pod)["status"]["podIP"])


def name_service(kubectl: Any) -> Object:
    found: Object = Kubectl(kubectl.kubeconfig, "kube-system").get("service", "kube-dns")
    return found


def name_servers(kubectl: Any) -> list[Object]:
    """The peers that answer for names: pods, as the chart expects it, or processes of a node."""
    slices = Kubectl(kubectl.kubeconfig, "kube-system").get("endpointslices", "-lkubernetes.io/service-name=kube-dns")
    servers = [one for found in slices["items"] for one in found["endpoints"]]
    if all("targetRef" in one for one in servers):
        system = {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
        return [{"namespaceSelector": system, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]
    return [{"ipBlock": {"cidr": f"{found}/32"}} for one in servers for found in one["addresses"]]
