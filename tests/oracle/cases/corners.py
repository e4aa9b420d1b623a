"""Where features meet: nested config, graphs and Nothing, dynamic outputs and order, models in config."""

import enum
from typing import Any, Literal, Optional

from oracle_sut import dg, error_of, failure_of, job_of, run, tell


@dg.op
def one():
    return 1


@dg.op
def inc(x):
    return x + 1


@dg.op
def total(xs):
    return sum(xs)


@dg.op(ins={"start": dg.In(dg.Nothing)})
def after():
    return 5


@dg.op(config_schema={"n": int, "m": dg.Field(int, default_value=0)})
def work(context):
    return [context.op_config["n"], context.op_config["m"]]


@dg.op(out=dg.DynamicOut())
def numbers():
    yield dg.DynamicOutput(1, "a")
    yield dg.DynamicOutput(2, "b")


def case_job_config_of_nested_ops_is_the_default_of_each() -> Any:
    @dg.graph
    def inner():
        work.alias("first")()
        work.alias("second")()

    own = {"first": {"config": {"n": 1}}, "second": {"config": {"n": 2}}}
    job = inner.to_job(config={"ops": own})
    result = run(job, run_config={"ops": {"second": {"config": {"n": 3}}}})
    return [result.output_for_node("first"), result.output_for_node("second")]


def case_job_config_of_ops_in_a_nested_graph() -> Any:
    @dg.graph
    def inner():
        work.alias("first")()
        work.alias("second")()

    @dg.graph
    def outer():
        inner()

    own = {"first": {"config": {"n": 1}}, "second": {"config": {"n": 2}}}
    job = outer.to_job(config={"ops": {"inner": {"ops": own}}})
    found = []

    def attempt():
        result = job.execute_in_process(run_config={"ops": {"inner": {"ops": {"second": {"config": {"n": 3}}}}}})
        found.extend([result.output_for_node("inner.first"), result.output_for_node("inner.second")])

    return [error_of(attempt), found]


def case_job_config_of_resources() -> Any:
    @dg.resource(config_schema={"n": int, "m": dg.Field(int, default_value=0)})
    def thing(context):
        return [context.resource_config["n"], context.resource_config["m"]]

    @dg.op(required_resource_keys={"thing"})
    def use(context):
        return context.resources.thing

    @dg.job(resource_defs={"thing": thing}, config={"resources": {"thing": {"config": {"n": 1, "m": 2}}}})
    def job():
        use()

    given = {"resources": {"thing": {"config": {"n": 5}}}}
    return [run(job).output_for_node("use"), run(job, run_config=given).output_for_node("use")]


def case_job_config_as_run_config_object() -> Any:
    class Settings(dg.Config):
        n: int

    @dg.op
    def use(config: Settings):
        return config.n

    @dg.job(config=dg.RunConfig(ops={"use": Settings(n=4)}))
    def job():
        use()

    return run(job).output_for_node("use")


def case_nested_defaults_of_fields() -> Any:
    @dg.op(
        config_schema={"outer": {"inner": dg.Field(int, default_value=1)}, "list": dg.Field([int], default_value=[])}
    )
    def use(context):
        return context.op_config

    job = job_of(use)
    given = run(job, run_config={"ops": {"use": {"config": {"outer": {}}}}})
    return [
        error_of(lambda: job.execute_in_process()),
        run(job).success and run(job).output_for_node("use"),
        given.output_for_node("use"),
    ]


def case_python_enum_in_a_schema() -> Any:
    class Shade(enum.Enum):
        RED = "red"
        BLUE = "blue"

    @dg.op(config_schema=dg.Enum.from_python_enum(Shade))
    def use(context):
        return str(context.op_config)

    return run(job_of(use), run_config={"ops": {"use": {"config": "BLUE"}}}).output_for_node("use")


def _model(kind: Any, *given: Any) -> Any:
    """What a config field of this kind makes of each given value."""

    class Settings(dg.Config):
        x: kind

    @dg.op
    def use(config: Settings):
        return repr(config.x)

    found = []
    for value in given:
        try:
            config = {"ops": {"use": {"config": {"x": value}}}}
            found.append(job_of(use).execute_in_process(run_config=config).output_for_node("use"))
        except Exception as error:
            found.append(type(error).__name__)
    return found


def case_model_optional() -> Any:
    return _model(Optional[int], 1, None, "x")  # noqa: UP045


def case_model_float_takes_an_int() -> Any:
    return _model(float, 1, 1.5, "1.5", True)


def case_model_bool() -> Any:
    return _model(bool, True, 1, "true")


def case_model_str() -> Any:
    return _model(str, "x", 1, None)


def case_model_list_and_dict() -> Any:
    return [_model(list[int], [1, 2], ["x"], 1), _model(dict[str, int], {"a": 1}, {"a": "x"})]


def case_model_literal() -> Any:
    return _model(Literal["a", "b"], "a")


def case_model_any() -> Any:
    return _model(Any, 1, "x", [1])


def case_model_constraint() -> Any:
    import pydantic

    class Settings(dg.Config):
        n: int = pydantic.Field(default=3, ge=1, description="positive")

    @dg.op
    def use(config: Settings):
        return config.n

    job = job_of(use)
    low = error_of(lambda: job.execute_in_process(run_config={"ops": {"use": {"config": {"n": 0}}}}))
    return [run(job).output_for_node("use"), low is not None]


def case_model_default_factory() -> Any:
    import pydantic

    class Settings(dg.Config):
        many: list[int] = pydantic.Field(default_factory=lambda: [1, 2])

    @dg.op
    def use(config: Settings):
        return config.many

    return run(job_of(use)).output_for_node("use")


def case_nothing_through_a_graph() -> Any:
    @dg.op(out=dg.Out(dg.Nothing))
    def silent():
        pass

    @dg.graph
    def inner(start):
        return after(start)

    @dg.job
    def job():
        inc(inner(silent()))

    result = run(job)
    return [tell(result), result.output_for_node("inc")]


def case_nothing_after_a_collect() -> Any:
    @dg.job
    def job():
        after(numbers().map(inc).collect())

    return tell(run(job))


def case_nothing_on_a_mapped_op() -> Any:
    @dg.job
    def job():
        total(numbers().map(lambda x: after(start=inc(x))).collect())

    result = run(job)
    return [tell(result), result.output_for_node("total")]


def case_mapped_op_waits_for_an_ordinary_one() -> Any:
    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def step(x):
        return x

    @dg.job
    def job():
        done = one()
        numbers().map(lambda x: step(x, start=done))

    return tell(run(job))


def case_fan_in_of_graph_inputs_and_outputs() -> Any:
    @dg.graph
    def inner(a, b):
        return total([a, b, inc(a)])

    @dg.job
    def job():
        total.alias("outer")([inner(one(), inc(one())), one()])

    return run(job).output_for_node("outer")


def case_graph_input_used_twice() -> Any:
    @dg.op
    def join(a, b):
        return [a, b]

    @dg.graph
    def inner(x):
        return join(inc(x), x)

    @dg.job
    def job():
        inner(one())

    return run(job).output_for_node("inner")


def case_collect_passed_into_a_graph() -> Any:
    @dg.graph
    def summed(xs):
        return inc(total(xs))

    @dg.job
    def job():
        summed(numbers().map(inc).collect())

    return run(job).output_for_node("summed")


def case_fan_in_of_clones_inside_a_map() -> Any:
    def attempt():
        @dg.job
        def job():
            numbers().map(lambda x: total([x, inc(x), one()]))

    return error_of(attempt)


def case_optional_output_returned() -> Any:
    @dg.op(out=dg.Out(is_required=False))
    def maybe():
        return None

    @dg.op
    def str_of(x):
        return str(x)

    @dg.job
    def job():
        str_of(maybe())

    return tell(run(job))


def case_all_optional_outputs_returned_as_none() -> Any:
    @dg.op(out={"a": dg.Out(is_required=False), "b": dg.Out(is_required=False)})
    def pair():
        return None

    result = run(job_of(pair))
    return [tell(result), failure_of(result, "pair")]


def case_optional_dynamic_returned_empty() -> Any:
    @dg.op(out=dg.DynamicOut(is_required=False))
    def none():
        return []

    @dg.job
    def job():
        total(none().map(inc).collect())

    return tell(run(job))


def case_dynamic_returned_empty() -> Any:
    @dg.op(out=dg.DynamicOut())
    def none():
        return []

    @dg.job
    def job():
        total(none().map(inc).collect())

    return tell(run(job))


def case_dynamic_returned_none() -> Any:
    @dg.op(out=dg.DynamicOut())
    def none():
        pass

    return failure_of(run(job_of(none)), "none")


def case_clone_skips_and_fails_at_once() -> Any:
    @dg.op(out=dg.Out(is_required=False))
    def mixed(x):
        if x == 1:
            raise ValueError("x")
        if False:
            yield

    @dg.job
    def job():
        total(numbers().map(mixed).collect())

    return tell(run(job))


def case_op_after_a_failed_clone_by_order_alone() -> Any:
    @dg.op
    def fails(x):
        if x == 1:
            raise ValueError("x")
        return x

    @dg.job
    def job():
        after(numbers().map(fails).collect())

    return tell(run(job))


def case_job_tags_json() -> Any:
    @dg.job(tags={"a": {"b": 1}, "s": "x"})
    def job():
        one()

    return dict(job.tags)


def case_run_tags_that_are_not_text() -> Any:
    return error_of(lambda: job_of(one).execute_in_process(tags={"a": 1}))


def case_a_graph_twice_under_aliases() -> Any:
    @dg.graph
    def inner():
        return inc(one())

    @dg.job
    def job():
        total([inner.alias("left")(), inner.alias("right")()])

    result = run(job)
    return [tell(result), result.output_for_node("left")]


def case_input_value_over_a_default() -> Any:
    @dg.op
    def show(x=1):
        return x

    @dg.graph
    def body(x):
        show(x)

    return [
        run(body.to_job(input_values={"x": 4})).output_for_node("show"),
        run(body.to_job()).output_for_node("show"),
        run(body.to_job(), input_values={"x": 3}).output_for_node("show"),
    ]


def case_op_input_type_from_in_and_graph_input_unset() -> Any:
    @dg.graph
    def body(x):
        inc(x)

    return error_of(lambda: body.to_job().execute_in_process())


def case_kwargs_op() -> Any:
    @dg.op(ins={"a": dg.In(int), "b": dg.In(int)})
    def summed(**kwargs):
        return sorted(kwargs.items())

    @dg.job
    def job():
        summed(a=one(), b=inc(one()))

    return run(job).output_for_node("summed")


def case_config_and_resources_by_context_and_argument() -> Any:
    class Settings(dg.Config):
        n: int = 2

    @dg.op
    def use(context, plain: dg.ResourceParam[int], config: Settings, client: dg.ResourceParam[str]):
        return [config.n, client, plain, context.resources.plain]

    fixed = dg.ResourceDefinition.hardcoded_resource

    @dg.job(resource_defs={"client": fixed("c"), "plain": fixed(5)})
    def job():
        use()

    return run(job).output_for_node("use")
