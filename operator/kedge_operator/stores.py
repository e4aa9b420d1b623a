"""Stores for an event loop: each request in a thread, tried again while the store is away, for as long as it may be.

A store that a job names is never opened with what the operator itself may: by the credentials in the job's Secret and
nothing else, unless the administrator lists its URL. So the operator's identity is taken out of its environment, where
every store would find it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Concatenate, ParamSpec, TypeVar

from kedge.core.errors import KedgeError
from kedge.core.layout import is_plain_url
from kedge.io.errors import StoreError, StoreUnavailable
from kedge.io.stores import Store, open_store
from kedge_operator import identities, metrics
from kedge_operator.cluster import Cluster
from kedge_operator.errors import Forbidden, NotFound
from kedge_operator.settings import Settings

_P = ParamSpec("_P")
_T = TypeVar("_T")
_THREADS = 16
_AT_ONCE = 1_000
_LONGEST_PAUSE = 5.0
_SLOW_SECONDS = 5.0


class StoreGone(KedgeError):
    """The store was away for longer than a run waits for it."""


class SecretMissing(StoreError):
    """The Secret with a store's credentials is not there, or may not be read. Both may pass."""


class AsyncStore:
    """One store, for one run. `away` is told why it can't be reached, and None once it can again."""

    def __init__(
        self, store: Store, threads: ThreadPoolExecutor, patience: float, away: Callable[[str | None], None]
    ) -> None:
        self.store = store
        self._threads = threads
        self._patience = patience
        self._away = away

    async def call(
        self, name: str, work: Callable[Concatenate[Store, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """`work(store, ...)` in a thread. Raises what it raises, and StoreGone where a store stays away."""
        began = time.monotonic()
        pause, away = 0.1, False
        while True:
            slow = asyncio.get_running_loop().call_later(_SLOW_SECONDS, self._is_slow)
            try:
                with metrics.STORE_SECONDS.labels(name).time():
                    found = await self._in_thread(work, *args, **kwargs)
            except StoreUnavailable as error:
                metrics.STORE_FAILURES.inc()
                away = True
                self._away(str(error))
                spent = time.monotonic() - began
                if spent > self._patience:
                    raise StoreGone(f"the store could not be reached for {spent:.0f} s: {error}") from error
                await asyncio.sleep(pause * (0.5 + random.random()))
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                if away or slow.when() <= asyncio.get_running_loop().time():
                    self._away(None)
                return found
            finally:
                slow.cancel()

    def _is_slow(self) -> None:
        self._away(f"store {self.store.url}: no answer for {_SLOW_SECONDS:g} s; a request is still under way")

    async def _in_thread(self, work: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(self.store, *args, **kwargs))


def put(store: Store, path: str, data: bytes, create: bool = False) -> None:
    """Write an object; with `create`, raises ObjectExists where there is one."""
    store.put(path, data, create=create)


def delete(store: Store, paths: Sequence[str]) -> None:
    """Remove objects."""
    store.delete(paths)


def delete_below(store: Store, prefix: str) -> None:
    """Remove all objects below a folder, however many a run has left there."""
    found = store.list(prefix)
    while some := [info.path for info in islice(found, _AT_ONCE)]:
        store.delete(some)


class Stores:
    """All stores of this operator: its own, and those that jobs name."""

    def __init__(self, settings: Settings, cluster: Cluster, identity: Mapping[str, str]) -> None:
        self._settings = settings.store
        self._urls = settings.job_stores.urls
        self._cluster = cluster
        self._identity = dict(identity)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")
        self._own: Store | None = None

    def close(self) -> None:
        """Let go of the threads; requests under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def open(
        self, namespace: str, asked: Mapping[str, Any] | None, away: Callable[[str | None], None]
    ) -> AsyncStore:
        """The store of a job: its own, or the operator's. `asked` is the job's `store`.

        Raises StoreError when it can't be opened, with the cause; SecretMissing where that may come a moment later.
        """
        url = (asked or {}).get("url")
        store = self._default() if url is None else await self._foreign(namespace, url, (asked or {}).get("secretName"))
        return AsyncStore(store, self._threads, self._settings.patience_seconds, away)

    def _default(self) -> Store:
        if self._own is None:
            self._own = self._by_own_identity(self._settings.url)
        return self._own

    async def _foreign(self, namespace: str, url: str, secret: str | None) -> Store:
        if url == self._settings.url and secret in (None, self._settings.secret_name):
            return self._default()
        if not url.startswith(("s3://", "gs://", "az://")):
            raise StoreError(f"store {url}: a job's own store is s3://..., gs://... or az://...")
        if not is_plain_url(url):
            raise StoreError(
                f"store {url!r}: write the bucket and folders alone: no '.' or '..', no %, ?, #, @, backslash or blank"
            )
        if secret is None:
            if not any(_is_below(url, one) for one in self._urls):
                raise StoreError(
                    f"store {url}: name a Secret with its credentials (spec.store.secretName); without one, jobs may "
                    "name only what the administrator lists in the operator's jobStores.urls"
                )
            return self._by_own_identity(url)
        try:
            found = await self._cluster.get_secret(namespace, secret)
        except NotFound:
            raise SecretMissing(f"store {url}: there is no Secret {secret} in namespace {namespace}") from None
        except Forbidden as error:
            raise SecretMissing(
                f"store {url}: the operator may not read Secret {namespace}/{secret}; its administrator can allow it "
                f"({error.message})"
            ) from error
        return open_store(url, options=identities.of_secret(url, f"{namespace}/{secret}", found.get("data") or {}))

    def _by_own_identity(self, url: str) -> Store:
        return open_store(url, options=identities.options_for(url, self._identity) or None)


def _is_below(url: str, place: str) -> bool:
    return url == place or url.startswith(f"{place.rstrip('/')}/")
