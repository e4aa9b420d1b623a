"""Which runs a command means: those of this machine, or those of a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kedge.cli.cluster.where import Where


@pytest.mark.parametrize("name", ["oj/sizes", "opjob/sizes", "opjobs/sizes", "opjob.kedge.dev/sizes"])
def test_a_name_with_its_kind_is_the_clusters_whatever_else_is_said(name: str) -> None:
    assert Where().in_cluster(name) == "sizes"
    assert Where(chosen=True).in_cluster(name) == "sizes"


def test_a_plain_name_is_the_clusters_where_one_was_chosen() -> None:
    assert Where().in_cluster("sizes") is None
    assert Where(chosen=True, namespace="team").in_cluster("sizes") == "sizes"


def test_commands_that_are_told_can_be_typed_as_they_stand() -> None:
    where = Where(chosen=True, context="there", namespace="team")
    assert where.command("logs", "x", "size[a]") == "kedge logs oj/x -n team --context there 'size[a]'"
    assert Where(chosen=True, plugin=True).command("retry", "x") == "kubectl kedge retry x"


def kedge(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kedge.cli", *arguments]
    told = {**os.environ, "KEDGE_HOME": str(tmp_path / "home"), **environment}
    return subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, check=False)


COMMANDS = [
    ["runs", "--cluster"],
    ["runs", "-n", "team"],
    ["runs", "-A"],
    ["steps", "oj/x"],
    ["logs", "x", "--context", "there"],
    ["gantt", "oj/x"],
    ["retry", "oj/x"],
    ["resume", "oj/x"],
    ["cancel", "oj/x"],
    ["suspend", "x"],
    ["status", "x"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_for_a_cluster_asks_kubectl(tmp_path: Path, arguments: list[str]) -> None:
    done = kedge(tmp_path, *arguments, PATH=str(tmp_path))
    assert done.returncode == 2
    assert "there is no kubectl on the PATH" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_such_words_a_run_is_looked_for_here(tmp_path: Path) -> None:
    done = kedge(tmp_path, "steps", "x", PATH=str(tmp_path))
    assert (done.returncode, "there is no run 'x'" in done.stderr) == (2, True)


def test_only_a_clusters_run_can_be_followed(tmp_path: Path) -> None:
    done = kedge(tmp_path, "logs", "x", "-f")
    assert (done.returncode, "oj/NAME" in done.stderr) == (2, True)


def test_submit_takes_no_other_kind_of_object(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n")
    done = kedge(tmp_path, "submit", "pod.yaml")
    assert done.returncode == 2
    assert "this is v1 Pod; submit takes kedge.dev/v1alpha1 OpJob" in done.stderr


def test_help_tells_which_commands_are_for_which_runs(tmp_path: Path) -> None:
    said = kedge(tmp_path, "--help").stdout
    titles = [line for line in said.splitlines() if line.endswith(":")]
    assert titles == ["Options:", "Jobs:", "Runs, here and on a cluster:", "Runs on a cluster:", "Others:"]
