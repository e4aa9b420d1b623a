"""Every misuse refused where it is written."""

from typing import Any

from oracle_sut import dg, error_of


@dg.op
def one():
    return 1


@dg.op
def inc(x):
    return x + 1


@dg.op
def add(a, b):
    return a + b


@dg.op
def total(xs):
    return sum(xs)


@dg.op(out={"a": dg.Out(), "b": dg.Out()})
def pair():
    return 1, 2


def _refused(body: Any) -> Any:
    def attempt():
        @dg.job
        def job():
            body()

    return error_of(attempt)


def case_two_ops_of_one_name() -> Any:
    other = dg.op(name="one")(lambda: 2)

    def body():
        one()
        other()

    return _refused(body)


def case_duplicate_alias() -> Any:
    def body():
        one.alias("x")()
        one.alias("x")()

    return _refused(body)


def case_alias_equal_to_another_op() -> Any:
    def body():
        one()
        inc.alias("one")(one.alias("b")())

    return _refused(body)


def case_alias_of_an_op_with_the_same_name_as_another_definition() -> Any:
    other = dg.op(name="one")(lambda: 2)

    def body():
        one.alias("first")()
        other.alias("second")()

    return _refused(body)


def case_invalid_names() -> Any:
    names = ["a-b", "a b", "a.b", "context", "config", "input", "output", "", "type", "for"]
    return {name: error_of(lambda name=name: dg.op(name=name)(lambda: 1)) for name in names}


def case_odd_names_allowed() -> Any:
    names = ["9a", "_a", "A", "class_", "__x__", "1"]
    return {name: error_of(lambda name=name: dg.op(name=name)(lambda: 1)) for name in names}


def case_invalid_alias() -> Any:
    def body():
        one.alias("a-b")()

    return _refused(body)


def case_invalid_job_name() -> Any:
    return error_of(lambda: dg.job(name="a-b")(lambda: None))


def case_constant_passed() -> Any:
    return [
        _refused(lambda: inc(5)),
        _refused(lambda: inc("x")),
        _refused(lambda: inc(None)),
        _refused(lambda: inc({})),
    ]


def case_constant_in_a_list() -> Any:
    return _refused(lambda: total([one(), 5]))


def case_tuple_for_a_fan_in() -> Any:
    return _refused(lambda: total((one(), one())))


def case_same_output_twice_in_a_list() -> Any:
    def body():
        value = one()
        total([value, value])

    return _refused(body)


def case_whole_multi_output_passed() -> Any:
    return _refused(lambda: inc(pair()))


def case_op_passed_uncalled() -> Any:
    return _refused(lambda: inc(one))


def case_too_many_arguments() -> Any:
    return _refused(lambda: inc(one(), one()))


def case_unknown_keyword() -> Any:
    return _refused(lambda: inc(y=one()))


def case_input_given_twice() -> Any:
    return _refused(lambda: inc(one(), x=one())) is not None


def case_var_args_in_an_op() -> Any:
    def attempt():
        @dg.op
        def work(*args):
            pass

    return error_of(attempt)


def case_in_without_a_parameter() -> Any:
    def attempt():
        @dg.op(ins={"y": dg.In(int)})
        def work(x):
            pass

    return error_of(attempt)


def case_nothing_input_with_a_parameter() -> Any:
    def attempt():
        @dg.op(ins={"x": dg.In(dg.Nothing)})
        def work(x):
            pass

    return error_of(attempt)


def case_reserved_input_name() -> Any:
    def attempt():
        @dg.op
        def work(context, input):
            pass

    return error_of(attempt)


def case_reserved_output_name() -> Any:
    def attempt():
        @dg.op(out={"a-b": dg.Out()})
        def work():
            pass

    return error_of(attempt)


def case_tuple_annotation_of_wrong_length() -> Any:
    def attempt():
        @dg.op(out={"a": dg.Out(), "b": dg.Out()})
        def work() -> tuple[int, int, int]:
            return 1, 2, 3

    return error_of(attempt)


def case_config_twice() -> Any:
    class Settings(dg.Config):
        n: int

    def attempt():
        @dg.op(config_schema=int)
        def work(config: Settings):
            pass

    return error_of(attempt)


def case_graph_that_returns_a_constant() -> Any:
    def attempt():
        @dg.graph
        def body():
            return 5

    return error_of(attempt)


def case_graph_outputs_that_do_not_match() -> Any:
    def attempt():
        @dg.graph(out={"a": dg.GraphOut(), "b": dg.GraphOut()})
        def body():
            return {"a": one()}

    return error_of(attempt)


def case_graph_declares_and_returns_nothing() -> Any:
    def attempt():
        @dg.graph(out={"a": dg.GraphOut()})
        def body():
            one()

    return error_of(attempt)


def case_graph_two_outputs_undeclared() -> Any:
    def attempt():
        @dg.graph
        def body():
            return one(), inc(one())

    return error_of(attempt)


def case_graph_in_without_a_parameter() -> Any:
    def attempt():
        @dg.graph(ins={"y": dg.GraphIn()})
        def body(x):
            return inc(x)

    return error_of(attempt)


def case_unpacking_a_single_output() -> Any:
    def body():
        left, right = one()
        add(left, right)

    return _refused(body) is not None


def case_looping_over_a_dynamic_output() -> Any:
    @dg.op(out=dg.DynamicOut())
    def numbers():
        yield dg.DynamicOutput(1, "a")

    def body():
        for value in numbers():
            inc(value)

    return _refused(body) is not None


def case_indexing_an_output() -> Any:
    return _refused(lambda: inc(one()[0])) is not None


def case_attribute_of_an_output() -> Any:
    return _refused(lambda: inc(one().value)) is not None


def case_tags_that_are_not_json() -> Any:
    bad = {"tuple": (1, 2), "set": {1}, "nan": float("nan"), "int key": {1: 2}, "object": object()}
    return {what: error_of(lambda v=v: dg.op(name="w", tags={"k": v})(lambda: 1)) for what, v in bad.items()}


def case_tags_are_json_encoded() -> Any:
    work = dg.op(name="work", tags={"s": "x", "n": 3, "d": {"a": [1, None]}, "t": True, "z": None})(lambda: 1)
    return dict(work.tags)


def case_calling_a_graph_outside() -> Any:
    @dg.graph
    def body():
        one()

    return error_of(lambda: body())


def case_calling_a_job() -> Any:
    @dg.job
    def job():
        one()

    return error_of(lambda: job()) is not None


def case_unknown_job_input_value() -> Any:
    @dg.graph
    def body(x):
        return inc(x)

    return error_of(lambda: body.to_job(input_values={"nope": 1}))


def case_out_is_not_an_out() -> Any:
    return error_of(lambda: dg.op(name="w", out={"a": 5})(lambda: 1)) is not None


def case_bad_type() -> Any:
    return [
        error_of(lambda: dg.op(name="w", ins={"x": dg.In(5)})(lambda x: 1)) is not None,
        error_of(lambda: dg.op(name="w", out=dg.Out(5))(lambda: 1)) is not None,
    ]


def case_empty_job_is_allowed() -> Any:
    return _refused(lambda: None)


def case_input_that_nothing_can_fill() -> Any:
    @dg.op
    def typed(x: int):
        return x

    return {"untyped": _refused(lambda: add(one())), "typed": _refused(lambda: typed())}
