"""What an op's tags say of its pod, as the op graph carries it."""

from __future__ import annotations

from typing import Any

import pytest

import kedge as dg

DAGSTER = {
    "container_config": {"resources": {"limits": {"memory": "1Gi"}}, "env": [{"name": "A", "value_from": {"x_y": 1}}]},
    "pod_spec_config": {"node_selector": {"disk_type": "ssd"}, "security_context": {"fs_group": 7}},
    "pod_template_spec_metadata": {"labels": {"team_name": "etl"}},
}


def pod_of(**tags: Any) -> Any:
    """The `pod` of an op with these tags."""
    named = {{"kedge": "kedge/pod", "dagster": "dagster-k8s/config"}.get(key, key): tag for key, tag in tags.items()}

    @dg.op(tags=named)
    def one() -> int:
        return 1

    @dg.job
    def job() -> None:
        one()

    (found,) = job.full_op_graph.to_json()
    assert not {"kedge/pod", "dagster-k8s/config"} & set(found.get("tags", {}))
    return found.get("pod")


def test_an_op_without_such_tags_says_nothing_of_its_pod() -> None:
    assert pod_of() is None
    assert pod_of(other="1") is None


def test_dagsters_tag_becomes_fields_under_kubernetes_names() -> None:
    assert pod_of(dagster=DAGSTER) == {
        "resources": {"limits": {"memory": "1Gi"}},
        "env": [{"name": "A", "valueFrom": {"xY": 1}}],
        "nodeSelector": {"disk_type": "ssd"},
        "podSecurityContext": {"fsGroup": 7},
        "metadata": {"labels": {"team_name": "etl"}},
    }


def test_kedges_tag_is_taken_as_it_is() -> None:
    given = {
        "resources": {"requests": {"cpu": "1"}},
        "nodeSelector": {"disk": "ssd"},
        "metadata": {"labels": {"a": "b"}},
    }
    assert pod_of(kedge=given) == given
    sidecar = {"containers": [{"name": "step"}, {"name": "proxy", "image": "proxy:1"}]}
    assert pod_of(kedge=sidecar) == sidecar


def test_kedges_tag_counts_over_dagsters_field_by_field() -> None:
    found = pod_of(dagster=DAGSTER, kedge={"resources": {"limits": {"cpu": "2"}}, "priorityClassName": "low"})
    assert found["resources"] == {"limits": {"cpu": "2"}}
    assert (found["priorityClassName"], found["nodeSelector"]) == ("low", {"disk_type": "ssd"})


def test_the_tag_of_a_use_counts_over_that_of_the_op() -> None:
    @dg.op(tags={"kedge/pod": {"image": "a"}, "dagster-k8s/config": DAGSTER})
    def one() -> int:
        return 1

    @dg.job
    def job() -> None:
        one.tag({"kedge/pod": {"image": "b"}})()

    assert job.full_op_graph.to_json()[0]["pod"]["image"] == "b"
    assert job.full_op_graph.to_json()[0]["pod"]["nodeSelector"] == {"disk_type": "ssd"}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no JSON": ({"kedge": "{"}, "op one: tag kedge/pod is no JSON"),
    "no mapping": ({"dagster": [1]}, r"op one: tag dagster-k8s/config is \[1\]; give a mapping"),
    "a command": ({"kedge": {"command": ["sh"]}}, "command can't be set: the container runs Kedge's worker"),
    "arguments in Dagster's": ({"dagster": {"container_config": {"args": ["x"]}}}, "args can't be set"),
    "a field that is no mapping": ({"kedge": {"resources": "1Gi"}}, "resources is '1Gi'; give a mapping"),
    "a field that is no list": ({"kedge": {"env": {"A": "b"}}}, "env is .*; give a list"),
    "metadata that is no mapping": ({"kedge": {"metadata": ["x"]}}, "metadata is .*; give a mapping"),
    "a section that is no mapping": ({"dagster": {"container_config": 5}}, "container_config is 5; give a mapping"),
    "an unknown section": ({"dagster": {"resources": {}}}, "unknown field 'resources'; there are container_config"),
    "a Job's fields": ({"dagster": {"job_spec_config": {"ttl": 1}}}, "Kedge makes pods without one"),
    "containers in Dagster's": (
        {"dagster": {"pod_spec_config": {"containers": [{"name": "proxy"}]}}},
        "those of one op go into its tag kedge/pod",
    ),
    "two shapes": (
        {"dagster": DAGSTER, "kedge": {"containers": [{"name": "step"}]}},
        "op one: tag kedge/pod has containers, under which .* has no place; put all of it into kedge/pod",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_pod_is_refused_where_the_job_is_made(case: str) -> None:
    tags, message = REFUSED[case]
    with pytest.raises(dg.DagsterInvalidDefinitionError, match=message):
        pod_of(**tags)


def test_what_the_executor_says_of_a_step_lies_under_its_own_tags() -> None:
    from kedge.definitions.executors import ExecutorSettings
    from kedge.definitions.pods import with_step_pods

    configs = {"one": {"container_config": {"image": "below", "working_dir": "/w"}}}
    settings = ExecutorSettings(k8s={"per_step_k8s_config": configs})
    (found,) = with_step_pods([{"name": "one", "pod": {"image": "above"}}], settings)
    assert found["pod"] == {"image": "above", "workingDir": "/w"}
