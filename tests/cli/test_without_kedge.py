"""A cluster that does not know OpJobs, and none at all: what the command says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster.tools import need

pytestmark = pytest.mark.plane


def kedge(kubeconfig: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(need("kubectl").parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "KUBECONFIG": kubeconfig}
    command = [sys.executable, "-m", "kedge.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_cluster_without_kedge_is_told_from_one_without_runs(plane: Any, tmp_path: Path) -> None:
    manifest = tmp_path / "job.yaml"
    manifest.write_text(
        "apiVersion: kedge.dev/v1alpha1\nkind: OpJob\nmetadata: {name: x}\n"
        "spec: {ops: [{name: one, entrypoint: 'm:one'}]}\n"
    )
    for arguments in (["runs", "--cluster"], ["status", "x"], ["submit", str(manifest)], ["cancel", "oj/x"]):
        done = kedge(str(plane.kubeconfig), *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("NotInstalled: "), done.stderr
        assert "Kedge is not installed in this cluster" in done.stderr


def test_no_kubeconfig_and_no_server_are_told_apart(tmp_path: Path) -> None:
    none = kedge(str(tmp_path / "none"), "runs", "--cluster")
    assert (none.returncode, none.stderr.startswith("NoCluster: no cluster is configured here")) == (2, True)
    (tmp_path / "kubeconfig").write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'https://127.0.0.1:9'}}]\nusers: [{name: a, user: {token: a}}]\n"
    )
    away = kedge(str(tmp_path / "kubeconfig"), "runs", "--cluster")
    assert (away.returncode, away.stderr.startswith("Unreachable: ")) == (2, True)
    assert "kubectl cluster-info" in away.stderr
