"""The page on architecture tells of the code as it is, and the list of decisions has them all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
LINTED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
DECISIONS = sorted((ROOT / "docs/adr").glob("0*.md"))


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_layers_are_those_that_the_linter_holds_in_their_order() -> None:
    (layers,) = (contract["layers"] for contract in LINTED if contract["type"] == "layers")
    assert [name.strip("`") for name, _ in rows("Layers")] == ["kedge_operator", *layers]


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`([\w./]+(?:\.py|/\w+))`", PAGE)
    assert len(named) > 20
    for path in named:
        places = (ROOT / folder / path for folder in (".", "runtime", "operator", "operator/kedge_operator"))
        assert path.startswith("runs/") or any(place.exists() for place in places), path


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem[:4])
def test_a_decision_is_listed_by_its_title(page: Path) -> None:
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    number, title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(". ", 1)
    assert f"{number}. [{title}]({page.name})" in index
