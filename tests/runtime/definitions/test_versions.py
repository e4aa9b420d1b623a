"""Version strategies: which ops of a job are memoized, and what changes the version of one."""

from __future__ import annotations

from typing import Any

import pytest

import kedge as dg
from kedge.core.graph import OpGraph


@dg.op(code_version="1")
def versioned() -> int:
    return 1


@dg.op
def plain(x: int) -> int:
    return x


@dg.op(required_resource_keys={"r"})
def with_resource(context: dg.OpExecutionContext) -> Any:
    return context.resources.r


def versions(graph: OpGraph) -> dict[str, str | None]:
    return {op.name: op.code_version for op in graph}


@dg.graph
def both() -> None:
    plain(versioned())


def job(**arguments: Any) -> dg.JobDefinition:
    made: dg.JobDefinition = both.to_job(**arguments)
    return made


def test_code_versions_alone_change_nothing() -> None:
    assert versions(job().full_op_graph) == {"versioned": None, "plain": None}


def test_a_plain_strategy_takes_the_code_versions() -> None:
    found = versions(job(version_strategy=dg.VersionStrategy()).full_op_graph)
    assert found == {"versioned": "1", "plain": None}


def test_a_strategy_by_source_versions_every_op() -> None:
    found = versions(job(version_strategy=dg.SourceHashVersionStrategy()).full_op_graph)
    assert found["versioned"] == "1"
    assert found["plain"] is not None
    assert found == versions(job(version_strategy=dg.SourceHashVersionStrategy()).full_op_graph)


def test_another_source_is_another_version() -> None:
    def make(twice: bool) -> Any:
        if twice:

            @dg.op(name="work")
            def work() -> int:
                return 2
        else:

            @dg.op(name="work")
            def work() -> int:
                return 1

        @dg.job(version_strategy=dg.SourceHashVersionStrategy())
        def made() -> None:
            work()

        return versions(made.full_op_graph)["work"]

    assert make(True) != make(False)


def test_a_strategy_of_ones_own_sees_the_op_and_its_config() -> None:
    seen = []

    class Mine(dg.VersionStrategy):
        def get_op_version(self, context: dg.OpVersionContext) -> str | None:
            seen.append((context.op_def.name, context.op_config))
            return "mine"

    @dg.op(config_schema={"n": int})
    def configured(context: dg.OpExecutionContext) -> None: ...

    @dg.graph
    def inner() -> None:
        configured()

    @dg.job(version_strategy=Mine(), config={"ops": {"inner": {"ops": {"configured": {"config": {"n": 3}}}}}})
    def made() -> None:
        inner()

    assert seen == [("configured", {"n": 3})]
    assert versions(made.full_op_graph)["inner.configured"] != "mine", "the job's own config is part of it"


def test_what_the_jobs_code_gives_to_its_ops_is_part_of_their_version() -> None:
    @dg.graph
    def takes(x: int) -> None:
        plain(x)

    def made(**arguments: Any) -> Any:
        strategy = dg.SourceHashVersionStrategy()
        return versions(takes.to_job(version_strategy=strategy, **arguments).full_op_graph)["plain"]

    assert made(input_values={"x": 1}) != made(input_values={"x": 2})
    assert made(input_values={"x": 1}) == made(input_values={"x": 1})


def test_the_version_of_a_resource_is_part_of_those_of_the_ops_that_use_it() -> None:
    class Mine(dg.VersionStrategy):
        def __init__(self, resource: str | None) -> None:
            self.resource = resource

        def get_op_version(self, context: dg.OpVersionContext) -> str | None:
            return "1"

        def get_resource_version(self, context: dg.ResourceVersionContext) -> str | None:
            return self.resource

    def made(resource: str | None) -> dict[str, str | None]:
        @dg.job(version_strategy=Mine(resource), resource_defs={"r": dg.ResourceDefinition.hardcoded_resource(1)})
        def uses() -> None:
            with_resource()
            versioned()

        return versions(uses.full_op_graph)

    assert made("a")["with_resource"] != made("b")["with_resource"]
    assert made("a")["versioned"] == made("b")["versioned"] == "1"
    assert made(None)["with_resource"] == "1"


def test_the_fields_of_a_configurable_resource_count_by_source() -> None:
    class Client(dg.ConfigurableResource):  # type: ignore[type-arg]
        url: str

    def made(url: str) -> Any:
        @dg.job(version_strategy=dg.SourceHashVersionStrategy(), resource_defs={"r": Client(url=url)})
        def uses() -> None:
            with_resource()

        return versions(uses.full_op_graph)["with_resource"]

    assert made("http://a.example") != made("http://b.example")


def test_a_version_has_to_be_text() -> None:
    class Wrong(dg.VersionStrategy):
        def get_op_version(self, context: dg.OpVersionContext) -> str | None:
            return 3  # type: ignore[return-value]

    with pytest.raises(dg.DagsterInvalidDefinitionError, match=r"op versioned: its version is 3"):
        job(version_strategy=Wrong())


def test_what_is_no_strategy_is_refused() -> None:
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="SourceHashVersionStrategy"):
        job(version_strategy="by source")


def test_input_values_that_are_no_json_are_refused() -> None:
    @dg.graph
    def takes(x: Any) -> None:
        plain(x)

    with pytest.raises(dg.DagsterInvalidDefinitionError, match="have to be JSON"):
        takes.to_job(version_strategy=dg.SourceHashVersionStrategy(), input_values={"x": object()})


def test_in_process_what_is_passed_as_input_value_tells_runs_apart() -> None:
    calls = []

    @dg.op(code_version="1")
    def work(x: int) -> int:
        calls.append(x)
        return x

    @dg.graph
    def takes(x: int) -> int:
        found: int = work(x)
        return found

    made = takes.to_job(version_strategy=dg.VersionStrategy())
    instance = dg.DagsterInstance.ephemeral()
    for value in (1, 1, 2, 1):
        result = made.execute_in_process(input_values={"x": value}, instance=instance)
        assert result.output_for_node("work") == value
    assert calls == [1, 2]


def test_without_an_instance_nothing_is_taken_over() -> None:
    calls = []

    @dg.op(code_version="1")
    def work() -> None:
        calls.append(1)

    @dg.job(version_strategy=dg.VersionStrategy())
    def made() -> None:
        work()

    made.execute_in_process()
    made.execute_in_process()
    assert calls == [1, 1]


def test_a_step_that_was_taken_over_started_nothing_and_says_from_where() -> None:
    @dg.op(code_version="1")
    def work() -> int:
        return 4

    @dg.job(version_strategy=dg.VersionStrategy())
    def made() -> None:
        work()

    instance = dg.DagsterInstance.ephemeral()
    first = made.execute_in_process(instance=instance)
    second = made.execute_in_process(instance=instance)
    told = [event for event in second.all_node_events if event.step_key == "work"]
    kinds = [event.event_type_value for event in told]
    assert "STEP_START" not in kinds
    assert kinds[-1] == "STEP_SUCCESS"
    assert "Cached" in told[-1].message
    assert first.run_id in told[-1].message
    assert second.is_node_success("work")
    assert second.output_for_node("work") == 4
