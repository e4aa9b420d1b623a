"""What authors may ask of their pods: those who submit jobs get no further than the administrator lets them.

A pod is judged as it would be created. What it has without its job's words (by Kedge, or by the operator's own
`podTemplate`) is the administrator's, and never held against a job. What is refused by default is what the Baseline
level of the Pod Security Standards refuses, and what would give a step another identity.

Whether pods may run as root and the like is the namespace's own affair: label it with `restricted` Pod Security.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from kedge.core.errors import PlanError
from kedge_operator.labels import STEP_CONTAINER, TICKET

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
NO_ACCOUNT = "default"
"""What pods have that name none."""
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HOOKS = ("postStart", "preStop")
ACTIONS = ("httpGet", "tcpSocket")
TOKENS = ("serviceAccountToken", "podCertificate")
"""Sources of a volume by which a pod is somebody at the API server."""
SYSTEM = "system-"
"""So begin the priority classes before which all other pods have to give way."""
_FEW, _NAME_MAX = 20, 60
"""More faults than these come without hints, and longer names are no misspelt fields: to look for one takes a while."""
_ALIKE = 0.8
"""How alike, from 0 to 1, a field must be that was perhaps meant."""
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


class Fault(NamedTuple):
    """One thing that a policy does not allow: what it is, with what was given, and the setting that could allow it.

    `container` or `volume`: the name of the one whose affair it is; none of them: the pod's.
    """

    what: str
    given: str
    setting: str
    container: str | None = None
    volume: str | None = None

    def __str__(self) -> str:
        return f"{self.what}{self.given if len(self.given) <= 80 else f'{self.given[:77]}...'}"


class Guard:
    """Judges the pods of one run by a policy. `usual`: a pod as it is without the job's words.

    What that has beyond the policy a job may use as it is, and no otherwise: fields that jobs may not set stay, and a
    container with more rights, or the volume that it mounts, is nothing that a job may change or mount.
    """

    def __init__(self, policy: PodPolicy, usual: Mapping[str, Any]) -> None:
        self._policy = policy
        self._spec = _mapping(usual, "spec")
        self._usual = frozenset(faults(usual, policy))
        self._containers = {_name(one): one for one in _containers(self._spec)}
        self._image = _mapping(self._containers, STEP_CONTAINER).get("image")

    def check(self, pod: Mapping[str, Any], where: str) -> None:
        """Raise PodRefused that lists all that a pod may not have."""
        refused = list(dict.fromkeys(self._found(pod)))
        hint = self._hint if len(refused) <= _FEW else lambda fault: ""
        found = list(dict.fromkeys(f"{one} (podPolicy.{one.setting}){hint(one)}" for one in refused))
        if found:
            raise PodRefused(
                f"{where}: the administrator of this cluster's Kedge does not allow this: {'; '.join(found)}"
            )

    def _hint(self, fault: Fault) -> str:
        """What the setting allows; of fields, which are many, the one that was perhaps meant."""
        if fault.setting == "fields":
            name = fault.what.removesuffix(": ")
            is_one = name in FIELDS or len(name) > _NAME_MAX
            meant = [] if is_one else get_close_matches(name, FIELDS, 1, _ALIKE)
            return f", did you mean {meant[0]}?" if meant else ""
        allowed = self._policy.model_dump(by_alias=True)[fault.setting]
        return f", which allows {', '.join(allowed) or 'none'}" if isinstance(allowed, list) else ""

    def _found(self, pod: Mapping[str, Any]) -> Iterator[Fault]:
        spec = _mapping(pod, "spec")
        containers = _containers(spec)
        granted: dict[str, Fault] = {}
        for fault in faults(pod, self._policy):
            if not self._is_usual(fault, containers):
                yield fault
            elif fault.volume is not None:
                granted[fault.volume] = fault
        yield from self._taken_away(spec)
        yield from self._mounted(containers, granted)

    def _is_usual(self, fault: Fault, containers: Sequence[Mapping[str, Any]]) -> bool:
        name = fault.container
        if fault.setting == "images" and fault.given == self._image:
            return True
        if fault not in self._usual or name in (None, STEP_CONTAINER):
            return fault in self._usual
        return all(one == self._containers[name] for one in containers if _name(one) == name)

    def _taken_away(self, spec: Mapping[str, Any]) -> Iterator[Fault]:
        """The fields that jobs may not set and that this pod has lost."""
        for name, value in self._spec.items():
            if value is not None and spec.get(name) is None and not _allows(self._policy.fields, name):
                yield Fault(f"{name} taken away, which is ", str(value), "fields")

    def _mounted(self, containers: Sequence[Mapping[str, Any]], granted: Mapping[str, Fault]) -> Iterator[Fault]:
        """The administrator's own volumes where the administrator has not mounted them."""
        for container in containers:
            name = _name(container)
            usual = _mounts(_mapping(self._containers, name))
            for mount in _mounts(container):
                fault = granted.get(_name(mount))
                if fault is not None and mount not in usual:
                    yield Fault(f"container {name}: the administrator's volume ", _name(mount), fault.setting)


def _containers(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for kind in ("containers", "initContainers") for one in _items(spec, kind)]


def _name(one: Mapping[str, Any]) -> str:
    return str(one.get("name"))


def _mounts(container: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*_items(container, "volumeMounts"), *_items(container, "volumeDevices")]


def faults(pod: Mapping[str, Any], policy: PodPolicy) -> Iterator[Fault]:
    """All that the policy does not allow in a pod. What is of an unknown shape is left to the API server."""
    spec = _mapping(pod, "spec")
    yield from _fields(spec, policy)
    yield from _identity(spec, policy)
    for volume in _items(spec, "volumes"):
        yield from _volume(volume, policy)
    for container in _containers(spec):
        name = _name(container)
        yield from _image(container.get("image"), Fault(f"container {name}: ", "", "", name), policy)
        yield from _capabilities(container, name, policy)
        if not policy.privileged:
            yield from _wide(container, name)
    if not policy.privileged:
        yield from _of_the_pod(pod, spec)


def _fields(spec: Mapping[str, Any], policy: PodPolicy) -> Iterator[Fault]:
    for name, value in spec.items():
        if value is not None and not _allows(policy.fields, name):
            given = [_as_said(one) for one in _items(spec, name)] if name == "containers" else value
            yield Fault(f"{name}: ", str(given), "fields")


def _as_said(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """The step's container without its image, which is judged by itself, and its ticket."""
    if container.get("name") != STEP_CONTAINER:
        return container
    env = [one for one in _items(container, "env") if one.get("name") != TICKET]
    return {name: value for name, value in {**container, "env": env}.items() if name != "image"}


def _identity(spec: Mapping[str, Any], policy: PodPolicy) -> Iterator[Fault]:
    for account in {str(spec.get(name) or NO_ACCOUNT) for name in ACCOUNT_FIELDS if name in spec} or {NO_ACCOUNT}:
        if not _allows(policy.service_accounts, account):
            yield Fault("the service account ", account, "serviceAccounts")
    if not policy.tokens and spec.get("automountServiceAccountToken") is not False:
        yield Fault("a token of the API server", "", "tokens")


def _volume(volume: Mapping[str, Any], policy: PodPolicy) -> Iterator[Fault]:
    name = _name(volume)
    for source, given in volume.items():
        if source != "name" and given is not None and not _allows(policy.volumes, source):
            yield Fault(f"volume {name} of kind {source}: ", str(given), "volumes", volume=name)
    yield from _image(_mapping(volume, "image").get("reference"), Fault(f"volume {name}: ", "", "", None, name), policy)
    for one in _items(_mapping(volume, "projected"), "sources"):
        if not policy.tokens and any(one.get(kind) is not None for kind in TOKENS):
            yield Fault(f"a token of the API server in volume {name}: ", str(one), "tokens", volume=name)


def _image(image: Any, owner: Fault, policy: PodPolicy) -> Iterator[Fault]:
    if image is not None and policy.images and not any(_is_below(str(image), one) for one in policy.images):
        yield owner._replace(what=f"{owner.what}the image ", given=str(image), setting="images")


def _is_below(image: str, prefix: str) -> bool:
    """Whether an image is what a prefix names: `a/b` stands for `a/b:1` and `a/b/c`, and not for `a/bad`.

    Nor does `a` stand for `a:5000/b`, which is another registry.
    """
    if prefix == ANY:
        return True
    rest = image.removeprefix(prefix)
    ends = prefix.endswith("/") or rest[:1] in ("", "/", "@") or (rest[:1] == ":" and "/" not in rest)
    return image.startswith(prefix) and ends


def _capabilities(container: Mapping[str, Any], name: str, policy: PodPolicy) -> Iterator[Fault]:
    added = _mapping(_mapping(container, "securityContext"), "capabilities").get("add")
    for one in added if isinstance(added, list) else ():
        if not _allows(policy.capabilities, str(one)):
            yield Fault(f"container {name}: the capability ", str(one), "capabilities", name)


# -- what the Baseline level of the Pod Security Standards refuses, but for what has a setting of its own -------------


def _of_the_pod(pod: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[Fault]:
    for what, given in _unconfined(_mapping(spec, "securityContext")):
        yield Fault(f"the pod: {what}", given, "privileged")
    for one in _mapping(_mapping(pod, "metadata"), "annotations"):
        if str(one).startswith(APPARMOR):
            yield Fault("the annotation ", str(one), "privileged")
    priority = str(spec.get("priorityClassName") or "")
    if priority.startswith(SYSTEM):
        yield Fault("the priority of the system's own pods: ", priority, "privileged")


def _wide(container: Mapping[str, Any], name: str) -> Iterator[Fault]:
    found = list(_unconfined(_mapping(container, "securityContext")))
    ports = [one.get("hostPort") for one in _items(container, "ports")]
    found += [("the host's port ", str(port)) for port in ports if port]
    found += [("another host in ", probe) for probe in _with_a_host(container)]
    for what, given in found:
        yield Fault(f"container {name}: {what}", given, "privileged", name)


def _unconfined(context: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Why a security context is too wide."""
    if context.get("privileged"):
        yield "privileged", ""
    if context.get("procMount") not in (None, "Default"):
        yield "procMount ", str(context["procMount"])
    for name in ("seccompProfile", "appArmorProfile"):
        if _mapping(context, name).get("type") == "Unconfined":
            yield f"{name} Unconfined", ""
    for name in ("seLinuxOptions", "sysctls", "windowsOptions"):
        if context.get(name):
            yield f"{name}: ", str(context[name])


def _with_a_host(container: Mapping[str, Any]) -> Iterator[str]:
    """The probes and hooks by which a kubelet would be sent to a host of the author's choice."""
    hooks = _mapping(container, "lifecycle")
    told = {**{name: _mapping(container, name) for name in PROBES}, **{name: _mapping(hooks, name) for name in HOOKS}}
    for name, one in told.items():
        if any(_mapping(one, action).get("host") for action in ACTIONS):
            yield f"{name}: {one}"


def _allows(allowed: Sequence[str], one: str) -> bool:
    return one in allowed or ANY in allowed


def _mapping(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}


def _items(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = found.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
