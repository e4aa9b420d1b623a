"""`python -m kedge_operator --config FILE`: the operator, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

import kopf

from kedge.core.hints import Hint
from kedge.core.protocol import API_LEVELS
from kedge_operator import handlers, identities, metrics, settings
from kedge_operator.actor import Services
from kedge_operator.announced import Announcements
from kedge_operator.cluster import Cluster, configuration
from kedge_operator.leader import Leadership
from kedge_operator.runs import Runs
from kedge_operator.serving import Serving
from kedge_operator.settings import Settings, SettingsError
from kedge_operator.stores import Stores
from kedge_operator.watches import Watches

_log = logging.getLogger("kedge.operator")
DEFAULT_CONFIG = "/etc/kedge/config.yaml"
EXIT_USAGE, EXIT_LEASE_LOST = 2, 3


def main() -> int:
    """Run an operator. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="kedge_operator", description=__doc__)
    parser.add_argument("--config", default=DEFAULT_CONFIG, help=f"its configuration. [default: {DEFAULT_CONFIG}]")
    given = parser.parse_args()
    try:
        found = settings.load(given.config)
    except SettingsError as error:
        print(f"kedge_operator: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    _set_up_log(found)
    sys.setrecursionlimit(API_LEVELS)  # what is nested too deep is read, and then refused
    os.environ.update(found.store.environment)
    return asyncio.run(_run(found, identities.take(os.environ)))


def _set_up_log(found: Settings) -> None:
    level = found.log.level.upper()
    if found.log.format == "json":
        from pythonjsonlogger.core import RESERVED_ATTRS
        from pythonjsonlogger.json import JsonFormatter

        handler = logging.StreamHandler()
        # Of what kopf adds to its records, its settings can't be written as JSON.
        left_out = [*RESERVED_ATTRS, "settings", "k8s_skip"]
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", reserved_attrs=left_out))
        logging.basicConfig(level=level, handlers=[handler])
    else:
        logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    if level != "DEBUG":
        logging.getLogger("kopf").setLevel(logging.WARNING)


class Operator:
    """One replica: waits to lead, then drives the runs until it is stopped or leads no more."""

    def __init__(self, found: Settings, cluster: Cluster, identity: Mapping[str, str]) -> None:
        self._settings = found
        self._cluster = cluster
        self._stores = Stores(found, cluster, identity)
        self._announcements = Announcements(self._hinted)
        self._identity = settings.pod_name()
        services = Services(cluster, self._stores, found, self._announcements, self._identity)
        self._runs = Runs(services)
        self._watches = Watches()
        self._serving = Serving(self._measure, self._why_not_ready, self._watches.why_stuck)
        self._watching = asyncio.Event()
        self._standing_by = False

    def _hinted(self, hint: Hint) -> None:
        self._runs.hint(hint)

    def _why_not_ready(self) -> str | None:
        """A replica that stands by is ready to; one that leads is when it watches."""
        if self._standing_by:
            return None
        return self._watches.why_silent() if self._watching.is_set() else "starting"

    def _measure(self) -> None:
        self._runs.measure()
        for resource, seconds in self._watches.silence().items():
            metrics.WATCH_SILENCE.labels(resource).set(seconds)

    async def run(self, stop: asyncio.Event) -> int:
        """Work until `stop`, or until the lease is lost."""
        await self._serving.open(self._settings.http.host, self._settings.http.port)
        leadership = self._leadership()
        try:
            if leadership is None:
                await self._lead(stop)
                return 0
            self._standing_by = True
            if not await _first_of(leadership.acquire(), stop.wait()):
                return 0
            self._standing_by = False
            lost = await _first_of(leadership.hold(), self._lead(stop))
            if not lost:
                await leadership.release()
            return EXIT_LEASE_LOST if lost else 0
        finally:
            self._stores.close()
            await self._serving.close()
            await self._cluster.close()

    def _leadership(self) -> Leadership | None:
        election = self._settings.leader_election
        namespace = election.namespace or os.environ.get("POD_NAMESPACE")
        if not election.enabled or namespace is None:
            return None
        return Leadership(self._cluster, namespace, election.name, self._identity, election.lease_seconds)

    async def _lead(self, stop: asyncio.Event) -> None:
        metrics.LEADER.set(1)
        self._announce()
        registry = kopf.OperatorRegistry()
        handlers.register(registry, self._runs, self._cluster.config, self._watches)
        namespaces = self._settings.namespaces
        try:
            await kopf.operator(
                registry=registry,
                clusterwide=not namespaces,
                namespaces=namespaces,
                standalone=True,
                stop_flag=stop,
                ready_flag=self._watching,
            )
        finally:
            self._announcements.close()
            await self._runs.close()

    def _announce(self) -> None:
        announce = self._settings.announce
        host = announce.host or os.environ.get("POD_IP")
        if not announce.enabled or host is None:
            return
        try:
            self._announcements.open(announce.port, host)
        except OSError as error:
            _log.warning("outcomes can't be announced (port %s: %s), and are seen later", announce.port, error)


async def _first_of(one: Coroutine[Any, Any, Any], other: Coroutine[Any, Any, Any]) -> bool:
    """Do both until one of them ends; the other is cancelled. Returns whether it was the first one."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    first = tasks[0].done()
    for task in tasks:
        if not task.done():
            task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return first


async def _run(found: Settings, identity: Mapping[str, str]) -> int:
    stop = asyncio.Event()
    with _signals(stop):
        return await Operator(found, Cluster(await configuration()), identity).run(stop)


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    yield
    for number in numbers:
        loop.remove_signal_handler(number)


if __name__ == "__main__":
    sys.exit(main())
