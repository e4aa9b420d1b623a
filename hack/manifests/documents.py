"""What is written: every file under `manifests/` that is made from Python, as text by its path.

`python -m manifests` writes them, and with `--check` compares them with what is there; tests read them from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from manifests import crd

ROOT = Path(__file__).resolve().parents[2] / "manifests"
MADE = "# Made by `make generate`: change hack/manifests or what it reads, not this file.\n"


def all_files() -> dict[Path, str]:
    """The text of each generated file by its whole path."""
    objects = {f"crds/{crd.GROUP}_{crd.PLURAL}.yaml": [crd.crd()]}
    return {ROOT / name: text_of(documents) for name, documents in objects.items()}


def text_of(documents: list[dict[str, Any]]) -> str:
    """Documents as YAML, fields in the order in which they were put."""
    return MADE + yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def write() -> Iterator[Path]:
    """Bring all files up to date, and yield those that have changed."""
    for path in stale():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(all_files()[path], encoding="utf-8")
        yield path


def stale() -> Iterator[Path]:
    """The files that are not there, or hold something else."""
    for path, text in all_files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, lists set in as people write them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)
