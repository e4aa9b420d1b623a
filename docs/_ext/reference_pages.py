"""Writes the reference: public names by what they are for, each with its docstring."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kedge

PAGES: dict[str, str] = {
    "Ops": "ops ins_outs values lazy configured",
    "Graphs": "graphs compose dependencies config_mapping",
    "Jobs": "jobs executors partitions versions",
    "Types": "types container_types type_loaders",
    "Config": "config config_kinds models config_files validation",
    "Resources": "configurable resources resource_contexts",
    "Inputs, outputs, I/O managers": "io_managers io_contexts io_builders in_memory pickles filesystem upath",
    "Contexts": "contexts direct_context",
    "Hooks": "hooks hook_contexts",
    "Retries": "retry",
    "Loggers": "loggers logs",
    "Metadata": "metadata tables assets",
    "Running": "inprocess execution reconstruct instance run_records dagster_runs",
    "Events": "events",
    "Errors": "errors",
}
"""Each page, and the modules whose public names it shows: every module with public names stands here."""
HIDDEN_BASES = "ABC, BaseModel, Enum, Exception, Generic, LoggerAdapter, NamedTuple, Protocol, dict, object, str, tuple"


def directive_of(name: str) -> str:
    """How autodoc shows a public name."""
    value: Any = getattr(kedge, name)
    if isinstance(value, type) and issubclass(value, BaseException):
        return f".. autoexception:: kedge.{name}\n   :members:\n   :show-inheritance:\n"
    if isinstance(value, type):
        return f".. autoclass:: kedge.{name}\n   :members:\n   :inherited-members: {HIDDEN_BASES}\n"
    if inspect.isfunction(value):
        return f".. autofunction:: kedge.{name}\n"
    about = getattr(value, "description", None)
    return f".. py:data:: kedge.{name}\n\n   {about or type(value).__name__}\n"


def page_of(title: str, homes: list[str]) -> str:
    """One page: what the first module says of itself, then the names of all."""
    about = inspect.getdoc(importlib.import_module(f"kedge.{homes[0]}")) or ""
    names = [name for home in homes for name in sorted(kedge._HOMES[home].split(), key=str.lower)]
    parts = [about, *(directive_of(name) for name in names)]
    return f"# {title}\n\n```{{eval-rst}}\n" + "\n\n".join(parts) + "\n```\n"


def slug_of(title: str) -> str:
    """The file name of a page."""
    return re.sub(r"[^a-z]+", "-", title.lower())


def homes_of(modules: str) -> list[str]:
    """The homes of public names that end so. Raises KeyError for one that has none."""
    by_end = {home.rpartition(".")[2]: home for home in kedge._HOMES}
    return [by_end[module] for module in modules.split()]


def write_pages(app: Any) -> None:
    """Write all pages and their index into the source folder."""
    folder = Path(app.srcdir) / "reference"
    listed = {title: homes_of(modules) for title, modules in PAGES.items()}
    missing = sorted(set(kedge._HOMES) - {home for homes in listed.values() for home in homes})
    if missing:
        raise KeyError(f"public names of {', '.join(missing)} are on no page of the reference")
    pages = {slug_of(title): page_of(title, homes) for title, homes in listed.items()}
    about = "Every name of `import kedge as dg`."
    index = f"# Reference\n\n{about}\n\n```{{toctree}}\n:maxdepth: 1\n\n" + "\n".join(pages) + "\n```\n"
    write_changed(folder, {"index": index, **pages})
    for stale in folder.glob("*.md"):
        if stale.stem not in pages and stale.stem != "index":
            stale.unlink()


def write_changed(folder: Path, pages: Mapping[str, str]) -> None:
    """Write pages by their slugs; only what has changed, so that a rebuild is quick."""
    folder.mkdir(exist_ok=True)
    for slug, text in pages.items():
        path = folder / f"{slug}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
