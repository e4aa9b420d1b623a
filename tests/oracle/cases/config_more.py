"""Config schemas in depth: fields and their defaults, every kind of schema, each fault with its reason and place."""

import enum
import os
import tempfile
from pathlib import Path
from typing import Any

from oracle_sut import dg, error_of, job_of, run


def _job(schema: Any) -> Any:
    @dg.op(config_schema=schema)
    def work(context):
        return context.op_config

    return job_of(work)


def _shown(value: Any) -> Any:
    return value.name if isinstance(value, enum.Enum) else value


def _given(schema: Any, *configs: Any) -> list[Any]:
    """The config that an op sees for each one given, or what is wrong with it."""
    job, found = _job(schema), []
    for config in configs:
        try:
            result = job.execute_in_process(run_config={"ops": {"work": {"config": config}}})
            found.append(_shown(result.output_for_node("work")))
        except dg.DagsterInvalidConfigError as error:
            found.append(sorted(getattr(one.reason, "value", one.reason) for one in error.errors))
    return found


def _default(schema: Any) -> Any:
    """The config that an op sees when none is given, or the name of the error."""
    job, seen = _job(schema), []

    def attempt() -> None:
        seen.append(_shown(job.execute_in_process().output_for_node("work")))

    return error_of(attempt) or seen[0]


class Hue(enum.Enum):
    RED = "r"
    BLUE = "b"


def case_faults_by_reason() -> Any:
    schema = {"a": int, "b": str, "c": dg.Field(float, default_value=1.0)}
    return _given(
        schema,
        {},
        {"a": 1},
        {"a": 1, "b": 2},
        {"a": "x", "b": 2, "c": "y"},
        {"a": 1, "b": "x", "z": 1},
        {"a": 1, "b": "x", "z": 1, "y": 2},
        {"z": 1},
        5,
        None,
        [1],
    )


def case_none_where_it_may_not_be() -> Any:
    return [
        _given({"a": int}, {"a": None}),
        _given({"a": dg.Field(int, is_required=False)}, {"a": None}, {}),
        _given([int], None, [None]),
        _given(dg.Noneable([int]), None, [1], [None]),
        _given([dg.Noneable(int)], [None, 1]),
    ]


def case_field_attributes() -> Any:
    plain = dg.Field(int)
    full = dg.Field(str, default_value="d", description="what", is_secret=True)
    optional = dg.Field(int, is_required=False)
    return [
        [plain.is_required, plain.default_provided, plain.description, plain.is_secret],
        [full.is_required, full.default_provided, full.default_value, full.description, full.is_secret],
        [optional.is_required, optional.default_provided],
        error_of(lambda: plain.default_value) is not None,
    ]


def case_field_refusals() -> Any:
    return [
        error_of(lambda: dg.Field(int, default_value=1, is_required=True)),
        error_of(lambda: dg.Field(int, default_value=lambda: 1)),
        error_of(lambda: dg.Field({"a": int}, default_value={"a": "x"})),
        error_of(lambda: dg.Field({"a": int}, default_value={})),
        error_of(lambda: dg.Field([int], default_value=[1, "x"])),
        error_of(lambda: dg.Field(dg.Selector({"a": int}), default_value={"b": 1})),
        error_of(lambda: dg.Field(int, default_value=None)),
        error_of(lambda: dg.Field(dg.Noneable(int), default_value=None)),
    ]


def case_implicit_defaults() -> Any:
    inner = {"a": dg.Field(int, default_value=1), "b": dg.Field(str, is_required=False)}
    return {
        "shape": _default(inner),
        "nested": _default({"x": inner}),
        "required inside": _default({"x": {"a": int}}),
        "noneable": _default(dg.Noneable(int)),
        "field of noneable": _default({"x": dg.Noneable(int)}),
        "permissive": _default(dg.Permissive()),
        "dict": _default(dict),
        "list": _default([int]),
        "bare list": _default(list),
        "any": _default(dg.Any),
        "map": _default({str: int}),
        "selector of one": _default(dg.Selector({"a": dg.Field(int, default_value=3)})),
        "selector of one shape": _default(dg.Selector({"a": dg.Field({"n": dg.Field(int, default_value=4)})})),
        "selector of two": _default(dg.Selector({"a": dg.Field(int, default_value=3), "b": int})),
    }


def case_explicit_defaults() -> Any:
    return {
        "scalar": _default(dg.Field(int, default_value=3)),
        "list": _default(dg.Field([int], default_value=[1, 2])),
        "shape": _default(dg.Field({"a": int, "b": dg.Field(int, default_value=2)}, default_value={"a": 1})),
        "selector": _default(dg.Field(dg.Selector({"a": int, "b": int}), default_value={"b": 1})),
        "enum": _default(dg.Field(dg.Enum.from_python_enum(Hue), default_value="RED")),
        "none": _default(dg.Field(dg.Noneable(int), default_value=5)),
        "not required": _default(dg.Field(int, is_required=False)),
        "map": _default(dg.Field(dg.Map(str, int), default_value={"a": 1})),
    }


def case_default_of_an_enum_in_a_shape() -> Any:
    schema = {"color": dg.Field(dg.Enum.from_python_enum(Hue), default_value="BLUE")}
    seen = []

    @dg.op(config_schema=schema)
    def work(context):
        seen.append(context.op_config["color"].name)

    run(job_of(work))
    return [seen, error_of(lambda: dg.Field(dg.Enum.from_python_enum(Hue), default_value=Hue.RED))]


def case_permissive() -> Any:
    schema = dg.Permissive({"a": dg.Field(int, default_value=1), "b": str})
    return _given(schema, {"b": "x"}, {"b": "x", "z": [1], "y": None}, {"z": 1}, {"b": 2, "z": 1}, 5)


def case_shape_and_aliases() -> Any:
    schema = dg.Shape({"a": int, "b": dg.Field(int, default_value=2)}, field_aliases={"a": "alpha", "b": "beta"})
    return _given(schema, {"a": 1}, {"alpha": 1}, {"alpha": 1, "beta": 5}, {"beta": 1}, {})


def case_selector() -> Any:
    schema = dg.Selector({"a": {"n": dg.Field(int, default_value=1)}, "b": int, "c": dg.Field(str, default_value="d")})
    return _given(schema, {"a": {}}, {"a": None}, {"b": 2}, {}, {"a": {}, "b": 1}, {"z": 1}, {"b": "x"}, 5, None)


def case_map() -> Any:
    named = dg.Map(str, {"n": int}, key_label_name="name")
    return [
        named.key_label_name,
        _given(named, {}, {"x": {"n": 1}}, {"x": {"n": "s"}, "y": {}}, [1], {1: {"n": 1}}),
        _given({int: str}, {1: "a"}, {"x": "a"}),
    ]


def case_array() -> Any:
    return [
        _given(dg.Array(dg.Noneable(str)), ["a", None], []),
        _given(dg.Array({"n": int}), [{"n": 1}], [{"n": "x"}, {}], {}),
        _given(dg.Array(dg.Array(int)), [[1], []], [1]),
    ]


def case_enum_kinds() -> Any:
    return [
        _given(dg.Enum.from_python_enum(Hue), "RED", "r", "GREEN", 1),
        _given(dg.Enum.from_python_enum_direct_values(Hue), "RED", "r"),
        _given(dg.Enum("E", [dg.EnumValue("a", python_value=0), dg.EnumValue("b", 7, description="seven")]), "a", "b"),
        dg.Enum.from_python_enum(Hue).config_values,
        error_of(lambda: dg.Enum("E", [dg.EnumValue("a"), dg.EnumValue("a")])) is not None,
    ]


def case_scalar_union_kinds() -> Any:
    return [
        _given(dg.ScalarUnion(int, [str]), 1, ["a"], "a", [1]),
        _given(dg.ScalarUnion(str, dg.Selector({"n": int})), "a", {"n": 1}, {"m": 1}, None),
        _given(dg.ScalarUnion(bool, {"n": dg.Field(int, default_value=2)}), True, {}),
    ]


def case_sources() -> Any:
    os.environ.update({"ORACLE_INT": "7", "ORACLE_TEXT": "text", "ORACLE_TRUE": "true", "ORACLE_FALSE": "False"})
    os.environ.pop("ORACLE_UNSET", None)
    return [
        _given(dg.StringSource, "x", {"env": "ORACLE_TEXT"}, {"env": "ORACLE_UNSET"}, {"nope": "x"}, 1, {"env": 1}),
        _given(dg.IntSource, 1, {"env": "ORACLE_INT"}, {"env": "ORACLE_TEXT"}, "1", True),
        _given(dg.BoolSource, True, {"env": "ORACLE_TRUE"}, {"env": "ORACLE_FALSE"}, "true", 1),
    ]


def case_source_as_a_default() -> Any:
    os.environ["ORACLE_TEXT"] = "text"
    os.environ.pop("ORACLE_UNSET", None)
    unset = dg.Field(dg.StringSource, default_value={"env": "ORACLE_UNSET"})
    return [
        _default(dg.Field(dg.StringSource, default_value={"env": "ORACLE_TEXT"})),
        _default({"a": dg.Field(dg.StringSource, default_value={"env": "ORACLE_TEXT"})}),
        _default({"a": dg.Field(dg.StringSource, default_value=dg.EnvVar("ORACLE_TEXT"))}),
        _default({"a": unset}),
    ]


def case_env_var_in_plain_config_is_refused() -> Any:
    os.environ["ORACLE_TEXT"] = "text"
    return [
        _given({"a": str}, {"a": dg.EnvVar("ORACLE_TEXT")}),
        _given({"a": dg.StringSource}, {"a": dg.EnvVar("ORACLE_TEXT")}),
    ]


def case_env_var_as_a_value() -> Any:
    os.environ.update({"ORACLE_INT": "7", "ORACLE_TEXT": "text"})
    os.environ.pop("ORACLE_UNSET", None)
    text, number, unset = dg.EnvVar("ORACLE_TEXT"), dg.EnvVar.int("ORACLE_INT"), dg.EnvVar("ORACLE_UNSET")
    return [
        [text.get_value(), text.env_var_name, number.get_value(), number.env_var_name],
        [unset.get_value(), unset.get_value("d"), dg.EnvVar.int("ORACLE_UNSET").get_value(3)],
        [error_of(lambda: str(text)), error_of(lambda: int(number)), error_of(lambda: str(number))],
    ]


def case_builtin_types_as_schemas() -> Any:
    return [
        _given(dg.Int, 1, "x"),
        _given(dg.Float, 1, 1.5, "x"),
        _given(dg.String, "x", 1),
        _given(dg.Bool, True, 1),
        _given(dg.Any, {"a": [1]}, None),
        _given({"a": dg.Int, "b": [dg.String]}, {"a": 1, "b": ["x"]}),
    ]


def case_schemas_refused() -> Any:
    schemas: dict[str, Any] = {
        "list of two": [int, str],
        "empty list": [],
        "class of a config type": dg.Permissive,
        "dagster type": dg.DagsterType(name="T", type_check_fn=lambda _c, _v: True),
        "python object type": dg.PythonObjectDagsterType(int, name="I"),
        "nested": {"a": {"b": object()}},
        "list of objects": [object()],
        "tuple": (int, str),
        "set": {int},
    }
    return {
        name: error_of(lambda one=one: dg.op(name="w", config_schema=one)(lambda context: 1))
        for name, one in schemas.items()
    }


def case_config_of_an_op_without_schema() -> Any:
    @dg.op
    def work(context):
        return context.op_config

    job = job_of(work)
    return [run(job).output_for_node("work"), run(job, run_config={"ops": {"work": {}}}).output_for_node("work")]


def case_op_entry_none() -> Any:
    job = _job({"a": dg.Field(int, default_value=1)})
    return [
        error_of(lambda: job.execute_in_process(run_config={"ops": {"work": None}})),
        run(job, run_config={"ops": {"work": {}}}).output_for_node("work"),
        run(job, run_config={}).output_for_node("work"),
    ]


def case_message_names_the_place() -> Any:
    job = _job({"outer": {"inner": [{"size": int}]}})
    config = {"ops": {"work": {"config": {"outer": {"inner": [{"size": 1}, {"size": "x"}]}}}}}
    try:
        job.execute_in_process(run_config=config)
    except dg.DagsterInvalidConfigError as error:
        (fault,) = error.errors
        return [word in fault.message for word in ("work", "config", "outer", "inner", "[1]", "size")]
    return None


def case_message_names_the_missing_field() -> Any:
    try:
        _job({"size": int}).execute_in_process(run_config={"ops": {"work": {"config": {}}}})
    except dg.DagsterInvalidConfigError as error:
        return ["size" in error.errors[0].message, "size" in str(error), "work" in str(error)]
    return None


def case_validate_run_config() -> Any:
    job = _job({"a": int, "b": dg.Field(int, default_value=2)})
    full = dg.validate_run_config(job, {"ops": {"work": {"config": {"a": 1}}}})
    empty = dg.validate_run_config(_job(dg.Noneable(int)))
    return [
        full["ops"]["work"]["config"],
        empty["ops"]["work"]["config"],
        sorted(full) == sorted(empty),
        error_of(lambda: dg.validate_run_config(job)),
        error_of(lambda: dg.validate_run_config(job, {"ops": {"work": {"config": {"a": "x"}}}})),
        error_of(lambda: dg.validate_run_config(job, {"nope": {}})),
    ]


def case_config_from_files() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a.yaml", Path(folder) / "b.yaml"
        first.write_text("ops:\n  one:\n    config: {n: 1, m: 2}\n")
        second.write_text("ops:\n  one:\n    config: {n: 3}\n  two:\n    config: {n: 4}\n")
        broken = Path(folder) / "broken.yaml"
        broken.write_text("ops: [")
        return [
            dg.config_from_files([str(first), str(second)]),
            dg.config_from_files([str(second)]),
            dg.config_from_files([]),
            error_of(lambda: dg.config_from_files([str(Path(folder) / "missing.yaml")])),
            error_of(lambda: dg.config_from_files([str(broken)])),
        ]


def case_config_from_yaml_strings() -> Any:
    return [
        dg.config_from_yaml_strings(["ops:\n  one:\n    config: 1", "resources:\n  r:\n    config: {a: x}"]),
        error_of(lambda: dg.config_from_yaml_strings(["--- `"])),
        error_of(lambda: dg.config_from_yaml_strings(["just text"])) is not None,
    ]


def case_config_from_pkg_resources() -> Any:
    return error_of(lambda: dg.config_from_pkg_resources([("email", "nothing.yaml")]))


def case_file_relative_path() -> Any:
    return [
        dg.file_relative_path("/a/b/c.py", "d.txt"),
        dg.file_relative_path("/a/b/c.py", "../d.txt"),
        dg.file_relative_path("x.py", "/abs"),
    ]


def case_configured_with_defaults_inside() -> Any:
    @dg.op(config_schema={"a": int, "b": dg.Field(int, default_value=5)})
    def work(context):
        return context.op_config

    part = dg.configured(work, name="part")({"a": 1})

    @dg.configured(work, config_schema={"n": dg.Field(int, default_value=3)})
    def computed(config):
        return {"a": config["n"]}

    @dg.configured(work)
    def unchecked(_):
        return {"a": 9}

    twice = dg.configured(computed, name="twice")({"n": 8})
    result = run(job_of(part, computed, unchecked, twice))
    return {name: result.output_for_node(name) for name in ("part", "computed", "unchecked", "twice")}


def case_configured_function_that_fails() -> Any:
    @dg.op(config_schema=int)
    def work(context):
        return context.op_config

    @dg.configured(work, config_schema=int)
    def raises(config):
        raise ValueError("x")

    @dg.configured(work, config_schema=int)
    def wrong(config):
        return "text"

    config = {"config": 1}
    return [
        error_of(lambda: job_of(raises).execute_in_process(run_config={"ops": {"raises": config}})),
        error_of(lambda: job_of(wrong).execute_in_process(run_config={"ops": {"wrong": config}})),
        error_of(lambda: work.configured({"a": 1})) is not None,
    ]


def case_configured_resource() -> Any:
    @dg.resource(config_schema={"a": int, "b": dg.Field(int, default_value=2)})
    def thing(context):
        return context.resource_config

    @dg.configured(thing, config_schema={"n": int})
    def smaller(config):
        return {"a": config["n"]}

    @dg.op(required_resource_keys={"x", "y"})
    def use(context):
        return [context.resources.x, context.resources.y]

    @dg.job(resource_defs={"x": thing.configured({"a": 1}), "y": smaller})
    def job():
        use()

    good = run(job, run_config={"resources": {"y": {"config": {"n": 7}}}}).output_for_node("use")
    return [good, error_of(lambda: job.execute_in_process())]
