"""The pod policy at the door of a real API server: it refuses what the operator would, and nothing else."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from cluster import plane as planes
from cluster.places import ROOT
from kedge.core.errors import PlanError
from kedge.core.ids import StepKey
from kedge_kubectl import Kubectl, until
from kedge_operator import pods, templates
from kedge_operator.pods import RunPods
from kedge_operator.policy import Guard, PodPolicy, PodRefused
from manifests import admission, documents
from pod_wishes import GRANTED, REFUSED, Wish

pytestmark = [pytest.mark.plane, pytest.mark.xdist_group("admission")]

Template = dict[str, Any]
RUN = RunPods("team", "sizes", "0b7d6a2e-4a53-4f1c-9d27-1f6a0c9d3e55", "registry.example/jobs:1", "s3://bucket/kedge")
PROBE: dict[str, Any] = {
    "ops": [{"name": "one", "entrypoint": "m:one"}],
    "podTemplate": {"spec": {"hostNetwork": True}},
}


class Door:
    """An API server with the policy of the manifests, or another in its place."""

    def __init__(self, kubeconfig: Any) -> None:
        self._kubectl = Kubectl(str(kubeconfig), "default")
        self._markers = itertools.count()
        self._installed: Any = None

    def apply(self, text: str) -> None:
        self._kubectl("apply", "-f", "-", given=text)

    def refusal(self, **spec: Any) -> str:
        """Why an OpJob is not taken; empty when it is."""
        body = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": {"name": "try"}, "spec": spec}
        answer = self._kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(body), check=False)
        return "" if answer == "opjob.kedge.dev/try created (server dry run)\n" else answer

    def install(self, policy: PodPolicy, stores: list[str]) -> None:
        """Put another policy in its place. An image that it alone refuses tells when it holds."""
        if (policy, stores) == self._installed:
            return
        self._installed, marker = (policy, stores), f"marker-{next(self._markers)}:"
        found = admission.objects()
        found[0]["spec"] = admission.spec(admission.allowed(policy, stores, "s3://own/kedge"))
        found[0]["spec"]["validations"].insert(
            0,
            {
                "expression": f"!has(object.spec.image) || object.spec.image != '{marker}'",
                # The policy before this one may refuse the image, too, and say which it was.
                "message": f"by the policy of {marker}",
            },
        )
        self.apply(yaml.safe_dump_all(found))
        until(  # the API server does not say when it goes by a new policy
            lambda: f"by the policy of {marker}" in self.refusal(**{**PROBE, "image": marker, "podTemplate": {}}),
            "the policy",
        )


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with planes.running() as plane:
        found = Door(plane.kubeconfig)
        found.apply((ROOT / "manifests/crds" / documents.CRD).read_text(encoding="utf-8"))
        until(lambda: not found.refusal(**PROBE), "the resource")
        yield found


@pytest.fixture(scope="module")
def strict(door: Door) -> Door:
    door.apply((ROOT / "manifests/admission/policy.yaml").read_text(encoding="utf-8"))
    until(lambda: door.refusal(**PROBE), "the policy")
    return door


def op(**fields: Any) -> dict[str, Any]:
    return {"name": "one", "entrypoint": "m:one", **fields}


@pytest.mark.parametrize("wish", REFUSED.values(), ids=REFUSED)
def test_a_wish_is_refused_in_a_job_and_in_an_op(strict: Door, wish: Wish) -> None:
    told = strict.refusal(ops=[op()], podTemplate=wish.template)
    assert "spec.podTemplate asks for" in told
    assert f"podPolicy.{wish.setting}" in told
    told = strict.refusal(ops=[op(), {**op(pod=wish.template), "name": "two"}])
    assert "op two asks for" in told
    assert f"podPolicy.{wish.setting}" in told


@pytest.mark.parametrize("spec", GRANTED.values(), ids=GRANTED)
def test_what_does_no_harm_is_taken(strict: Door, spec: dict[str, Any]) -> None:
    assert not strict.refusal(ops=[op(), {**op(pod={"spec": spec}), "name": "two"}], podTemplate={"spec": spec})


def test_an_op_written_short_is_judged_too(strict: Door) -> None:
    assert "op one asks for fields" in strict.refusal(ops=[op(pod={"image": "a", "hostNetwork": True})])
    assert "op one asks for security" in strict.refusal(ops=[op(pod={"securityContext": {"privileged": True}})])
    sysctls = [{"name": "a", "value": "b"}]
    assert "op one asks for security" in strict.refusal(ops=[op(pod={"podSecurityContext": {"sysctls": sysctls}})])
    short = {
        "image": "a",
        "env": [{"name": "A", "value": "b"}],
        "nodeSelector": {"a": "b"},
        "metadata": {"labels": {"a": "b"}},
    }
    assert not strict.refusal(ops=[op(pod=short)])


def misspelled() -> Iterator[tuple[Template, bool]]:
    """Wishes of which one value is another, or one name is written otherwise; in a job, and in an op."""
    chance = random.Random(17)
    for template in [*(one.template for one in REFUSED.values()), *({"spec": one} for one in GRANTED.values())]:
        for in_op in (False, True):
            found = json.loads(json.dumps(template))
            owner, key = chance.choice([place for place in places(found) if place[1] != "spec"] or [(found, "spec")])
            if isinstance(key, str) and chance.random() < 0.2:
                owner[chance.choice([key.upper(), f"{key} "])] = owner.pop(key)
            else:
                owner[key] = chance.choice([None, True, 0, 1, "", "default", "Unconfined", "hostPath", [], {}, [None]])
            yield found, in_op


def places(found: Any) -> Iterator[tuple[Any, Any]]:
    """Each value in a template: what holds it, and by what key."""
    for key, value in found.items() if isinstance(found, dict) else enumerate(found):
        yield found, key
        if isinstance(value, dict | list):
            yield from places(value)


def verdict(template: Template, in_op: bool) -> str:
    """What an operator makes of it: it is refused, taken, or no template."""
    guard = Guard(PodPolicy(), pods.plan_pod(RUN, 1, ""))
    try:
        told = () if in_op else (templates.of_job(template),)
        pods.step_pod(replace(RUN, templates=told, guard=guard), StepKey("one"), 1, "{}", template if in_op else None)
    except PodRefused:
        return "refused"
    except PlanError:
        return "none"
    return "taken"


def test_what_the_operator_refuses_gets_in_by_no_other_spelling(strict: Door) -> None:
    verdicts = set()
    for template, in_op in misspelled():
        found = verdict(template, in_op)
        verdicts.add(found)
        if found == "refused":
            wish = {"ops": [op(pod=template)]} if in_op else {"ops": [op()], "podTemplate": template}
            assert strict.refusal(**wish), template
    assert verdicts == {"refused", "taken", "none"}


def test_all_places_are_named(strict: Door) -> None:
    ops = [{**op(pod={"hostNetwork": True}), "name": f"op_{i}"} for i in range(3)]
    assert "op op_0, op op_1, op op_2 asks for fields" in strict.refusal(ops=ops)


def test_what_has_no_shape_is_refused(strict: Door) -> None:
    assert "expression" in strict.refusal(ops=[op()], podTemplate={"spec": {"containers": {"a": 1}}})


def test_a_job_with_a_thousand_shaped_ops_is_judged(strict: Door) -> None:
    pod = {
        "resources": {"limits": {"memory": "1Gi"}},
        "tolerations": [{"key": "a"}],
        "env": [{"name": "A", "value": "b"}],
    }
    ops = [{**op(pod=pod), "name": f"op_{i}"} for i in range(1000)]
    assert not strict.refusal(ops=ops)
    assert "op op_999 asks for" in strict.refusal(ops=[*ops[:-1], {**ops[-1], "pod": {"hostPID": True}}])


@pytest.mark.parametrize("wish", REFUSED.values(), ids=REFUSED)
def test_a_policy_that_grants_a_wish_lets_it_in(door: Door, wish: Wish) -> None:
    door.install(PodPolicy.model_validate({wish.setting: wish.grant}), [])
    assert not door.refusal(ops=[op(pod=wish.template)], podTemplate=wish.template)


def test_images_are_allowed_by_prefix_up_to_a_boundary(door: Door) -> None:
    door.install(PodPolicy(images=["registry.example/team", "other.example/"]), [])
    for image in (
        "registry.example/team",
        "registry.example/team:1",
        "registry.example/team/a@sha256:0",
        "other.example/a",
    ):
        assert not door.refusal(ops=[op(pod={"image": image})], image=image)
    for image in (
        "registry.example/teams",
        "registry.example/team-evil/a",
        "registry.example/team:5000/a",
        "evil.example/other.example/a",
    ):
        assert f"spec.image: podPolicy.images does not allow {image}" in door.refusal(ops=[op()], image=image)
        assert "op one asks for images" in door.refusal(ops=[op(pod={"image": image})])


def test_a_store_needs_a_secret_unless_it_is_listed(door: Door) -> None:
    door.install(PodPolicy(), ["s3://shared/team", "gs://other/"])
    for url in ("s3://shared/team", "s3://shared/team/a", "gs://other/b", "s3://own/kedge"):
        assert not door.refusal(ops=[op()], store={"url": url})
    for url in ("s3://shared", "s3://shared/teams", "s3://own/kedge/runs", "az://a/b"):
        assert "spec.store: give a Secret" in door.refusal(ops=[op()], store={"url": url})
        assert not door.refusal(ops=[op()], store={"url": url, "secretName": "s"})
