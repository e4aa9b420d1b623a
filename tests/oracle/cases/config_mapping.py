"""Config mappings of graphs and jobs, fixed config of graphs, and config for the inputs of nested graphs."""

from typing import Any

from oracle_sut import dg, error_of, run


@dg.op(config_schema={"n": int})
def number(context):
    return context.op_config["n"]


@dg.op
def inc(x):
    return x + 1


@dg.config_mapping(config_schema={"m": int})
def one_field(given):
    return {"number": {"config": {"n": given["m"]}}}


@dg.graph(config=one_field)
def mapped():
    return number()


@dg.job
def nested():
    inc(mapped())


def _value(job: Any, run_config: Any = None, node: str = "number") -> Any:
    found: list[Any] = []

    def go() -> None:
        found.append(job.execute_in_process(run_config=run_config).output_for_node(node))

    error = error_of(go)
    return found[0] if error is None else error


def _job(config: Any) -> Any:
    @dg.job(config=config)
    def job():
        number()

    return job


def case_nested_graph() -> Any:
    return [
        _value(nested, {"ops": {"mapped": {"config": {"m": 3}}}}, "inc"),
        _value(nested, {"ops": {"mapped": {"config": {"m": "x"}}}}, "inc"),
        _value(nested, {"ops": {"mapped": {"ops": {"number": {"config": {"n": 3}}}}}}, "inc"),
        _value(nested, {}, "inc"),
    ]


def case_graph_as_a_job() -> Any:
    job = mapped.to_job()
    return [
        _value(job, {"ops": {"config": {"m": 3}}}),
        _value(job, {"config": {"m": 3}}),
        _value(job, {"ops": {"number": {"config": {"n": 3}}}}),
        _value(mapped.to_job(config={"ops": {"config": {"m": 2}}})),
    ]


def case_job() -> Any:
    job = _job(dg.ConfigMapping(lambda given: {"ops": {"number": {"config": {"n": given["m"]}}}}, {"m": int}))
    return [
        _value(job, {"m": 4}),
        _value(job, {"m": "4"}),
        _value(job, {"ops": {"number": {"config": {"n": 3}}}}),
        _value(job),
    ]


def case_job_without_a_schema() -> Any:
    job = _job(dg.ConfigMapping(config_fn=lambda given: {"ops": {"number": {"config": {"n": given.get("m", 8)}}}}))
    return [_value(job, {"m": 4}), _value(job, {})]


def case_decorator_without_arguments() -> Any:
    @dg.config_mapping
    def plain(given):
        return {"ops": {"number": {"config": {"n": given["m"]}}}}

    return _value(_job(plain), {"m": 4})


def case_model_as_schema() -> Any:
    class Outer(dg.Config):
        m: int
        k: int = 2

    @dg.config_mapping
    def through(given: Outer):
        return dg.RunConfig(ops={"number": {"config": {"n": given.m * given.k}}})

    return [_value(_job(through), {"m": 4}), _value(_job(through), {"m": 4, "k": 3}), _value(_job(through), {"z": 4})]


def case_function_that_raises() -> Any:
    def broken(given):
        raise ValueError("no")

    return [
        _value(_job(dg.ConfigMapping(broken, {"m": int})), {"m": 1}),
        _value(
            dg.graph(config=dg.ConfigMapping(broken, int), name="g")(_calls_number).to_job(), {"ops": {"config": 1}}
        ),
    ]


def _calls_number():
    number()


def case_function_that_gives_a_wrong_config() -> Any:
    wrong = dg.ConfigMapping(lambda given: {"ops": {"number": {"config": {"n": "text"}}}}, {"m": int})
    return _value(_job(wrong), {"m": 1})


def case_defaults() -> Any:
    def through(given):
        return {"ops": {"number": {"config": {"n": given["m"]}}}}

    job = _job(dg.ConfigMapping(through, {"m": dg.Field(int, default_value=9)}))
    return [_value(job), _value(job, {}), _value(job, {"m": 1})]


def case_default_of_a_scalar_config() -> Any:
    def through(given):
        return {"number": {"config": {"n": given}}}

    @dg.graph(config=dg.ConfigMapping(config_fn=through, config_schema=dg.Field(int, default_value=5)))
    def scalar():
        return number()

    @dg.job
    def job():
        inc(scalar())

    return [_value(job, None, "inc"), _value(job, {"ops": {"scalar": {"config": 8}}}, "inc")]


def case_processed_values() -> Any:
    def seen_by(**arguments):
        seen = []

        def through(given):
            seen.append(given)
            return {"ops": {"number": {"config": {"n": 1}}}}

        kind = dg.Enum(f"Kind{len(arguments)}", [dg.EnumValue("a", 1)])
        schema = {"e": kind, "d": dg.Field(int, default_value=7)}
        _value(_job(dg.ConfigMapping(through, schema, **arguments)), {"e": "a"})
        return seen[-1]

    return [seen_by(), seen_by(receive_processed_config_values=False)["e"]]


def case_configured_graph() -> Any:
    constant = mapped.configured({"m": 6}, name="constant")

    @dg.configured(mapped, config_schema=int)
    def doubled(given):
        return {"m": given * 2}

    @dg.job
    def first():
        inc(constant())

    @dg.job
    def second():
        inc(doubled())

    return [_value(first, None, "inc"), _value(second, {"ops": {"doubled": {"config": 8}}}, "inc"), doubled.name]


def case_configured_graph_without_a_mapping() -> Any:
    @dg.graph
    def plain():
        return number()

    return error_of(lambda: plain.configured({"m": 1}, name="other"))


def case_configured_graph_without_a_name() -> Any:
    return error_of(lambda: mapped.configured({"m": 1})) is not None


def case_fixed_config_of_a_graph() -> Any:
    @dg.graph(config={"number": {"config": {"n": 77}}})
    def fixed():
        return number()

    @dg.job
    def job():
        inc(fixed())

    return [
        _value(job, None, "inc"),
        _value(job, {"ops": {"fixed": {"ops": {"number": {"config": {"n": 1}}}}}}, "inc"),
        _value(fixed.to_job()),
    ]


def case_mapping_inside_a_mapping() -> Any:
    @dg.config_mapping(config_schema={"o": int})
    def outer_field(given):
        return {"mapped": {"config": {"m": given["o"] + 1}}}

    @dg.graph(config=outer_field)
    def outer():
        return mapped()

    @dg.job
    def job():
        inc(outer())

    return _value(job, {"ops": {"outer": {"config": {"o": 1}}}}, "inc")


def case_schema_is_told() -> Any:
    return [mapped.config_schema is not None, one_field.config_fn({"m": 2}), nested.config_mapping]


def case_inputs_of_a_nested_graph() -> Any:
    @dg.graph
    def passes(x):
        return inc(x)

    @dg.graph
    def deep(x):
        return passes(x)

    @dg.job
    def shallow():
        passes()

    @dg.job
    def deeper():
        deep()

    return [
        _value(shallow, {"ops": {"passes": {"inputs": {"x": {"value": 4}}}}}, "passes"),
        _value(shallow, {}, "passes"),
        _value(deeper, {"ops": {"deep": {"inputs": {"x": {"value": 4}}}}}, "deep"),
        _value(shallow, {"ops": {"passes": {"inputs": {"z": {"value": 4}}}}}, "passes"),
    ]


def case_inputs_of_a_graph_with_a_mapping() -> Any:
    @dg.graph(config=one_field)
    def both(x):
        number()
        return inc(x)

    @dg.job
    def job():
        both()

    given = {"ops": {"both": {"inputs": {"x": {"value": 4}}, "config": {"m": 1}}}}
    result = run(job, run_config=given)
    return [result.output_for_node("both"), result.output_for_node("both.number")]


def case_unknown_top_level_input() -> Any:
    @dg.graph
    def takes(x: int):
        return inc(x)

    return [
        _value(takes.to_job(), {"inputs": {"x": 3}}, "inc"),
        _value(takes.to_job(), {"inputs": {"x": 3, "z": 3}}, "inc"),
    ]


def case_mapping_function_must_take_the_config() -> Any:
    return error_of(lambda: dg.config_mapping(config_schema=int)(dict)) is not None
