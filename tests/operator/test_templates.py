"""How what is said of a pod is merged: each rule as a row, and what holds of all of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kedge.core.errors import PlanError
from kedge_operator import templates

A, B, C = {"name": "a", "value": "1"}, {"name": "b", "value": "2"}, {"name": "c", "value": "3"}
TCP, UDP = {"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}

RULES: dict[str, tuple[Any, Any, Any]] = {
    "a field that only one says": ({"x": 1}, {"y": 2}, {"x": 1, "y": 2}),
    "a field that both say": ({"x": 1}, {"x": 2}, {"x": 2}),
    "mappings at any depth": ({"x": {"a": {"b": 1}}}, {"x": {"a": {"c": 2}}}, {"x": {"a": {"b": 1, "c": 2}}}),
    "null takes away": ({"x": 1, "y": {"z": 1}}, {"x": None, "y": {"z": None}}, {"y": {}}),
    "null for what is not there": ({}, {"x": None, "y": {"z": None}, "l": [{"n": None}]}, {"y": {}, "l": [{}]}),
    "a list of no known items replaces": ({"args": [1, 2]}, {"args": [3]}, {"args": [3]}),
    "an empty list of known items adds nothing": ({"env": [A]}, {"env": []}, {"env": [A]}),
    "items by name, in the order of their appearance": ({"env": [A, B]}, {"env": [C, B]}, {"env": [A, B, C]}),
    "a variable replaces that of its name as a whole": (
        {"env": [A]},
        {"env": [{"name": "a", "valueFrom": {"x": 1}}]},
        {"env": [{"name": "a", "valueFrom": {"x": 1}}]},
    ),
    "the last of two variables of one name counts": ({"env": [A, {**A, "value": "9"}]}, {"env": [A]}, {"env": [A]}),
    "a volume replaces that of its name as a whole": (
        {"volumes": [{"name": "data", "emptyDir": {}}]},
        {"volumes": [{"name": "data", "configMap": {"name": "m"}}]},
        {"volumes": [{"name": "data", "configMap": {"name": "m"}}]},
    ),
    "mounts by their path": (
        {"volumeMounts": [{"name": "v", "mountPath": "/a", "subPath": "s"}, {"name": "v", "mountPath": "/b"}]},
        {"volumeMounts": [{"name": "w", "mountPath": "/a"}]},
        {"volumeMounts": [{"name": "w", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]},
    ),
    "ports by number and protocol": (
        {"ports": [{"containerPort": 53}]},
        {"ports": [UDP, {**TCP, "name": "dns"}]},
        {"ports": [{**TCP, "name": "dns"}, UDP]},
    ),
    "containers field by field": (
        {"containers": [{"name": "step", "image": "i", "env": [A]}]},
        {"containers": [{"name": "step", "env": [B]}, {"name": "proxy"}]},
        {"containers": [{"name": "step", "image": "i", "env": [A, B]}, {"name": "proxy"}]},
    ),
    "null in a container": (
        {"containers": [{"name": "step", "resources": {"limits": {"cpu": 1}}}]},
        {"containers": [{"name": "step", "resources": None}]},
        {"containers": [{"name": "step"}]},
    ),
    "sources are appended": ({"envFrom": [{"x": 1}]}, {"envFrom": [{"y": 2}]}, {"envFrom": [{"x": 1}, {"y": 2}]}),
    "tolerations are appended, once": (
        {"tolerations": [{"key": "a"}]},
        {"tolerations": [{"key": "b"}, {"key": "a"}]},
        {"tolerations": [{"key": "a"}, {"key": "b"}]},
    ),
    "a list over a mapping replaces it": ({"x": {"a": 1}}, {"x": [1]}, {"x": [1]}),
    "a mapping over a list replaces it": ({"x": [1]}, {"x": {"a": 1}}, {"x": {"a": 1}}),
}


@pytest.mark.parametrize(("below", "above", "expected"), RULES.values(), ids=RULES.keys())
def test_a_rule_of_merging(below: Any, above: Any, expected: Any) -> None:
    assert templates.merge(below, above) == expected


# -- what always holds -------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["env", "containers", "envFrom", "ports", "x", "name", "containerPort", "value"])
DATA: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
MAPPINGS = st.dictionaries(NAMES, DATA, max_size=4)


@given(MAPPINGS, MAPPINGS)
@example({}, {"env": [{"name": {"x": None}}]})
def test_merging_twice_changes_nothing_more(below: Any, above: Any) -> None:
    once = templates.merge(below, above)
    assert templates.merge(once, above) == once


@given(MAPPINGS, MAPPINGS)
def test_neither_side_is_changed_nor_shared(below: Any, above: Any) -> None:
    before = copy.deepcopy((below, above))
    found = templates.merge(below, above)
    spoil(found)
    assert (below, above) == before


@given(MAPPINGS, MAPPINGS)
def test_null_is_nowhere_in_a_mapping(below: Any, above: Any) -> None:
    assert not has_null(templates.merge(below, above))


@given(MAPPINGS, MAPPINGS, NAMES)
def test_null_removes_whatever_was_there(below: Any, above: Any, name: str) -> None:
    assert name not in templates.merge(below, {**above, name: None})


@given(MAPPINGS)
def test_nothing_said_changes_nothing(said: Any) -> None:
    plain = templates.merge({}, said)
    assert templates.merge(plain, {}) == plain


def spoil(value: Any) -> None:
    """Change every mapping and list in it."""
    for one in list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ():
        spoil(one)
    if isinstance(value, dict):
        value["spoilt"] = True
    elif isinstance(value, list):
        value.append("spoilt")


def has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(one is None or has_null(one) for one in value.values())
    return isinstance(value, list) and any(has_null(one) for one in value)


# -- templates of jobs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [["main", "proxy"], ["step", "proxy"], [None, "proxy"]])
def test_the_first_container_of_a_template_is_the_steps(names: list[str | None]) -> None:
    containers = [{"image": "i", **({} if name is None else {"name": name})} for name in names]
    found = templates.of_job({"spec": {"containers": containers}})
    assert found["spec"]["containers"] == [{"image": "i", "name": "step"}, {"image": "i", "name": "proxy"}]


def test_one_called_step_is_the_steps_wherever_it_stands() -> None:
    found = templates.of_job({"spec": {"containers": [{"name": "proxy"}, {"name": "step"}]}})
    assert [one["name"] for one in found["spec"]["containers"]] == ["step", "proxy"]


# -- an op's pod -------------------------------------------------------------------------------------------------------


def test_an_ops_fields_go_to_its_container_and_to_its_pod() -> None:
    given = {
        "image": "i",
        "readinessProbe": {},
        "nodeSelector": {"a": "b"},
        "hostNetwork": True,
        "serviceAccountName": "s",
    }
    assert templates.of_op(given, "op a: pod") == {
        "spec": {
            "nodeSelector": {"a": "b"},
            "hostNetwork": True,
            "serviceAccountName": "s",
            "containers": [{"name": "step", "image": "i", "readinessProbe": {}}],
        }
    }


def test_the_security_context_is_the_containers_and_that_of_the_pod_has_its_own_name() -> None:
    found = templates.of_op({"securityContext": {"runAsUser": 1}, "podSecurityContext": {"fsGroup": 2}}, "pod")["spec"]
    assert found["containers"][0]["securityContext"] == {"runAsUser": 1}
    assert found["securityContext"] == {"fsGroup": 2}


def test_containers_beside_an_ops_own_fields_are_sidecars() -> None:
    found = templates.of_op({"image": "i", "containers": [{"name": "proxy", "image": "p"}]}, "pod")["spec"]
    assert found["containers"] == [{"name": "step", "image": "i"}, {"name": "proxy", "image": "p"}]


def test_a_sidecar_alone_is_not_taken_for_the_step() -> None:
    found = templates.of_op({"containers": [{"name": "proxy", "image": "p"}]}, "pod")["spec"]
    assert found["containers"] == [{"name": "proxy", "image": "p"}]


def test_an_op_may_have_a_whole_template() -> None:
    given = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": "i"}]}}
    assert templates.of_op(given, "pod")["spec"]["containers"] == [{"name": "step", "image": "i"}]


# -- what is refused ---------------------------------------------------------------------------------------------------

JOBS: dict[str, tuple[Any, str]] = {
    "no template": ({"containers": []}, "podTemplate: a pod template has metadata and spec, not containers"),
    "spec is a list": ({"spec": []}, r"podTemplate.spec is \[\]; give a mapping"),
    "metadata is text": ({"metadata": "x"}, "podTemplate.metadata is 'x'; give a mapping"),
    "labels are a list": ({"metadata": {"labels": ["a"]}}, r"podTemplate.metadata.labels is \['a'\]; give a mapping"),
    "a name": ({"metadata": {"name": "x"}}, "podTemplate: metadata.name can't be set.*labels and annotations"),
    "containers are a mapping": ({"spec": {"containers": {"a": 1}}}, r"podTemplate.spec.containers is .*; give a list"),
    "a container is null": (
        {"spec": {"containers": [None]}},
        r"podTemplate.spec.containers\[0\] is None; give a mapping",
    ),
    "a sidecar has no name": (
        {"spec": {"containers": [{"name": "step"}, {"image": "i"}]}},
        r"podTemplate.spec.containers\[1\] has no name",
    ),
    "two of a name": (
        {"spec": {"containers": [{"name": "step"}, {"name": "p"}, {"name": "p"}]}},
        "podTemplate.spec.containers has two items with the name 'p'",
    ),
    "a command": (
        {"spec": {"containers": [{"name": "main", "command": ["sh"]}]}},
        "podTemplate: the step's container: command can't be set",
    ),
    "a restart policy": ({"spec": {"restartPolicy": "Always"}}, "podTemplate: restartPolicy Always can't be set"),
    "a restart policy of the container": (
        {"spec": {"containers": [{"name": "main", "restartPolicy": "Always"}]}},
        "podTemplate: the step's container: restartPolicy can't be set: Kedge starts failed steps again itself",
    ),
    "restart rules of the container": (
        {"spec": {"containers": [{"restartPolicyRules": [{"action": "Restart"}]}]}},
        "podTemplate: the step's container: restartPolicyRules can't be set",
    ),
    "limits are a list": (
        {"spec": {"containers": [{"resources": {"limits": ["1Gi"]}}]}},
        r"podTemplate.spec.containers\[0\].resources.limits is \['1Gi'\]; give a mapping",
    ),
    "a long wrong value": (
        {"spec": {"volumes": "v" * 1000}},
        r"podTemplate.spec.volumes is 'v{75,77}\.\.\.; give a list",
    ),
}
OPS: dict[str, tuple[Any, str]] = {
    "env is a mapping": ({"env": {"A": "1"}}, r"op a: pod.env is {'A': '1'}; give a list"),
    "a variable without a name": ({"env": [{"value": "1"}]}, r"op a: pod.env\[0\] has no name"),
    "a variable is text": ({"env": ["A=1"]}, r"op a: pod.env\[0\] is 'A=1'; give a mapping"),
    "envFrom is text": ({"envFrom": "settings"}, "op a: pod.envFrom is 'settings'; give a list"),
    "tolerations are a mapping": ({"tolerations": {}}, "op a: pod.tolerations is {}; give a list"),
    "resources are a list": ({"resources": [1]}, r"op a: pod.resources is \[1\]; give a mapping"),
    "a mount without a path": ({"volumeMounts": [{"name": "v"}]}, r"op a: pod.volumeMounts\[0\] has no mountPath"),
    "args": ({"args": ["x"]}, "op a: pod: args can't be set: the container runs Kedge's worker"),
    "a command of the step among containers": (
        {"containers": [{"name": "step", "command": ["sh"]}]},
        "op a: pod: the step's container: command can't be set",
    ),
    "a spec and more": ({"spec": {"x": 1}, "image": "i"}, "op a: pod: a pod template has metadata and spec, not image"),
    "an owner": ({"metadata": {"ownerReferences": []}}, "op a: pod: metadata.ownerReferences can't be set"),
}


@pytest.mark.parametrize(("template", "words"), JOBS.values(), ids=JOBS.keys())
def test_what_is_no_template_is_refused(template: Any, words: str) -> None:
    with pytest.raises(PlanError, match=f"^{words}"):
        templates.of_job(template)


@pytest.mark.parametrize(("pod", "words"), OPS.values(), ids=OPS.keys())
def test_what_is_no_pod_of_an_op_is_refused(pod: Any, words: str) -> None:
    with pytest.raises(PlanError, match=f"^{words}"):
        templates.of_op(pod, "op a: pod")


FIELDS = st.sampled_from(["metadata", "spec", "containers", "env", "resources", "limits", "volumes", "labels", "image"])
ANYTHING = st.recursive(
    st.none() | st.text(max_size=3) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(FIELDS, ANYTHING, max_size=4))
def test_anything_at_all_is_a_pod_or_is_refused(said: Mapping[str, Any]) -> None:
    for read in (lambda: templates.of_op(said, "pod"), lambda: templates.of_job(said)):
        try:
            found = read()
        except PlanError:
            continue
        templates.merge({"spec": {"containers": [{"name": "step"}]}}, found)
