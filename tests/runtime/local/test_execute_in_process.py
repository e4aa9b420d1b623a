"""What the in-process engine does of its own: selection inside graphs, definition order, values, teardown."""

import logging
import pickle
import time
from typing import Any

import pytest

import kedge as dg
from kedge.core.errors import ConfigFault


@dg.op
def one() -> int:
    return 1


@dg.op
def inc(x: int = 0) -> int:
    return x + 1


def started(result: dg.ExecuteInProcessResult) -> list[str | None]:
    return [event.step_key for event in result.all_events if event.event_type_value == "STEP_START"]


@dg.graph
def pair() -> Any:
    return inc(one())


@dg.job
def nested() -> None:
    inc.alias("last")(pair())


def test_an_op_inside_a_graph_can_be_selected() -> None:
    assert started(nested.execute_in_process(op_selection=["pair.inc"])) == ["pair.inc"]
    assert started(nested.execute_in_process(op_selection=["*pair.inc"])) == ["pair.one", "pair.inc"]
    assert started(nested.execute_in_process(op_selection=["pair.inc+"])) == ["pair.inc", "last"]


def test_ties_go_by_definition_order() -> None:
    @dg.job
    def job() -> None:
        for name in ("zebra", "mule", "ant"):
            one.alias(name)()

    assert started(job.execute_in_process()) == ["zebra", "mule", "ant"]


def test_kedge_priority_is_read_before_dagsters() -> None:
    @dg.job
    def job() -> None:
        one.alias("low").tag({"dagster/priority": "9", "kedge/priority": "1"})()
        one.alias("high").tag({"dagster/priority": "5"})()

    assert started(job.execute_in_process()) == ["high", "low"]


def test_a_job_may_return_its_output() -> None:
    @dg.job
    def job() -> Any:
        return inc(one())

    assert job.execute_in_process().output_value() == 2


def test_a_step_waits_for_its_delay_and_others_run_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1, delay=600))
    def flaky(context: dg.OpExecutionContext) -> None:
        order.append(f"flaky {context.retry_number}")
        if context.retry_number == 0:
            raise ValueError("once")

    @dg.op
    def other() -> None:
        order.append("other")

    @dg.job
    def job() -> None:
        flaky()
        other()

    assert job.execute_in_process().success
    assert order == ["flaky 0", "other", "flaky 1"]
    assert [wait > 0 for wait in waits] == [True]


def test_keyboard_interrupt_passes_through_and_resources_are_torn_down() -> None:
    closed: list[str] = []

    @dg.resource
    def thing(context: Any) -> Any:
        yield 1
        closed.append("thing")

    @dg.op(required_resource_keys={"thing"})
    def stop(context: dg.OpExecutionContext) -> None:
        raise KeyboardInterrupt

    @dg.job(resource_defs={"thing": thing})
    def job() -> None:
        stop()

    with pytest.raises(KeyboardInterrupt):
        job.execute_in_process()
    assert closed == ["thing"]


def test_log_messages_name_their_step(caplog: pytest.LogCaptureFixture) -> None:
    @dg.op
    def talk(context: dg.OpExecutionContext) -> None:
        context.log.info("hello %s", "you")

    @dg.job
    def job() -> None:
        talk()

    with caplog.at_level(logging.INFO, logger="kedge"):
        job.execute_in_process()
    assert [record.getMessage() for record in caplog.records] == ["talk - hello you"]


def test_a_value_of_nothing_says_how_to_declare_it() -> None:
    @dg.op
    def silent() -> None: ...

    @dg.op
    def reader(x: Any) -> Any:
        return x

    @dg.job
    def job() -> None:
        reader(silent())

    with pytest.raises(
        dg.DagsterExecutionLoadInputError, match=r"step reader: input 'x' .* silent is Nothing .*In\(Nothing\)"
    ):
        job.execute_in_process()


def test_events_refuse_the_data_of_another_kind() -> None:
    @dg.job
    def job() -> None:
        one()

    result = job.execute_in_process()
    with pytest.raises(dg.CheckError, match="PIPELINE_START"):
        _ = result.all_events[0].step_output_data


def test_assets_can_not_be_selected() -> None:
    with pytest.raises(dg.DagsterInvalidInvocationError, match="give op_selection"):
        nested.execute_in_process(asset_selection=[dg.AssetKey("a")])


def test_output_for_node_says_what_is_missing() -> None:
    result = nested.execute_in_process()
    with pytest.raises(dg.DagsterInvariantViolationError, match="no node named 'nowhere'"):
        result.output_for_node("nowhere")
    with pytest.raises(dg.DagsterInvariantViolationError, match="no output 'other'"):
        result.output_for_node("last", "other")
    with pytest.raises(dg.DagsterInvariantViolationError, match="return it from the graph"):
        result.output_value()


def test_the_stack_of_a_failure_shows_user_code_alone() -> None:
    @dg.op
    def broken() -> None:
        raise ValueError("here")

    @dg.job
    def job() -> None:
        broken()

    result = job.execute_in_process(raise_on_error=False)
    error = next(e for e in result.all_events if e.is_step_failure).step_failure_data.error.cause
    assert error is not None
    stack = "".join(error.stack)
    assert 'raise ValueError("here")' in stack
    assert "worker/step.py" not in stack


def test_an_error_that_can_not_even_speak_keeps_its_name() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    @dg.op
    def broken() -> None:
        raise Mute

    @dg.job
    def job() -> None:
        broken()

    error = job.execute_in_process(raise_on_error=False).failure_data_for_node("broken").error.cause  # type: ignore[union-attr]
    assert error is not None
    assert error.message == "Mute: <the error's own text raised RuntimeError>\n"


def test_errors_travel_between_processes() -> None:
    fault = ConfigFault("ops:a", "wrong: all of it", "FIELD_NOT_DEFINED")
    sent = [
        dg.DagsterInvalidConfigError("no", [fault]),
        dg.DagsterTypeCheckDidNotPass("no", {"n": 1}),
        dg.DagsterStepOutputNotFoundError("no", step_key="a", output_name="b"),
        dg.Failure("why", {"n": 1}),
        dg.RetryRequested(3),
    ]
    came = [pickle.loads(pickle.dumps(error)) for error in sent]
    assert [type(error) for error in came] == [type(error) for error in sent]
    assert [vars(error) for error in came] == [vars(error) for error in sent]
    assert [str(error) for error in came] == [str(error) for error in sent]
    assert came[0].errors[0].reason == "FIELD_NOT_DEFINED"


def test_a_definition_can_be_run_again_and_again() -> None:
    assert nested.execute_in_process().run_id != nested.execute_in_process().run_id
