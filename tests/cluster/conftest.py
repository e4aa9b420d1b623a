"""What the tests on a cluster share: our images on its nodes, and Kedge installed for a module."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import images, tiers

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("cluster_runs", "kedge_installed", "kedge_released")

from kedge_installed import Installed  # noqa: E402 - lies beside this file
from turns import turn  # noqa: E402


@pytest.fixture(scope="session")
def ours(cluster: str) -> None:
    """Our images, brought into the cluster; one that was given must have them."""
    if os.environ.get(tiers.GIVEN):
        return
    for built in images.build():
        images.bring(built)


@pytest.fixture
def kubectl(kubectl: Any) -> Any:
    """kubectl in a namespace in which pods can be made."""
    from kedge_kubectl import await_account

    await_account(kubectl)
    return kubectl


@pytest.fixture(scope="module")
def kedge(cluster: str, ours: None, request: pytest.FixtureRequest) -> Iterator[Installed]:
    """Kedge, installed in a namespace of the module; its SETTINGS are the operator's, ALONE gives it the node alone."""
    from kedge_kubectl import Kubectl, make_namespace, tell

    kubectl: Any = Kubectl(cluster, f"kedge-{uuid.uuid4().hex[:8]}")
    make_namespace(kubectl)
    found = Installed(kubectl, getattr(request.module, "SETTINGS", None))
    failed_before = request.session.testsfailed
    try:
        with turn(alone=getattr(request.module, "ALONE", False)):
            found.install()
            yield found
    finally:
        found.close()
        if request.session.testsfailed > failed_before:
            tell(kubectl)
        kubectl("delete", "namespace", kubectl.namespace, "--wait=false")
