"""Writes the reference: a page for each module that public names live in, made of its docstring and theirs."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import kedge

TITLES = {
    "core.errors": "Errors",
    "core.retry": "Retry policies",
    "io.in_memory": "I/O managers: in memory",
    "io.managers": "I/O managers: the run's store",
    "worker.lazy": "Lazy lists",
}


def title_of(home: str) -> str:
    """A page's title: the module's name in words, unless it has one of its own."""
    words = home.rpartition(".")[2].replace("_", " ")
    return TITLES.get(home, words[0].upper() + words[1:])


def directive_of(name: str) -> str:
    """How autodoc shows a public name."""
    value: Any = getattr(kedge, name)
    if isinstance(value, type) and issubclass(value, BaseException):
        return f".. autoexception:: kedge.{name}\n   :members:\n   :show-inheritance:\n"
    if isinstance(value, type):
        return f".. autoclass:: kedge.{name}\n   :members:\n   :show-inheritance:\n"
    if inspect.isfunction(value):
        return f".. autofunction:: kedge.{name}\n"
    about = getattr(value, "description", None)
    return f".. py:data:: kedge.{name}\n\n   {about or type(value).__name__}\n"


def page_of(home: str, names: list[str]) -> str:
    """One page."""
    about = inspect.getdoc(importlib.import_module(f"kedge.{home}")) or ""
    parts = [about, *(directive_of(name) for name in names)]
    return f"# {title_of(home)}\n\n```{{eval-rst}}\n" + "\n\n".join(parts) + "\n```\n"


def write_pages(app: Any) -> None:
    """Write all pages and their index into the source folder; only what has changed, so that a rebuild is quick."""
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    pages = {}
    for home, names in kedge._HOMES.items():
        pages[home.replace(".", "-")] = (title_of(home), page_of(home, sorted(names.split(), key=str.lower)))
    listed = sorted(pages, key=lambda slug: pages[slug][0])
    about = "Every name of `import kedge as dg`, by the module that it comes from."
    index = f"# Reference\n\n{about}\n\n```{{toctree}}\n:maxdepth: 1\n\n" + "\n".join(listed) + "\n```\n"
    for slug, text in {"index": index, **{slug: text for slug, (_, text) in pages.items()}}.items():
        path = folder / f"{slug}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for stale in folder.glob("*.md"):
        if stale.stem not in pages and stale.stem != "index":
            stale.unlink()


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
