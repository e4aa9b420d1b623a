"""Op selection in its full syntax."""

from typing import Any

from oracle_sut import dg, error_of, run, tell


@dg.op
def a():
    return 1


@dg.op
def b(x=0):
    return x + 1


@dg.op
def c(x=0):
    return x + 1


@dg.op
def d(x=0):
    return x + 1


@dg.op
def e(x=0, y=0):
    return x + y


@dg.job
def line():
    e(d(c(b(a()))), a.alias("z")())


def _selected(*clauses: str) -> Any:
    return tell(run(line, op_selection=list(clauses))).get("started")


def case_one_op() -> Any:
    return _selected("c")


def case_all_above() -> Any:
    return [_selected("*c"), _selected("*e")]


def case_all_below() -> Any:
    return [_selected("c*"), _selected("z*")]


def case_one_level() -> Any:
    return [_selected("+c"), _selected("c+")]


def case_two_levels() -> Any:
    return [_selected("++d"), _selected("b++")]


def case_both_sides() -> Any:
    return [_selected("+c+"), _selected("*c*"), _selected("+c*")]


def case_several_clauses() -> Any:
    return [_selected("a", "d"), _selected("*b", "e")]


def case_empty_list_selects_everything() -> Any:
    return _selected()


def case_unknown_or_malformed() -> Any:
    return [
        error_of(lambda s=s: run(line, op_selection=[s])) for s in ("nope", "*nope", "a b", "", "**a", "a**", "*+a")
    ]


def case_a_cut_input_takes_its_default() -> Any:
    return run(line, op_selection=["c"]).output_for_node("c")


def case_a_cut_input_without_a_value_is_refused() -> Any:
    @dg.op
    def first():
        return 1

    @dg.op
    def needs(x: int):
        return x

    @dg.job
    def job():
        needs(first())

    given = run(job, op_selection=["needs"], run_config={"ops": {"needs": {"inputs": {"x": 4}}}})
    return [error_of(lambda: job.execute_in_process(op_selection=["needs"])), given.output_for_node("needs")]


def case_a_graph_selects_its_ops() -> Any:
    @dg.graph
    def inner():
        return b(a())

    @dg.job
    def job():
        c(inner())
        d()

    return [tell(run(job, op_selection=[s])).get("started") for s in ("inner", "inner*", "*c", "d")]


def case_an_op_inside_a_graph() -> Any:
    @dg.graph
    def inner():
        return b(a())

    @dg.job
    def job():
        c(inner())

    return error_of(lambda: run(job, op_selection=["inner.b"]))


def case_a_mapped_op_with_all_above() -> Any:
    @dg.op(out=dg.DynamicOut())
    def numbers():
        yield dg.DynamicOutput(1, "k")

    @dg.job
    def job():
        c(numbers().map(b).collect())
        d()

    return tell(run(job, op_selection=["*b"]))


def case_a_clone_can_not_be_selected() -> Any:
    @dg.op(out=dg.DynamicOut())
    def numbers():
        yield dg.DynamicOutput(1, "k")

    @dg.job
    def job():
        numbers().map(b)

    return error_of(lambda: run(job, op_selection=["b[k]"]))


def case_cut_fan_in() -> Any:
    @dg.op
    def total(xs):
        return sum(xs)

    @dg.job
    def job():
        total([a(), a.alias("other")()])

    result = run(job, op_selection=["a", "total"])
    return [tell(result), result.output_for_node("total")]


def case_config_of_ops_left_out_may_stay_in_the_job() -> Any:
    @dg.op(config_schema=int)
    def configured(context):
        return context.op_config

    @dg.job(config={"ops": {"configured": {"config": 3}}})
    def job():
        configured()
        a()

    return tell(run(job, op_selection=["a"]))


def case_skipped_by_a_selection_is_not_started() -> Any:
    result = run(line, op_selection=["a"])
    return error_of(lambda: result.output_for_node("b"))
