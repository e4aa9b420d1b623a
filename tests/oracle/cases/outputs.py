"""What ops give: several outputs, optional ones, skips, and failures to give them."""

from collections import namedtuple
from collections.abc import Iterator
from typing import Any, NamedTuple

from oracle_sut import chain_of, dg, error_of, failure_of, job_of, run, tell


@dg.op
def echo(x):
    return x


@dg.op
def join(a, b):
    return [a, b]


@dg.op
def total(xs):
    return sum(xs)


def _branch(taken: tuple[str, ...]):
    @dg.op(out={"left": dg.Out(is_required=False), "right": dg.Out(is_required=False)})
    def branch():
        for name in taken:
            yield dg.Output(1, name)

    return branch


def case_several_outputs_yielded() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def pair():
        yield dg.Output(2, "b")
        yield dg.Output(1, "a")

    @dg.job
    def job():
        got = pair()
        join(got.a, got.b)

    return run(job).output_for_node("join")


def case_several_outputs_returned() -> Any:
    @dg.op(out={"a": dg.Out(int), "b": dg.Out(str)})
    def pair():
        return 1, "x"

    result = run(job_of(pair))
    return [result.output_for_node("pair", "a"), result.output_for_node("pair", "b")]


def case_several_outputs_with_tuple_annotation() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def pair() -> tuple[int, str]:
        return 1, "x"

    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def wrong() -> tuple[int, str]:
        return 1, 2

    return [run(job_of(pair)).success, failure_of(run(job_of(wrong)), "wrong")]


def case_namedtuple_annotation() -> Any:
    class Pair(NamedTuple):
        a: int
        b: str

    def attempt():
        @dg.op(out={"a": dg.Out(), "b": dg.Out()})
        def pair() -> Pair:
            return Pair(1, "x")

        assert run(job_of(pair)).output_for_node("pair", "b") == "x"

    return error_of(attempt)


def case_untyped_namedtuple_returned() -> Any:
    Pair = namedtuple("Pair", "a b")

    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def pair():
        return Pair(1, 2)

    return run(job_of(pair)).output_for_node("pair", "a")


def case_returned_tuple_of_wrong_length() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def pair():
        return 1, 2, 3

    return failure_of(run(job_of(pair)), "pair")


def case_one_value_for_two_outputs() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def pair():
        return 1

    return failure_of(run(job_of(pair)), "pair")


def case_output_object_returned() -> Any:
    @dg.op
    def wrapped() -> dg.Output[int]:
        return dg.Output(5, metadata={"n": 1})

    result = run(job_of(wrapped))
    return [result.success, result.output_for_node("wrapped")]


def case_output_annotation_wants_an_output() -> Any:
    @dg.op
    def wrapped() -> dg.Output[int]:
        return 5

    return failure_of(run(job_of(wrapped)), "wrapped")


def case_output_annotation_is_checked() -> Any:
    @dg.op
    def wrapped() -> dg.Output[int]:
        return dg.Output("x")

    return failure_of(run(job_of(wrapped)), "wrapped")


def case_plain_annotation_refuses_an_output() -> Any:
    @dg.op
    def wrapped() -> int:
        return dg.Output(5)

    return tell(run(job_of(wrapped)))


def case_outputs_returned_in_a_tuple() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def pair():
        return dg.Output(1, "a"), dg.Output(2, "b")

    return run(job_of(pair)).output_for_node("pair", "b")


def case_output_with_the_wrong_name_returned() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def pair():
        return dg.Output(1, "b"), dg.Output(2, "a")

    return failure_of(run(job_of(pair)), "pair")


def case_required_output_missing() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()}, retry_policy=dg.RetryPolicy(max_retries=2))
    def pair():
        yield dg.Output(1, "a")

    result = run(job_of(pair))
    return [tell(result), failure_of(result, "pair")]


def case_bare_value_yielded() -> Any:
    @dg.op
    def bad():
        yield 5

    return failure_of(run(job_of(bad)), "bad")


def case_unknown_output_yielded() -> Any:
    @dg.op
    def bad():
        yield dg.Output(1, "nope")

    return failure_of(run(job_of(bad)), "bad")


def case_output_yielded_twice() -> Any:
    @dg.op
    def bad():
        yield dg.Output(1)
        yield dg.Output(2)

    return failure_of(run(job_of(bad)), "bad")


def case_generator_with_one_output() -> Any:
    @dg.op
    def single() -> Iterator[dg.Output]:
        yield dg.AssetMaterialization("thing")
        yield dg.ExpectationResult(success=False, label="check")
        yield dg.Output(5)

    result = run(chain_of(single, echo))
    kinds = [e.event_type_value for e in result.events_for_node("single")]
    return [
        result.output_for_node("echo"),
        [k for k in kinds if k in ("ASSET_MATERIALIZATION", "STEP_EXPECTATION_RESULT")],
    ]


def case_no_return_value_is_none() -> Any:
    @dg.op
    def nothing_said():
        pass

    return run(chain_of(nothing_said, echo)).output_for_node("echo")


def case_branch_taken_and_skipped() -> Any:
    branch = _branch(("left",))

    @dg.job
    def job():
        left, right = branch()
        echo.alias("l2")(echo.alias("l")(left))
        echo.alias("r2")(echo.alias("r")(right))

    return tell(run(job))


def case_join_of_taken_and_skipped_is_skipped() -> Any:
    branch = _branch(("left",))

    @dg.job
    def job():
        left, right = branch()
        join(echo.alias("l")(left), echo.alias("r")(right))

    return tell(run(job))


def case_default_does_not_save_from_a_skip() -> Any:
    branch = _branch(())

    @dg.op
    def defaulted(x=3):
        return x

    @dg.job
    def job():
        left, _ = branch()
        defaulted(left)

    return tell(run(job))


def case_fan_in_drops_skipped_members() -> Any:
    branch = _branch(("left",))

    @dg.job
    def job():
        left, right = branch()
        total([echo.alias("l")(left), echo.alias("r")(right)])

    result = run(job)
    return [tell(result), result.output_for_node("total")]


def case_fan_in_of_skipped_members_alone_is_skipped() -> Any:
    branch = _branch(())

    @dg.job
    def job():
        left, right = branch()
        total([echo.alias("l")(left), echo.alias("r")(right)])

    return tell(run(job))


def case_skip_runs_through_nested_graphs() -> Any:
    branch = _branch(())

    @dg.graph
    def inner(x):
        return echo(echo(x))

    @dg.job
    def job():
        left, _ = branch()
        echo(inner(left))

    return tell(run(job))


def case_nothing_input_skips() -> Any:
    branch = _branch(())

    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def after():
        return 1

    @dg.job
    def job():
        left, _ = branch()
        after(left)

    return tell(run(job))


def _failing():
    @dg.op
    def broken():
        raise ValueError("broken")

    return broken


def case_failure_leaves_readers_untouched() -> Any:
    broken = _failing()

    @dg.op
    def free():
        return 1

    @dg.job
    def job():
        echo.alias("reader")(broken())
        echo.alias("other")(free())

    return tell(run(job))


def case_failed_member_blocks_a_fan_in() -> Any:
    broken = _failing()

    @dg.op
    def free():
        return 1

    @dg.job
    def job():
        total([free(), broken()])

    return tell(run(job))


def case_failure_and_skip_on_plain_inputs() -> Any:
    broken, branch = _failing(), _branch(())

    @dg.job
    def job():
        left, _ = branch()
        join(left, broken())

    return tell(run(job))


def case_failure_and_skip_in_a_fan_in() -> Any:
    broken, branch = _failing(), _branch(())

    @dg.job
    def job():
        left, _ = branch()
        total([left, broken()])

    return tell(run(job))


def case_failure_after_an_output() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out(is_required=False)})
    def partial():
        yield dg.Output(1, "a")
        raise ValueError("late")

    @dg.job
    def job():
        a, _ = partial()
        echo(a)

    return tell(run(job))


def case_raise_on_error_raises_the_users_exception() -> Any:
    class Mine(Exception):
        pass

    @dg.op
    def broken():
        raise Mine("x")

    return error_of(lambda: job_of(broken).execute_in_process())


def case_raise_on_error_stops_at_the_first_failure() -> Any:
    seen = []

    @dg.op(tags={"dagster/priority": "2"})
    def a_broken():
        raise ValueError("x")

    @dg.op(tags={"dagster/priority": "1"})
    def b_free():
        seen.append("b_free")

    return [error_of(lambda: job_of(a_broken, b_free).execute_in_process()), seen]


def case_failure_error_chain() -> Any:
    return failure_of(run(job_of(_failing())), "broken")


def case_chained_causes() -> Any:
    @dg.op
    def broken():
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    return failure_of(run(job_of(broken)), "broken")


def case_missing_output_for_node() -> Any:
    result = run(job_of(_failing()))
    return [error_of(lambda: result.output_for_node("broken")), error_of(lambda: result.output_for_node("nowhere"))]


def case_result_tells_of_nodes() -> Any:
    broken, branch = _failing(), _branch(("left",))

    @dg.job
    def job():
        left, right = branch()
        echo.alias("l")(left)
        echo.alias("r")(right)
        echo.alias("never")(broken())

    result = run(job)
    names = ("branch", "l", "r", "broken", "never")
    return {
        "success": [n for n in names if result.is_node_success(n)],
        "failed": [n for n in names if result.is_node_failed(n)],
        "skipped": [n for n in names if result.is_node_skipped(n)],
        "untouched": [n for n in names if result.is_node_untouched(n)],
    }


def case_nothing_output_yields_nothing() -> Any:
    @dg.op(out=dg.Out(dg.Nothing))
    def silent():
        return 5

    return tell(run(job_of(silent)))


def case_async_op() -> Any:
    @dg.op
    async def later():
        return 7

    return run(chain_of(later, echo)).output_for_node("echo")


def case_async_generator_op() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    async def later():
        yield dg.Output(1, "a")
        yield dg.Output(2, "b")

    return run(job_of(later)).output_for_node("later", "b")


def case_output_metadata_arguments() -> Any:
    output = dg.Output(1, "x", metadata={"a": 1})
    return [output.value, output.output_name, sorted(output.metadata), dg.Output(1).output_name]


def case_asset_materialization_returned() -> Any:
    @dg.op
    def bad():
        return dg.AssetMaterialization("x")

    return failure_of(run(job_of(bad)), "bad")


def case_op_without_outputs() -> Any:
    @dg.op(out={})
    def quiet():
        pass

    @dg.op(out={})
    def loud():
        return 3

    return [tell(run(job_of(quiet))), failure_of(run(job_of(loud)), "loud")]
