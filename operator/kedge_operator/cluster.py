"""The only module that talks to the API server: plain dicts in and out, over the client's raw request path.

The client's models are left aside: they refuse fields that they don't know, and cost milliseconds an object. Requests
are bounded in time and in number at once; failures are raised as this package's own errors.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio.client.configuration import Configuration as Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from kedge_operator import labels, metrics
from kedge_operator.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    QuotaExceeded,
    RightsMissing,
    Unavailable,
)

TIMEOUT_SECONDS = 20.0
AT_ONCE = 40
"""Requests under way at the same time; more wait. Those for the Lease do not: slow ones would cost it."""
_LEASES = 2
_LEASE_SECONDS = 5.0
PAGE = 50
"""Objects that are listed at once: ten thousand pods, read together, are half a gigabyte."""
UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"
"""The fields of pods that have not ended."""

Object = Mapping[str, Any]
_DELETE: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
_JSON = "application/json"
_MERGE = "application/merge-patch+json"
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_OPJOBS = f"/apis/{labels.GROUP}/{labels.VERSION}"
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_BY_RIGHTS = re.compile(r'User ".*" cannot [a-z]+ resource "')
"""So an API server says of whom the authorizer turned away, and not admission."""
_ANSWERS: Mapping[int, type[ClusterError]] = {
    400: Invalid,
    403: Forbidden,
    404: NotFound,
    410: Gone,
    413: Invalid,
    422: Invalid,
}


async def configuration() -> Configuration:
    """How to reach the cluster: from inside a pod, else by the user's kubeconfig."""
    found = Configuration()
    try:
        load_incluster_config(found)  # type: ignore[no-untyped-call]
    except ConfigException:
        await load_kube_config(client_configuration=found)  # type: ignore[no-untyped-call]
    return found


class Cluster:
    """A connection to the API server."""

    def __init__(self, config: Configuration) -> None:
        config.connection_pool_maxsize = AT_ONCE + _LEASES
        self.config = config
        self._client = RESTClientObject(config)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._room_for_leases = asyncio.Semaphore(_LEASES)
        self._left: set[RESTClientObject] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Close all connections."""
        for client in (self._client, *self._left):
            await client.close()

    # -- pods -----------------------------------------------------------------------------------------------------

    async def create_pod(self, pod: Object, dry_run: bool = False) -> dict[str, Any]:
        """Create a pod, or only ask whether it could be. Raises ClusterError."""
        query = {"dryRun": "All", "fieldValidation": "Strict"} if dry_run else {}
        namespace = pod["metadata"]["namespace"]
        return await self._request("POST", _pods(namespace), f"pod {namespace}/{pod['metadata']['name']}", pod, query)

    async def get_pod(self, namespace: str, name: str) -> dict[str, Any]:
        """A pod. Raises NotFound."""
        return await self._request("GET", f"{_pods(namespace)}/{_named(name)}", f"pod {namespace}/{name}")

    async def list_pods(self, namespace: str, selector: str, fields: str = "") -> AsyncIterator[dict[str, Any]]:
        """The pods with these labels, and fields where those are given; asked for as they are taken, PAGE at a time.

        Raises ClusterError.
        """
        query = {"labelSelector": selector, "limit": str(PAGE)} | ({"fieldSelector": fields} if fields else {})
        while True:
            found = await self._request("GET", _pods(namespace), f"pods {namespace}", None, query)
            for pod in found["items"]:
                yield pod
            query["continue"] = (found.get("metadata") or {}).get("continue") or ""
            if not query["continue"]:
                return

    async def has_pods(self, namespace: str, selector: str) -> bool:
        """Whether there is a pod with these labels that has not ended."""
        query = {"labelSelector": selector, "fieldSelector": UNFINISHED, "limit": "1"}
        return bool((await self._request("GET", _pods(namespace), f"pods {namespace}", None, query))["items"])

    async def delete_pod(self, namespace: str, name: str, uid: str | None, grace: int | None = None) -> bool:
        """Ask a pod to end; `grace` 0 removes it by force. Returns False when it is not there, or another one is."""
        body: dict[str, Any] = dict(_DELETE)
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        try:
            await self._request("DELETE", f"{_pods(namespace)}/{_named(name)}", f"pod {namespace}/{name}", body)
        except (NotFound, Conflict):
            return False
        return True

    # -- OpJobs ---------------------------------------------------------------------------------------------------

    async def get_opjob(self, namespace: str, name: str) -> dict[str, Any]:
        """An OpJob. Raises NotFound."""
        return await self._request("GET", _opjob(namespace, name), f"opjob {namespace}/{name}")

    async def has_opjob(self, namespace: str, name: str, uid: str) -> bool:
        """Whether this very OpJob is there. Its metadata is asked for alone. Raises ClusterError."""
        path = _opjob(namespace, name)
        try:
            found = await self._request("GET", path, f"opjob {namespace}/{name}", accept=_METADATA)
        except NotFound:
            return False
        return bool(found["metadata"]["uid"] == uid)

    async def patch_opjob_status(self, namespace: str, name: str, uid: str, status: Object) -> None:
        """Write the status of an OpJob. Raises NotFound, and Conflict when another one has its name by now."""
        body = {"metadata": {"uid": uid}, "status": status}
        await self._request("PATCH", f"{_opjob(namespace, name)}/status", f"opjob {namespace}/{name}", body)

    async def delete_opjob(self, namespace: str, name: str, uid: str) -> bool:
        """Delete an OpJob, and with it its pods. Returns False when it is gone."""
        body = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        try:
            await self._request("DELETE", _opjob(namespace, name), f"opjob {namespace}/{name}", body)
        except (NotFound, Conflict):
            return False
        return True

    # -- others ---------------------------------------------------------------------------------------------------

    async def create_event(self, event: Object) -> None:
        """Post an Event."""
        namespace = event["metadata"]["namespace"]
        await self._request("POST", _events(namespace), f"event {namespace}/{event['metadata']['name']}", event)

    async def list_warnings(self, namespace: str, uid: str) -> list[dict[str, Any]]:
        """The Events of type Warning about the object with this uid."""
        query = {"fieldSelector": f"regarding.uid={uid},type=Warning"}
        found = await self._request("GET", _events(namespace), f"events {namespace}", None, query)
        items: list[dict[str, Any]] = found["items"]
        return items

    async def get_secret(self, namespace: str, name: str) -> dict[str, Any]:
        """A Secret. Raises NotFound, and Forbidden where the operator was not given that right."""
        path = f"/api/v1/namespaces/{quote(namespace)}/secrets/{_named(name)}"
        return await self._request("GET", path, f"secret {namespace}/{name}")

    async def get_lease(self, namespace: str, name: str) -> dict[str, Any]:
        """A Lease. Raises NotFound."""
        return await self._ask_lease("GET", f"{_leases(namespace)}/{_named(name)}", f"lease {namespace}/{name}")

    async def create_lease(self, namespace: str, lease: Object) -> dict[str, Any]:
        """Create a Lease. Raises AlreadyExists."""
        what = f"lease {namespace}/{lease['metadata']['name']}"
        return await self._ask_lease("POST", _leases(namespace), what, lease)

    async def replace_lease(self, namespace: str, lease: Object) -> dict[str, Any]:
        """Replace a Lease. Raises Conflict when it has changed since it was read."""
        name = lease["metadata"]["name"]
        path = f"{_leases(namespace)}/{_named(name)}"
        return await self._ask_lease("PUT", path, f"lease {namespace}/{name}", lease)

    async def _ask_lease(self, verb: str, path: str, what: str, body: Object | None = None) -> dict[str, Any]:
        return await self._request(verb, path, what, body, seconds=_LEASE_SECONDS, room=self._room_for_leases)

    # -- the request ----------------------------------------------------------------------------------------------

    async def _request(
        self,
        verb: str,
        path: str,
        what: str,
        body: Object | None = None,
        query: Mapping[str, str] | None = None,
        seconds: float = TIMEOUT_SECONDS,
        room: asyncio.Semaphore | None = None,
        accept: str = _JSON,
    ) -> dict[str, Any]:
        url = f"{self.config.host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "Content-Type": _MERGE if verb == "PATCH" else _JSON}
        client = self._client
        began = time.perf_counter()
        answer = "failed"
        try:
            async with room or self._room, asyncio.timeout(seconds):
                client = self._client  # not before: it may have been given up, and closed, while this waited
                token = await self.config.get_api_key_with_prefix("BearerToken", alias="authorization")
                if token:
                    headers["Authorization"] = token
                response = await client.request(  # type: ignore[no-untyped-call]
                    verb, url, headers=headers, body=body, _request_timeout=seconds
                )
                data = await response.read()
            answer = str(response.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ConfigException) as error:
            if isinstance(error, TimeoutError):
                self._start_anew(client)
            why = str(error) or type(error).__name__
            raise Unavailable(what, f"no answer from the API server: {why}") from error
        finally:
            metrics.API_REQUESTS.labels(verb, what.partition(" ")[0], answer).inc()
            metrics.API_SECONDS.labels(verb).observe(time.perf_counter() - began)
        if response.status >= 300:
            raise _error_of(what, response.status, data, response.headers)
        return _object_in(data, what)

    def _start_anew(self, client: RESTClientObject) -> None:
        """Connections on which nothing comes any more are not asked again: others of the pool may be as dead.

        What is under way on them has its own time, after which they are closed.
        """
        if client is self._client:
            self._client = RESTClientObject(self.config)
            self._left.add(client)
            asyncio.get_running_loop().call_later(TIMEOUT_SECONDS, self._close_later, client)

    def _close_later(self, client: RESTClientObject) -> None:
        self._left.discard(client)
        closing = asyncio.get_running_loop().create_task(client.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def _named(name: str) -> str:
    """A name that people gave, as part of a path. Raises NotFound for what can't be the name of any object."""
    if not _NAME.fullmatch(name):
        raise NotFound(repr(name[:300]), "no object can have such a name", 404)
    return name


def _pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace)}/pods"


def _opjob(namespace: str, name: str) -> str:
    return f"{_OPJOBS}/namespaces/{quote(namespace)}/{labels.PLURAL}/{_named(name)}"


def _events(namespace: str) -> str:
    return f"/apis/events.k8s.io/v1/namespaces/{quote(namespace)}/events"


def _leases(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace)}/leases"


def _object_in(data: bytes, what: str) -> dict[str, Any]:
    """The object that the API server answers. Raises Unavailable for what is none: it is not from there."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise Unavailable(what, "the API server's answer is no JSON; is there a proxy in between?") from None
    if not isinstance(found, dict):
        raise Unavailable(what, "the API server's answer is no object; is there a proxy in between?")
    return found


def _error_of(what: str, status: int, data: bytes, headers: Mapping[str, str]) -> ClusterError:
    """The error that a refusal stands for; the server's own words are its message."""
    try:
        told = json.loads(data)
        message, reason = str(told.get("message") or ""), str(told.get("reason") or "")
        names = bool((told.get("details") or {}).get("name"))
    except (ValueError, AttributeError):
        message, reason, names = data[:300].decode(errors="replace"), "", False
    message = message or f"the API server answered {status}"
    if status == 409:
        return (AlreadyExists if reason == "AlreadyExists" else Conflict)(what, message, status)
    if status == 403 and "exceeded quota" in message:
        return QuotaExceeded(what, message, status)
    if status == 403 and _BY_RIGHTS.search(message):
        return RightsMissing(what, message, status)
    found = _ANSWERS.get(status)
    if status == 404 and not names:  # of no object: the path is not served, as before a CRD is there, or by a proxy
        found = None
    if found is not None:
        return found(what, message, status)
    after = headers.get("Retry-After", "")
    return Unavailable(what, message, status, float(after) if after.isdigit() else None)
