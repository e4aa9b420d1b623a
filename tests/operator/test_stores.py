"""Which stores an operator opens for jobs, and what it asks the API server for on their behalf."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kedge.io.errors import StoreError
from kedge.io.stores import open_store
from kedge_operator.cluster import Cluster, Configuration
from kedge_operator.errors import NotFound
from kedge_operator.settings import Settings
from kedge_operator.stores import Stores, delete_below

LISTED = "s3://shared/team"
SETTINGS = Settings.model_validate({"store": {"url": "s3://own/kedge"}, "jobStores": {"urls": [LISTED]}})
ELSEWHERE = [
    "s3://shared/team/../others",
    "s3://shared/team/..",
    "s3://shared/team/./a",
    "s3://shared/team/%2e%2e/others",
    "s3://shared/team/%2E./others",
    "s3://shared/team/\t../others",
    "s3://shared/team/.\n./others",
    "s3://shared/team\\@others/a",
    "s3://shared/team/a?endpoint=http://elsewhere",
    "s3://shared/team/a#b",
    "s3://user:word@shared/team/a",
]
NAMES = ["../../kube-system/secrets/admin", "..", ".", "", "a/b", "a%2fb", "a?b", "a#b", "a\n", "Upper", "-a"]


def opened(url: str, secret: str | None = None) -> str:
    async def go() -> str:
        stores = Stores(SETTINGS, Cluster(Configuration()), {})
        try:
            return (await stores.open("team", {"url": url, "secretName": secret}, lambda why: None)).store.url
        finally:
            stores.close()

    return asyncio.run(go())


@pytest.mark.parametrize("url", [LISTED, f"{LISTED}/a", f"{LISTED}/a/b.c/..d"])
def test_what_is_listed_is_opened_with_all_below_it(url: str) -> None:
    assert opened(url) == url


@pytest.mark.parametrize("url", ["s3://shared", "s3://shared/teams", "s3://own/kedge/runs", "s3://own/kedge/"])
def test_what_is_not_listed_needs_a_secret(url: str) -> None:
    with pytest.raises(StoreError, match="name a Secret with its credentials"):
        opened(url)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_url_that_leads_elsewhere_is_refused_whoever_pays_for_it(url: str) -> None:
    for secret in (None, "own"):
        with pytest.raises(StoreError, match="write the bucket and folders alone"):
            opened(url, secret)


def test_a_name_is_never_a_way_to_another_object() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.json_response({"metadata": {}})

    async def go() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        config = Configuration()
        config.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
        cluster = Cluster(config)
        try:
            for name in NAMES:
                for get in (cluster.get_secret, cluster.get_opjob, cluster.get_pod):
                    await refused(get, name)
                assert not await cluster.delete_pod("team", name, None)
                assert not await cluster.delete_opjob("team", name, "uid")
            assert await cluster.get_secret("team", "a.b-c")
        finally:
            await cluster.close()
            await runner.cleanup()

    async def refused(get: Any, name: str) -> None:
        with pytest.raises(NotFound, match="no object can have such a name"):
            await get("team", name)

    asyncio.run(go())
    assert asked == ["/api/v1/namespaces/team/secrets/a.b-c"]


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_run_goes_with_all_that_it_has_left_and_nothing_beside_it(kind: str, tmp_path: Path) -> None:
    store = open_store("memory://left" if kind == "memory" else f"file://{tmp_path}")
    for number in range(2_500):
        store.put(f"runs/team/a-1/values/{number % 7}/{number}", b"")
    store.put("runs/team/a-12/values/x", b"")
    delete_below(store, "runs/team/a-1")
    assert [info.path for info in store.list("runs")] == ["runs/team/a-12/values/x"]
