"""The handlers of kopf, all of them: raw events, so that nothing is written on users' objects."""

from __future__ import annotations

from typing import Any

import kopf
from kubernetes.aio.client.configuration import Configuration

from kedge_operator import labels
from kedge_operator.runs import Runs


def register(registry: kopf.OperatorRegistry, runs: Runs, config: Configuration) -> None:
    """Tell kopf what to watch, and whom to tell."""

    @kopf.on.login(registry=registry)
    async def login(**kwargs: Any) -> kopf.ConnectionInfo:
        token = await config.get_api_key_with_prefix("BearerToken", alias="authorization")
        scheme, _, bare = (token or "").rpartition(" ")
        return kopf.ConnectionInfo(
            server=config.host,
            ca_path=config.ssl_ca_cert,
            insecure=not config.verify_ssl,
            scheme=scheme or None,
            token=bare or None,
            certificate_path=config.cert_file,
            private_key_path=config.key_file,
        )

    @kopf.on.startup(registry=registry)
    async def startup(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)

    @kopf.on.event(labels.GROUP, labels.VERSION, labels.PLURAL, registry=registry)
    async def opjob(event: kopf.RawEvent, **_: Any) -> None:
        runs.opjob(event["type"], event["object"])

    @kopf.on.event("", "v1", "pods", registry=registry)
    async def pod(event: kopf.RawEvent, **_: Any) -> None:
        runs.pod(event["type"], event["object"])


def configure(settings: kopf.OperatorSettings) -> None:
    """kopf watches and tells, and does nothing else."""
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.watching.label_selectors["pods"] = labels.RUN
    settings.watching.server_timeout = 300
    settings.watching.connect_timeout = 10
    settings.queueing.exit_timeout = 1
