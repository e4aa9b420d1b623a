"""Dynamic outputs: map, collect, and what becomes of clones."""

from typing import Any, NamedTuple

from oracle_sut import dg, error_of, failure_of, job_of, run, started, tell


def _numbers(*keys: str, required: bool = True):
    @dg.op(out=dg.DynamicOut(is_required=required))
    def numbers():
        for i, key in enumerate(keys):
            yield dg.DynamicOutput(i, key)

    return numbers


@dg.op
def inc(x):
    return x + 1


@dg.op
def double(x):
    return x * 2


@dg.op
def gather(xs):
    return list(xs)


@dg.op
def one():
    return 1


def _breaks_on(value: int):
    @dg.op
    def work(x):
        if x == value:
            raise ValueError("broken")
        return x

    return work


def _skips_on(*values: int):
    @dg.op(out=dg.Out(is_required=False))
    def work(x):
        if x not in values:
            yield dg.Output(x)

    return work


def case_map_and_collect() -> Any:
    numbers = _numbers("a", "b", "c")

    @dg.job
    def job():
        gather(numbers().map(inc).collect())

    result = run(job)
    return [tell(result), result.output_for_node("inc"), result.output_for_node("gather")]


def case_collect_is_in_the_order_of_the_keys_as_yielded() -> Any:
    numbers = _numbers("z", "a", "m")

    @dg.job
    def job():
        gather(numbers().map(inc).collect())

    return run(job).output_for_node("gather")


def case_chained_maps() -> Any:
    numbers = _numbers("a", "b")

    @dg.job
    def job():
        gather(numbers().map(inc).map(double).map(inc.alias("again")).collect())

    result = run(job)
    return [tell(result), result.output_for_node("gather")]


def case_collect_without_map() -> Any:
    numbers = _numbers("a", "b")

    @dg.job
    def job():
        gather(numbers().collect())

    return run(job).output_for_node("gather")


def case_lambda_with_several_ops() -> Any:
    numbers = _numbers("a", "b")

    @dg.job
    def job():
        gather(numbers().map(lambda x: double(inc(x))).collect())

    return run(job).output_for_node("gather")


def case_map_returning_a_tuple() -> Any:
    numbers = _numbers("a", "b")

    @dg.job
    def job():
        lows, highs = numbers().map(lambda x: (inc(x), double(x)))
        gather.alias("low")(lows.collect())
        gather.alias("high")(highs.map(inc).collect())

    result = run(job)
    return [result.output_for_node("low"), result.output_for_node("high")]


def case_map_returning_none() -> Any:
    numbers = _numbers("a")

    def attempt():
        @dg.job
        def job():
            numbers().map(lambda x: None).collect()

    @dg.job
    def fine():
        numbers().map(lambda x: None)

    return [tell(run(fine)), error_of(attempt) is not None]


def case_map_returning_its_argument() -> Any:
    numbers = _numbers("a", "b")

    @dg.job
    def job():
        gather(numbers().map(lambda x: x).collect())

    return run(job).output_for_node("gather")


def case_map_returning_a_constant() -> Any:
    numbers = _numbers("a")

    def attempt():
        @dg.job
        def job():
            numbers().map(lambda x: 5)

    return error_of(attempt) is not None


def case_op_in_the_callable_without_the_element() -> Any:
    numbers = _numbers("a", "b")

    @dg.op
    def pair(x, y):
        return [x, y]

    @dg.job
    def job():
        gather(numbers().map(lambda x: pair(x, one())).collect())

    result = run(job)
    return [tell(result), result.output_for_node("gather")]


def case_outside_value_in_the_callable() -> Any:
    numbers = _numbers("a", "b")

    @dg.op
    def pair(x, y):
        return [x, y]

    @dg.job
    def job():
        outside = one()
        gather(numbers().map(lambda x: pair(x, outside)).collect())

    return run(job).output_for_node("gather")


def case_the_callable_is_called_once() -> Any:
    numbers, calls = _numbers("a", "b", "c"), []

    def body(x):
        calls.append(1)
        return inc(x)

    @dg.job
    def job():
        numbers().map(body)

    return [len(calls), tell(run(job))]


def case_returned_list() -> Any:
    @dg.op(out=dg.DynamicOut())
    def numbers():
        return [dg.DynamicOutput(1, "a"), dg.DynamicOutput(2, "b")]

    @dg.job
    def job():
        gather(numbers().map(inc).collect())

    return run(job).output_for_node("gather")


def case_annotation_makes_it_dynamic() -> Any:
    @dg.op
    def numbers() -> list[dg.DynamicOutput[int]]:
        return [dg.DynamicOutput(1, "a"), dg.DynamicOutput(2, "b")]

    @dg.job
    def job():
        gather(numbers().map(inc).collect())

    return run(job).output_for_node("gather")


def case_annotation_of_values_is_checked() -> Any:
    @dg.op(out=dg.DynamicOut())
    def numbers() -> list[dg.DynamicOutput[int]]:
        return [dg.DynamicOutput("x", "a")]

    return failure_of(run(job_of(numbers)), "numbers")


def case_several_dynamic_outputs_yielded() -> Any:
    @dg.op(out={"low": dg.DynamicOut(), "high": dg.DynamicOut()})
    def numbers():
        yield dg.DynamicOutput(1, "a", output_name="low")
        yield dg.DynamicOutput(10, "a", output_name="high")
        yield dg.DynamicOutput(2, "b", output_name="low")

    @dg.job
    def job():
        got = numbers()
        gather.alias("lows")(got.low.map(inc).collect())
        gather.alias("highs")(got.high.map(inc.alias("inc_high")).collect())

    result = run(job)
    return [result.output_for_node("lows"), result.output_for_node("highs")]


def case_several_dynamic_outputs_as_namedtuple() -> Any:
    class Parts(NamedTuple):
        low: list[Any]
        high: list[Any]

    @dg.op(out={"low": dg.DynamicOut(), "high": dg.DynamicOut()})
    def numbers():
        return Parts([dg.DynamicOutput(1, "a")], [dg.DynamicOutput(2, "b"), dg.DynamicOutput(3, "c")])

    @dg.job
    def job():
        got = numbers()
        gather.alias("lows")(got.low.collect())
        gather.alias("highs")(got.high.collect())

    result = run(job)
    return [result.output_for_node("lows"), result.output_for_node("highs")]


def case_several_dynamic_outputs_by_annotation() -> Any:
    @dg.op(out={"low": dg.DynamicOut(), "high": dg.DynamicOut()})
    def numbers() -> tuple[list[dg.DynamicOutput[int]], list[dg.DynamicOutput[str]]]:
        return [dg.DynamicOutput(1, "a")], [dg.DynamicOutput("x", "b")]

    @dg.job
    def job():
        low, high = numbers()
        gather.alias("lows")(low.collect())
        gather.alias("highs")(high.collect())

    result = run(job)
    return [result.output_for_node("lows"), result.output_for_node("highs")]


def case_dynamic_and_plain_output_together() -> Any:
    @dg.op(out={"count": dg.Out(), "parts": dg.DynamicOut()})
    def numbers():
        yield dg.Output(2, "count")
        yield dg.DynamicOutput(5, "a", output_name="parts")

    @dg.op
    def scale(x, by):
        return x * by

    @dg.job
    def job():
        got = numbers()
        gather(got.parts.map(lambda x: scale(x, got.count)).collect())

    return run(job).output_for_node("gather")


def case_nothing_yielded_from_a_required_one() -> Any:
    numbers = _numbers()

    @dg.job
    def job():
        gather(numbers().map(inc).map(double).collect())

    result = run(job)
    return [tell(result), result.output_for_node("gather")]


def case_nothing_yielded_from_an_optional_one() -> Any:
    numbers = _numbers(required=False)

    @dg.job
    def job():
        gather(numbers().map(inc).collect())

    return tell(run(job))


def case_producer_failed() -> Any:
    @dg.op(out=dg.DynamicOut())
    def numbers():
        yield dg.DynamicOutput(1, "a")
        raise ValueError("late")

    @dg.job
    def job():
        gather(numbers().map(inc).collect())

    return tell(run(job))


def case_producer_skipped() -> Any:
    @dg.op(out=dg.Out(is_required=False))
    def maybe():
        if False:
            yield

    @dg.op(out=dg.DynamicOut())
    def numbers(x):
        yield dg.DynamicOutput(1, "a")

    @dg.job
    def job():
        gather(numbers(maybe()).map(inc).collect())

    return tell(run(job))


def case_one_clone_fails() -> Any:
    numbers, work = _numbers("a", "b", "c"), _breaks_on(1)

    @dg.job
    def job():
        values = numbers()
        gather(values.map(lambda x: inc(work(x))).collect())
        gather.alias("other")(values.map(double).collect())

    return tell(run(job))


def case_one_clone_skipped() -> Any:
    numbers, work = _numbers("a", "b", "c"), _skips_on(1)

    @dg.job
    def job():
        gather(numbers().map(lambda x: inc(work(x))).collect())

    result = run(job)
    return [tell(result), result.output_for_node("gather")]


def case_all_clones_skipped() -> Any:
    numbers, work = _numbers("a", "b"), _skips_on(0, 1)

    @dg.job
    def job():
        gather(numbers().map(work).collect())

    return tell(run(job))


def case_bad_mapping_keys() -> Any:
    bad = ["a-b", "a.b", "", "a b", "ä", "a/b"]
    return {key: error_of(lambda key=key: dg.DynamicOutput(1, key)) for key in bad}


def case_good_mapping_keys() -> Any:
    return [dg.DynamicOutput(1, key).mapping_key for key in ("a", "_", "9", "A_1", "x" * 200)]


def case_duplicate_key() -> Any:
    numbers = _numbers("a", "a")
    return failure_of(run(job_of(numbers)), "numbers")


def case_output_on_a_dynamic_out() -> Any:
    @dg.op(out=dg.DynamicOut())
    def numbers():
        yield dg.Output(1)

    return failure_of(run(job_of(numbers)), "numbers")


def case_dynamic_output_on_a_plain_out() -> Any:
    @dg.op
    def numbers():
        yield dg.DynamicOutput(1, "a")

    return failure_of(run(job_of(numbers)), "numbers")


def case_a_value_returned_for_a_dynamic_out() -> Any:
    @dg.op(out=dg.DynamicOut())
    def numbers():
        return 5

    @dg.op(out=dg.DynamicOut())
    def listed():
        return [1, 2]

    return [failure_of(run(job_of(numbers)), "numbers"), failure_of(run(job_of(listed)), "listed")]


def case_dynamic_passed_straight_to_an_op() -> Any:
    numbers = _numbers("a")

    def straight():
        @dg.job
        def job():
            inc(numbers())

    def mapped():
        @dg.job
        def job():
            gather(numbers().map(inc))

    def in_a_list():
        @dg.job
        def job():
            gather([numbers()])

    return [error_of(straight), error_of(mapped), error_of(in_a_list)]


def case_map_of_a_plain_output() -> Any:
    def attempt():
        @dg.job
        def job():
            one().map(inc)

    return error_of(attempt) is not None


def case_dynamic_below_dynamic() -> Any:
    numbers = _numbers("a")

    @dg.op(out=dg.DynamicOut())
    def more(x):
        yield dg.DynamicOutput(x, "k")

    def mapped():
        @dg.job
        def job():
            numbers().map(more)

        job.execute_in_process()

    def mapped_again():
        @dg.job
        def job():
            numbers().map(lambda x: more(x).map(inc))

        job.execute_in_process()

    return [error_of(mapped), error_of(mapped_again)]


def case_get_mapping_key() -> Any:
    numbers, seen = _numbers("a", "b"), []

    @dg.op
    def mapped(context, x):
        seen.append(context.get_mapping_key())

    @dg.op
    def plain(context):
        seen.append(context.get_mapping_key())

    @dg.job
    def job():
        numbers().map(mapped)
        plain()

    run(job)
    return sorted(seen, key=str)


def case_output_for_node_of_the_dynamic_op() -> Any:
    numbers = _numbers("a", "b")
    return run(job_of(numbers)).output_for_node("numbers")


def case_dynamic_out_of_a_nested_graph() -> Any:
    numbers = _numbers("a", "b")

    @dg.graph
    def source():
        return numbers()

    @dg.job
    def job():
        gather(source().map(inc).collect())

    result = run(job)
    return [tell(result), result.output_for_node("gather")]


def case_graph_used_as_the_mapped_callable() -> Any:
    numbers = _numbers("a", "b")

    @dg.graph
    def both(x):
        return double(inc(x))

    @dg.job
    def job():
        gather(numbers().map(both).collect())

    result = run(job)
    return [tell(result), result.output_for_node("gather")]


def case_map_inside_a_nested_graph() -> Any:
    numbers = _numbers("k1", "k2")

    @dg.graph
    def inner():
        return gather(numbers().map(inc).collect())

    @dg.job
    def job():
        gather.alias("outer")(inner())

    result = run(job)
    return [tell(result), result.output_for_node("outer")]


def case_suffix_stands_before_the_bracket() -> Any:
    numbers = _numbers("a")

    @dg.job
    def job():
        numbers().map(lambda x: inc(inc(x)))

    return started(run(job))


def case_fan_in_of_collects() -> Any:
    numbers = _numbers("a", "b")

    def attempt():
        @dg.job
        def job():
            got = numbers()
            gather([got.map(inc).collect(), got.map(double).collect()])

    return error_of(attempt)


def case_collect_twice_and_reuse() -> Any:
    numbers = _numbers("a", "b")

    @dg.job
    def job():
        values = numbers().map(inc)
        gather(values.collect())
        gather.alias("again")(values.map(double).collect())

    result = run(job)
    return [result.output_for_node("gather"), result.output_for_node("again")]


def case_two_dynamic_ops_side_by_side() -> Any:
    numbers = _numbers("a", "b")

    @dg.op
    def cross(xs, ys):
        return [xs, ys]

    @dg.job
    def job():
        cross(numbers().map(inc).collect(), numbers.alias("more")().map(double).collect())

    return run(job).output_for_node("cross")


def case_mixing_two_maps() -> Any:
    numbers = _numbers("a")

    @dg.op
    def cross(x, y):
        return [x, y]

    def attempt():
        @dg.job
        def job():
            numbers().map(lambda x: numbers.alias("more")().map(lambda y: cross(x, y)))

    return error_of(attempt) is not None


def case_priorities_by_mapped_op() -> Any:
    numbers = _numbers("a", "b", "c")

    @dg.op(tags={"dagster/priority": "3"})
    def late(x):
        return x

    @dg.op(tags={"dagster/priority": "1"})
    def early(x):
        return x

    @dg.job
    def job():
        numbers().map(lambda x: late(early(x)))

    return started(run(job))
