"""Errors at definition say which op or path is wrong, and what to write instead."""

from collections.abc import Callable
from typing import Any

import pytest

import kedge as dg


@dg.op
def one() -> int:
    return 1


@dg.op
def inc(x: int) -> int:
    return x + 1


@dg.op(out={"a": dg.Out(), "b": dg.Out()})
def pair() -> Any:
    return 1, 2


@dg.op(out=dg.DynamicOut())
def many() -> Any:
    yield dg.DynamicOutput(1, "k")


@dg.op(config_schema={"n": int})
def configured(context: dg.OpExecutionContext) -> None: ...


@dg.op(required_resource_keys={"db"})
def needs_db(context: dg.OpExecutionContext) -> None: ...


def twice_one() -> None:
    inc.alias("one")(one())


def same_output_twice() -> None:
    value = one()
    inc([value, value])


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "constant": (lambda: inc(5), r"graph job: inc\(x=\.\.\.\): 5 is a constant.*Use config"),
    "dynamic passed straight": (lambda: inc(many()), r"inc\(x=\.\.\.\): output result of many is dynamic.*\.map\(op\)"),
    "mapped passed straight": (lambda: inc(many().map(inc)), r"is dynamic \(or mapped\).*\.collect\(\)"),
    "whole multi-output": (lambda: inc(pair()), r"passed whole; pass one of a, b"),
    "tuple": (lambda: inc((one(), one())), r"a fan-in is a list, not a tuple"),
    "op not called": (lambda: inc(one), r"call it first"),
    "same output twice": (same_output_twice, r"stands in the list twice"),
    "alias taken": (twice_one, r"two nodes are called 'one'.*\.alias\('another_name'\)"),
    "too many": (lambda: inc(one(), one()), r"inc takes 1 input\(s\), got 2"),
    "unknown input": (lambda: inc(y=one()), r"inc has no input 'y'; it has x"),
    "map of a plain output": (lambda: one().map(inc), r"output result of one is not dynamic.*DynamicOut"),
    "loop over dynamic": (lambda: list(many()), r"result of many is dynamic.*use \.map\(\)"),
    "map returns a constant": (lambda: many().map(lambda x: 5), r"the callable of `\.map` returned 5"),
    "map of nothing callable": (lambda: many().map(5), r"\.map takes a function or an op"),
    "missing resource": (needs_db, r"'db' required by op 'needs_db'.*resource_defs of job 'job'"),
    "bad priority": (lambda: one.tag({"kedge/priority": "soon"})(), r"job 'job': op one: tag kedge/priority is 'soon'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_misuse_is_refused_with_the_place_and_the_fix(what: str) -> None:
    body, message = REFUSED[what]

    with pytest.raises(dg.DagsterInvalidDefinitionError, match=f"(?s){message}"):

        @dg.job
        def job() -> None:
            body()


def test_a_wrong_config_carried_by_a_job_is_refused_when_it_is_defined() -> None:
    with pytest.raises(
        dg.DagsterInvalidConfigError, match=r"job bad\n    ops:configured:config:n: expected Int, got 'x'"
    ):

        @dg.job(name="bad", config={"ops": {"configured": {"config": {"n": "x"}}}})
        def job() -> None:
            configured()


def test_all_faults_of_a_run_config_are_listed_with_their_paths() -> None:
    @dg.graph
    def inner() -> None:
        configured()

    @dg.job
    def job() -> None:
        inner()
        configured.alias("outer")()

    given = {
        "ops": {"inner": {"ops": {"configured": {"config": {"m": 1}}}}, "outer": {"config": 5}, "nope": {}},
        "resources": {"db": {}},
        "opz": {},
    }
    with pytest.raises(dg.DagsterInvalidConfigError) as raised:
        job.execute_in_process(run_config=given)
    assert [line.split(": ")[0] for line in raised.value.errors] == [
        "opz",
        "ops:nope",
        "ops:inner:ops:configured:config",
        "ops:inner:ops:configured:config",
        "ops:outer:config",
        "resources:db",
    ]


def test_a_model_s_faults_carry_the_path_into_it() -> None:
    class Inner(dg.Config):
        n: int

    class Outer(dg.Config):
        inner: Inner

    @dg.op
    def work(config: Outer) -> None: ...

    @dg.job
    def job() -> None:
        work()

    with pytest.raises(dg.DagsterInvalidConfigError, match="ops:work:config:inner:n: "):
        job.execute_in_process(run_config={"ops": {"work": {"config": {"inner": {"n": "x"}}}}})


def test_config_for_one_clone_is_refused_with_the_reason() -> None:
    @dg.job
    def job() -> None:
        many().map(inc)

    with pytest.raises(dg.DagsterInvalidConfigError, match="given once for the op, not for one clone"):
        job.execute_in_process(run_config={"ops": {"inc[k]": {"config": 1}}})


def test_a_circle_of_resources_is_drawn() -> None:
    @dg.resource(required_resource_keys={"b"})
    def a(context: Any) -> None: ...

    @dg.resource(required_resource_keys={"a"})
    def b(context: Any) -> None: ...

    with pytest.raises(dg.DagsterInvalidDefinitionError, match="a -> b -> a"):

        @dg.job(resource_defs={"a": a, "b": b})
        def job() -> None:
            one()


def test_an_env_var_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEDGE_TEST_UNSET", raising=False)

    @dg.op(config_schema={"token": dg.StringSource})
    def work(context: dg.OpExecutionContext) -> None: ...

    @dg.job
    def job() -> None:
        work()

    config = {"ops": {"work": {"config": {"token": {"env": "KEDGE_TEST_UNSET"}}}}}
    with pytest.raises(dg.DagsterInvalidConfigError, match="'KEDGE_TEST_UNSET' is not set"):
        job.execute_in_process(run_config=config)


def test_env_var_in_a_config_model_is_read_at_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Settings(dg.Config):
        token: str
        size: int = 3

    @dg.op
    def use(config: Settings) -> list[Any]:
        return [config.token, config.size]

    @dg.job
    def job() -> None:
        use()

    config = dg.RunConfig(ops={"use": Settings(token=dg.EnvVar("KEDGE_TEST_TOKEN"))})
    assert config.to_config_dict()["ops"] == {"use": {"config": {"token": {"env": "KEDGE_TEST_TOKEN"}, "size": 3}}}
    monkeypatch.setenv("KEDGE_TEST_TOKEN", "secret")
    assert job.execute_in_process(run_config=config).output_for_node("use") == ["secret", 3]
    plain = {"ops": {"use": Settings(token=dg.EnvVar("KEDGE_TEST_TOKEN"))}}
    assert job.execute_in_process(run_config=plain).output_for_node("use") == ["secret", 3]


def test_env_var_of_a_configurable_resource_is_read_at_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client(dg.ConfigurableResource):
        token: str

    @dg.op
    def use(client: Client) -> str:
        return client.token

    @dg.job(resource_defs={"client": Client(token=dg.EnvVar("KEDGE_TEST_TOKEN"))})
    def job() -> None:
        use()

    monkeypatch.setenv("KEDGE_TEST_TOKEN", "secret")
    assert job.execute_in_process().output_for_node("use") == "secret"
