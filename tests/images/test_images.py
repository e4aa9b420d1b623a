"""The images as they are built here: who runs in them, what is in them, and that they work."""

import json
import re
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from image_tried import Images

from cluster import images
from cluster.places import ROOT
from cluster.recipes import RECIPES, Recipe

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
MB = 1_000_000
OURS = ["kedge-runtime", "kedge-examples", "kedge-operator"]
STALE = """
import importlib.util, pathlib, sys
import kedge.worker.__main__, kedge.worker.loading, pydantic, obstore, asyncio, concurrent.futures, sqlite3
for name, module in sorted(sys.modules.items()):
    source = getattr(module, "__file__", None)
    if source and source.endswith(".py"):
        compiled = pathlib.Path(importlib.util.cache_from_source(source))
        found = compiled.read_bytes()[:16] if compiled.exists() else bytes(16)
        status = pathlib.Path(source).stat()
        if int.from_bytes(found[8:12], "little") != int(status.st_mtime):
            print(name)
"""


pytestmark = pytest.mark.images


@pytest.mark.parametrize("name", list(RECIPES))
def test_nobody_is_root(image: Images, name: str) -> None:
    assert image(name).config["User"] == "65532:65532"


@pytest.mark.parametrize("name", list(RECIPES))
def test_labels_say_what_it_is(image: Images, name: str) -> None:
    labels = image(name).config["Labels"]
    assert labels["org.opencontainers.image.title"] == name
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"]


def test_the_runtime_image_is_a_worker(image: Images) -> None:
    config = image("kedge-runtime").config
    assert config["Entrypoint"] == ["python", "-m", "kedge.worker"]
    assert config["WorkingDir"] == "/app"
    assert config["Labels"]["org.opencontainers.image.version"] == VERSION


def test_the_operators_image_is_an_operator(image: Images) -> None:
    config = image("kedge-operator").config
    assert config["Entrypoint"] == ["python", "-m", "kedge_operator"]
    assert config["Labels"]["org.opencontainers.image.version"] == VERSION


@pytest.mark.parametrize(
    ("name", "held"), [("kedge-runtime", False), ("kedge-examples", False), ("kedge-operator", True)]
)
def test_the_operator_is_in_its_own_image_alone(image: Images, name: str, held: bool) -> None:
    find = (
        "import importlib.util as u; print(u.find_spec('kedge') is not None, u.find_spec('kedge_operator') is not None)"
    )
    assert image(name).python(find).split() == ["True", str(held)]


def test_the_operator_imports_what_it_needs(image: Images) -> None:
    code = "import kopf, kubernetes.aio, aiohttp, prometheus_client, yaml, kedge_operator; print('imported')"
    assert image("kedge-operator").python(code) == "imported\n"


def test_the_worker_says_its_version(image: Images) -> None:
    assert image("kedge-runtime").call("--version") == f"kedge {VERSION}\n"


def test_python_is_as_recent_as_the_default_base(image: Images) -> None:
    default = re.search(
        r"^ARG BASE=python:(\d+\.\d+)\.\d+-slim", (ROOT / "runtime/Dockerfile").read_text(), re.MULTILINE
    )
    assert default is not None
    assert image("kedge-runtime").python("import sys; print('%d.%d' % sys.version_info[:2])").strip() == default[1]


@pytest.mark.parametrize("name", ["runtime", "operator"])
def test_an_image_has_the_locked_dependencies_and_nothing_else(image: Images, name: str) -> None:
    listed = json.loads(image(f"kedge-{name}").run(["pip", "list", "--format=json"]))
    found = {one["name"].replace("_", "-").lower(): one["version"] for one in listed}
    found.pop("pip")
    locked = re.findall(r"^(\S+)==(\S+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE)
    assert found == {**dict(locked), "kedge": VERSION}


@pytest.mark.parametrize("name", OURS)
def test_what_is_installed_fits_together(image: Images, name: str) -> None:
    assert "No broken requirements" in image(name).run(["pip", "check"])


@pytest.mark.parametrize("name", OURS)
def test_no_step_compiles_what_it_imports(image: Images, name: str) -> None:
    assert image(name).python(STALE) == ""


@pytest.mark.parametrize("name", OURS)
def test_nothing_of_the_machine_that_built_it_is_left(image: Images, name: str) -> None:
    paths = "['/etc/pip.conf', '/run/secrets/ca', '/staging', '/wheels', '/build', '/root/.cache']"
    code = f"import os; print([path for path in {paths} if os.path.lexists(path)])"
    assert image(name).python(code).strip() == "[]"


def test_the_user_has_a_name_and_a_home_to_write_to(image: Images) -> None:
    code = "import getpass, os, pathlib; print(getpass.getuser(), os.getuid(), pathlib.Path('~').expanduser())"
    assert image("kedge-runtime").python(code).split() == ["kedge", "65532", "/tmp"]


def test_the_runtime_image_is_small(image: Images, record_property: Callable[[str, object], None]) -> None:
    size = image("kedge-runtime").size
    record_property("bytes", size)
    assert size < 200 * MB, f"{size / MB:.0f} MB"


def test_the_operators_image_is_no_larger_than_its_client_of_kubernetes_makes_it(
    image: Images, record_property: Callable[[str, object], None]
) -> None:
    size = image("kedge-operator").size
    record_property("bytes", size)
    assert size < 400 * MB, f"{size / MB:.0f} MB"


@pytest.mark.parametrize("job", ["dynamic", "static"])
def test_an_example_runs_in_the_image_of_examples(image: Images, job: str) -> None:
    code = f"""
import os
os.environ["POKEMON_OUTPUT"] = "/tmp/out"
from kedge.worker.loading import load_job
print(load_job("examples/pokemon/jobs.py:{job}").execute_in_process().success)
"""
    assert image("kedge-examples").python(code).splitlines()[-1] == "True"


def test_the_s3_server_is_one_program(image: Images, tmp_path: Path) -> None:
    made = image("kedge-versitygw")
    assert made.config["Entrypoint"] == ["/versitygw"]
    made.built.archive(tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as archive:
        layers = [one for one in archive.getmembers() if one.size > MB]
        assert len(layers) == 1
        with tarfile.open(fileobj=archive.extractfile(layers[0])) as layer:
            assert [one.name.lstrip("./") for one in layer.getmembers() if one.isfile()] == ["versitygw"]


def test_what_has_not_changed_is_not_built_again(image: Images) -> None:
    image("kedge-runtime")
    assert [one.fresh for one in images.build()] == [False] * len(RECIPES)


def test_an_unknown_image_is_refused_with_those_there_are() -> None:
    with pytest.raises(images.Missing, match=r"no image nothing; there are kedge-runtime, "):
        images.build(["nothing"])


def test_a_build_that_fails_tells_the_end_of_its_messages(image: Images, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY nowhere /\n")
    recipe = Recipe("kedge-try", "dev", tmp_path / "Dockerfile", tmp_path, on_base=False)
    builder = image("kedge-runtime").built.builder
    with pytest.raises(
        images.Missing, match=r"(?s)nowhere.*building kedge-try failed; all its messages are in /\S+\.log$"
    ):
        builder.build(recipe, {}, "no-key")
    assert builder.config(recipe.reference) is None
