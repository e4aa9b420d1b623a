"""Every piece of code and every `kedge` command in the pages for users is run as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "docs/guide.md"]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
_NAMED = re.compile(r"[Ss]ave this as `([\w.]+)`")


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Each block as (language, file name or "", text)."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    before = 0
    for match in _BLOCK.finditer(text):
        named = _NAMED.findall(text[before : match.start()])
        found.append((match[1], named[-1] if named else "", match[2]))
        before = match.end()
    return found


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed_from_top_to_bottom(page: str, tmp_path: Path) -> None:
    environment = {**os.environ, "KEDGE_HOME": str(tmp_path / ".kedge"), "PYTHONPATH": str(tmp_path)}
    commands = 0
    for number, (language, name, text) in enumerate(blocks(page)):
        if language == "python":
            path = tmp_path / (name or f"test_block_{number}.py")
            path.write_text(text, encoding="utf-8")
            if path.name.startswith("test_"):
                run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)], tmp_path, environment)
        for line in text.splitlines() if language == "sh" else ():
            words = shlex.split(line, comments=True)
            if words and words[0] == "kedge":
                run([sys.executable, "-m", "kedge.cli", *words[1:]], tmp_path, environment)
                commands += 1
    assert commands > 0


def run(command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"


GUIDES = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("docs/guides/*.md"), ROOT / "docs/dagster.md"])


@pytest.mark.parametrize("page", GUIDES)
def test_the_code_of_a_guide_runs_as_one_file(page: str, tmp_path: Path) -> None:
    code = [text for language, _, text in blocks(page) if language == "python"]
    assert code
    path = tmp_path / f"test_{Path(page).stem}.py"
    path.write_text("\n\n".join([*code, "def test_it_was_imported() -> None: ..."]), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(path)]
    run(command, tmp_path, os.environ)


MADE = ("docs/reference/", "docs/objects/")
"""Pages that `make docs` writes, whose links it checks itself."""
WRITTEN = [str(path.relative_to(ROOT)) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])]


@pytest.mark.parametrize("page", [one for one in WRITTEN if not one.startswith(MADE)])
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target and "reference/" not in target:  # made, and its links checked, by `make docs`
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/testing.md"])
def test_make_targets_that_are_named_exist(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"[`\n]make ([\w-]+)", (ROOT / page).read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.M), target
