"""What an operator believes of a run that it takes up: its records lie where the run's own steps can write."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from obstore.store import S3Store

from kedge.core.document import PlanDocument, Reexecution
from kedge.core.graph import OpGraph
from kedge.core.layout import RunPaths
from kedge.io.objects import ObjectStore
from kedge.io.stores import open_store
from kedge_operator import opening
from kedge_operator.stores import AsyncStore, StoreGone

PATHS = RunPaths("runs/team/sizes-01234567")
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("1700000000.5", 1_700_000_000.5),
        ("1900000000", NOW),
        ("1e300", NOW),
        ("-1", NOW),
        ("NaN", NOW),
        ("null", NOW),
        ("1" + "0" * 400, NOW),
    ],
)
def test_a_run_began_at_some_time_until_now(created: str, expected: float) -> None:
    store = open_store(f"memory://began-{created}")
    store.put(PATHS.run, f'{{"created": {created}}}'.encode())
    assert opening.began(store, PATHS, NOW) == expected


def test_a_run_that_goes_on_from_another_waits_for_its_store_too() -> None:
    """What is away for a moment says nothing of what is asked for."""
    backend = S3Store(
        "bucket",
        config={"endpoint": "http://127.0.0.1:9", "access_key_id": "a", "secret_access_key": "b"},
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    document = PlanDocument(
        "again", "job", OpGraph.from_json([{"name": "one"}]), "x:y", reexecute=Reexecution("before", None)
    )

    async def ask(threads: ThreadPoolExecutor) -> None:
        store = AsyncStore(ObjectStore("s3://bucket", backend=lambda: backend), threads, 0, lambda why: None)
        await store.call("list", opening.history, PATHS, document)

    with ThreadPoolExecutor(1) as threads, pytest.raises(StoreGone):
        asyncio.run(ask(threads))
