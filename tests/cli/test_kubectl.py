"""What calls of kubectl give, whatever it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kedge.cli.cluster.kubectl import Kubectl


def test_bytes_of_a_log_that_are_no_text_are_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\nprintf 'a\\377b'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert Kubectl()("logs", "pod") == "a\ufffdb"
