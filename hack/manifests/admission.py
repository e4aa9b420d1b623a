"""The pod policy at the door: a ValidatingAdmissionPolicy, so that `kubectl apply` refuses what an operator would.

In CEL it reads what an OpJob's manifest says of pods, where `kedge_operator.policy` judges whole pods, among them those
of ops that a plan pod finds. What an administrator allows stands in its first variables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kedge_operator import policy
from kedge_operator.policy import ANY, PodPolicy
from kedge_operator.templates import CONTAINER_FIELDS
from manifests.crd import GROUP, PLURAL
from manifests.names import Object, metadata

NAME = "kedge-opjobs"
_SHORT_FIELDS = sorted({*CONTAINER_FIELDS, "metadata", "podSecurityContext"})
_ALL = json.dumps(ANY)


def allowed(pods: PodPolicy, stores: list[str], own_store: str) -> Mapping[str, Any]:
    """The variables that say what is allowed, by name."""
    found = pods.model_dump(by_alias=True)
    return {**{f"{name}Allowed": one for name, one in found.items()}, "storesAllowed": stores, "ownStore": own_store}


def spec(given: Mapping[str, Any]) -> Object:
    """The policy's spec."""
    said = [{"name": name, "expression": json.dumps(value)} for name, value in given.items()]
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                # The parts of a spec that this is about can't change once it is there.
                {"apiGroups": [GROUP], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [PLURAL]}
            ]
        },
        "variables": said + variables(),
        "validations": validations(),
    }


def objects() -> list[Object]:
    """The policy with what an operator allows by default, and its binding."""
    given = allowed(PodPolicy(), [], "")
    binding = {"policyName": NAME, "validationActions": ["Deny"]}
    api = "admissionregistration.k8s.io/v1"
    return [
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": metadata(NAME), "spec": spec(given)},
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata(NAME), "spec": binding},
    ]


def variables() -> list[Object]:
    """What the rules look at: `templates`, one for each place that says something of pods."""
    job = "{'where': dyn('spec.podTemplate'), 'pod': dyn(object.spec.podTemplate), 'short': dyn(false)}"
    op = "{'where': dyn('op ' + o.name), 'pod': dyn(o.pod), 'short': dyn(!has(o.pod.spec) || o.pod.spec == null)}"
    ops = f"object.spec.ops.filter(o, has(o.pod) && o.pod != null).map(o, {op})"
    given = f"({_there('object.spec', 'podTemplate')} ? [{job}] : []) + (has(object.spec.ops) ? {ops} : [])"
    pod = f"(t.short ? t.pod : {_mapping('t.pod', 'spec')})"
    containers = f"{_list(pod, 'containers')} + {_list(pod, 'initContainers')} + (t.short ? [t.pod] : [])"
    parts = {
        "where": "t.where",
        "short": "t.short",
        "spec": pod,
        "annotations": _mapping(_mapping("t.pod", "metadata"), "annotations"),
        "containers": containers,
    }
    found = ", ".join(f"'{name}': dyn({text})" for name, text in parts.items())
    return [
        {"name": "given", "expression": given},
        {"name": "templates", "expression": f"variables.given.map(t, {{{found}}})"},
    ]


def validations() -> list[Object]:
    """The rules, each with the places that break it in its message."""
    of_image = _image(_mapping("x", "image"), "reference")
    rules = {
        "fields that podPolicy.fields does not allow": _fields(),
        "service accounts that podPolicy.serviceAccounts does not allow": _accounts(),
        "volumes of kinds that podPolicy.volumes does not allow": _every("volumes", _volume()),
        "images that podPolicy.images does not allow": f"{_containers(_image('c'))} && {_every('volumes', of_image)}",
        "capabilities that podPolicy.capabilities does not allow": _containers(_capabilities()),
        "a token of the API server, which podPolicy.tokens does not allow": f"variables.tokensAllowed || {_tokens()}",
        "security contexts that podPolicy.privileged does not allow": _privileged(_contexts()),
        "a priority of the system, which podPolicy.privileged does not allow": _privileged(_priority()),
        "ports, probes or hooks of hosts, which podPolicy.privileged does not allow": _privileged(_hosts()),
        "annotations that podPolicy.privileged does not allow": _privileged(
            f"t.annotations.all(k, !k.startsWith('{policy.APPARMOR}'))"
        ),
    }
    of_templates = [
        {
            "expression": f"variables.templates.all(t, {rule})",
            "messageExpression": f"variables.templates.filter(t, !({rule})).map(t, string(t.where)).join(', ') + "
            f"' asks for {what}'",
            "reason": "Forbidden",
        }
        for what, rule in rules.items()
    ]
    return [*of_templates, _job_image(), _job_store()]


def _job_image() -> Object:
    return {
        "expression": _image("object.spec"),
        "messageExpression": "'spec.image: podPolicy.images does not allow ' + string(object.spec.image)",
        "reason": "Forbidden",
    }


def _job_store() -> Object:
    url = "object.spec.store.url"
    listed = f"variables.storesAllowed.exists(p, {url} == p || {url}.startsWith(p.endsWith('/') ? p : p + '/'))"
    free = f"!has(object.spec.store) || !has({url}) || has(object.spec.store.secretName) || {url} == variables.ownStore"
    return {
        "expression": f"{free} || {listed}",
        "message": "spec.store: give a Secret with the store's credentials (secretName); without one, jobs may name "
        "only the stores in jobStores.urls",
        "reason": "Forbidden",
    }


# -- rules about one template t ---------------------------------------------------------------------------------------


def _fields() -> str:
    short = f"(t.short && k in {json.dumps(_SHORT_FIELDS)})"
    return f"t.spec.all(k, t.spec[k] == null || {_in('k', 'fields')} || {short})"


def _accounts() -> str:
    names = json.dumps(list(policy.ACCOUNT_FIELDS))
    usual = f"t.spec[k] in ['', '{policy.NO_ACCOUNT}']"
    return f"{names}.all(k, !(k in t.spec) || t.spec[k] == null || {usual} || {_in('t.spec[k]', 'serviceAccounts')})"


def _volume() -> str:
    return f"x.all(k, k == 'name' || x[k] == null || {_in('k', 'volumes')})"


def _every(name: str, rule: str) -> str:
    return f"{_list('t.spec', name)}.all(x, {rule})"


def _containers(rule: str) -> str:
    return f"t.containers.all(c, {rule})"


def _image(owner: str, field: str = "image") -> str:
    image = f"{owner}.{field}"
    rest = f"{image}.substring(size(p))"
    after = f"{rest}.startsWith('/') || {rest}.startsWith('@') || ({rest}.startsWith(':') && !{rest}.contains('/'))"
    below = f"p == {_ALL} || {image} == p || ({image}.startsWith(p) && (p.endsWith('/') || {after}))"
    listed = f"size(variables.imagesAllowed) == 0 || variables.imagesAllowed.exists(p, {below})"
    return f"!{_there(owner, field)} || {listed}"


def _capabilities() -> str:
    added = _list(_mapping(_mapping("c", "securityContext"), "capabilities"), "add")
    return f"{added}.all(x, {_in('x', 'capabilities')})"


def _tokens() -> str:
    mounted = "!has(t.spec.automountServiceAccountToken) || t.spec.automountServiceAccountToken == false"
    source = " && ".join(f"!{_there('s', kind)}" for kind in policy.TOKENS)
    projected = _every("volumes", f"{_list(_mapping('x', 'projected'), 'sources')}.all(s, {source})")
    return f"({mounted}) && {projected}"


def _privileged(rule: str) -> str:
    return f"variables.privilegedAllowed || {rule}"


def _contexts() -> str:
    narrow = " && ".join(
        [
            _is("s", "privileged", "false"),
            _is("s", "procMount", "'Default'"),
            *(f"{_profile(name)} != 'Unconfined'" for name in ("seccompProfile", "appArmorProfile")),
            *(_is_empty("s", name) for name in ("seLinuxOptions", "sysctls", "windowsOptions")),
        ]
    )
    of_pod = ", ".join(_mapping("t.spec", name) for name in ("securityContext", "podSecurityContext"))
    return f"([{of_pod}] + t.containers.map(c, {_mapping('c', 'securityContext')})).all(s, {narrow})"


def _hosts() -> str:
    ports = f"{_list('c', 'ports')}.all(x, {_is('x', 'hostPort', '0')})"
    told = [_mapping("c", name) for name in policy.PROBES]
    told += [_mapping(_mapping("c", "lifecycle"), name) for name in policy.HOOKS]
    none = " && ".join(_is(_mapping("h", action), "host", "''") for action in policy.ACTIONS)
    return _containers(f"{ports} && [{', '.join(told)}].all(h, {none})")


def _priority() -> str:
    name = "t.spec.priorityClassName"
    return f"!{_there('t.spec', 'priorityClassName')} || !{name}.startsWith('{policy.SYSTEM}')"


def _profile(name: str) -> str:
    profile = _mapping("s", name)
    return f"(has({profile}.type) ? {profile}.type : '')"


# -- words of CEL -----------------------------------------------------------------------------------------------------


def _in(one: str, name: str) -> str:
    return f"({one} in variables.{name}Allowed || {_ALL} in variables.{name}Allowed)"


def _there(owner: str, field: str) -> str:
    return f"(has({owner}.{field}) && {owner}.{field} != null)"


def _is(owner: str, field: str, value: str) -> str:
    return f"(!{_there(owner, field)} || {owner}.{field} == {value})"


def _is_empty(owner: str, field: str) -> str:
    return f"(!{_there(owner, field)} || size({owner}.{field}) == 0)"


def _mapping(owner: str, field: str) -> str:
    return f"({_there(owner, field)} ? {owner}.{field} : {{}})"


def _list(owner: str, field: str) -> str:
    return f"({_there(owner, field)} ? {owner}.{field} : [])"
