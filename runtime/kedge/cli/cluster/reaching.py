"""The store of a cluster's run, reached from here as the run's own pods reach it. docs/adr/0012 has the reasons.

Where the store is (URL, endpoint, region) a pod of the run says, in its environment. An endpoint that is a service of
the cluster is reached through `kubectl port-forward`, for as long as the command runs. Credentials are those of the
user's environment; where it has none, those of the Secret that the pods use, if the user may read it.

Whoever wrote the job has written the pods' environment, too. So of that only variables with a name on a list are taken,
and what a user's own credentials would be sent to is not among them: a request to S3 holds a signature, and a session's
token, but one to Azure the credentials themselves.
"""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

from kedge.cli.cluster.kubectl import Kubectl
from kedge.cli.cluster.opjobs import ClusterRun
from kedge.cli.cluster.refusals import ClusterError
from kedge.core.errors import KedgeError
from kedge.io.errors import ObjectMissing, StoreError, StoreUnavailable, ValueCorrupt
from kedge.io.stores import Store, open_store

ENDPOINT = "KEDGE_STORE_ENDPOINT"
_KINDS = {"s3": "AWS_", "s3a": "AWS_", "gs": "GOOGLE_", "az": "AZURE_", "azure": "AZURE_", "abfs": "AZURE_"}
"""By the scheme of a store's URL: how the variables begin that say how to reach it."""
_CREDENTIALS = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CLIENT_ID|CREDENTIALS|SERVICE_ACCOUNT")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
_WHERE = frozenset(
    {
        *("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ALLOW_HTTP"),
        *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "AWS_SKIP_SIGNATURE"),
        "AZURE_STORAGE_ACCOUNT_NAME",
    }
)
"""What of the pods' environment goes with the user's own credentials."""
_WHO = frozenset(
    {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        *("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_MASTER_KEY"),
        *("AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_ENDPOINT", "AZURE_ALLOW_HTTP"),
        *("AZURE_STORAGE_CLIENT_ID", "AZURE_STORAGE_CLIENT_SECRET", "AZURE_STORAGE_TENANT_ID"),
        *("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"),
    }
)
"""And what besides where the user has none."""
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
"""A name of Azure's; it becomes a part of a host's."""
_SERVICE = re.compile(r"^(?P<name>[a-z][a-z0-9-]*)(\.(?P<namespace>[a-z0-9-]+)(?P<svc>\.svc(\.cluster\.local)?)?)?\.?$")
_FORWARDED = re.compile(r"^Forwarding from 127\.0\.0\.1:(\d+)")
_CONNECT_SECONDS = 5.0
_POD_SECONDS = 5
"""How long a pod of the store's service may take to run."""


@contextmanager
def reached(kubectl: Kubectl, run: ClusterRun, url: str | None, endpoint: str | None) -> Iterator[Store]:
    """The store of a run. `url` names another one, which is opened with the user's environment as it is.

    Raises StoreError and ClusterError that say what to do.
    """
    if url is not None:
        yield open_store(url)
        return
    url = _url_of(run)
    with ExitStack() as stack:
        told = _as_pods_are_told(kubectl, run, url)
        if endpoint is not None:
            told = {**{name: value for name, value in told.items() if name not in _ENDPOINTS}, **_at(endpoint)}
        else:
            told = stack.enter_context(_forwarded(kubectl, run, told))
        stack.enter_context(_environment(told))
        try:
            yield open_store(url)
        except (ObjectMissing, ValueCorrupt):
            raise
        except StoreError as error:
            raise type(error)(f"{error}\n  {_advice(url, told)}") from error


def _url_of(run: ClusterRun) -> str:
    url = (run.status.get("store") or {}).get("url")
    if url is None:
        told = run.status.get("message") or "no operator has taken it up"
        raise KedgeError(f"{run.name} has no records yet: it is {run.phase} ({told})")
    if url.startswith("file:"):
        raise StoreError(
            f"{run.name} is in {url}, a folder of its pods; give the same folder here with --store file:///..."
        )
    return str(url)


def _advice(url: str, told: Mapping[str, str]) -> str:
    kind = _kind(url)
    if not any(name.startswith(kind) and _CREDENTIALS.search(name) for name in {*told, *os.environ}):
        return (
            f"there are no credentials for {url}: none in the environment ({kind}...), and none that the run's pods "
            "have could be read. Export your own"
        )
    whose = "the run" if _has_credentials(told) else "your environment"
    return (
        f"this is where the run's pods have it, asked with the credentials of {whose}. --store-endpoint says where "
        "else the store can be reached, --store names another URL"
    )


# -- what the pods are told -------------------------------------------------------------------------------------------


def _kind(url: str) -> str:
    return _KINDS.get(url.partition("://")[0], "AWS_")


def _has_credentials(variables: Mapping[str, str]) -> bool:
    return any(_CREDENTIALS.search(name) for name in variables)


def _as_pods_are_told(kubectl: Kubectl, run: ClusterRun, url: str) -> dict[str, str]:
    """The variables that say how to reach the store. Credentials are among them where the user has none."""
    container = _step_container(kubectl, run, url)
    kind = _kind(url)
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        found |= _of_secret(kubectl, run.namespace, (source.get("secretRef") or {}).get("name"))
    found |= {one["name"]: one["value"] for one in container.get("env") or () if "value" in one}
    own = any(name.startswith(kind) and _CREDENTIALS.search(name) for name in os.environ)
    taken = _WHERE if own else _WHERE | _WHO
    if not _ACCOUNT.fullmatch(found.get("AZURE_STORAGE_ACCOUNT_NAME", "")):
        taken -= {"AZURE_STORAGE_ACCOUNT_NAME"}
    return {name: value for name, value in found.items() if name.startswith(kind) and name in taken}


def _step_container(kubectl: Kubectl, run: ClusterRun, url: str) -> Mapping[str, Any]:
    """The step's container of a pod of the run, else of any pod here with the same store; empty where there is none."""
    for selector in (f"kedge.dev/run={run.uid}", "app.kubernetes.io/managed-by=kedge-operator"):
        path = f"/api/v1/namespaces/{run.namespace}/pods?limit=1&labelSelector={quote(selector)}"
        for pod in kubectl.raw(path)["items"]:
            for container in pod["spec"]["containers"]:
                if {"name": "KEDGE_STORE", "value": url} in (container.get("env") or ()):
                    found: Mapping[str, Any] = container
                    return found
    return {}


def _of_secret(kubectl: Kubectl, namespace: str, name: str | None) -> dict[str, str]:
    """What is in a Secret, where the user may read it."""
    if name is None:
        return {}
    try:
        found = kubectl.read("get", "secret", name, f"--namespace={namespace}")
    except ClusterError:
        return {}
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in (found.get("data") or {}).items()}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables for as long as the block lasts: obstore reads them when a store is first used."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# -- endpoints --------------------------------------------------------------------------------------------------------


def _at(endpoint: str) -> dict[str, str]:
    """The variables for an endpoint that the user names. Raises StoreUnavailable where nobody listens."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        raise StoreError(f"--store-endpoint {endpoint}: write http://HOST:PORT or https://HOST[:PORT]")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise StoreUnavailable(
            f"nobody listens at {endpoint} ({error}); `kubectl port-forward service/NAME PORT` leads to a service"
        ) from error
    return {"AWS_ENDPOINT_URL": endpoint, **({"AWS_ALLOW_HTTP": "true"} if parts.scheme == "http" else {})}


@contextmanager
def _forwarded(kubectl: Kubectl, run: ClusterRun, told: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The same variables with an endpoint inside the cluster led to a port of this machine."""
    name = next((name for name in _ENDPOINTS if told.get(name)), None)
    parts = urlsplit(told[name]) if name is not None else None
    service = _service_of(kubectl, run, parts.hostname or "") if parts is not None else None
    if name is None or parts is None or service is None:
        yield dict(told)
        return
    namespace, target = service
    port = parts.port or (443 if parts.scheme == "https" else 80)
    command = ("port-forward", f"service/{target}", f":{port}", f"--namespace={namespace}", "--address=127.0.0.1")
    with kubectl.stream(*command, f"--pod-running-timeout={_POD_SECONDS}s") as lines:
        local = _port_of(lines, f"{told[name]} is service {target} of namespace {namespace}")
        lines.read_on()  # one for each connection
        yield {**told, name: f"{parts.scheme}://127.0.0.1:{local}"}


def _service_of(kubectl: Kubectl, run: ClusterRun, host: str) -> tuple[str, str] | None:
    """Namespace and name of the service that a host's name stands for; None for a host outside of the cluster."""
    found = _SERVICE.match(host)
    if found is None:
        return None
    namespace = found["namespace"] or run.namespace
    if found["svc"] is None:  # NAME.NAMESPACE looks like any host's name
        try:
            kubectl("get", "service", found["name"], f"--namespace={namespace}", "-o", "name")
        except ClusterError:
            return None
    return namespace, found["name"]


def _port_of(lines: Any, what: str) -> int:
    """The port that kubectl has opened. Raises StoreUnavailable with what to do instead."""
    try:
        for line in lines:
            found = _FORWARDED.match(line)
            if found is not None:
                return int(found[1])
        said = "kubectl port-forward ended"
    except ClusterError as error:
        said = str(error).partition("\n")[0]
    to_do = "Ask for the right to do so"
    if "timed out waiting" in said:
        said, to_do = "no pod of it is running", "Try again when one is"
    raise StoreUnavailable(
        f"{what}, and no port could be forwarded to it: {said}\n  {to_do}, or ask for another way to the store: "
        "--store-endpoint http://HOST:PORT says where it can be reached from here"
    )
