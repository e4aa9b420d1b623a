"""Versions are pinned in one file, and everything that is built follows it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from cluster.places import HACK, ROOT
from cluster.tools import TOOLS, Tool, find


@pytest.mark.parametrize("tool", TOOLS.values(), ids=list(TOOLS))
def test_the_lock_file_holds_the_pinned_version(tool: Tool) -> None:
    text = (tool.source / "go.mod").read_text(encoding="utf-8")
    assert re.search(rf"^\s*(require )?{re.escape(tool.module)} v{re.escape(tool.version)}\b", text, re.M)
    assert (tool.source / "go.sum").exists()


def test_kubernetes_comes_from_modules_of_one_version() -> None:
    text = (HACK / "tools" / "kubernetes" / "go.mod").read_text(encoding="utf-8")
    staged = set(re.findall(r"^\s*k8s\.io/\S+ => k8s\.io/\S+ (v\S+)$", text, re.M))
    assert staged == {f"v0{TOOLS['kubernetes'].version.removeprefix('1')}"}


def test_no_lock_file_names_a_registry() -> None:
    for path in HACK.glob("tools/*/go.*"):
        assert "://" not in path.read_text(encoding="utf-8"), path


def test_the_config_of_kind_is_one(tmp_path: Path) -> None:
    path = ROOT / "kind-config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (config["kind"], config["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    kind = find("kind")
    if kind is None:
        pytest.skip("kind was not built; `python -m cluster tools kind` builds it")
    command = [str(kind), "create", "cluster", f"--config={path}", f"--kubeconfig={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/nowhere"})
    assert "failed to get docker info" in done.stderr, (
        "kind did not get past its own parser, to Docker, which is not there"
    )
