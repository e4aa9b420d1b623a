"""Where things lie: sources in `hack`, built programs in a cache outside of the checkout, state that git ignores."""

from __future__ import annotations

import os
from pathlib import Path

HACK = Path(__file__).resolve().parent.parent
ROOT = HACK.parent
STATE = Path(os.environ.get("KEDGE_CLUSTER_STATE") or ROOT / ".cluster")
"""Certificates, kubeconfig, logs, data of the running cluster."""
KUBECONFIG = STATE / "kubeconfig"


def cache() -> Path:
    """Programs and images that are built once a machine, by version."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "kedge"
