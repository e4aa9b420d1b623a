"""What the tests of the worker share: a pod of their own, support beside them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kedge.io.stores import open_store

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("worker_pod")

from worker_pod import Pod  # noqa: E402


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    """A pod with a store in a folder."""
    return Pod(tmp_path, open_store(f"file://{tmp_path}/store"))
