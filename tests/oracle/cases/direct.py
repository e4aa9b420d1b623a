"""Calling ops outside of a run, and build_op_context."""

from typing import Any

from oracle_sut import dg, error_of


@dg.op
def plain(x, y=2):
    return [x, y]


@dg.op
def with_context(context, x):
    return [context.op_config, x]


def case_plain_call() -> Any:
    return [plain(1), plain(1, 3), plain(x=1), plain(1, y=4)]


def case_wrong_arguments() -> Any:
    return [error_of(lambda: plain()), error_of(lambda: plain(1, 2, 3)), error_of(lambda: plain(1, z=3))]


def case_context_missing() -> Any:
    return [error_of(lambda: with_context(x=1)), error_of(lambda: with_context())]


def case_built_context() -> Any:
    return with_context(dg.build_op_context(op_config={"a": 1}), 5)


def case_context_by_keyword() -> Any:
    return with_context(context=dg.build_op_context(), x=5)


def case_context_none() -> Any:
    return error_of(lambda: with_context(None, 5))


def case_config_is_checked() -> Any:
    @dg.op(config_schema={"n": int})
    def work(context):
        return context.op_config["n"]

    good = work(dg.build_op_context(op_config={"n": 4}))
    return [
        good,
        error_of(lambda: work(dg.build_op_context(op_config={"n": "x"}))),
        error_of(lambda: work(dg.build_op_context())),
    ]


def case_config_defaults() -> Any:
    @dg.op(config_schema={"n": dg.Field(int, default_value=3)})
    def work(context):
        return context.op_config["n"]

    return work(dg.build_op_context())


def case_config_model_argument() -> Any:
    class Settings(dg.Config):
        n: int

    @dg.op
    def work(config: Settings):
        return config.n

    return [work(Settings(n=3)), work(config=Settings(n=4))]


def case_resources_on_the_context() -> Any:
    @dg.op(required_resource_keys={"thing"})
    def work(context):
        return context.resources.thing

    @dg.resource
    def thing(context):
        return 9

    good = [work(dg.build_op_context(resources={"thing": one})) for one in (5, thing)]
    return [good, error_of(lambda: work(dg.build_op_context()))]


def case_generator_resources_need_a_block() -> Any:
    seen = []

    @dg.resource
    def thing(context):
        seen.append("open")
        yield 5
        seen.append("close")

    @dg.op(required_resource_keys={"thing"})
    def work(context):
        return context.resources.thing

    with dg.build_op_context(resources={"thing": thing}) as context:
        seen.append(work(context))
    return seen


def case_resource_argument() -> Any:
    class Client(dg.ConfigurableResource):
        n: int

    @dg.op
    def work(client: Client):
        return client.n

    return [work(Client(n=3)), work(client=Client(n=4))]


def case_context_and_resource_argument() -> Any:
    class Client(dg.ConfigurableResource):
        n: int

    @dg.op
    def work(context, x, client: Client):
        return [x, client.n, context.run_id]

    context = dg.build_op_context()
    return [work(context, 1, Client(n=3)), work(context, x=1, client=Client(n=4))]


def case_config_given_twice() -> Any:
    class Settings(dg.Config):
        n: int

    @dg.op
    def work(context, config: Settings):
        return config.n

    return error_of(lambda: work(dg.build_op_context(op_config={"n": 1}), Settings(n=2)))


def case_async_op() -> Any:
    @dg.op
    async def work(x: int) -> int:
        return x + 1

    import asyncio

    return asyncio.run(work(1))


def case_generator_op() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def work():
        yield dg.Output(1, "a")
        yield dg.Output(2, "b")

    return [[one.output_name, one.value] for one in work()]


def case_dynamic_op() -> Any:
    @dg.op(out=dg.DynamicOut())
    def work():
        yield dg.DynamicOutput(1, "a")

    return [[one.mapping_key, one.value] for one in work()]


def case_generator_without_a_required_output() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def work():
        yield dg.Output(1, "a")

    return error_of(lambda: list(work()))


def case_output_is_returned_as_it_is() -> Any:
    @dg.op
    def work() -> dg.Output[int]:
        return dg.Output(5)

    found = work()
    return [type(found).__name__, found.value]


def case_output_type_is_checked() -> Any:
    @dg.op
    def work() -> int:
        return "x"

    return error_of(lambda: work())


def case_input_type_is_checked() -> Any:
    @dg.op
    def work(x: int) -> int:
        return 1

    return error_of(lambda: work("x"))


def case_tuple_of_outputs() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def work():
        return 1, 2

    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def wrong():
        return 1

    return [list(work()), error_of(lambda: wrong())]


def case_exceptions_pass_through() -> Any:
    @dg.op
    def broken():
        raise KeyError("x")

    @dg.op
    def fails():
        raise dg.Failure("x")

    return [error_of(lambda: broken()), error_of(lambda: fails())]


def case_nothing_inputs() -> Any:
    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def work():
        return 5

    return [work(), error_of(lambda: work(start=None))]


def case_mapping_key() -> Any:
    @dg.op
    def work(context):
        return context.get_mapping_key()

    return [work(dg.build_op_context()), work(dg.build_op_context(mapping_key="k"))]


def case_context_names() -> Any:
    @dg.op
    def work(context):
        return [context.run_id, context.op_def.name, context.has_tag("x")]

    return work(dg.build_op_context())


def case_run_tags_and_partition() -> Any:
    @dg.op
    def work(context):
        return [context.partition_key, context.get_tag("a")]

    return work(dg.build_op_context(partition_key="p", run_tags={"a": "b"}))


def case_log_events() -> Any:
    @dg.op
    def work(context):
        context.log.info("hello")
        context.log_event(dg.AssetMaterialization("thing"))
        context.add_output_metadata({"n": 1})
        return 1

    return work(dg.build_op_context())


def case_alias_called_directly() -> Any:
    return error_of(lambda: plain.alias("other")(1))
