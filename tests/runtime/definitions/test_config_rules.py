"""Config: what messages say, and the rules that are Kedge's own."""

import datetime
import enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr

import kedge as dg


def faults(schema: Any, config: Any) -> list[Any]:
    """The faults of a config given to an op with this schema."""

    @dg.op(config_schema=schema)
    def work(context: dg.OpExecutionContext) -> None: ...

    @dg.job
    def job() -> None:
        work()

    with pytest.raises(dg.DagsterInvalidConfigError) as raised:
        job.execute_in_process(run_config={"ops": {"work": {"config": config}}})
    assert all(str(one) in str(raised.value) for one in raised.value.errors)
    return list(raised.value.errors)


def test_a_fault_has_a_path_a_reason_and_a_message() -> None:
    (fault,) = faults({"outer": [{"n": int}]}, {"outer": [{"n": 1}, {"n": "x"}]})
    assert fault.path == "ops:work:config:outer[1]:n"
    assert fault.stack == ("ops", "work", "config", "outer[1]", "n")
    assert fault.reason == "RUNTIME_TYPE_MISMATCH"
    assert fault.message == "ops:work:config:outer[1]:n: expected Int, got 'x' (str)"


@pytest.mark.parametrize(
    ("schema", "config", "said"),
    [
        ({"a": int, "b": [str]}, {}, "required fields 'a', 'b' missing; for example {'a': 0, 'b': []}"),
        ({"a": int}, {"a": 1, "z": 1}, "unknown field 'z'; it takes a"),
        ({"a": int}, None, "expected a mapping, got None; for example {'a': 0}"),
        ({"a": int}, {"a": True}, "expected Int, got True (bool)"),
        (dg.Selector({"a": int, "b": int}), {}, "give exactly one of a, b, got {}"),
        (dg.Enum("E", [dg.EnumValue("x"), dg.EnumValue("y")]), "z", "expected one of x, y, got 'z'"),
        (dg.Array(int), 5, "expected a list, got 5"),
        (dg.Map(str, int), [1], "expected a mapping, got [1]"),
        (dg.Shape({"a": int}, field_aliases={"a": "b"}), {"a": 1, "b": 1}, "given as 'a' and as 'b'; use one of them"),
        (str, dg.EnvVar("NAME"), "EnvVar('NAME') stands in plain run config, which is data; write {'env': 'NAME'}"),
    ],
)
def test_a_fault_says_what_was_wrong_and_what_to_write(schema: Any, config: Any, said: str) -> None:
    assert said in str(faults(schema, config)[0])


def test_the_member_of_a_python_enum_is_asked_for_by_name() -> None:
    class Color(enum.Enum):
        RED = "r"

    assert "write its name, 'RED'" in str(faults(dg.Enum.from_python_enum(Color), Color.RED)[0])


def test_the_value_of_a_variable_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_TEST_SECRET", "hunter2")
    (fault,) = faults(dg.IntSource, {"env": "KEDGE_TEST_SECRET"})
    assert "hunter2" not in str(fault)
    assert "the value of environment variable 'KEDGE_TEST_SECRET' is no Int" in str(fault)


@pytest.mark.parametrize(
    ("text", "truth"), [("true", True), ("1", True), ("False", False), ("none", False), ("", False)]
)
def test_a_variable_is_true_or_false_in_dagster_s_words(
    text: str, truth: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDGE_TEST_FLAG", text)

    @dg.op(config_schema=dg.BoolSource)
    def work(context: dg.OpExecutionContext) -> Any:
        return context.op_config

    @dg.job(config={"ops": {"work": {"config": {"env": "KEDGE_TEST_FLAG"}}}})
    def job() -> None:
        work()

    assert job.execute_in_process().output_for_node("work") is truth


def test_a_variable_with_another_word_is_no_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_TEST_FLAG", "no")
    assert "is no Bool" in str(faults(dg.BoolSource, {"env": "KEDGE_TEST_FLAG"})[0])


def test_a_secret_stays_out_of_messages() -> None:
    (fault,) = faults({"token": dg.Field(int, is_secret=True)}, {"token": "hunter2"})
    assert str(fault) == "ops:work:config:token: the secret does not fit, expected Int"


def test_using_a_variable_as_its_value_says_how_to_read_it() -> None:
    with pytest.raises(RuntimeError, match=r'EnvVar\("NAME"\).*call get_value\(\)'):
        str(dg.EnvVar("NAME"))
    assert repr(dg.EnvVar("NAME")) == "EnvVar('NAME')"
    assert repr(dg.EnvVar.int("NAME")) == "EnvVar.int('NAME')"


def test_a_schema_that_is_none_names_the_field() -> None:
    with pytest.raises(
        dg.DagsterInvalidConfigDefinitionError, match=r"field 'b': .* is no config schema: use str, int"
    ):
        dg.Field({"a": int, "b": object()})
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="is a type of inputs and outputs, not of config"):
        dg.Field(dg.PythonObjectDagsterType(int, name="I"))
    with pytest.raises(dg.CheckError, match=r"Permissive is a class of config types; give one, as Permissive\(...\)"):
        dg.Field(dg.Permissive)


def test_a_model_takes_what_pydantic_makes_of_data() -> None:
    class Settings(dg.Config):
        day: datetime.date
        place: Path = Path("/tmp")
        number: int | str = 0
        pair: tuple[int, int] = (0, 0)

    @dg.op
    def work(config: Settings) -> list[Any]:
        return [config.day.year, str(config.place), config.number, config.pair]

    @dg.job
    def job() -> None:
        work()

    config = {"day": "2026-01-02", "place": "/x", "number": "n", "pair": [1, 2]}
    found = job.execute_in_process(run_config={"ops": {"work": {"config": config}}}).output_for_node("work")
    assert found == [2026, "/x", "n", (1, 2)]
    in_python = dg.RunConfig(ops={"work": Settings(day=datetime.date(2026, 1, 2), pair=(3, 4))})
    assert in_python.to_config_dict()["ops"]["work"]["config"]["day"] == "2026-01-02"
    assert job.execute_in_process(run_config=in_python).output_for_node("work") == [2026, "/tmp", 0, (3, 4)]
    with pytest.raises(dg.DagsterInvalidConfigError, match="ops:work:config:day: "):
        job.execute_in_process(run_config={"ops": {"work": {"config": {"day": "never"}}}})


def test_a_secret_of_a_model_goes_on_as_it_is() -> None:
    class Settings(dg.Config):
        token: SecretStr

    @dg.op
    def work(config: Settings) -> str:
        return config.token.get_secret_value()

    @dg.job
    def job() -> None:
        work()

    given = dg.RunConfig(ops={"work": Settings(token=SecretStr("hunter2"))})
    assert job.execute_in_process(run_config=given).output_for_node("work") == "hunter2"


def test_a_model_whose_field_no_data_can_fill_is_refused_by_field() -> None:
    class Other:
        pass

    class Settings(dg.Config):
        other: Other

    with pytest.raises(
        dg.DagsterInvalidPythonicConfigDefinitionError, match=r"Settings\.other: Other is no type that config"
    ):

        @dg.op
        def work(config: Settings) -> None: ...


def test_a_model_that_is_changed_says_where_state_belongs() -> None:
    class Settings(dg.Config):
        size: int = 1

    with pytest.raises(dg.DagsterInvalidInvocationError, match=r"field 'size' can't be set.*private attribute"):
        Settings().size = 2


def test_models_made_of_config_are_equal_to_those_made_in_python() -> None:
    class Inner(dg.Config):
        n: int = 1

    class Settings(dg.Config):
        inner: Inner = Inner()
        names: list[str] = []

    @dg.op
    def work(config: Settings) -> list[Any]:
        return [config == Settings(names=["a"]), config.model_dump(), repr(config)]

    @dg.job
    def job() -> None:
        work()

    config = {"ops": {"work": {"config": {"names": ["a"]}}}}
    same, dumped, shown = job.execute_in_process(run_config=config).output_for_node("work")
    assert same
    assert dumped == {"inner": {"n": 1}, "names": ["a"]}
    assert shown == "Settings(inner=Inner(n=1), names=['a'])"


def test_a_union_inside_of_a_list_goes_by_pydantic_s_own_form() -> None:
    from typing import Annotated, Literal

    class Cat(dg.Config):
        kind: Literal["cat"] = "cat"
        meows: int = 1

    class Dog(dg.Config):
        kind: Literal["dog"] = "dog"

    class Settings(dg.Config):
        pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]]

    @dg.op
    def work(config: Settings) -> list[str]:
        return [one.kind for one in config.pets]

    @dg.job
    def job() -> None:
        work()

    config = {"pets": [{"kind": "dog"}, {"kind": "cat", "meows": 3}]}
    assert job.execute_in_process(run_config={"ops": {"work": {"config": config}}}).output_for_node("work") == [
        "dog",
        "cat",
    ]


def test_yaml_that_is_no_run_config_is_refused_by_file(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- 1")
    with pytest.raises(dg.DagsterInvariantViolationError, match=r"list\.yaml: a run config is a mapping, got \[1\]"):
        dg.config_from_files([str(path)])
    with pytest.raises(dg.DagsterInvariantViolationError, match=r"'gone\.yaml': no such file; the path is relative to"):
        dg.config_from_files(["gone.yaml"])
    (tmp_path / "a.yaml").write_text("ops: {a: {config: 1}}")
    (tmp_path / "b.yaml").write_text("")
    assert dg.config_from_files([str(tmp_path / "[ab].yaml")]) == {"ops": {"a": {"config": 1}}}


def test_an_input_can_not_read_an_asset() -> None:
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="input 'x': Kedge has no assets"):

        @dg.op(ins={"x": dg.In(asset_key="table")})
        def work(x: int) -> None: ...
