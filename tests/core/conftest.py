"""The core's tests: support modules lie beside them.

`KEDGE_FUZZ=2000 pytest tests/core` tries that many random worlds, with other seeds every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("core_play", "core_reference", "core_worlds")
