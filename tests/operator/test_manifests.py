"""The other manifests: rights as the table has them, settings that the operator reads, samples that run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.places import ROOT
from cluster.recipes import RECIPES
from kedge.core import spec
from kedge_operator import permissions, settings
from manifests import deployment, documents, first_store

TABLES = [
    permissions.OPERATOR,
    permissions.LEADER,
    permissions.JOB_STORES,
    permissions.VIEWERS,
    permissions.EDITORS,
]
SAMPLES = sorted((documents.ROOT / "samples").glob("*.yaml"))


def objects() -> list[dict[str, Any]]:
    return [one for path in documents.all_files() for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("table", TABLES)
def test_every_right_has_a_reason_and_none_is_a_wildcard(table: Any) -> None:
    for row in table:
        assert set(row) - {"names"} == {"group", "resources", "verbs", "why"}
        assert row["why"]
        assert "*" not in {row["group"], *row["resources"], *row["verbs"]}


def test_only_the_rights_of_the_table_are_given() -> None:
    rows = {(row["group"], row["resources"], row["verbs"], row.get("names", ())) for table in TABLES for row in table}
    roles = [one for one in objects() if one["kind"] in ("Role", "ClusterRole")]
    given = {
        (group, tuple(rule["resources"]), tuple(rule["verbs"]), tuple(rule.get("resourceNames", ())))
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
    }
    assert given == rows


def test_what_is_applied_is_in_a_kustomization() -> None:
    for path in documents.all_files():
        if path.parent.name != "optional" and path.name != "kustomization.yaml":
            listed = yaml.safe_load((path.parent / "kustomization.yaml").read_text(encoding="utf-8"))
            assert path.name in [*listed["resources"], *(one["path"] for one in listed.get("patches", []))], path


@pytest.mark.parametrize("folder", ["operator", "first-steps"])
def test_the_operator_reads_its_configuration(folder: str, tmp_path: Path) -> None:
    config = yaml.safe_load((documents.ROOT / folder / "config.yaml").read_text(encoding="utf-8"))
    (tmp_path / "config.yaml").write_text(config["data"][deployment.CONFIG], encoding="utf-8")
    found = settings.load(tmp_path / "config.yaml")
    assert found.store.secret_name == "kedge-store"
    assert (found.http.port, found.announce.port) == (deployment.HTTP_PORT, deployment.ANNOUNCE_PORT)


@pytest.mark.parametrize("folder", ["operator", "first-steps"])
def test_the_configuration_can_be_read_and_changed_by_people(folder: str) -> None:
    lines = (documents.ROOT / folder / "config.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[lines.index("  config.yaml: |") + 1] == "    store:"


def test_images_are_those_that_are_built_here() -> None:
    assert RECIPES["kedge-operator"].reference == deployment.IMAGE
    assert RECIPES["kedge-versitygw"].reference == first_store.IMAGE
    user = f"USER {deployment.USER}:{deployment.USER}"
    assert all(user in RECIPES[name].dockerfile.read_text() for name in ("kedge-operator", "kedge-versitygw"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_runs(path: Path, tmp_path: Path) -> None:
    job = spec.parse(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert (job.name, job.spec.image) == (path.stem, RECIPES["kedge-examples"].reference)
    environment = {**os.environ, "KEDGE_HOME": str(tmp_path / "home"), "POKEMON_OUTPUT": str(tmp_path / "out")}
    command = [sys.executable, "-m", "kedge.cli", "run", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
