"""Config as models: fields of all kinds, unions, enums, aliases, variables of the environment, and direct use."""

import enum
import functools
import os
from typing import Any, Literal, Optional, Union

from oracle_sut import dg, error_of, job_of, run
from pydantic import Field, PrivateAttr, field_validator


def _given(model: Any, show: Any, *configs: Any) -> list[Any]:
    """What an op sees of its model for each config, or what is wrong."""

    @dg.op
    def work(config: model):
        return show(config)

    job, found = job_of(work), []
    for config in configs:
        try:
            result = job.execute_in_process(run_config={"ops": {"work": {"config": config}}})
            found.append(result.output_for_node("work"))
        except dg.DagsterInvalidConfigError as error:
            found.append(sorted(getattr(one.reason, "value", one.reason) for one in error.errors))
        except Exception as error:
            found.append(type(error).__name__)
    return found


class Tint(enum.Enum):
    RED = "r"
    BLUE = "b"


class Inner(dg.Config):
    n: int
    text: str = "t"


class Cat(dg.Config):
    kind: Literal["cat"] = "cat"
    meows: int


class Dog(dg.Config):
    kind: Literal["dog"] = "dog"
    barks: float = 1.0


class Owner(dg.Config):
    pet: Union[Cat, Dog] = Field(discriminator="kind")  # noqa: UP007


def case_scalars_and_defaults() -> Any:
    class Model(dg.Config):
        a: int
        b: str = "x"
        c: float = 1.5
        d: bool = False

    return _given(
        Model,
        lambda config: [config.a, config.b, config.c, config.d],
        {"a": 1},
        {"a": 1, "b": "y", "c": 2, "d": True},
        {"a": "1"},
        {"a": 1, "b": 2, "d": "x"},
        {"a": 1, "z": 2},
        {},
        None,
        5,
        {"a": 1, "b": None},
    )


def case_op_config_beside_the_model() -> Any:
    class Model(dg.Config):
        a: int
        b: str = "x"

    @dg.op
    def work(context, config: Model):
        return [context.op_config, config.a, isinstance(config, Model)]

    return run(job_of(work), run_config={"ops": {"work": {"config": {"a": 1}}}}).output_for_node("work")


def case_optional_fields() -> Any:
    class Model(dg.Config):
        a: Optional[int]  # noqa: UP045
        b: int | None = None
        c: int | None = 3

    return _given(
        Model, lambda config: [config.a, config.b, config.c], {}, {"a": None, "c": None}, {"a": 1, "b": 2}, {"a": "x"}
    )


def case_lists_and_dicts() -> Any:
    class Model(dg.Config):
        numbers: list[int]
        named: dict[str, float] = {}
        inners: list[Inner] = []
        by_name: dict[str, Inner] = {}
        anything: Any = None
        loose: dict = {}
        loose_list: list = []

    def show(config):
        return [
            config.numbers,
            config.named,
            [one.n for one in config.inners],
            {key: one.text for key, one in config.by_name.items()},
            config.anything,
            config.loose,
            config.loose_list,
        ]

    return _given(
        Model,
        show,
        {"numbers": [1, 2]},
        {"numbers": [], "named": {"a": 1.5}, "inners": [{"n": 1}], "by_name": {"x": {"n": 2, "text": "y"}}},
        {"numbers": [1], "anything": {"deep": [1]}, "loose": {"a": 1}, "loose_list": [1, "x"]},
        {"numbers": [1, "x"]},
        {"numbers": 1},
        {"numbers": [], "named": {"a": "x"}},
        {"numbers": [], "inners": [{"n": 1}, {}]},
        {"numbers": [], "by_name": {"x": {"n": "s"}}},
    )


def case_nested_models_with_defaults() -> Any:
    class Model(dg.Config):
        inner: Inner = Inner(n=5)
        other: Inner

    return _given(
        Model,
        lambda config: [config.inner.n, config.inner.text, config.other.n],
        {"other": {"n": 1}},
        {"other": {"n": 1}, "inner": {"n": 2}},
        {"other": {}},
        {"inner": {"n": 1}},
        {"other": {"n": 1, "z": 1}},
    )


def case_default_factory() -> Any:
    class Model(dg.Config):
        a: list[int] = Field(default_factory=lambda: [1, 2])
        b: int = Field(default=3, description="three")

    return _given(Model, lambda config: [config.a, config.b], {}, {"a": []}, {"b": 4})


def case_literal() -> Any:
    class Model(dg.Config):
        mode: Literal["fast", "slow"]
        level: Literal["a", "b"] = "a"

    return _given(Model, lambda config: [config.mode, config.level], {"mode": "fast"}, {"mode": "x"}, {"mode": 1}, {})


def case_enums() -> Any:
    class Model(dg.Config):
        color: Tint
        other: Tint = Tint.BLUE

    return _given(
        Model,
        lambda config: [config.color.name, config.other.name],
        {"color": "RED"},
        {"color": "RED", "other": "RED"},
        {"color": "r"},
        {"color": "GREEN"},
    )


def case_enums_in_a_run_config_object() -> Any:
    class Model(dg.Config):
        color: Tint
        other: Tint = Tint.BLUE

    @dg.op
    def work(config: Model):
        return [config.color.name, config.other.name]

    given = dg.RunConfig(ops={"work": Model(color=Tint.RED)})
    return [given.to_config_dict()["ops"], run(job_of(work), run_config=given).output_for_node("work")]


def case_discriminated_union() -> Any:
    def show(config):
        return [type(config.pet).__name__, config.pet.kind, getattr(config.pet, "meows", None)]

    return _given(
        Owner,
        show,
        {"pet": {"cat": {"meows": 3}}},
        {"pet": {"dog": {}}},
        {"pet": {"dog": {"barks": 2.5}}},
        {"pet": {"cat": {}}},
        {"pet": {"cow": {}}},
        {"pet": {"cat": {"meows": 1}, "dog": {}}},
        {},
    )


def case_discriminated_union_in_python() -> Any:
    @dg.op
    def work(config: Owner):
        return [config.pet.kind, config.pet.meows]

    given = dg.RunConfig(ops={"work": Owner(pet=Cat(meows=2))})
    return [given.to_config_dict()["ops"], run(job_of(work), run_config=given).output_for_node("work")]


def case_discriminated_union_with_a_default() -> Any:
    class Model(dg.Config):
        pet: Union[Cat, Dog] = Field(default=Dog(barks=2.0), discriminator="kind")  # noqa: UP007

    return _given(Model, lambda config: [config.pet.kind], {}, {"pet": {"cat": {"meows": 1}}})


def case_alias() -> Any:
    class Model(dg.Config):
        size: int = Field(alias="how_big")

    @dg.op
    def work(config: Model):
        return config.size

    job = job_of(work)
    given = dg.RunConfig(ops={"work": Model(how_big=4)})
    return [
        _given(Model, lambda config: config.size, {"how_big": 3}, {"size": 3}, {}),
        given.to_config_dict()["ops"],
        run(job, run_config=given).output_for_node("work"),
    ]


def case_permissive_model() -> Any:
    class Model(dg.PermissiveConfig):
        a: int = 1

    def show(config):
        return [config.a, getattr(config, "extra", None), sorted(config.model_dump())]

    return _given(Model, show, {}, {"extra": [1]}, {"a": "x", "extra": 1})


def case_models_do_not_change() -> Any:
    class Model(dg.Config):
        a: int = 1
        _private: int = PrivateAttr(default=0)

    def change():
        Model().a = 2

    def add():
        Model().new = 2

    model = Model()
    model._private = 5
    return [error_of(change), error_of(add), model._private]


def case_a_model_made_with_wrong_values() -> Any:
    class Model(dg.Config):
        a: int

    return [error_of(lambda: Model(a="x")), error_of(lambda: Model()), error_of(lambda: Model(a=1, z=2))]


def case_validator_on_the_model() -> Any:
    class Model(dg.Config):
        a: int = 1

        @field_validator("a")
        @classmethod
        def positive(cls, value):
            if value < 0:
                raise ValueError("negative")
            return value * 10

    return [error_of(lambda: Model(a=-1)), Model(a=2).a, _given(Model, lambda config: config.a, {"a": 3}, {"a": -1})]


def case_constraints() -> Any:
    class Model(dg.Config):
        a: int = Field(ge=0, default=1)
        b: str = Field(min_length=2, default="xx")

    return [error_of(lambda: Model(a=-1)), _given(Model, lambda config: [config.a, config.b], {"a": 5, "b": "yy"})]


def case_env_vars_in_a_model() -> Any:
    os.environ.update({"ORACLE_INT": "7", "ORACLE_TEXT": "text"})

    class Model(dg.Config):
        text: str
        number: int
        texts: list[str] = []

    @dg.op
    def work(config: Model):
        return [config.text, config.number, config.texts]

    model = Model(text=dg.EnvVar("ORACLE_TEXT"), number=dg.EnvVar.int("ORACLE_INT"), texts=[dg.EnvVar("ORACLE_TEXT")])
    given = dg.RunConfig(ops={"work": model})
    plain = {"text": {"env": "ORACLE_TEXT"}, "number": {"env": "ORACLE_INT"}}
    return [
        given.to_config_dict()["ops"],
        run(job_of(work), run_config=given).output_for_node("work"),
        run(job_of(work), run_config={"ops": {"work": {"config": plain}}}).output_for_node("work"),
    ]


def case_to_fields_dict_and_schema() -> Any:
    class Model(dg.Config):
        a: int
        b: str = "x"

    fields = Model.to_fields_dict()

    @dg.op(config_schema=fields)
    def work(context):
        return context.op_config

    @dg.op(config_schema=Model.to_config_schema())
    def other(context):
        return context.op_config

    config = {"ops": {"work": {"config": {"a": 1}}, "other": {"config": {"a": 2}}}}
    result = run(job_of(work, other), run_config=config)
    return [
        {name: [field.is_required, field.default_provided] for name, field in fields.items()},
        result.output_for_node("work"),
        result.output_for_node("other"),
    ]


def case_descriptions_and_secrets() -> Any:
    class Model(dg.Config):
        a: int = Field(description="the a")
        b: str = Field(default="x", json_schema_extra={"dagster__is_secret": True})

    fields = Model.to_fields_dict()
    return {name: [field.description, field.is_secret] for name, field in fields.items()}


def case_run_config_of_a_nested_graph() -> Any:
    @dg.op
    def work(config: Inner):
        return config.n

    @dg.graph
    def inner():
        return work()

    @dg.job
    def job():
        inner()

    given = dg.RunConfig(ops={"inner": {"ops": {"work": Inner(n=3)}}})
    return [given.to_config_dict()["ops"], run(job, run_config=given).output_for_node("inner.work")]


def case_run_config_of_a_job() -> Any:
    @dg.op
    def work(config: Inner):
        return [config.n, config.text]

    @dg.job(config=dg.RunConfig(ops={"work": Inner(n=3)}))
    def job():
        work()

    given = dg.RunConfig(ops={"work": Inner(n=4, text="given")})
    return [run(job).output_for_node("work"), run(job, run_config=given).output_for_node("work")]


def case_run_config_equality_and_parts() -> Any:
    one = dg.RunConfig(ops={"work": Inner(n=3)}, execution={"config": {}}, loggers={"console": {}})
    return [
        one == dg.RunConfig(ops={"work": Inner(n=3)}, execution={"config": {}}, loggers={"console": {}}),
        one == dg.RunConfig(ops={"work": Inner(n=4)}),
        sorted(one.to_config_dict()),
        dg.RunConfig().to_config_dict(),
    ]


def case_direct_call_with_a_model() -> Any:
    @dg.op
    def work(config: Inner):
        return [config.n, config.text]

    @dg.op
    def with_context(context, config: Inner, x: int = 1):
        return [context.op_config, config.n, x]

    return [
        work(Inner(n=1)),
        work(config=Inner(n=2)),
        with_context(dg.build_op_context(op_config={"n": 3}), x=2)[1:],
        error_of(lambda: work()),
        error_of(lambda: work({"n": 1})) is None,
    ]


def case_plain_types_as_config_arguments() -> Any:
    def of(annotation: Any, config: Any) -> Any:
        @dg.op
        def work(config: annotation):
            return config

        seen = []
        job = job_of(work)

        def attempt():
            given = {"ops": {"work": {"config": config}}}
            seen.append(job.execute_in_process(run_config=given).output_for_node("work"))

        return error_of(attempt) or seen[0]

    return [
        of(int, 1),
        of(int, "x"),
        of(list[int], [1]),
        of(list[int], ["x"]),
        of(dict[str, int], {"a": 1}),
        of(dict[str, int], {"a": "x"}),
        of(str, "x"),
    ]


def case_annotations_that_are_no_config() -> Any:
    class Other:
        pass

    def define(annotation: Any) -> Any:
        def attempt():
            class Model(dg.Config):
                a: annotation

            @dg.op
            def work(config: Model):
                return 1

            return job_of(work)

        return error_of(attempt)

    return [define(Other), define(dg.PythonObjectDagsterType(Other, name="OtherType")) is not None]


def case_inherited_models() -> Any:
    class Base(dg.Config):
        a: int = 1

    class Derived(Base):
        b: str

    return _given(Derived, lambda config: [config.a, config.b], {"b": "x"}, {"a": 2, "b": "y"}, {"a": 1})


def case_cached_properties_of_a_model() -> Any:
    class Model(dg.Config):
        a: int

        @functools.cached_property
        def double(self) -> int:
            return self.a * 2

    class Thing(dg.ConfigurableResource):
        a: int

        @functools.cached_property
        def double(self) -> int:
            return self.a * 2

    @dg.op
    def work(config: Model, thing: Thing):
        return [config.double, config.double, thing.double]

    @dg.job(resource_defs={"thing": Thing(a=2)})
    def job():
        work()

    return run(job, run_config={"ops": {"work": {"config": {"a": 1}}}}).output_for_node("work")


def case_env_var_as_a_default() -> Any:
    os.environ["ORACLE_TEXT"] = "text"

    class Thing(dg.ConfigurableResource):
        token: str = dg.EnvVar("ORACLE_TEXT")

    @dg.op
    def work(thing: Thing):
        return thing.token

    @dg.job(resource_defs={"thing": Thing()})
    def job():
        work()

    return run(job).output_for_node("work")


def case_more_annotations() -> Any:
    class Model(dg.Config):
        mode: Literal["a", "b"] = "a"
        tints: list[Inner] = []
        loose: dict[str, Any] = {}
        numbers: dict[str, list[int]] = {}
        maybe: Optional[Inner] = None  # noqa: UP045

    def show(config):
        inner = config.maybe and config.maybe.n
        return [config.mode, [one.n for one in config.tints], config.loose, config.numbers, inner]

    return _given(
        Model,
        show,
        {},
        {"mode": "b", "tints": [{"n": 2}, {"n": 3}], "loose": {"a": [1]}, "numbers": {"x": [1]}, "maybe": {"n": 9}},
        {"maybe": None},
        {"mode": "c"},
        {"numbers": {"x": ["s"]}},
        {"maybe": {}},
    )
