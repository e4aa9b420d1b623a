"""More of calling ops directly: the context before, during and after a call, events, async, arguments."""

import asyncio
from typing import Any

from oracle_sut import dg, error_of


@dg.op
def plain(x, y=2):
    return [x, y]


@dg.op
def noting(context):
    context.log_event(dg.AssetMaterialization("a"))
    context.add_output_metadata({"n": 1})
    return 1


def case_unbound_context() -> Any:
    context = dg.build_op_context(op_config={"a": 1})
    names = [
        "op_def",
        "alias",
        "job_def",
        "job_name",
        "run",
        "dagster_run",
        "node_handle",
        "op_handle",
        "op",
        "run_config",
        "step_launcher",
        "has_partition_key",
        "run_id",
        "op_config",
        "run_tags",
    ]
    return {name: error_of(lambda name=name: getattr(context, name)) for name in names}


def case_bound_context() -> Any:
    @dg.op
    def work(context):
        return [
            context.op_def.name,
            context.alias,
            context.describe_op(),
            context.run_id,
            context.run_config,
            context.op_config,
            error_of(lambda: context.job_name),
            error_of(lambda: context.run),
            error_of(lambda: context.get_step_execution_context()),
        ]

    return work(dg.build_op_context(op_config={"a": 1}))


def case_context_after_the_call() -> Any:
    context = dg.build_op_context()
    noting(context)
    return [
        [type(event).__name__ for event in context.get_events()],
        dict(context.get_output_metadata("result")),
        error_of(lambda: context.op_def),
    ]


def case_a_second_call_begins_anew() -> Any:
    context = dg.build_op_context()
    noting(context)
    noting(context)
    return [len(context.get_events()), dict(context.get_output_metadata("result"))]


def case_metadata_once_for_each_output() -> Any:
    @dg.op
    def twice(context):
        context.add_output_metadata({"n": 1})
        context.add_output_metadata({"n": 2})

    return error_of(lambda: twice(dg.build_op_context()))


def case_metadata_of_dynamic_outputs() -> Any:
    @dg.op(out=dg.DynamicOut())
    def work(context):
        context.add_output_metadata({"n": 1}, mapping_key="a")
        yield dg.DynamicOutput(1, "a")
        context.add_output_metadata({"n": 2}, mapping_key="b")
        yield dg.DynamicOutput(1, "b")

    context = dg.build_op_context()
    list(work(context))
    return [context.get_output_metadata("result", "a"), context.get_output_metadata("result", "b")]


def case_context_in_use() -> Any:
    @dg.op
    def outer(context):
        return error_of(lambda: noting(context))

    return outer(dg.build_op_context())


def case_context_after_an_error() -> Any:
    @dg.op
    def broken(context):
        raise ValueError("x")

    context = dg.build_op_context()
    return [error_of(lambda: broken(context)), noting(context)]


def case_generators_are_checked_as_they_are_taken() -> Any:
    @dg.op
    def twice():
        yield dg.Output(1)
        yield dg.Output(2)

    @dg.op(out={"a": dg.Out(), "b": dg.Out(is_required=False)})
    def one_of_two():
        yield dg.Output(1, "a")

    @dg.op
    def none():
        if False:
            yield dg.Output(1)

    @dg.op(out=dg.Out(int))
    def wrong():
        yield dg.Output("x")

    return [
        error_of(lambda: list(twice())),
        [output.output_name for output in one_of_two()],
        error_of(lambda: list(none())),
        error_of(lambda: list(wrong())),
    ]


def case_generators_may_yield_events() -> Any:
    @dg.op
    def work():
        yield dg.AssetMaterialization("a")
        yield dg.Output(1)

    return [type(one).__name__ for one in work()]


def case_async_op() -> Any:
    @dg.op
    async def work(x):
        await asyncio.sleep(0)
        return x + 1

    @dg.op
    async def wrong() -> int:
        return "x"

    return [asyncio.run(work(1)), error_of(lambda: asyncio.run(wrong()))]


def case_async_generator() -> Any:
    @dg.op
    async def work(x):
        yield dg.Output(x)

    async def drain(result):
        return [output.value async for output in result]

    @dg.op
    async def nothing():
        if False:
            yield dg.Output(1)

    return [asyncio.run(drain(work(3))), error_of(lambda: asyncio.run(drain(nothing())))]


def case_dynamic_outputs() -> Any:
    @dg.op(out=dg.DynamicOut())
    def stream():
        yield dg.DynamicOutput(1, "a")
        yield dg.DynamicOutput(2, "b")

    @dg.op(out=dg.DynamicOut())
    def listed() -> list[dg.DynamicOutput[int]]:
        return [dg.DynamicOutput(1, "a")]

    return [[[one.value, one.mapping_key] for one in stream()], [one.value for one in listed()]]


def case_generator_resources_need_a_block() -> Any:
    seen = []

    @dg.resource
    def thing():
        yield 5
        seen.append("closed")

    @dg.op(required_resource_keys={"thing"})
    def work(context):
        return context.resources.thing

    outside = error_of(lambda: work(dg.build_op_context(resources={"thing": thing})))
    seen.clear()
    with dg.build_op_context(resources={"thing": thing}) as context:
        inside = work(context)
    return [outside, inside, seen]


def case_resources_of_the_context() -> Any:
    @dg.resource(config_schema={"v": int})
    def thing(context):
        return context.resource_config["v"]

    @dg.op(required_resource_keys={"thing"})
    def work(context):
        return context.resources.thing

    config = {"thing": {"config": {"v": 3}}}
    return [
        work(dg.build_op_context(resources={"thing": thing}, resources_config=config)),
        error_of(lambda: dg.build_op_context(resources={"thing": thing})),
        error_of(lambda: work(dg.build_op_context())),
        error_of(lambda: work(None)),
        dg.build_op_context(resources={"thing": 4}).resources.thing,
    ]


def case_resource_arguments() -> Any:
    class Thing(dg.ConfigurableResource):
        v: int

    @dg.op
    def work(thing: Thing, x):
        return thing.v + x

    return [
        work(x=1, thing=Thing(v=2)),
        work(Thing(v=1), 3),
        work(dg.build_op_context(resources={"thing": Thing(v=3)}), x=1),
        error_of(lambda: work(dg.build_op_context(resources={"thing": Thing(v=3)}), x=1, thing=Thing(v=2))),
    ]


def case_config_arguments() -> Any:
    class Settings(dg.Config):
        a: int = 1

    @dg.op
    def work(context, config: Settings, x=1):
        return [config.a, context.op_config, x]

    return [
        work(None, Settings(a=3)),
        work(dg.build_op_context(op_config={"a": 4})),
        error_of(lambda: work(dg.build_op_context(op_config={"a": 4}), config=Settings(a=1))),
        work(context=None, config={"a": 9}),
        work(dg.build_op_context(), x=5) if False else 0,
    ]


def case_arguments_in_the_order_of_the_signature() -> Any:
    class Thing(dg.ConfigurableResource):
        v: int

    class Settings(dg.Config):
        a: int = 1

    @dg.op
    def work(x, config: Settings, y, thing: Thing):
        return [x, config.a, y, thing.v]

    return work(3, Settings(a=1), 4, Thing(v=2))


def case_config_under_both_names() -> Any:
    return [
        error_of(lambda: dg.build_op_context(op_config={"a": 1}, config={"a": 1})),
        dg.build_op_context(config={"a": 1}).op_config,
    ]


def case_arguments_that_do_not_fit() -> Any:
    @dg.op
    def typed(x: int):
        return x

    @dg.op(ins={"go": dg.In(dg.Nothing)})
    def ordered():
        return 1

    return [
        error_of(lambda: typed("a")),
        error_of(lambda: typed(1, 2)),
        error_of(lambda: typed()),
        error_of(lambda: typed(1, x=1)),
        typed(dg.build_op_context(), 1),
        ordered(),
        error_of(lambda: ordered(go=1)),
        error_of(lambda: ordered(1)),
    ]


def case_what_a_built_context_is_told() -> Any:
    context = dg.build_op_context(partition_key="p", mapping_key="k", run_tags={"a": "b"})
    return [
        context.has_partition_key,
        context.partition_key,
        context.get_mapping_key(),
        context.has_tag("a"),
        context.get_tag("a"),
        context.get_tag("b"),
        error_of(lambda: dg.build_op_context().partition_key),
        dg.build_op_context().has_partition_key,
    ]


def case_what_user_code_raises_comes_as_it_is() -> Any:
    @dg.op
    def failing():
        raise dg.Failure("x")

    @dg.op
    def again():
        raise dg.RetryRequested()

    @dg.op
    def broken():
        raise KeyError("x")

    return [error_of(failing), error_of(again), error_of(broken)]


def case_log_event_takes_events_alone() -> Any:
    @dg.op
    def work(context):
        context.log_event("x")

    return error_of(lambda: work(dg.build_op_context()))


def case_instance() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        given = dg.build_op_context(instance=instance)
        return [given.instance is instance, dg.build_op_context().instance.is_ephemeral]


def case_log() -> Any:
    @dg.op
    def work(context):
        context.log.info("x")
        context.log.log("DEBUG", "x")
        return error_of(lambda: context.log.log("loud", "x"))

    return work(dg.build_op_context())


def case_configured_op() -> Any:
    @dg.op(config_schema={"a": int})
    def work(context):
        return context.op_config

    return work.configured({"a": 3}, name="fixed")(dg.build_op_context())


def case_nothing_output() -> Any:
    @dg.op
    def work() -> None:
        return None

    @dg.op(out=dg.Out(dg.Nothing))
    def stream():
        yield dg.AssetMaterialization("a")

    return [work(), [type(one).__name__ for one in stream()]]


def case_named_tuple_outputs() -> Any:
    @dg.op(out={"a": dg.Out(int), "b": dg.Out(str)})
    def work():
        return 1, "x"

    @dg.op(out={"a": dg.Out(int), "b": dg.Out(str)})
    def wrong():
        return 1, 2

    return [list(work()), error_of(wrong)]
