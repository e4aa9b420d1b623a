"""What the demo claims, from a real run: depth first keeps less data alive, and its page holds all three jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def test_the_demo_page_shows_three_jobs_and_less_data_alive_with_priorities(
    load: Callable[[str], ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KEDGE_HOME", str(tmp_path))
    demo = load("demo.py")
    peaks: dict[str, int] = {}
    draw = demo.demo_page

    def keep(sections: list[Any], **words: str) -> str:
        peaks.update(zip(demo.JOBS, [section.peak for section in sections], strict=True))
        return str(draw(sections, **words))

    monkeypatch.setattr(demo, "demo_page", keep)
    assert demo.main() == 0
    page = (tmp_path / "demo" / "demo.html").read_text(encoding="utf-8")
    for title in demo.JOBS.values():
        assert title in page
    assert peaks["dynamic_priority"] < peaks["dynamic"] / 2
    assert str(tmp_path / "demo" / "demo.html") in capsys.readouterr().out
