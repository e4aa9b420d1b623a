"""Which of several replicas works: the one that holds a Lease. The others wait, and take over when it goes silent.

Kedge does not depend on it for safety: pod names and create-only records keep two leaders from doubling anything. The
client's own election is not used: its requests may hang longer than a lease lasts, and it does not let go at the end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

from kedge_operator.cluster import Cluster
from kedge_operator.errors import AlreadyExists, ClusterError, Conflict, NotFound

_log = logging.getLogger("kedge.operator")


class Leadership:
    """A Lease that this replica holds, or waits for. `lease_seconds` is how long one counts without being renewed."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, identity: str, lease_seconds: float) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._seconds = lease_seconds
        self._spec_seen: dict[str, Any] = {}
        self._seen: tuple[Any, float] = (None, 0.0)
        self._renewed = 0.0

    async def acquire(self) -> None:
        """Wait until the Lease is ours, and was taken so quickly that it can be counted on."""
        told = False
        while not (await self._try() and self._left > 0):
            if not told:
                _log.info("waiting for the lease %s/%s", self._namespace, self._name)
                told = True
            await asyncio.sleep(self._seconds / 5)
        _log.info("leading, as %s", self._identity)

    async def hold(self) -> None:
        """Renew the Lease; returns when it is lost, at the latest a fifth of its time before another may have it."""
        while not self._is_anothers():
            await asyncio.sleep(min(self._seconds / 5, max(0.0, self._left)))
            left = self._left
            if left <= 0:
                break
            try:
                async with asyncio.timeout(min(self._seconds / 3, left)):
                    await self._try()
            except TimeoutError:
                pass
        _log.error("the lease is lost")

    @property
    def _left(self) -> float:
        """How long this replica may still count on the Lease. Others count from when it was written, or later."""
        return self._renewed + self._seconds * 0.8 - time.monotonic()

    async def release(self) -> None:
        """Let another replica have it at once."""
        try:
            lease = await self._cluster.get_lease(self._namespace, self._name)
            if lease["spec"].get("holderIdentity") == self._identity:
                spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                await self._cluster.replace_lease(self._namespace, {**lease, "spec": spec})
                _log.info("the lease is given back")
        except ClusterError as error:
            _log.warning("the lease could not be given back: %s", error)

    async def _try(self) -> bool:
        """Take or renew the Lease. Returns whether it is ours now."""
        began = time.monotonic()
        if not await self._write():
            return False
        self._renewed = began
        return True

    async def _write(self) -> bool:
        """Write it with our name, where it is not another's."""
        try:
            lease = await self._cluster.get_lease(self._namespace, self._name)
        except NotFound:
            return await self._create()
        except ClusterError as error:
            _log.warning("the lease can't be read: %s", error)
            return False
        self._look(lease)
        if self._is_anothers():
            return False
        before = lease.get("spec") or {}
        ours = before.get("holderIdentity") == self._identity
        transitions = int(before.get("leaseTransitions") or 0) + (0 if ours else 1)
        since = before.get("acquireTime") if ours else _now()
        try:
            written = await self._cluster.replace_lease(
                self._namespace, {**lease, "spec": self._spec(since or _now(), transitions)}
            )
        except (Conflict, NotFound):
            return False
        except ClusterError as error:
            _log.warning("the lease can't be written: %s", error)
            return False
        self._look(written)
        return True

    async def _create(self) -> bool:
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._spec(_now(), 0),
        }
        try:
            made = await self._cluster.create_lease(self._namespace, lease)
        except AlreadyExists:
            return False
        except ClusterError as error:
            _log.warning("the lease can't be created: %s", error)
            return False
        self._look(made)
        return True

    def _spec(self, acquired: str, transitions: int) -> dict[str, Any]:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._seconds)),
            "acquireTime": acquired,
            "renewTime": _now(),
            "leaseTransitions": transitions,
        }

    def _look(self, lease: dict[str, Any]) -> None:
        """Note when the Lease changed last, by this machine's own clock: others' clocks may be off."""
        version = lease["metadata"].get("resourceVersion")
        if self._seen[0] != version:
            self._seen = (version, time.monotonic())
        self._spec_seen = lease.get("spec") or {}

    def _is_anothers(self) -> bool:
        spec = self._spec_seen
        holder = spec.get("holderIdentity")
        if not holder or holder == self._identity:
            return False
        return time.monotonic() - self._seen[1] < float(spec.get("leaseDurationSeconds") or self._seconds)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
