"""What contexts refuse, and what they say about it."""

from typing import Any

import pytest

import kedge as dg


def in_a_run(look: Any) -> Any:
    found = []

    @dg.op
    def work(context: dg.OpExecutionContext) -> None:
        found.append(look(context))

    @dg.job
    def job() -> None:
        work()

    job.execute_in_process()
    return found[0]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pdb", r"use breakpoint\(\)"),
        ("file_manager", "the I/O manager stores it"),
        ("repository_def", "no repositories"),
        ("partition_key_range", r"use context\.partition_key"),
        ("partition_time_window", "partitions by time"),
        ("multi_partition_key", "several dimensions"),
        ("asset_key", "no software-defined assets; log an AssetMaterialization"),
        ("asset_partition_key_for_output", "no software-defined assets"),
        ("load_asset_value", "no software-defined assets"),
        ("consume_events", r"result\.events_for_node"),
    ],
)
def test_what_a_context_does_not_have_says_why(name: str, why: str) -> None:
    def look(context: dg.OpExecutionContext) -> None:
        with pytest.raises(dg.DagsterInvalidPropertyError, match=why):
            getattr(context, name)

    in_a_run(look)


def test_a_name_that_nobody_has_is_an_attribute_error() -> None:
    assert in_a_run(lambda context: hasattr(context, "nope")) is False


def test_an_unknown_output_is_named_with_those_there_are() -> None:
    def look(context: dg.OpExecutionContext) -> None:
        with pytest.raises(dg.DagsterInvariantViolationError, match="op work has no output 'x'; it has result"):
            context.add_output_metadata({"n": 1}, "x")

    in_a_run(look)


def test_a_value_is_no_event() -> None:
    def look(context: dg.OpExecutionContext) -> None:
        with pytest.raises(dg.CheckError, match="outputs are returned or yielded"):
            context.log_event(dg.Output(1))

    in_a_run(look)


def test_the_context_of_a_run_is_none_for_a_direct_call() -> None:
    @dg.op
    def inner(context: dg.OpExecutionContext) -> None: ...

    def look(context: dg.OpExecutionContext) -> None:
        with pytest.raises(dg.DagsterInvalidInvocationError, match="called within step work"):
            inner.invoke_directly(context)

    in_a_run(look)


def test_a_direct_context_says_what_it_can_not_know() -> None:
    context = dg.build_op_context()
    with pytest.raises(dg.DagsterInvalidPropertyError, match="run it in a job with execute_in_process"):
        _ = context.job_name
    with pytest.raises(dg.DagsterInvalidPropertyError, match="only while an op runs"):
        _ = context.op_def


def test_a_range_of_partitions_is_refused() -> None:
    with pytest.raises(dg.DagsterInvalidInvocationError, match="one partition at a time"):
        dg.build_op_context(partition_key_range=("a", "b"))


def test_a_direct_context_may_be_a_retry() -> None:
    @dg.op
    def work(context: dg.OpExecutionContext) -> int:
        return context.retry_number

    assert work(dg.build_op_context(retry_number=2)) == 2


def test_extra_and_levels_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="kedge"):
        in_a_run(lambda context: context.log.log("WARNING", "to %s", "you", extra={"mine": 1}))
    (record,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert record.getMessage() == "work - to you"
    assert record.mine == 1  # type: ignore[attr-defined]
    assert record.kedge_step == "work"  # type: ignore[attr-defined]


def test_a_context_of_a_built_op_is_captured_by_the_log_too(caplog: pytest.LogCaptureFixture) -> None:
    @dg.op
    def work(context: dg.OpExecutionContext) -> None:
        context.log.info("hello")

    with caplog.at_level("INFO", logger="kedge"):
        work(dg.build_op_context())
    assert [record.getMessage() for record in caplog.records] == ["work - hello"]
