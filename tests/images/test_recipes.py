"""What goes into an image, and that a change of it is noticed."""

import re
import tomllib
from pathlib import Path

import pytest

from cluster import base_image
from cluster.places import ROOT
from cluster.recipes import RECIPES, Recipe, sources, with_parents

DOCKERFILES = [*(recipe.dockerfile for recipe in RECIPES.values()), base_image.DOCKERFILE]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "code" / "part").mkdir(parents=True)
    (tmp_path / "code" / "part" / "one.py").write_text("1")
    (tmp_path / "lock.txt").write_text("lock")
    (tmp_path / "Dockerfile").write_text(
        "FROM scratch AS first\nCOPY lock.txt /\n\nFROM scratch\nCOPY --chown=1:1 code lock.txt /app/\n"
        "COPY --from=first /made /made\n"
    )
    return Recipe("made", "dev", tmp_path / "Dockerfile", tmp_path)


def test_sources_are_what_is_copied_out_of_the_context(recipe: Recipe) -> None:
    assert sources(recipe.dockerfile) == ["lock.txt", "code", "lock.txt"]


@pytest.mark.parametrize("change", ["Dockerfile", ".dockerignore", "lock.txt", "code/part/one.py", "code/new.py"])
def test_another_content_is_another_key(recipe: Recipe, change: str) -> None:
    before = recipe.key({})
    with (recipe.context / change).open("a") as file:
        file.write("# more")
    assert recipe.key({}) != before


def test_a_file_that_moves_is_another_key(recipe: Recipe) -> None:
    before = recipe.key({})
    (recipe.context / "code/part/one.py").rename(recipe.context / "code/one.py")
    assert recipe.key({}) != before


def test_what_is_built_on_an_image_changes_with_it(recipe: Recipe) -> None:
    assert recipe.key({"parent": "1"}) != recipe.key({"parent": "2"})


def test_what_is_not_copied_and_bytecode_change_nothing(recipe: Recipe) -> None:
    before = recipe.key({})
    (recipe.context / "code" / "__pycache__").mkdir()
    (recipe.context / "code" / "__pycache__" / "one.pyc").write_text("1")
    (recipe.context / "other.py").write_text("1")
    assert recipe.key({}) == before


def test_an_image_comes_with_what_it_is_built_on_and_after_it() -> None:
    assert [one.name for one in with_parents(["kedge-examples"])] == ["kedge-runtime", "kedge-examples"]


@pytest.mark.parametrize("name", ["kedge-runtime", "kedge-examples", "kedge-operator"])
def test_all_that_is_copied_is_there_and_not_ignored(name: str) -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for source in sources(RECIPES[name].dockerfile):
        assert (ROOT / source).exists()
        assert any(source == one or source.startswith(f"{one}/") for one in allowed), source


(BASE,) = re.findall(r"^ARG BASE=(\S+)", (ROOT / "runtime/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_dockerfile_names_a_registry(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    bases = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE))
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE))
    assert bases - stages <= {"scratch", "${BASE}", "${RUNTIME}"}
    defaults = set(re.findall(r"^ARG (?:BASE|RUNTIME)=(\S+)", text, re.MULTILINE))
    assert defaults <= {BASE, "localhost/kedge-runtime:dev"}


def test_the_base_of_images_is_named_by_digest() -> None:
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", BASE)


@pytest.mark.parametrize("name", ["kedge-runtime", "kedge-operator"])
def test_the_label_says_the_version_of_the_project(name: str) -> None:
    assert f"ARG VERSION={PROJECT['project']['version']}\n" in RECIPES[name].dockerfile.read_text()


def test_the_images_of_steps_do_not_change_with_the_operator() -> None:
    for name in ("kedge-runtime", "kedge-examples"):
        assert not any("operator" in source for source in sources(RECIPES[name].dockerfile))


def test_a_wheel_of_the_operators_image_has_all_packages_of_the_project() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) <= set(sources(RECIPES["kedge-operator"].dockerfile))


def test_images_build_the_wheel_with_what_the_project_asks_for() -> None:
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]


def test_images_have_the_versions_that_are_tested() -> None:
    tested = locked("dev")
    for lock in ("runtime", "examples", "operator"):
        assert locked(lock) <= tested


def locked(name: str) -> set[str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^(\S+==\S+)", text, re.MULTILINE))
