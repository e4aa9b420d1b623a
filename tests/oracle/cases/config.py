"""Config of ops: schemas, models, defaults, and every fault refused before any step."""

import os
from typing import Any

from oracle_sut import chain_of, dg, error_of, job_of, run


def _with(schema: Any):
    @dg.op(config_schema=schema)
    def work(context):
        return context.op_config

    return job_of(work)


def _given(schema: Any, config: Any) -> Any:
    """The config that an op sees, or the name of the error."""
    job = _with(schema)
    seen = []

    def attempt():
        result = job.execute_in_process(run_config={"ops": {"work": {"config": config}}})
        seen.append(result.output_for_node("work"))

    return error_of(attempt) or seen[0]


def case_scalars() -> Any:
    return [_given(str, "x"), _given(int, 3), _given(float, 2.5), _given(bool, True), _given(float, 3)]


def case_scalars_refused() -> Any:
    return [_given(str, 3), _given(int, "3"), _given(int, True), _given(int, 2.5), _given(float, "x"), _given(bool, 1)]


def case_shape_with_defaults() -> Any:
    schema = {"a": int, "b": dg.Field(str, default_value="d"), "c": dg.Field(int, is_required=False)}
    return [_given(schema, {"a": 1}), _given(schema, {"a": 1, "b": "x", "c": 2})]


def case_shape_refused() -> Any:
    schema = {"a": int}
    return [_given(schema, {}), _given(schema, {"a": 1, "z": 2}), _given(schema, 5), _given(schema, {"a": None})]


def case_lists_and_maps() -> Any:
    return [
        _given([int], [1, 2]),
        _given([int], [1, "x"]),
        _given({str: int}, {"a": 1}),
        _given({str: int}, {"a": "x"}),
        _given(dg.Array(str), ["a"]),
        _given({"inner": {"deep": [bool]}}, {"inner": {"deep": [True]}}),
    ]


def case_noneable_permissive_selector() -> Any:
    return [
        _given(dg.Noneable(int), None),
        _given(dg.Noneable(int), 3),
        _given(dg.Permissive({"a": int}), {"a": 1, "z": "any"}),
        _given(dg.Permissive({"a": int}), {"z": "any"}),
        _given(dg.Selector({"a": int, "b": str}), {"b": "x"}),
        _given(dg.Selector({"a": int, "b": str}), {"a": 1, "b": "x"}),
        _given(dict, {"anything": [1]}),
        _given(list, [1, "x"]),
    ]


def case_enum() -> Any:
    schema = dg.Enum("Color", [dg.EnumValue("RED", python_value=1), dg.EnumValue("BLUE")])
    return [_given(schema, "RED"), _given(schema, "BLUE"), _given(schema, "GREEN")]


def case_scalar_union() -> Any:
    schema = dg.ScalarUnion(scalar_type=str, non_scalar_schema={"a": int})
    return [_given(schema, "x"), _given(schema, {"a": 1}), _given(schema, 3)]


def case_string_source() -> Any:
    os.environ["ORACLE_VALUE"] = "7"
    os.environ.pop("ORACLE_MISSING", None)
    return [
        _given(dg.StringSource, {"env": "ORACLE_VALUE"}),
        _given(dg.StringSource, "direct"),
        _given(dg.IntSource, {"env": "ORACLE_VALUE"}),
        _given(dg.IntSource, 4),
    ]


def case_config_left_out_when_all_has_defaults() -> Any:
    schema = {"a": dg.Field(int, default_value=1), "b": dg.Field(str, default_value="x")}
    return run(_with(schema)).output_for_node("work")


def case_config_missing() -> Any:
    return [error_of(lambda: _with({"a": int}).execute_in_process()), error_of(lambda: _with(int).execute_in_process())]


def case_no_schema_takes_anything() -> Any:
    @dg.op
    def work(context):
        return context.op_config

    job = job_of(work)
    result = run(job, run_config={"ops": {"work": {"config": {"a": 1}}}})
    return result.output_for_node("work")


def case_unknown_op_in_run_config() -> Any:
    return error_of(lambda: _with(int).execute_in_process(run_config={"ops": {"nope": {"config": 1}}}))


def case_unknown_section_in_run_config() -> Any:
    return error_of(lambda: _with(int).execute_in_process(run_config={"opz": {}}))


def case_unknown_key_of_an_op_entry() -> Any:
    return error_of(lambda: _with(int).execute_in_process(run_config={"ops": {"work": {"conf": 1}}}))


def case_all_faults_at_once_and_no_step_runs() -> Any:
    seen = []

    @dg.op
    def early():
        seen.append("early")

    @dg.op(config_schema={"a": int, "b": str})
    def late(context):
        return 1

    config = {"ops": {"late": {"config": {"a": "x", "b": 5}}}}
    try:
        job_of(early, late).execute_in_process(run_config=config)
    except dg.DagsterInvalidConfigError as error:
        return [len(error.errors), seen]
    return "no error"


def case_config_of_nested_ops() -> Any:
    @dg.op(config_schema=int)
    def work(context):
        return context.op_config

    @dg.graph
    def inner():
        work()

    @dg.job
    def job():
        inner()

    result = run(job, run_config={"ops": {"inner": {"ops": {"work": {"config": 4}}}}})
    return result.output_for_node("inner.work")


def case_config_by_alias() -> Any:
    @dg.op(config_schema=int)
    def work(context):
        return context.op_config

    @dg.job
    def job():
        work.alias("first")()
        work.alias("second")()

    config = {"ops": {"first": {"config": 1}, "second": {"config": 2}}}
    result = run(job, run_config=config)
    return [result.output_for_node("first"), result.output_for_node("second")]


def case_job_config_is_the_default() -> Any:
    @dg.op(config_schema={"a": int, "b": dg.Field(int, default_value=0)})
    def work(context):
        return context.op_config

    @dg.job(config={"ops": {"work": {"config": {"a": 1, "b": 2}}}})
    def job():
        work()

    return run(job).output_for_node("work")


def case_given_config_replaces_the_jobs() -> Any:
    @dg.op(config_schema={"a": int, "b": dg.Field(int, default_value=0)})
    def work(context):
        return context.op_config

    @dg.job(config={"ops": {"work": {"config": {"a": 1, "b": 2}}}})
    def job():
        work()

    return run(job, run_config={"ops": {"work": {"config": {"a": 5}}}}).output_for_node("work")


def case_config_model() -> Any:
    class Settings(dg.Config):
        size: int
        name: str = "x"

    @dg.op
    def work(config: Settings):
        return [config.size, config.name]

    job = job_of(work)
    good = run(job, run_config={"ops": {"work": {"config": {"size": 3}}}}).output_for_node("work")
    bad = [{}, {"size": "x"}, {"size": 1, "z": 1}, {"size": True}]
    return [
        good,
        [error_of(lambda c=c: job.execute_in_process(run_config={"ops": {"work": {"config": c}}})) for c in bad],
    ]


def case_config_model_with_defaults_left_out() -> Any:
    class Settings(dg.Config):
        size: int = 5

    @dg.op
    def work(context, config: Settings):
        return config.size

    return run(job_of(work)).output_for_node("work")


def case_run_config_object() -> Any:
    class Settings(dg.Config):
        size: int
        name: str = "x"

    @dg.op
    def work(config: Settings):
        return [config.size, config.name]

    return run(job_of(work), run_config=dg.RunConfig(ops={"work": Settings(size=9)})).output_for_node("work")


def case_nested_config_models() -> Any:
    class Inner(dg.Config):
        n: int

    class Outer(dg.Config):
        inner: Inner
        many: list[int] = []

    @dg.op
    def work(config: Outer):
        return [config.inner.n, config.many]

    config = {"ops": {"work": {"config": {"inner": {"n": 4}, "many": [1, 2]}}}}
    return run(job_of(work), run_config=config).output_for_node("work")


def case_permissive_config_model() -> Any:
    class Settings(dg.PermissiveConfig):
        size: int

    @dg.op
    def work(config: Settings):
        return [config.size, config.model_dump()["extra"]]

    return run(job_of(work), run_config={"ops": {"work": {"config": {"size": 1, "extra": "e"}}}}).output_for_node(
        "work"
    )


def case_config_models_are_frozen() -> Any:
    class Settings(dg.Config):
        size: int = 1

    def change():
        Settings().size = 2

    return error_of(change) is not None


def case_config_argument_of_a_plain_type() -> Any:
    @dg.op
    def work(config: dict):
        return config["a"]

    return run(job_of(work), run_config={"ops": {"work": {"config": {"a": 4}}}}).output_for_node("work")


def case_input_from_config() -> Any:
    @dg.op
    def inc(x: int) -> int:
        return x + 1

    job = job_of(inc)
    plain = run(job, run_config={"ops": {"inc": {"inputs": {"x": 4}}}}).output_for_node("inc")
    value = run(job, run_config={"ops": {"inc": {"inputs": {"x": {"value": 5}}}}}).output_for_node("inc")
    wrong = error_of(lambda: job.execute_in_process(run_config={"ops": {"inc": {"inputs": {"x": "s"}}}}))
    return [plain, value, wrong]


def case_unconnected_input_without_a_value() -> Any:
    @dg.op
    def inc(x: int) -> int:
        return x + 1

    return error_of(lambda: job_of(inc).execute_in_process())


def case_config_of_a_connected_input_is_refused() -> Any:
    @dg.op
    def one() -> int:
        return 1

    @dg.op
    def inc(x: int) -> int:
        return x + 1

    job = chain_of(one, inc)
    return error_of(lambda: job.execute_in_process(run_config={"ops": {"inc": {"inputs": {"x": 4}}}}))


def case_config_beats_the_default_of_an_input() -> Any:
    @dg.op
    def inc(x: int = 1) -> int:
        return x + 1

    return run(job_of(inc), run_config={"ops": {"inc": {"inputs": {"x": 4}}}}).output_for_node("inc")


def case_config_once_for_all_clones() -> Any:
    @dg.op(out=dg.DynamicOut())
    def numbers():
        yield dg.DynamicOutput(1, "a")
        yield dg.DynamicOutput(2, "b")

    @dg.op(config_schema=int)
    def scale(context, x):
        return x * context.op_config

    @dg.job
    def job():
        numbers().map(scale)

    good = run(job, run_config={"ops": {"scale": {"config": 10}}}).output_for_node("scale")
    bad = error_of(lambda: job.execute_in_process(run_config={"ops": {"scale[a]": {"config": 10}}}))
    return [good, bad]


def case_configured_op() -> Any:
    @dg.op(config_schema={"a": int, "b": int})
    def work(context):
        return context.op_config

    fixed = dg.configured(work, name="fixed")({"a": 1, "b": 2})

    @dg.configured(work, config_schema=int)
    def smaller(value):
        return {"a": value, "b": 0}

    result = run(job_of(fixed, smaller), run_config={"ops": {"smaller": {"config": 7}}})
    return [result.output_for_node("fixed"), result.output_for_node("smaller")]


def case_configured_method_refuses_a_wrong_constant() -> Any:
    @dg.op(config_schema=int)
    def work(context):
        return context.op_config

    good = work.configured(3, name="three")
    bad = error_of(lambda: job_of(work.configured("x", name="bad")).execute_in_process())
    return [run(job_of(good)).output_for_node("three"), bad]


def case_run_config_on_the_context() -> Any:
    @dg.op(config_schema=int)
    def work(context):
        return context.run_config["ops"]["work"]["config"]

    return run(job_of(work), run_config={"ops": {"work": {"config": 4}}}).output_for_node("work")


def case_a_wrong_config_carried_by_the_job() -> Any:
    @dg.op(config_schema=int)
    def work(context):
        return context.op_config

    def define():
        @dg.job(config={"ops": {"work": {"config": "x"}}})
        def job():
            work()

        return job

    return error_of(define)


def case_field_default_of_the_wrong_type() -> Any:
    return error_of(lambda: dg.Field(int, default_value="x"))


def case_bad_schema() -> Any:
    try:
        dg.Field(object())
    except dg.DagsterInvalidDefinitionError:
        return "refused"
    return None


def case_bad_schema_of_an_op() -> Any:
    return error_of(lambda: dg.op(name="w", config_schema=object())(lambda context: 1))
