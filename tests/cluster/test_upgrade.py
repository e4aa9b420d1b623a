"""An upgrade in flight: the release before this one runs a job, Helm brings this one; nothing is lost or run twice."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cluster_runs import fan_out, op
from kedge_installed import SECONDS, steps_of
from kedge_released import Release, released

from cluster import images
from cluster.places import ROOT
from cluster.recipes import RECIPES, Recipe, sources
from manifests import crd, documents

pytestmark = [pytest.mark.cluster, pytest.mark.charts, pytest.mark.xdist_group("upgrade")]

BEFORE = "0.0.9"
"""As no release has been made yet, the one before is this tree under another number."""


class Previous:
    """The release before this one: its chart, and the image of its operator."""

    def __init__(self, folder: Path) -> None:
        self.chart = folder / "charts/kedge"
        shutil.copytree(documents.CHART, self.chart)
        chart = self.chart / "Chart.yaml"
        chart.write_text(
            re.sub(r"(?m)^(version|appVersion): .*$", rf'\1: "{BEFORE}"', chart.read_text(encoding="utf-8"))
        )
        resource = crd.crd()
        resource["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = f"As of {BEFORE}."
        (self.chart / "files/crd.yaml").write_text(yaml.safe_dump(resource))
        self.image = images.build_one(self._recipe(folder))
        images.bring(self.image)

    @staticmethod
    def _recipe(folder: Path) -> Recipe:
        now = RECIPES["kedge-operator"]
        for name in ("operator/Dockerfile", ".dockerignore", *sources(now.dockerfile)):
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, place)
        module = folder / "runtime/kedge/__init__.py"
        text, count = re.subn(
            r"(?m)^__version__ = .*$", f'__version__ = "{BEFORE}"', module.read_text(encoding="utf-8")
        )
        assert count == 1
        module.write_text(text)
        return Recipe("kedge-operator", "before", folder / "operator/Dockerfile", folder, {"VERSION": BEFORE})


@pytest.fixture(scope="module")
def release(cluster: str, ours: None, request: pytest.FixtureRequest) -> Iterator[Release]:
    with released(cluster, request) as (found, _):
        yield found


def test_a_job_outlives_an_upgrade_of_operator_chart_and_resource(release: Release, tmp_path: Path) -> None:
    previous = Previous(tmp_path)
    own = {"crds": {"install": True}, "image": {"tag": "before"}}
    release.bring(own, "--take-ownership", chart=previous.chart)
    assert version(release) == BEFORE
    (before,) = [pod["metadata"]["name"] for pod in release.operator_pods()]

    word = f"go-{uuid.uuid4().hex[:6]}"
    waits = op("waits_with", inputs={"x": {"map": "ten"}}, pod={"env": [{"name": "WORD", "value": word}]})
    ops = [fan_out("ten"), waits, op("count", inputs={"values": {"collect": "waits_with"}})]
    job = release.submit({"ops": ops, "maxConcurrent": 3})
    release.until(job, lambda status: status["steps"].get("running", 0) == 3)
    assert release.soon(lambda: len(release.pods(job, "waits_with")) >= 3)
    running = {pod["metadata"]["uid"] for pod in release.pods(job, "waits_with")}

    release.bring({"image": {"tag": "dev"}})
    release.kubectl("wait", f"pod/{before}", "--for=delete", f"--timeout={SECONDS}s")
    assert version(release) == this_version()
    assert release.kubectl.get("crd", "opjobs.kedge.dev")["spec"]["versions"] == crd.crd()["spec"]["versions"]
    assert release.status(job)["phase"] == "Running"

    release.store.put(f"words/{word}", b"go")
    status = release.ended(job)
    assert status["phase"] == "Succeeded", status
    pods = release.pods(job)
    assert sorted(steps_of(pods)) == sorted(["ten", "count", *(f"waits_with[n{i}]" for i in range(10))])
    assert running <= {pod["metadata"]["uid"] for pod in pods}
    assert {len(found) for found in release.outcomes(job).values()} == {1}


def version(release: Release) -> str:
    (found,) = release.metric("kedge_build_info")
    return found[0]["version"]


def this_version() -> str:
    (found,) = re.findall(
        r'(?m)^__version__ = "(.*)"$', (ROOT / "runtime/kedge/__init__.py").read_text(encoding="utf-8")
    )
    return found
