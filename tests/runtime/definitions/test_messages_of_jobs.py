"""What is said when a graph out of dependencies, a config mapping, partitions, an executor or a logger can't be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kedge as dg


@dg.op
def one() -> int:
    return 1


@dg.op
def inc(x: int) -> int:
    return x + 1


@dg.op
def total(values: list[int]) -> int:
    return sum(values)


@dg.graph
def plain() -> None:
    one()


def graph(**arguments: Any) -> Any:
    return dg.GraphDefinition("g", **arguments)


reads = dg.DependencyDefinition
placeholder = dg.MultiDependencyDefinition([reads("one"), dg.MappedInputPlaceholder])
SAME_NAME = dg.op(name="one")(lambda: 2)

WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a node that is no op": (
        lambda: graph(node_defs=["one"]),
        dg.DagsterInvalidDefinitionError,
        "graph g: 'one' among node_defs is no op and no graph",
    ),
    "two definitions of one name": (
        lambda: graph(node_defs=[one, SAME_NAME]),
        dg.DagsterInvalidDefinitionError,
        "two different definitions among node_defs are called 'one'; rename one of them",
    ),
    "dependencies in a list": (
        lambda: graph(node_defs=[one], dependencies=[reads("one")]),
        dg.DagsterInvalidDefinitionError,
        "give a dict of node name to a dict of input name to DependencyDefinition",
    ),
    "a dependency one level too high": (
        lambda: graph(node_defs=[one, inc], dependencies={"inc": reads("one")}),
        dg.DagsterInvalidDefinitionError,
        "give a dict of input name to DependencyDefinition",
    ),
    "a dependency by name alone": (
        lambda: graph(node_defs=[one, inc], dependencies={"inc": {"x": "one"}}),
        dg.DagsterInvalidDefinitionError,
        "input 'x' of 'inc' is 'one'; give a DependencyDefinition",
    ),
    "an unknown node": (
        lambda: graph(node_defs=[one, inc], dependencies={"inc": {"x": reads("two")}}),
        dg.DagsterInvalidDefinitionError,
        "input 'x' of 'inc' reads 'two'; the graph has one, inc",
    ),
    "an unknown input": (
        lambda: graph(node_defs=[one, inc], dependencies={"inc": {"y": reads("one")}}),
        dg.DagsterInvalidDefinitionError,
        "there is no such input; it has x",
    ),
    "a circle": (
        lambda: graph(
            node_defs=[inc],
            dependencies={
                dg.NodeInvocation("inc", "a"): {"x": reads("b")},
                dg.NodeInvocation("inc", "b"): {"x": reads("a")},
            },
        ),
        dg.DagsterInvalidDefinitionError,
        "read each other in a circle",
    ),
    "the same alias twice": (
        lambda: graph(
            node_defs=[one, inc], dependencies={dg.NodeInvocation("one", "a"): {}, dg.NodeInvocation("inc", "a"): {}}
        ),
        dg.DagsterInvalidDefinitionError,
        "two nodes are called 'a'; alias one",
    ),
    "collecting what is not dynamic": (
        lambda: graph(
            node_defs=[one, total], dependencies={"total": {"values": dg.DynamicCollectDependencyDefinition("one")}}
        ),
        dg.DagsterInvalidDefinitionError,
        "which is not dynamic; use a DependencyDefinition",
    ),
    "a placeholder for nothing": (
        lambda: graph(node_defs=[one, total], dependencies={"total": {"values": placeholder}}),
        dg.DagsterInvalidDefinitionError,
        "add an InputMapping with fan_in_index=1",
    ),
    "an input of the job inside a list": (
        lambda: graph(
            node_defs=[one, total],
            dependencies={"total": {"values": placeholder}},
            input_mappings=[
                dg.InputMapping(
                    graph_input_name="y",
                    mapped_node_name="total",
                    mapped_node_input_name="values",
                    fan_in_index=1,
                )
            ],
        ).to_job(),
        dg.DagsterInvalidDefinitionError,
        "a fan-in list holds input 'y' of the job; list outputs of ops or collected lists",
    ),
    "a graph that has no config": (
        lambda: plain.configured({"n": 1}, name="other"),
        dg.DagsterInvalidDefinitionError,
        "add @graph(config=ConfigMapping(...)), or configure the ops in it",
    ),
    "a config mapping of no function": (
        lambda: dg.ConfigMapping(config_fn={"ops": {}}),  # type: ignore[arg-type]
        dg.DagsterInvalidDefinitionError,
        "give a function",
    ),
    "a config mapping that gives no mapping": (
        lambda: plain.to_job(config=dg.ConfigMapping(lambda given: 3)).execute_in_process(),
        dg.DagsterInvalidConfigError,
        "the config mapping of job plain gave 3; return a dict of config",
    ),
    "a partition of a job without any": (
        lambda: plain.to_job().execute_in_process(partition_key="a"),
        dg.DagsterInvalidDefinitionError,
        "job plain has no partitions; give it partitions_def=StaticPartitionsDefinition",
    ),
    "a PartitionedConfig with other partitions": (
        lambda: plain.to_job(
            config=dg.static_partitioned_config(["a"])(lambda key: {}),
            partitions_def=dg.StaticPartitionsDefinition(["b"]),
        ),
        dg.DagsterInvalidDefinitionError,
        "leave partitions_def out",
    ),
    "an executor that is none": (
        lambda: plain.to_job(executor_def="multiprocess"),
        dg.DagsterInvalidDefinitionError,
        "give an executor such as multiprocess_executor",
    ),
    "a logger that is none": (
        lambda: plain.to_job(logger_defs={"mine": print}),
        dg.DagsterInvalidDefinitionError,
        "make it with @logger",
    ),
    "a logger called with something else": (
        lambda: dg.colored_console_logger({"log_level": "INFO"}),  # type: ignore[arg-type]
        dg.DagsterInvalidInvocationError,
        "build_init_logger_context",
    ),
    "an op as a job": (
        lambda: one.alias("two").to_job(),
        dg.DagsterInvalidInvocationError,
        "to_job belongs to graphs, and one is an op; call it in a @job",
    ),
    "config for an op inside a graph that maps its config": (
        lambda: (
            dg.graph(config={"one": {}}, name="fixed")(lambda: one())
            .to_job()
            .execute_in_process(run_config={"ops": {"one": {"config": 1}}})
        ),
        dg.DagsterInvalidConfigError,
        "graph fixed maps its config: give ops: {config: ...}",
    ),
    "Kubernetes Jobs": (
        lambda: (
            plain.to_job(
                executor_def=dg.k8s_job_executor.configured({"step_k8s_config": {"job_spec_config": {"ttl": 1}}})
            ).executor_def.settings(None)
            and _template({"step_k8s_config": {"job_spec_config": {"ttl": 1}}})
        ),
        dg.DagsterInvalidDefinitionError,
        "Kedge makes pods without one",
    ),
    "an environment variable without a value": (
        lambda: _template({"env_vars": ["MODE"]}),
        dg.DagsterInvalidDefinitionError,
        "write MODE=VALUE, or use env_secrets or env_config_maps",
    ),
    "outputs of steps that have not ended": (
        lambda: dg.multiprocess_executor.settings({"step_dependency_config": {"require_upstream_step_success": False}}),
        dg.DagsterUnmetExecutorRequirementsError,
        "an attempt's outputs count together or not at all",
    ),
}


def _template(config: dict[str, Any]) -> Any:
    from kedge.definitions.pods import pod_template_of

    return pod_template_of(config)


@pytest.mark.parametrize("situation", WRONG)
def test_the_message_says_what_is_wrong_and_what_to_write(situation: str) -> None:
    attempt, kind, message = WRONG[situation]
    with pytest.raises(kind) as caught:
        attempt()
    assert message in str(caught.value)
