"""Puts the oracle's own modules on the path, so that cases can import `oracle_sut` under Dagster's venv and here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
