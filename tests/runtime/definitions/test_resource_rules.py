"""Resources, hooks, types and I/O contexts: messages, and the rules that are Kedge's own."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

import kedge as dg


class Client(dg.ConfigurableResource):
    url: str


class Api(dg.ConfigurableResource):
    client: Client


def job_using(**resources: Any) -> dg.JobDefinition:
    @dg.op(required_resource_keys=set(resources))
    def use(context: dg.OpExecutionContext) -> list[Any]:
        return [getattr(context.resources, key) for key in sorted(resources)]

    @dg.job(resource_defs=resources)
    def job() -> None:
        use()

    return job  # type: ignore[no-any-return]


def test_a_nested_resource_that_needs_config_has_to_stand_in_the_job() -> None:
    with pytest.raises(dg.DagsterInvalidDefinitionError, match=r"resource api\.client: .* add it to resource_defs"):
        job_using(api=Api(client=Client.configure_at_launch()))


def test_a_resource_function_that_needs_more_than_a_context_is_refused() -> None:
    with pytest.raises(dg.DagsterInvalidDefinitionError, match=r"resource two: .*also needs other"):

        @dg.resource
        def two(context: Any, other: int) -> None: ...


def test_all_faults_of_resources_are_found_with_the_op_s() -> None:
    job = job_using(client=Client.configure_at_launch(), other=dg.ResourceDefinition.string_resource())
    with pytest.raises(dg.DagsterInvalidConfigError) as raised:
        job.execute_in_process(run_config={"resources": {"client": {"config": {"uri": "x"}}, "zz": {}}})
    assert [one.path for one in raised.value.errors] == [
        "resources:zz",
        "resources:client:config",
        "resources:client:config",
        "resources:other:config",
    ]


def test_an_error_in_a_teardown_is_logged_and_the_rest_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    closed = []

    @dg.resource
    def good(context: Any) -> Any:
        yield 1
        closed.append("good")

    @dg.resource
    def bad(context: Any) -> Any:
        yield 2
        raise OSError("teardown")

    with caplog.at_level(logging.ERROR):
        assert job_using(a=good, b=bad, c=good).execute_in_process().success
    assert closed == ["good", "good"]
    assert "resource b could not be torn down" in caplog.text


def test_a_resource_that_yields_twice_is_told_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    @dg.resource
    def twice(context: Any) -> Any:
        yield 1
        yield 2

    with caplog.at_level(logging.ERROR):
        job_using(a=twice).execute_in_process()
    assert "yielded twice" in caplog.text


def test_an_asynchronous_resource_is_entered_and_left() -> None:
    seen = []

    class Later(dg.ConfigurableResource):
        name: str

        @contextlib.asynccontextmanager
        async def yield_for_execution(self, context: Any) -> AsyncIterator[Any]:  # type: ignore[override]
            seen.append("open")
            yield f"made of {self.name}"
            seen.append("close")

    result = job_using(a=Later(name="n")).execute_in_process()
    assert result.output_for_node("use") == ["made of n"]
    assert seen == ["open", "close"]


def test_an_asynchronous_resource_runs_in_the_loop_that_is_given() -> None:
    loop = asyncio.new_event_loop()

    class Later(dg.ConfigurableResource):
        @contextlib.asynccontextmanager
        async def yield_for_execution(self, context: Any) -> AsyncIterator[Any]:  # type: ignore[override]
            yield asyncio.get_running_loop()

    with dg.build_resources({"later": Later()}, event_loop=loop) as found:
        assert found.later is loop
    assert not loop.is_closed()
    loop.close()


def test_a_factory_gives_ops_what_it_makes() -> None:
    class Connection:
        def __init__(self, url: str) -> None:
            self.url = url

    class Connections(dg.ConfigurableResourceFactory[Connection]):
        url: str

        def create_resource(self, context: dg.InitResourceContext) -> Connection:
            return Connection(self.url)

    class Holder(dg.ConfigurableResource):
        connection: dg.ResourceDependency[Connection]

        def ask(self) -> str:
            return self.connection.url

    @dg.op
    def use(plain: dg.ResourceParam[Connection], holder: Holder) -> list[str]:
        return [plain.url, holder.ask()]

    made = Connections(url="u")

    @dg.job(resource_defs={"plain": made, "holder": Holder(connection=made)})
    def job() -> None:
        use()

    assert job.execute_in_process().output_for_node("use") == ["u", "u"]


def test_contexts_of_partitioned_assets_are_refused() -> None:
    with pytest.raises(dg.DagsterInvalidInvocationError, match="no software-defined assets"):
        dg.build_output_context(asset_partitions_def=object())


def test_a_failed_resource_is_not_tried_again_by_the_next_op() -> None:
    tries = []

    @dg.resource
    def broken(context: Any) -> None:
        tries.append(1)
        raise OSError("gone")

    @dg.op(required_resource_keys={"a"})
    def use(context: dg.OpExecutionContext) -> None: ...

    @dg.job(resource_defs={"a": broken})
    def job() -> None:
        use()
        use.alias("again")()

    result = job.execute_in_process(raise_on_error=False)
    assert not result.success
    assert tries == [1]


def test_reading_resources_outside_of_their_block_says_how_to_open_it() -> None:
    @dg.resource
    def opened(context: Any) -> Any:
        yield 1

    context = dg.build_output_context(resources={"x": opened})
    with pytest.raises(dg.DagsterInvariantViolationError, match=r"with build_output_context\(...\) as context:"):
        _ = context.resources


def test_a_resource_that_is_torn_down_is_not_started_without_a_block() -> None:
    class Torn(dg.ConfigurableResource):
        def teardown_after_execution(self, context: Any) -> None: ...

    with pytest.raises(dg.DagsterInvariantViolationError, match="process_config_and_initialize_cm"):
        Torn().process_config_and_initialize()


def test_calls_of_resources_and_hooks_with_wrong_arguments_say_what_to_pass() -> None:
    @dg.resource
    def thing(context: Any) -> int:
        return 1

    @dg.success_hook(required_resource_keys={"r"})
    def hook(context: dg.HookContext) -> None: ...

    with pytest.raises(dg.DagsterInvalidInvocationError, match=r"pass build_init_resource_context\(\) or None"):
        thing()
    with pytest.raises(dg.DagsterInvalidInvocationError, match="5 is no context"):
        thing(5)
    with pytest.raises(dg.DagsterInvalidDefinitionError, match=r"hook hook needs resource 'r'.*build_hook_context"):
        hook(dg.build_hook_context())
    with pytest.raises(dg.DagsterInvalidInvocationError, match=r"pass build_hook_context\(\) or None, not 5"):
        hook(5)
    with pytest.raises(dg.CheckError, match="5 is no hook; make one with @success_hook"):

        @dg.job(hooks={5})
        def job() -> None: ...


def test_a_hook_s_context_in_a_test_says_what_only_a_run_has() -> None:
    with pytest.raises(dg.DagsterInvalidPropertyError, match=r"context\.step_key: only a run has it"):
        _ = dg.build_hook_context().step_key
    with pytest.raises(dg.DagsterInvalidPropertyError, match=r"pass it with build_hook_context\(run_id=...\)"):
        _ = dg.build_hook_context().run_id


def test_what_an_io_context_was_not_given_is_asked_for_by_name() -> None:
    with pytest.raises(dg.DagsterInvariantViolationError, match=r"OutputContext\.op_def.*build_output_context\(\)"):
        _ = dg.build_output_context().op_def
    with pytest.raises(dg.DagsterInvariantViolationError, match="asset_partition_key: Kedge has no software-defined"):
        _ = dg.build_input_context().asset_partition_key
    with pytest.raises(dg.CheckError, match="ask has_partition_key first"):
        _ = dg.build_output_context().partition_key


def test_an_output_can_not_be_stored_by_what_is_no_io_manager() -> None:
    @dg.op(out=dg.Out(io_manager_key="text"))
    def give() -> int:
        return 1

    @dg.job(resource_defs={"text": "not a manager"})
    def job() -> None:
        give()

    with pytest.raises(dg.DagsterInvariantViolationError, match="that stores it is a str, which is no I/O manager"):
        job.execute_in_process()


def test_values_in_memory_say_that_they_are_in_another_process() -> None:
    upstream = dg.build_output_context(step_key="up", name="result", run_id="r")
    with pytest.raises(dg.DagsterInvariantViolationError, match=r"r/up/result is not in this process.*fs_io_manager"):
        dg.InMemoryIOManager().load_input(dg.build_input_context(upstream_output=upstream))


def test_a_loader_s_faults_are_found_before_the_run_and_its_errors_with_the_step() -> None:
    @dg.dagster_type_loader({"n": int})
    def load(context: Any, config: Any) -> int:
        raise OSError("gone")

    kind = dg.DagsterType(lambda _c, _v: True, name="Loaded", loader=load)

    @dg.op(ins={"x": dg.In(kind)})
    def use(x: Any) -> None: ...

    @dg.job
    def job() -> None:
        use()

    with pytest.raises(dg.DagsterInvalidConfigError, match="ops:use:inputs:x:n: expected Int, got 's'"):
        job.execute_in_process(run_config={"ops": {"use": {"inputs": {"x": {"n": "s"}}}}})
    config = {"ops": {"use": {"inputs": {"x": {"n": 1}}}}}
    with pytest.raises(OSError, match="gone"):
        job.execute_in_process(run_config=config)
    result = job.execute_in_process(run_config=config, raise_on_error=False)
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert "step use: input 'x': it could not be loaded" in failed.step_failure_data.error.message


def test_a_loader_s_context_is_the_step_s_with_its_own_resources() -> None:
    seen = []

    @dg.dagster_type_loader(int, required_resource_keys={"r"})
    def load(context: dg.DagsterTypeLoaderContext, config: int) -> int:
        seen.append([isinstance(context, dg.DagsterTypeLoaderContext), context.step_key, context.resources._asdict()])
        return config

    kind = dg.DagsterType(lambda _c, _v: True, name="Loaded", loader=load)

    @dg.op(ins={"x": dg.In(kind)}, required_resource_keys={"other"})
    def use(x: Any) -> None: ...

    @dg.job(resource_defs={"r": 5, "other": 6})
    def job() -> None:
        use()

    job.execute_in_process(run_config={"ops": {"use": {"inputs": {"x": 1}}}})
    assert seen == [[True, "use", {"r": 5}]]


def test_definitions_tell_their_schemas() -> None:
    @dg.io_manager(config_schema={"a": int}, output_config_schema={"t": str}, input_config_schema={"c": str})
    def manager(context: Any) -> Any: ...

    assert manager.config_schema.is_required
    assert [field.is_required for field in (manager.output_config_schema, manager.input_config_schema)] == [True, True]
    configured = manager.configured({"a": 1})
    assert configured.config_schema is None
    assert configured.output_config_schema is manager.output_config_schema


def test_types_of_containers_need_what_their_parts_need() -> None:
    def check(context: Any, value: Any) -> bool:
        return bool(value < context.resources.limit)

    small = dg.DagsterType(check, name="Small", required_resource_keys={"limit"})

    @dg.op(out=dg.Out(dg.List[small]))
    def give() -> list[int]:
        return [1, 2]

    @dg.job(resource_defs={"limit": dg.ResourceDefinition.hardcoded_resource(2)})
    def job() -> None:
        give()

    with pytest.raises(dg.DagsterTypeCheckDidNotPass, match=r"\[Small\]"):
        job.execute_in_process()
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="'limit' required by op 'give'"):

        @dg.job
        def without() -> None:
            give()


def test_a_container_of_nothing_is_refused() -> None:
    with pytest.raises(dg.DagsterInvalidDefinitionError, match=r"List\[Nothing\]"):
        _ = dg.List[dg.Nothing]


def test_a_task_that_is_left_over_is_cancelled_with_the_run() -> None:
    seen = []

    async def beats() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    @dg.op
    async def starts(context: dg.OpExecutionContext) -> int:
        seen.append(asyncio.create_task(beats()).get_name() != "")
        await asyncio.sleep(0)
        return 1

    @dg.job
    def job() -> None:
        starts()

    assert job.execute_in_process().success
    assert seen == [True, "cancelled"]
