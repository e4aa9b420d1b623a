"""The examples on the cluster: the Pokémon jobs start their steps in the same order as under `kedge run`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kedge_installed import EXAMPLES, Installed

from kedge.core.protocol import Outcome

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("examples")]

OUTPUT = {"name": "step", "env": [{"name": "POKEMON_OUTPUT", "value": "/tmp/pokemon"}]}
SETTINGS = {"podTemplate": {"spec": {"containers": [OUTPUT]}}}
ROOT = Path(__file__).parents[2]
TARGET = "examples/pokemon/jobs.py"
OPS = ("extract", "transform", "load", "summary")


@pytest.mark.parametrize("job", ["static", "dynamic", "dynamic_priority"])
def test_pokemon_steps_start_in_the_order_of_a_local_run(kedge: Installed, tmp_path: Path, job: str) -> None:
    manifest = tmp_path / f"{job}.yaml"
    target = f"{TARGET}:{job}"
    command("compile", target, "--image", EXAMPLES, "-o", str(manifest), "-j", "1", folder=ROOT)
    here = local_order(target, tmp_path)
    name = json.loads(kedge.kubectl("create", "-f", str(manifest), "-o", "json"))["metadata"]["name"]
    status = kedge.ended(name, 600)
    assert status["phase"] == "Succeeded", status
    assert order([found[0] for found in kedge.outcomes(name).values()]) == here


def test_a_file_of_ones_own_runs_as_the_page_on_first_steps_says(kedge: Installed, tmp_path: Path) -> None:
    page = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    (manifest,) = re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)
    (create,) = re.findall(r"`kubectl (create configmap .*?)`", page)
    (tmp_path / "hello.py").write_text(code)
    kedge.kubectl(*create.replace("=hello.py", f"={tmp_path}/hello.py").split())
    kedge.kubectl("create", "-f", "-", given=manifest)
    assert kedge.ended("hello")["phase"] == "Succeeded"


def local_order(target: str, folder: Path) -> list[str]:
    """The steps of a run on this machine, one at a time, in the order in which they started."""
    home = {"KEDGE_HOME": str(folder / "home"), "POKEMON_OUTPUT": str(folder / "out")}
    command("run", target, "-j", "1", folder=ROOT, **home)
    found = json.loads(command("gantt", "latest", "--json", folder=ROOT, **home))
    spans = sorted(found["spans"], key=lambda span: float(span["launched"]))
    return [str(span["step"]) for span in spans]


def order(outcomes: list[Outcome]) -> list[str]:
    """Steps by the time at which they were launched."""
    return [str(one.step) for one in sorted(outcomes, key=lambda one: (one.times and one.times.launched) or 0.0)]


def command(*arguments: str, folder: Path, **environment: str) -> str:
    """What a command of kedge prints."""
    kedge = [sys.executable, "-m", "kedge.cli", *arguments]
    done = subprocess.run(
        kedge, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
