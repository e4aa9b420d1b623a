"""What authors may ask of their pods: those who submit jobs get no further than the administrator lets them.

A pod is judged as it would be created. What it has without its job's words (by Kedge, or by the operator's own
`podTemplate`) is the administrator's, and never held against a job. What is refused by default is what the Baseline
level of the Pod Security Standards refuses, and what would give a step another identity.

Whether pods may run as root and the like is the namespace's own affair: label it with `restricted` Pod Security.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from kedge.core.errors import PlanError

ANY = "*"
FIELDS = (
    "activeDeadlineSeconds",
    "affinity",
    "automountServiceAccountToken",
    "containers",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostname",
    "imagePullSecrets",
    "initContainers",
    "nodeSelector",
    "os",
    "preemptionPolicy",
    "priorityClassName",
    "resourceClaims",
    "resources",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
)
"""Of a pod's spec. Not among them: the namespaces of the host, a node's name (it passes by the scheduler and its
taints), and what Kubernetes may think of later."""
VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
"""The sources that the Restricted level of the Pod Security Standards allows."""
ACCOUNT_FIELDS = ("serviceAccountName", "serviceAccount")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HOOKS = ("postStart", "preStop")
ACTIONS = ("httpGet", "tcpSocket")
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"

Words = Annotated[list[Annotated[str, Field(min_length=1)]], Field(default_factory=list)]


class PodPolicy(BaseModel):
    """What the pods of jobs may be, beyond what the administrator gives them. `*` in a list: anything."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)

    fields: Words = Field(default_factory=lambda: list(FIELDS))
    """Fields of a pod's spec that jobs may set."""
    volumes: Words = Field(default_factory=lambda: list(VOLUMES))
    """Sources of volumes."""
    capabilities: Words
    """Capabilities that containers may add."""
    service_accounts: Words
    """Service accounts that jobs may name."""
    images: Words
    """Prefixes of images, each up to a `/`, a tag or a digest; empty: any image."""
    tokens: bool = False
    """Whether steps may have a token of the API server."""
    privileged: bool = False
    """Whether containers may be privileged, take ports of the host, and so on: all else that Baseline refuses."""


class PodRefused(PlanError):
    """A job asks for more than the administrator allows its pods."""


class Guard:
    """Judges the pods of one run by a policy. `usual`: a pod as it is without the job's words."""

    def __init__(self, policy: PodPolicy, usual: Mapping[str, Any]) -> None:
        self._policy = policy
        self._usual = frozenset(faults(usual, policy))

    def check(self, pod: Mapping[str, Any], where: str) -> None:
        """Raise PodRefused that lists all that a pod may not have."""
        found = list(dict.fromkeys(one for one in faults(pod, self._policy) if one not in self._usual))
        if found:
            raise PodRefused(
                f"{where}: the administrator of this cluster's Kedge does not allow this: {'; '.join(found)}"
            )


def faults(pod: Mapping[str, Any], policy: PodPolicy) -> Iterator[str]:
    """All that the policy does not allow in a pod. What is of an unknown shape is left to the API server."""
    spec = _mapping(pod, "spec")
    yield from _fields(spec, policy)
    yield from _identity(spec, policy)
    for volume in _items(spec, "volumes"):
        yield from _volume(volume, policy)
    containers = [one for kind in ("containers", "initContainers") for one in _items(spec, kind)]
    for container in containers:
        where = f"container {container.get('name')}"
        yield from _image(container.get("image"), where, policy)
        yield from _capabilities(container, where, policy)
    if not policy.privileged:
        yield from _baseline(pod, spec, containers)


def _fields(spec: Mapping[str, Any], policy: PodPolicy) -> Iterator[str]:
    for name, value in spec.items():
        if value is not None and not _allows(policy.fields, name):
            yield f"{name}: {_short(value)} (podPolicy.fields)"


def _identity(spec: Mapping[str, Any], policy: PodPolicy) -> Iterator[str]:
    for account in {str(spec.get(name) or "default") for name in ACCOUNT_FIELDS if name in spec} or {"default"}:
        if not _allows(policy.service_accounts, account):
            yield f"the service account {account} (podPolicy.serviceAccounts)"
    if not policy.tokens and spec.get("automountServiceAccountToken") is not False:
        yield "a token of the API server (podPolicy.tokens)"


def _volume(volume: Mapping[str, Any], policy: PodPolicy) -> Iterator[str]:
    name = volume.get("name")
    for source, given in volume.items():
        if source != "name" and given is not None and not _allows(policy.volumes, source):
            yield f"volume {name} of kind {source}: {_short(given)} (podPolicy.volumes)"
    yield from _image(_mapping(volume, "image").get("reference"), f"volume {name}", policy)
    tokens = [one for one in _items(_mapping(volume, "projected"), "sources") if one.get("serviceAccountToken")]
    if tokens and not policy.tokens:
        yield f"a token of the API server in volume {name} (podPolicy.tokens)"


def _image(image: Any, where: str, policy: PodPolicy) -> Iterator[str]:
    if image is not None and policy.images and not any(_is_below(str(image), one) for one in policy.images):
        yield f"{where}: the image {image} (podPolicy.images)"


def _is_below(image: str, prefix: str) -> bool:
    """Whether an image is what a prefix names: `a/b` stands for `a/b:1` and `a/b/c`, and not for `a/bad`."""
    if prefix == ANY:
        return True
    rest = image.removeprefix(prefix)
    return image.startswith(prefix) and (prefix.endswith("/") or rest[:1] in ("", "/", ":", "@"))


def _capabilities(container: Mapping[str, Any], where: str, policy: PodPolicy) -> Iterator[str]:
    added = _mapping(_mapping(container, "securityContext"), "capabilities").get("add")
    for one in added if isinstance(added, list) else ():
        if not _allows(policy.capabilities, str(one)):
            yield f"{where}: the capability {one} (podPolicy.capabilities)"


def _baseline(
    pod: Mapping[str, Any], spec: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """What the Baseline level of the Pod Security Standards refuses, but for what has a setting of its own."""
    told = [("the pod", _mapping(spec, "securityContext"))]
    told += [(f"container {one.get('name')}", _mapping(one, "securityContext")) for one in containers]
    found = [f"{where}: {fault}" for where, context in told for fault in _unconfined(context)]
    for container in containers:
        where = f"container {container.get('name')}"
        ports = [one.get("hostPort") for one in _items(container, "ports")]
        found += [f"{where}: the host's port {port}" for port in ports if port]
        found += [f"{where}: another host in {probe}" for probe in _with_a_host(container)]
    annotations = _mapping(_mapping(pod, "metadata"), "annotations")
    found += [f"the annotation {one}" for one in annotations if str(one).startswith(APPARMOR)]
    for one in found:
        yield f"{one} (podPolicy.privileged)"


def _unconfined(context: Mapping[str, Any]) -> Iterator[str]:
    """Why a security context is too wide."""
    if context.get("privileged"):
        yield "privileged"
    if context.get("procMount") not in (None, "Default"):
        yield f"procMount {context['procMount']}"
    for name in ("seccompProfile", "appArmorProfile"):
        if _mapping(context, name).get("type") == "Unconfined":
            yield f"{name} Unconfined"
    for name in ("seLinuxOptions", "sysctls", "windowsOptions"):
        if context.get(name):
            yield f"{name}: {_short(context[name])}"


def _with_a_host(container: Mapping[str, Any]) -> Iterator[str]:
    """The probes and hooks by which a kubelet would be sent to a host of the author's choice."""
    hooks = _mapping(container, "lifecycle")
    told = {**{name: _mapping(container, name) for name in PROBES}, **{name: _mapping(hooks, name) for name in HOOKS}}
    for name, one in told.items():
        if any(_mapping(one, action).get("host") for action in ACTIONS):
            yield name


def _allows(allowed: Sequence[str], one: str) -> bool:
    return one in allowed or ANY in allowed


def _mapping(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}


def _items(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = found.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
