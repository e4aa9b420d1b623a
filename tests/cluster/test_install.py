"""Kedge for the whole cluster and for some namespaces, as docs/install.md says: by the chart, and without Helm.

An operator of the whole cluster would take up the jobs of all other modules, so that this one has its turn alone.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedge_installed import RUNTIME, SECONDS, Object, conditions
from kedge_released import Place, Release, released

from cluster.places import ROOT
from cluster.recipes import RECIPES
from kedge_kubectl import Kubectl
from manifests import deployment, documents, first_store, names

pytestmark = [pytest.mark.cluster, pytest.mark.charts, pytest.mark.xdist_group("install")]

SAMPLES = sorted((documents.ROOT / "samples").glob("*.yaml"))
PAGE = (ROOT / "docs/install.md").read_text(encoding="utf-8")
MACHINE = {"ops": [{"name": "machine", "entrypoint": "platform:machine"}]}
IMAGE = RECIPES["kedge-operator"].reference


class Cluster:
    """Three namespaces: that of an operator, with a store, and two for jobs, with the store's credentials."""

    def __init__(self, release: Release, places: list[Place]) -> None:
        self.release = release
        self.etl, self.ml = places
        self.namespace = release.namespace
        self.environment = {
            **first_store.ENVIRONMENT,
            "AWS_ENDPOINT_URL": f"http://{names.STORE_SECRET}.{release.namespace}:7070",
        }

    def provide_store(self) -> None:
        """A bucket, and a Secret in each namespace."""
        (secret, _) = first_store.secrets()
        for one in (self.release, self.etl, self.ml):
            one.kubectl.apply(placed(secret, one.namespace))
        self.release.kubectl.apply(*(placed(one, self.namespace) for one in first_store.server()))
        self.release.kubectl("rollout", "status", f"deployment/{names.STORE_SECRET}", f"--timeout={SECONDS}s")

    def run(self, place: Place) -> None:
        """A job of one op, to its end."""
        status = place.ended(place.submit(MACHINE))
        assert status["phase"] == "Succeeded", status

    @contextlib.contextmanager
    def kustomized(self, overlay: Path) -> Iterator[None]:
        """What an overlay makes, applied, for as long as the block lasts. The resource stays: others need it."""
        kubectl = Kubectl(self.release.kubectl.kubeconfig, "")
        text = kubectl("kustomize", str(overlay))
        kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=text)
        try:
            self.release.kubectl("rollout", "status", f"deployment/{names.OPERATOR}", f"--timeout={SECONDS}s")
            yield
        finally:
            made = [one for one in yaml.safe_load_all(text) if one["kind"] not in STAYS]
            kubectl("delete", "--ignore-not-found", "-f", "-", given=yaml.safe_dump_all(made))
            # They go after their Deployment, and work until then.
            pods = ("pods", "-l", f"app.kubernetes.io/name={names.OPERATOR}")
            self.release.kubectl("wait", *pods, "--for=delete", f"--timeout={SECONDS}s")


STAYS = ("CustomResourceDefinition", "Namespace")


@pytest.fixture(scope="module")
def whole(cluster: str, ours: None, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with released(cluster, request, "etl", "ml", alone=True) as (release, places):
        found = Cluster(release, places)
        found.provide_store()
        yield found


def test_the_chart_as_it_is_runs_jobs_of_all_namespaces(whole: Cluster) -> None:
    release = whole.release
    # What must be said, and nothing more.
    release.values = {
        "store": {"endpoint": whole.environment["AWS_ENDPOINT_URL"]},
        "config": {"image": RUNTIME},
    }
    try:
        notes = release.bring({}, "--take-ownership")
        assert "runs OpJobs of all namespaces" in notes
        assert "Succeeded" in release.helm("test", f"--timeout={SECONDS}s")
        for place in (whole.etl, whole.ml):
            whole.run(place)
    finally:
        release.helm("uninstall", "--ignore-not-found", "--wait")


@pytest.fixture(scope="class")
def samples(whole: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The samples under way, run by an operator of the whole cluster."""
    folder = tmp_path_factory.mktemp("overlay")
    write(folder, "kustomization.yaml", page("kustomization.yaml", whole) | {"namespace": whole.namespace})
    write(folder, "config.yaml", page("config.yaml", whole))
    with whole.kustomized(folder):
        for sample in SAMPLES:
            whole.etl.kubectl("create", "-f", str(sample))
        yield


@pytest.mark.usefixtures("samples")
class TestManifests:
    """`kubectl apply -k` of an overlay of `manifests`, in a namespace of its own."""

    @pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
    def test_a_sample_runs_to_its_end(self, whole: Cluster, sample: Path) -> None:
        status = whole.etl.ended(sample.stem)
        assert conditions(status)["Complete"] == "True AllStepsEnded", status

    def test_jobs_run_in_another_namespace(self, whole: Cluster) -> None:
        whole.run(whole.ml)


def test_without_helm_it_runs_for_some_namespaces_alone(whole: Cluster, tmp_path: Path) -> None:
    # As on the page, but that the operator is not in kedge-system.
    rights = [{"op": "replace", "path": "/subjects/0/namespace", "value": whole.namespace}]
    own = page("etl/kustomization.yaml", whole) | {"namespace": whole.etl.namespace}
    own |= {"patches": [{"target": {"kind": "RoleBinding"}, "patch": yaml.safe_dump(rights)}]}
    write(tmp_path / "etl", "kustomization.yaml", own)
    top = page("kustomization.yaml", whole) | {"namespace": whole.namespace}
    top["resources"] = [one.replace("manifests", "manifests/namespaced") for one in top["resources"]]
    write(tmp_path / "top", "kustomization.yaml", top)
    write(tmp_path / "top", "config.yaml", page("config.yaml", whole, namespaces=[whole.etl.namespace]))
    both = {"apiVersion": top["apiVersion"], "kind": top["kind"], "resources": ["top", "etl"]}
    write(tmp_path, "kustomization.yaml", both)
    with whole.kustomized(tmp_path):
        elsewhere = whole.ml.submit(MACHINE)
        whole.run(whole.etl)
        assert whole.ml.status(elsewhere) == {}
        account = f"system:serviceaccount:{whole.namespace}:{names.OPERATOR}"
        for place, may in ((whole.etl, True), (whole.ml, False)):
            told = place.kubectl("auth", "can-i", "create", "pods", f"--as={account}", check=False)
            assert (told.strip() == "yes") is may


def page(name: str, whole: Cluster, **settings: Any) -> Object:
    """A file of the page on installing, with the checkout, image and store of this test."""
    (text,) = re.findall(rf"```yaml\n# {re.escape(name)}\n(.*?)```", PAGE, re.S)
    found: Object = yaml.safe_load(text)
    if found["kind"] == "Kustomization":
        found["resources"] = [one.replace("kedge/", f"{ROOT}/").replace("../", "") for one in found["resources"]]
        name_of_image, tag = IMAGE.rsplit(":", 1)
        for image in found.get("images", ()):
            image |= {"newName": name_of_image, "newTag": tag}
        return found
    told = yaml.safe_load(found["data"][deployment.CONFIG]) | {"image": RUNTIME} | settings
    told["store"] |= {"url": first_store.URL, "environment": whole.environment}
    return found | {"data": {deployment.CONFIG: yaml.safe_dump(told)}}


def write(folder: Path, name: str, found: Mapping[str, Any]) -> None:
    """A file of an overlay. Folders above it are named from where it is, as kustomize wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    if "resources" in found:
        near = [os.path.relpath(one, folder) if one.startswith("/") else one for one in found["resources"]]
        found = {**found, "resources": near}
    (folder / name).write_text(yaml.safe_dump(found), encoding="utf-8")


def placed(found: Object, namespace: str) -> Object:
    """An object of the manifests, in a namespace."""
    return {**found, "metadata": {**found["metadata"], "namespace": namespace}}
