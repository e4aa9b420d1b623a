"""The core's tests: support modules lie beside them, and one Hypothesis profile bounds the random ones.

`KEDGE_FUZZ=2000 pytest tests/core` tries that many random worlds, with other seeds every time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("core_play", "core_reference", "core_worlds")

FUZZ = int(os.environ.get("KEDGE_FUZZ", "0"))
settings.register_profile(
    "core",
    max_examples=FUZZ or 150,
    derandomize=not FUZZ,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("core")
