from __future__ import annotations

from typing import Any

import pytest

from kedge.core.errors import PlanError, ProtocolError
from kedge.core.graph import Collect, Each, From, Map, OpGraph, OpNode, OutputRef, OutputSpec, Value
from kedge.core.retry import Backoff, Jitter, RetryPolicy

MANIFEST: list[dict[str, Any]] = [
    {
        "name": "list_files",
        "entrypoint": "file_sizes.ops:list_files",
        "outputs": [{"name": "result", "dynamic": True}],
        "config": {"directory": "/data"},
    },
    {
        "name": "size",
        "entrypoint": "file_sizes.ops:size",
        "inputs": {"path": {"map": "list_files"}},
        "tags": {"kedge/priority": "1"},
        "retryPolicy": {"maxRetries": 3, "delaySeconds": 1, "backoff": "Exponential", "jitter": "PlusMinus"},
        "timeoutSeconds": 600,
        "pod": {"resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}},
    },
    {
        "name": "total",
        "entrypoint": "file_sizes.ops:total",
        "inputs": {"sizes": {"collect": "size"}, "unit": {"value": "KiB"}},
    },
    {"name": "list_files_2", "outputs": [{"name": "names", "required": False}, {"name": "count"}]},
    {
        "name": "report",
        "inputs": {
            "total": {"from": "total"},
            "extras": {"each": ["list_files_2.names", "total", {"collect": "size"}]},
        },
        "after": ["outer.cleanup"],
    },
    {"name": "outer.cleanup"},
]


def test_the_manifests_ops_go_through_the_graph_unchanged() -> None:
    graph = OpGraph.from_json(MANIFEST)
    assert graph.to_json() == MANIFEST
    assert OpGraph.from_json(graph.to_json()).digest == graph.digest


def test_sources_are_read_as_their_kinds() -> None:
    ops = OpGraph.from_json(MANIFEST).names
    assert ops["size"].inputs == {"path": Map(OutputRef("list_files"))}
    assert ops["total"].inputs == {"sizes": Collect(OutputRef("size")), "unit": Value("KiB")}
    names = From(OutputRef("list_files_2", "names"))
    total = From(OutputRef("total"))
    assert ops["report"].inputs["extras"] == Each((names, total, Collect(OutputRef("size"))))
    assert ops["size"].retry == RetryPolicy(3, 1, Backoff.EXPONENTIAL, Jitter.PLUS_MINUS)
    assert ops["list_files_2"].outputs == (OutputSpec("names", required=False), OutputSpec("count"))


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("a", OutputRef("a")),
        ("a.x", OutputRef("a", "x")),
        ("g.a", OutputRef("g.a")),
        ("g.a.x", OutputRef("g.a", "x")),
        ("nobody.x", OutputRef("nobody.x")),
    ],
)
def test_a_reference_is_an_op_or_its_output_and_the_known_ops_decide(text: str, ref: OutputRef) -> None:
    assert OutputRef.parse(text, ["a", "g.a"]) == ref


def test_the_digest_changes_with_anything_in_the_graph() -> None:
    base = OpGraph.from_json(MANIFEST).digest
    for i, key, value in ((0, "config", {"directory": "/tmp"}), (1, "tags", {}), (5, "entrypoint", "a:b")):
        changed = [dict(op) for op in MANIFEST]
        changed[i][key] = value
        assert OpGraph.from_json(changed).digest != base


def test_empty_yaml_values_count_as_left_out() -> None:
    given = {"name": "a", "inputs": None, "outputs": None, "after": None, "tags": None}
    assert OpGraph.from_json([given]).ops == (OpNode("a"),)


@pytest.mark.parametrize(
    ("op", "says"),
    [
        ("text", "can't name an op"),
        ({}, "can't name an op"),
        ({"name": "a b"}, "can't name an op"),
        ({"name": "../a"}, "can't name an op"),
        ({"name": "a", "inputs": {"x": {}}}, "op a, input x: give exactly one"),
        ({"name": "a", "inputs": {"x": "b"}}, "op a, input x: give exactly one"),
        ({"name": "a", "inputs": {"x": {"from": "b", "map": "b"}}}, "op a, input x: give exactly one"),
        ({"name": "a", "inputs": {"x": {"each": [{"value": 1}]}}}, "a member of `each`"),
        ({"name": "a", "inputs": {"x": {"each": "b"}}}, "op a: x is 'b'; give a list"),
        ({"name": "a", "inputs": {"x": {"collect": "b", "levels": "two"}}}, "op a can't be read"),
        ({"name": "a", "inputs": {"../x": {"value": 1}}}, "can't name an input or output"),
        ({"name": "a", "inputs": ["x"]}, "op a can't be read"),
        ({"name": "a", "outputs": [{}]}, "op a can't be read"),
        ({"name": "a", "outputs": [{"name": "../../x"}]}, "can't name an input or output"),
        ({"name": "a", "after": "b"}, "op a: after is 'b'; give a list"),
        ({"name": "a", "timeoutSeconds": "soon"}, "op a can't be read"),
        ({"name": "a", "retryPolicy": {"backoff": "Sideways", "delaySeconds": 1}}, "retryPolicy"),
        ({"name": "a", "retryPolicy": {"backoff": 5, "delaySeconds": 1}}, "retryPolicy"),
        ({"name": "a", "retryPolicy": {"backoff": "Linear"}}, "give a delay with it"),
        ({"name": "a", "retryPolicy": {"delaySeconds": float("nan")}}, "retryPolicy"),
    ],
)
def test_a_manifest_that_is_none_is_refused_by_name(op: Any, says: str) -> None:
    with pytest.raises(ProtocolError, match=says.replace("(", r"\(")):
        OpGraph.from_json([op])


def test_op_names_must_be_unique() -> None:
    with pytest.raises(ProtocolError, match="a stands there more than once"):
        OpGraph.from_json([{"name": "a"}, {"name": "b"}, {"name": "a"}])


@pytest.mark.parametrize(
    ("tags", "priority"),
    [
        ({}, 0),
        ({"dagster/priority": "3"}, 3),
        ({"kedge/priority": "-7"}, -7),
        ({"kedge/priority": "1", "dagster/priority": "2"}, 1),
    ],
)
def test_priorities_are_integers_and_0_without_a_tag(tags: dict[str, str], priority: int) -> None:
    assert OpNode("a", tags=tags).priority == priority


def test_a_priority_that_is_no_integer_names_op_and_tag() -> None:
    with pytest.raises(PlanError, match="op a: tag dagster/priority is 'high'; give an integer"):
        _ = OpNode("a", tags={"dagster/priority": "high"}).priority


def test_a_fan_in_list_may_hold_the_element_of_a_map() -> None:
    data = [
        {"name": "files", "outputs": [{"name": "result", "dynamic": True}]},
        {"name": "base"},
        {"name": "size", "inputs": {"parts": {"each": [{"map": "files"}, "base"]}}},
    ]
    graph = OpGraph.from_json(data)
    assert graph.names["size"].inputs["parts"] == Each((Map(OutputRef("files")), From(OutputRef("base"))))
    assert graph.to_json() == data
