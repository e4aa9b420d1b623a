"""What the administrator allows the pods of jobs: judged as whole pods, before any is created."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kedge.core.ids import StepKey
from kedge_operator import pods, templates
from kedge_operator.pods import RunPods
from kedge_operator.policy import FIELDS, Guard, PodPolicy, PodRefused
from pod_wishes import GRANTED, REFUSED, Wish, container

RUN = RunPods("team", "sizes", "0b7d6a2e-4a53-4f1c-9d27-1f6a0c9d3e55", "registry.example/jobs:1", "s3://bucket/kedge")


def run_of(template: dict[str, Any], usual: dict[str, Any] | None = None, **policy: Any) -> RunPods:
    """A run whose job says this of its pods, and whose operator that."""
    first = templates.of_job(usual or {})
    found = replace(RUN, templates=(first, templates.of_job(template)))
    default = pods.plan_pod(replace(RUN, templates=(first,)), 1, "")
    return replace(found, guard=Guard(PodPolicy(**policy), default))


def make(run: RunPods, op: dict[str, Any] | None = None) -> dict[str, Any]:
    return pods.step_pod(run, StepKey("one"), 1, "{}", op)


def granting(wish: Wish) -> dict[str, Any]:
    return {wish.setting: wish.grant}


@pytest.mark.parametrize("wish", REFUSED.values(), ids=REFUSED)
def test_a_wish_is_refused_with_the_setting_that_could_grant_it(wish: Wish) -> None:
    with pytest.raises(PodRefused, match=rf"^spec: the administrator .* \(podPolicy\.{wish.setting}\)"):
        make(run_of(wish.template))


@pytest.mark.parametrize("wish", REFUSED.values(), ids=REFUSED)
def test_a_wish_is_granted_by_that_setting_alone(wish: Wish) -> None:
    everything = {"fields": ["*"], "volumes": ["*"], "capabilities": ["*"], "serviceAccounts": ["*"]}
    everything |= {"tokens": True, "privileged": True}
    assert make(run_of(wish.template, **granting(wish)))
    without = {**everything, wish.setting: PodPolicy().model_dump(by_alias=True)[wish.setting]}
    with pytest.raises(PodRefused):
        make(run_of(wish.template, **without))


@pytest.mark.parametrize("wish", REFUSED.values(), ids=REFUSED)
def test_an_op_is_refused_as_its_job_is(wish: Wish) -> None:
    with pytest.raises(PodRefused, match=r"^op one: pod: the administrator"):
        make(run_of({}), wish.template)


@pytest.mark.parametrize("wish", REFUSED.values(), ids=REFUSED)
def test_a_plan_pod_is_refused_too(wish: Wish) -> None:
    with pytest.raises(PodRefused):
        pods.plan_pod(run_of(wish.template), 1, "{}")


@pytest.mark.parametrize("spec", GRANTED.values(), ids=GRANTED)
def test_what_does_no_harm_is_granted(spec: dict[str, Any]) -> None:
    assert make(run_of({"spec": spec}))


@pytest.mark.parametrize("wish", REFUSED.values(), ids=REFUSED)
def test_what_the_operator_gives_all_pods_is_not_held_against_a_job(wish: Wish) -> None:
    assert make(run_of({}, wish.template))
    assert make(run_of(wish.template, wish.template))


def test_more_of_what_the_operator_gives_is_refused() -> None:
    usual = {"spec": {"serviceAccountName": "steps", "volumes": [{"name": "v", "hostPath": {"path": "/data"}}]}}
    with pytest.raises(PodRefused, match="the service account admin"):
        make(run_of({"spec": {"serviceAccountName": "admin"}}, usual))
    with pytest.raises(PodRefused, match="the service account default"):
        make(run_of({"spec": {"serviceAccountName": None}}, usual))
    with pytest.raises(PodRefused, match=r"volume v of kind hostPath: \{'path': '/'\}"):
        make(run_of({"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}, usual))


LONG = "/srv/" + "a" * 80
UNTRUSTED = [{"key": "untrusted", "operator": "Exists", "effect": one} for one in ("NoSchedule", "NoExecute")]


@pytest.mark.parametrize("given", ["podTemplate", "pod"])
@pytest.mark.parametrize(
    ("usual", "asked", "told"),
    [
        ({"runtimeClassName": "gvisor"}, {"runtimeClassName": None}, "runtimeClassName taken away, which is gvisor"),
        ({"runtimeClassName": "gvisor"}, {"runtimeClassName": "runc"}, "runtimeClassName: runc"),
        ({"nodeSelector": {"pool": "untrusted"}}, {"nodeSelector": {"pool": None}}, r"nodeSelector: \{\}"),
        ({"tolerations": UNTRUSTED}, {"tolerations": [{"operator": "Exists"}]}, "tolerations: "),
        ({}, {"containers": [{"name": "step", "resources": {"limits": {"cpu": "9"}}}]}, "containers: "),
    ],
)
def test_a_field_that_jobs_may_not_set_stays_as_it_is(
    usual: dict[str, Any], asked: dict[str, Any], told: str, given: str
) -> None:
    open_ones = [one for one in FIELDS if one not in ("runtimeClassName", "nodeSelector", "tolerations", "containers")]
    assert make(run_of({}, {"spec": usual}, fields=open_ones), {"image": "another"})
    job, op = ({"spec": asked}, None) if given == "podTemplate" else ({}, {"spec": asked})
    with pytest.raises(PodRefused, match=rf"{told}.*\(podPolicy\.fields\)"):
        make(run_of(job, {"spec": usual}, fields=open_ones), op)


def test_what_is_told_short_is_compared_whole() -> None:
    def mounted(path: str) -> dict[str, Any]:
        return {"spec": {"volumes": [{"name": "v", "hostPath": {"path": path}}]}}

    assert make(run_of(mounted(LONG), mounted(LONG)))
    with pytest.raises(PodRefused, match="volume v of kind hostPath"):
        make(run_of(mounted(f"{LONG}/another"), mounted(LONG)))


FUSE: dict[str, Any] = {"name": "fuse", "image": "fuse", "securityContext": {"privileged": True}}
FUSE |= {"volumeMounts": [{"name": "devices", "mountPath": "/dev", "readOnly": True}]}
USUAL = {
    "spec": {
        "containers": [{"name": "step"}, FUSE],
        "volumes": [{"name": "devices", "hostPath": {"path": "/dev"}}, {"name": "shared", "emptyDir": {}}],
    }
}


@pytest.mark.parametrize("kind", ["containers", "initContainers"])
@pytest.mark.parametrize(
    "change",
    [{"image": "evil"}, {"command": ["sh"]}, {"env": [{"name": "LD_PRELOAD", "value": "/tmp/a"}]}, {"lifecycle": {}}],
)
def test_a_container_with_more_rights_is_nothing_that_a_job_may_change(change: dict[str, Any], kind: str) -> None:
    usual = {"spec": {**USUAL["spec"], "containers": [{"name": "step"}], kind: [{"name": "step"}, FUSE]}}
    if kind == "initContainers":
        usual["spec"][kind] = [FUSE]
    first = [{"name": "step"}] if kind == "containers" else []
    assert make(run_of({"spec": {kind: [*first, {"name": "fuse"}]}}, usual))
    with pytest.raises(PodRefused, match=r"container fuse: privileged \(podPolicy\.privileged\)"):
        make(run_of({"spec": {kind: [*first, {"name": "fuse", **change}]}}, usual))


def test_two_containers_of_one_name_are_both_looked_at() -> None:
    with pytest.raises(PodRefused, match="container step: privileged"):
        make(run_of({"spec": {"initContainers": [{"name": "step", "securityContext": {"privileged": True}}]}}))
    with pytest.raises(PodRefused, match="container fuse: privileged"):
        make(run_of({"spec": {"initContainers": [{**FUSE, "image": "evil"}]}}, USUAL))


@pytest.mark.parametrize("name", ["step", "side", "fuse"])
def test_a_volume_beyond_the_policy_is_mounted_where_the_operator_mounts_it_alone(name: str) -> None:
    def mounting(volume: str) -> dict[str, Any]:
        mount = {"name": volume, "mountPath": "/mine"}
        side = [{"name": "step"}] if name != "step" else []
        return {"spec": {"containers": [*side, {"name": name, "image": "a", "volumeMounts": [mount]}]}}

    if name != "fuse":
        assert make(run_of(mounting("shared"), USUAL))
    with pytest.raises(PodRefused, match=rf"container {name}: the administrator's volume devices \(podPolicy\.volumes"):
        make(run_of(mounting("devices"), USUAL))
    own = mounting("devices")
    own["spec"]["volumes"] = [{"name": "devices", "emptyDir": {}}]
    if name != "fuse":
        assert make(run_of(own, USUAL))


def test_the_operators_own_image_is_allowed_in_any_container() -> None:
    side = {"containers": [{"name": "step"}, {"name": "side", "image": RUN.image}]}
    assert make(run_of({"spec": side}, images=["other.example/"]))


def test_an_op_written_short_is_judged_as_the_pod_that_it_makes() -> None:
    with pytest.raises(PodRefused, match="hostNetwork"):
        make(run_of({}), {"image": "a", "hostNetwork": True})
    with pytest.raises(PodRefused, match="container step: privileged"):
        make(run_of({}), {"securityContext": {"privileged": True}})
    with pytest.raises(PodRefused, match="the pod: sysctls"):
        make(run_of({}), {"podSecurityContext": {"sysctls": [{"name": "a", "value": "b"}]}})


@pytest.mark.parametrize(
    ("image", "allowed"),
    [
        ("registry.example/team", True),
        ("registry.example/team:1", True),
        ("registry.example/team@sha256:0", True),
        ("registry.example/team/jobs:1", True),
        ("registry.example/team-evil/jobs:1", False),
        ("registry.example/teams:1", False),
        ("registry.example/team:5000/evil", False),
        ("evil.example/registry.example/team:1", False),
        ("other.example/a", True),
        ("registry.example/jobs:1", True),
    ],
)
def test_images_are_allowed_by_prefix_up_to_a_boundary(image: str, allowed: bool) -> None:
    run = run_of({"spec": container(image=image)}, images=["registry.example/team", "other.example/"])
    if allowed:
        assert make(run)["spec"]["containers"][0]["image"] == image
    else:
        with pytest.raises(PodRefused, match=f"the image {image}"):
            make(run)


def test_the_images_of_sidecars_and_volumes_count() -> None:
    side = {"containers": [{"name": "step"}, {"name": "side", "image": "evil.example/a"}]}
    with pytest.raises(PodRefused, match=r"container side: the image evil\.example/a"):
        make(run_of({"spec": side}, images=["registry.example/"]))
    mounted = {"volumes": [{"name": "v", "image": {"reference": "evil.example/b"}}]}
    with pytest.raises(PodRefused, match=r"volume v: the image evil\.example/b"):
        make(run_of({"spec": mounted}, images=["registry.example/"], volumes=["image", "emptyDir"]))


def test_all_that_is_not_allowed_is_told_at_once() -> None:
    wish = {"hostNetwork": True, "serviceAccountName": "admin", **container(securityContext={"privileged": True})}
    with pytest.raises(PodRefused) as told:
        make(run_of({"spec": wish}))
    for word in ("hostNetwork: True", "the service account admin", "container step: privileged"):
        assert word in str(told.value)


# -- what is told ------------------------------------------------------------------------------------------------------


def test_a_refusal_tells_what_is_allowed() -> None:
    images = ["registry.example/team", "registry.example/base:1"]
    run = run_of({"spec": {"containers": [{"name": "step", "image": "elsewhere/a"}]}}, images=images)
    with pytest.raises(
        PodRefused, match=r"podPolicy\.images\), which allows registry\.example/team, registry.*/base:1$"
    ):
        make(run)
    with pytest.raises(PodRefused, match=r"podPolicy\.serviceAccounts\), which allows none$"):
        make(run_of({"spec": {"serviceAccountName": "admin"}}))


def test_a_field_that_is_misspelt_is_told_from_one_that_is_not_allowed() -> None:
    with pytest.raises(PodRefused, match=r"podPolicy\.fields\), did you mean tolerations\?$"):
        make(run_of({"spec": {"toleration": []}}))
    with pytest.raises(PodRefused, match=r"hostNetwork: True \(podPolicy\.fields\)$"):
        make(run_of({"spec": {"hostNetwork": True}}))
