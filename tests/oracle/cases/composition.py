"""Jobs, graphs, names, and how ops are wired."""

from typing import Any

from oracle_sut import chain_of, dg, error_of, failure_of, run, started, tell


@dg.op
def one() -> int:
    return 1


@dg.op
def inc(x: int) -> int:
    return x + 1


@dg.op
def add(a: int, b: int) -> int:
    return a + b


@dg.op
def total(xs: list[int]) -> int:
    return sum(xs)


def case_chain_values() -> Any:
    result = chain_of(one, inc, inc).execute_in_process()
    return [result.output_for_node(name) for name in ("one", "inc", "inc_2")]


def case_repeated_use_is_numbered() -> Any:
    @dg.job
    def job() -> None:
        inc(inc(inc(one())))

    return started(run(job))


def case_alias_names_the_step() -> Any:
    @dg.job
    def job() -> None:
        inc.alias("first")(inc.alias("second")(one()))

    result = run(job)
    return [started(result), result.output_for_node("first")]


def case_alias_and_plain_use_count_apart() -> Any:
    @dg.job
    def job() -> None:
        value = inc.alias("mine")(one())
        inc(inc(value))

    return started(run(job))


def case_diamond() -> Any:
    @dg.job
    def job() -> None:
        value = one()
        add(inc.alias("left")(value), inc.alias("right")(value))

    result = run(job)
    return [tell(result), result.output_for_node("add")]


def case_keyword_wiring() -> Any:
    @dg.job
    def job() -> None:
        add(b=inc(one()), a=one())

    return run(job).output_for_node("add")


def case_fan_in_list() -> Any:
    @dg.job
    def job() -> None:
        total([one.alias(f"one_{i}")() for i in range(3)])

    return run(job).output_for_node("total")


def case_default_of_an_input() -> Any:
    @dg.op
    def with_default(x: int = 7) -> int:
        return x

    @dg.job
    def job() -> None:
        with_default()

    return run(job).output_for_node("with_default")


def case_in_default_value_beats_signature() -> Any:
    @dg.op(ins={"x": dg.In(int, default_value=9)})
    def defaulted(x):
        return x

    @dg.job
    def job() -> None:
        defaulted()

    return run(job).output_for_node("defaulted")


def case_nested_graph_keys() -> Any:
    @dg.graph
    def inner(x):
        return inc(inc(x))

    @dg.graph
    def outer(x):
        return inner(inner(x))

    @dg.job
    def job() -> None:
        inc(outer(one()))

    result = run(job)
    return [started(result), result.output_for_node("outer.inner_2.inc_2"), result.output_for_node("outer.inner")]


def case_graph_with_several_outputs() -> Any:
    @dg.graph(out={"a": dg.GraphOut(), "b": dg.GraphOut()})
    def pair():
        first = one()
        return {"a": first, "b": inc(first)}

    @dg.job
    def job() -> None:
        got = pair()
        add(got.a, got.b)

    result = run(job)
    return [result.output_for_node("add"), result.output_for_node("pair", "b")]


def case_graph_outputs_as_tuple() -> Any:
    @dg.graph(out={"a": dg.GraphOut(), "b": dg.GraphOut()})
    def pair():
        first = one()
        return first, inc(first)

    @dg.job
    def job() -> None:
        a, b = pair()
        add(a, b)

    return run(job).output_for_node("add")


def case_to_job_takes_name_and_tags() -> Any:
    @dg.graph
    def body():
        inc(one())

    job = body.to_job(name="renamed", tags={"team": "x", "n": 3})
    return [job.name, dict(job.tags), run(job).output_for_node("inc")]


def case_graph_execute_in_process() -> Any:
    @dg.graph
    def body():
        return inc(one())

    result = body.execute_in_process()
    return [result.success, result.output_value()]


def case_job_that_returns_an_output() -> Any:
    def attempt():
        @dg.job
        def job():
            return inc(one())

    return error_of(attempt)


def case_output_value_of_graph_outputs() -> Any:
    @dg.graph(out={"a": dg.GraphOut(), "b": dg.GraphOut()})
    def body():
        return {"a": one(), "b": inc(one())}

    result = body.to_job().execute_in_process()
    return [result.output_value("a"), result.output_value("b"), error_of(lambda: result.output_value("c"))]


def case_graph_input_values() -> Any:
    @dg.graph
    def body(x):
        return inc(x)

    return [
        body.to_job(input_values={"x": 4}).execute_in_process().output_value(),
        body.to_job().execute_in_process(input_values={"x": 5}).output_value(),
        body.to_job(input_values={"x": 4}).execute_in_process(input_values={"x": 6}).output_value(),
    ]


def case_graph_input_from_top_level_config() -> Any:
    @dg.graph
    def body(x: int):
        return inc(x)

    return body.to_job().execute_in_process(run_config={"inputs": {"x": 5}}).output_value()


def case_order_only_with_nothing() -> Any:
    @dg.op(out=dg.Out(dg.Nothing))
    def b_first():
        pass

    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def a_second():
        return 5

    @dg.job
    def job() -> None:
        a_second(start=b_first())

    result = run(job)
    return [started(result), result.output_for_node("a_second")]


def case_nothing_waits_for_data() -> Any:
    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def after():
        return 5

    @dg.job
    def job() -> None:
        after(one())

    return started(run(job))


def case_nothing_fan_in() -> Any:
    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def after():
        return 5

    @dg.job
    def job() -> None:
        after([one(), inc(one())])

    return tell(run(job))


def case_nothing_unconnected() -> Any:
    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def free():
        return 5

    return run(chain_of(free)).output_for_node("free")


def case_none_annotation_is_nothing() -> Any:
    @dg.op
    def silent() -> None:
        pass

    @dg.op
    def reader(x):
        return x

    result = run(chain_of(silent, reader))
    return [tell(result), failure_of(result, "reader")[:1]]


def case_optional_annotation() -> Any:
    @dg.op
    def maybe() -> int | None:
        return None

    @dg.op
    def reader(x: int | None) -> str:
        return repr(x)

    return run(chain_of(maybe, reader)).output_for_node("reader")


def case_job_description_from_docstring() -> Any:
    @dg.job
    def job() -> None:
        """What it does."""
        one()

    @dg.op
    def described():
        """What the op does."""

    return [job.description, described.description]


def case_op_name_argument() -> Any:
    @dg.op(name="named")
    def anything():
        return 1

    return [anything.name, started(run(chain_of(anything)))]


def case_connecting_different_types_is_checked_at_run_time() -> Any:
    @dg.op
    def text() -> str:
        return "x"

    return tell(run(chain_of(text, inc)))


def case_op_called_outside_runs() -> Any:
    return [one(), inc(4), add(1, b=2)]


def case_op_factory() -> Any:
    def make(n: int):
        @dg.op(name=f"plus_{n}")
        def plus(x: int) -> int:
            return x + n

        return plus

    return run(chain_of(one, make(10), make(20))).output_for_node("plus_20")


def case_priority_order() -> Any:
    ops = [dg.op(name=f"op_{i}", tags={"dagster/priority": str(p)})(lambda: 1) for i, p in enumerate((1, 5, -2, 3))]

    @dg.job
    def job() -> None:
        for op in ops:
            op()

    return started(run(job))


def case_priority_is_an_integer() -> Any:
    ops = [dg.op(name=f"op_{i}", tags={"dagster/priority": str(p)})(lambda: 1) for i, p in enumerate((9, 10, 100))]

    @dg.job
    def job() -> None:
        for op in ops:
            op()

    return started(run(job))


def case_priority_of_an_invocation_beats_the_definition() -> Any:
    @dg.op(tags={"dagster/priority": "1"})
    def work():
        return 1

    @dg.job
    def job() -> None:
        work()
        work.tag({"dagster/priority": "5"}).alias("urgent")()

    return started(run(job))


def case_priority_on_the_job_has_no_effect() -> Any:
    @dg.op
    def a():
        return 1

    @dg.op(tags={"dagster/priority": "1"})
    def b():
        return 1

    @dg.job(tags={"dagster/priority": "99"})
    def job() -> None:
        a()
        b()

    return started(run(job))


def case_ready_step_overtakes_lower_priority() -> Any:
    @dg.op(tags={"dagster/priority": "1"})
    def a_first():
        return 1

    @dg.op(tags={"dagster/priority": "0"})
    def b_last():
        return 1

    @dg.op(tags={"dagster/priority": "2"})
    def z_next(x):
        return 1

    @dg.job
    def job() -> None:
        z_next(a_first())
        b_last()

    return started(run(job))


def case_priority_with_rising_tags_runs_batches_end_to_end() -> Any:
    @dg.op(out=dg.DynamicOut())
    def keys():
        for key in ("a", "b"):
            yield dg.DynamicOutput(key, key)

    @dg.op(tags={"dagster/priority": "1"})
    def first(x):
        return x

    @dg.op(tags={"dagster/priority": "2"})
    def second(x):
        return x

    @dg.job
    def job() -> None:
        keys().map(lambda x: second(first(x)))

    return started(run(job))


def case_without_priorities_stage_by_stage() -> Any:
    @dg.op(out=dg.DynamicOut())
    def a_keys():
        for key in ("a", "b"):
            yield dg.DynamicOutput(key, key)

    @dg.op
    def b_first(x):
        return x

    @dg.op
    def c_second(x):
        return x

    @dg.job
    def job() -> None:
        a_keys().map(lambda x: c_second(b_first(x)))

    return started(run(job))


def case_bad_priority_fails_when_the_run_starts() -> Any:
    @dg.op(tags={"dagster/priority": "soon"})
    def work():
        return 1

    def attempt():
        @dg.job
        def job() -> None:
            work()

        job.execute_in_process()

    return error_of(attempt) is not None


def case_with_hooks_and_tag_return_uses() -> Any:
    @dg.job
    def job() -> None:
        inc.tag({"a": "b"}).alias("tagged")(one())

    return run(job).output_for_node("tagged")
