"""Stores of every kind, so that one suite holds for all of them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kedge.io.objects import ObjectStore
from kedge.io.stores import Store, open_store


def _obstore_memory(_: Path) -> Store:
    from obstore.store import MemoryStore

    return ObjectStore("s3://in-memory", backend=MemoryStore)


def _obstore_local(folder: Path) -> Store:
    from obstore.store import LocalStore

    return ObjectStore("s3://in-folder", backend=lambda: LocalStore(folder, mkdir=True, automatic_cleanup=True))


def _s3(_: Path) -> Store:
    endpoint = os.environ["KEDGE_TEST_S3_ENDPOINT"]
    bucket = os.environ.get("KEDGE_TEST_S3_BUCKET", "kedge-test")
    options = {"endpoint": endpoint, "allow_http": "true", "region": "us-east-1"}
    return open_store(f"s3://{bucket}/{uuid.uuid4().hex}", options=options)


MAKERS: dict[str, Callable[[Path], Store]] = {
    "file": lambda folder: open_store(f"file://{folder}/store"),
    "memory": lambda folder: open_store(f"memory://{uuid.uuid4().hex}"),
    "obstore-memory": _obstore_memory,
    "obstore-local": _obstore_local,
    "s3": _s3,
}


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.s3 if name == "s3" else ()) for name in MAKERS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    made = MAKERS[request.param](tmp_path)
    yield made
    made.delete([info.path for info in made.list()])


@pytest.fixture
def file_store(tmp_path: Path) -> Store:
    """An empty store in a folder."""
    return open_store(f"file://{tmp_path}/store")
