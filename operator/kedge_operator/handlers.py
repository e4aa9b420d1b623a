"""The handlers of kopf, all of them: raw events, so that nothing is written on users' objects.

Runs are told outside of kopf's context, which holds the object: timers and tasks keep the context they are made in.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import Context
from typing import Any

import aiohttp
import kopf

from kedge_operator import labels
from kedge_operator.cluster import PAGE, Configuration
from kedge_operator.runs import Runs
from kedge_operator.watches import INACTIVITY_SECONDS, SERVER_SECONDS, Watches

LOGIN_SECONDS = 5.0
"""Between two logins: kopf logs in anew as soon as it is refused."""
IDLE_SECONDS = 0.1
"""So long kopf keeps an object, and a task for it, after its last event. At the start there is one for each pod."""


def register(registry: kopf.OperatorRegistry, runs: Runs, config: Configuration, watches: Watches) -> None:
    """Tell kopf what to watch, and whom to tell."""
    last = [-LOGIN_SECONDS]

    @kopf.on.login(registry=registry)
    async def login(**kwargs: Any) -> kopf.AiohttpSession:
        await asyncio.sleep(last[0] + LOGIN_SECONDS - time.monotonic())
        last[0] = time.monotonic()
        return kopf.AiohttpSession(server=config.host, aiohttp_session=await _session(config, watches))

    @kopf.on.startup(registry=registry)
    async def startup(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)

    @kopf.on.event(labels.GROUP, labels.VERSION, labels.PLURAL, registry=registry)
    async def opjob(event: kopf.RawEvent, **_: Any) -> None:
        Context().run(runs.opjob, event["type"], event["object"])

    @kopf.on.event("", "v1", "pods", registry=registry)
    async def pod(event: kopf.RawEvent, **_: Any) -> None:
        Context().run(runs.pod, event["type"], event["object"])


async def _session(config: Configuration, watches: Watches) -> aiohttp.ClientSession:
    """What kopf talks to the API server through, with the credentials as they are now."""
    token = await config.get_api_key_with_prefix("BearerToken", alias="authorization")
    told = kopf.ConnectionInfo(
        server=config.host,
        ca_path=config.ssl_ca_cert,
        insecure=not config.verify_ssl,
        certificate_path=config.cert_file,
        private_key_path=config.key_file,
    )
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=told.as_ssl_context()),
        headers={"Authorization": token} if token else {},
        trace_configs=[watches.trace()],
    )


class _NoDifferences(kopf.DiffBaseStorage):
    """Nobody asks what has changed: kopf would copy each object at each event, however deep it is."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Nothing."""


def configure(settings: kopf.OperatorSettings) -> None:
    """kopf watches and tells, and does nothing else."""
    settings.scanning.disabled = True
    settings.persistence.diffbase_storage = _NoDifferences()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.watching.label_selectors["pods"] = labels.RUN
    settings.watching.server_timeout = SERVER_SECONDS
    settings.watching.inactivity_timeout = INACTIVITY_SECONDS
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = PAGE
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.queueing.exit_timeout = 1
