"""Types in depth: their names and parts, checks with a context, loaders that feed inputs from config."""

import collections
import dataclasses
import enum
import typing
from typing import Any, Literal, NamedTuple

from oracle_sut import chain_of, dg, error_of, failure_of, job_of, run, tell


def _passes(annotation: Any, value: Any) -> bool:
    work = dg.op(name="work", out=dg.Out(annotation))(lambda: value)
    return run(job_of(work)).success


def _type_of(annotation: Any) -> Any:
    """The type that an op makes of an annotation."""
    return dg.op(name="work", out=dg.Out(annotation))(lambda: 1).output_defs[0].dagster_type


class Animal:
    pass


class Color(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Box:
    size: int


def case_builtin_types() -> Any:
    kinds = {"Int": (1, "x"), "Float": (1.5, 1), "String": ("x", 1), "Bool": (True, 1), "Any": (object, None)}
    return {name: [_passes(getattr(dg, name), one) for one in values] for name, values in kinds.items()}


def case_containers_of_dagster() -> Any:
    return {
        "List[Int]": [_passes(dg.List[dg.Int], [1]), _passes(dg.List[dg.Int], ["x"]), _passes(dg.List[dg.Int], (1,))],
        "List": [_passes(dg.List, [1, "x"]), _passes(dg.List, 1)],
        "Dict": [_passes(dg.Dict, {1: 2}), _passes(dg.Dict, [1])],
        "Dict[String, Int]": [
            _passes(dg.Dict[dg.String, dg.Int], {"a": 1}),
            _passes(dg.Dict[dg.String, dg.Int], {"a": "x"}),
            _passes(dg.Dict[dg.String, dg.Int], {1: 1}),
        ],
        "Set[Int]": [_passes(dg.Set[dg.Int], {1}), _passes(dg.Set[dg.Int], {"x"}), _passes(dg.Set, {1, "x"})],
        "Tuple[Int, String]": [
            _passes(dg.Tuple[dg.Int, dg.String], (1, "x")),
            _passes(dg.Tuple[dg.Int, dg.String], ("x", 1)),
            _passes(dg.Tuple[dg.Int, dg.String], (1,)),
            _passes(dg.Tuple, (1, 2, 3)),
        ],
        "Optional[Int]": [_passes(dg.Optional[dg.Int], None), _passes(dg.Optional[dg.Int], "x")],
        "List[Optional[Int]]": [_passes(dg.List[dg.Optional[dg.Int]], [None, 1]), _passes(dg.List[dg.Int], [None])],
        "nested": [_passes(dg.List[dg.Dict[dg.String, dg.List[dg.Int]]], [{"a": [1]}])],
        "python inside": [
            _passes(dg.List[int], [1]),
            _passes(dg.List[Animal], [1]),
            _passes(dg.Optional[Animal], None),
        ],
    }


def case_display_names() -> Any:
    annotations = {
        "int": int,
        "str": str,
        "float": float,
        "bool": bool,
        "Any": Any,
        "list": list,
        "dict": dict,
        "set": set,
        "tuple": tuple,
        "list[int]": list[int],
        "dict[str, int]": dict[str, int],
        "set[int]": set[int],
        "tuple[int, str]": tuple[int, str],
        "optional": typing.Optional[int],  # noqa: UP045
        "list of optional": list[typing.Optional[int]],  # noqa: UP045
        "List[Int]": dg.List[dg.Int],
        "Optional[String]": dg.Optional[dg.String],
        "Nothing": dg.Nothing,
        "class": Animal,
        "enum": Color,
        "named tuple": Point,
        "dataclass": Box,
    }
    return {name: _type_of(one).display_name for name, one in annotations.items()}


def case_attributes() -> Any:
    kind = dg.DagsterType(
        name="Even",
        type_check_fn=lambda _context, value: value % 2 == 0,
        description="even numbers",
        metadata={"unit": "m"},
        typing_type=int,
        required_resource_keys={"r"},
    )
    keyed = dg.DagsterType(key="only_key", type_check_fn=lambda _c, _v: True)
    both = dg.DagsterType(key="a_key", name="AName", type_check_fn=lambda _c, _v: True)
    return [
        [
            kind.key,
            kind.display_name,
            kind.unique_name,
            kind.has_unique_name,
            kind.description,
            kind.typing_type is int,
        ],
        [kind.metadata["unit"].value, sorted(kind.required_resource_keys), kind.loader, kind.is_builtin],
        [keyed.key, keyed.display_name, keyed.has_unique_name, error_of(lambda: keyed.unique_name) is not None],
        [both.key, both.display_name, both.unique_name],
        [_type_of(int).is_builtin, _type_of(int).key, _type_of(Animal).is_builtin],
        [str(kind.kind), kind.kind.value, _type_of(int).kind.value, _type_of(list[int]).kind.value],
        [_type_of(typing.Optional[int]).kind.value, _type_of(dg.Nothing).kind.value, _type_of(Any).kind.value],  # noqa: UP045
    ]


def case_inner_types() -> Any:
    return {
        "list[int]": [one.display_name for one in _type_of(list[int]).inner_types],
        "list[list[int]]": [one.display_name for one in _type_of(list[list[int]]).inner_types],
        "dict": [one.display_name for one in _type_of(dict[str, int]).inner_types],
        "optional": [one.display_name for one in _type_of(typing.Optional[str]).inner_types],  # noqa: UP045
        "int": [one.display_name for one in _type_of(int).inner_types],
    }


def case_typing_types() -> Any:
    annotations = [int, str, list[int], dict[str, int], typing.Optional[int], Animal, Any]  # noqa: UP045
    return [str(_type_of(one).typing_type).replace("typing.", "").split(".")[-1] for one in annotations]


def case_equality_by_key() -> Any:
    def make(name: str) -> Any:
        return dg.DagsterType(name=name, type_check_fn=lambda _c, _v: True)

    return [
        make("A") == make("A"),
        make("A") == make("B"),
        _type_of(list[int]) == dg.List[dg.Int],
        len({make("A"), make("A")}),
    ]


def case_definitions_that_are_refused() -> Any:
    def check(_context: Any, _value: Any) -> bool:
        return True

    return {
        "no name": error_of(lambda: dg.DagsterType(type_check_fn=check)) is not None,
        "one argument": error_of(lambda: dg.DagsterType(name="T", type_check_fn=lambda value: True)),
        "three arguments": error_of(lambda: dg.DagsterType(name="T", type_check_fn=lambda a, b, c: True)),
        "a value": error_of(lambda: _type_of(5)),
        "an instance": error_of(lambda: _type_of(Animal())),
        "a list": error_of(lambda: _type_of([int])),
        "a dict": error_of(lambda: _type_of({"a": int})),
        "list of nothing": error_of(lambda: dg.List[dg.Nothing]),
        "optional nothing": error_of(lambda: dg.Optional[dg.Nothing]),
    }


def case_check_that_gives_nonsense() -> Any:
    kind = dg.DagsterType(name="Odd", type_check_fn=lambda _c, _v: "yes")
    return failure_of(run(job_of(dg.op(name="work", out=dg.Out(kind))(lambda: 1))), "work")


def case_check_with_a_context() -> Any:
    seen: list[Any] = []

    def check(context: Any, value: Any) -> bool:
        seen.append([context.log is not None, context.run_id is not None, context.resources.limit])
        return value < context.resources.limit

    kind = dg.DagsterType(name="Small", type_check_fn=check, required_resource_keys={"limit"})

    @dg.op(out=dg.Out(kind))
    def give():
        return 5

    @dg.op(ins={"x": dg.In(kind)})
    def take(x):
        return x

    def define(limit: int) -> Any:
        @dg.job(resource_defs={"limit": dg.ResourceDefinition.hardcoded_resource(limit)})
        def job():
            take(give())

        return job

    def without():
        @dg.job
        def job():
            give()

        return job.execute_in_process()

    return [tell(run(define(10))), tell(run(define(3))), seen, error_of(without)]


def case_failed_check_tells_why() -> Any:
    def check(_context: Any, value: Any) -> Any:
        return dg.TypeCheck(success=False, description="too big", metadata={"value": value})

    kind = dg.DagsterType(name="Small", type_check_fn=check)
    work = dg.op(name="work", out=dg.Out(kind))(lambda: 7)
    try:
        job_of(work).execute_in_process()
    except dg.DagsterTypeCheckDidNotPass as error:
        return [
            "too big" in str(error),
            "Small" in str(error),
            error.dagster_type is kind,
            error.metadata["value"].value,
        ]
    return None


def case_type_check_object() -> Any:
    bare, full = dg.TypeCheck(True), dg.TypeCheck(success=False, description="d", metadata={"a": 1})
    return [
        [bare.success, bare.description, dict(bare.metadata)],
        [full.success, full.description, full.metadata["a"].value],
    ]


def case_check_dagster_type() -> Any:
    even = dg.DagsterType(name="Even", type_check_fn=lambda _context, value: value % 2 == 0)
    needs = dg.DagsterType(name="N", type_check_fn=lambda _c, _v: True, required_resource_keys={"r"})
    return [
        dg.check_dagster_type(even, 2).success,
        dg.check_dagster_type(even, 3).success,
        dg.check_dagster_type(int, "x").success,
        dg.check_dagster_type(dg.List[dg.Int], [1]).success,
        dg.check_dagster_type(Any, 1).success,
        error_of(lambda: dg.check_dagster_type(needs, 1)),
        error_of(lambda: dg.check_dagster_type(5, 1)),
    ]


def case_python_object_types() -> Any:
    one = dg.PythonObjectDagsterType(Animal)
    several = dg.PythonObjectDagsterType(python_type=(int, str), name="IntOrStr", description="d")
    return [
        [one.display_name, one.key, one.python_type is Animal],
        [several.display_name, several.description],
        [_passes(several, 1), _passes(several, "x"), _passes(several, 1.5), _passes(one, Animal()), _passes(one, 1)],
        dg.PythonObjectDagsterType((int, float)).display_name,
    ]


def case_usable_as_dagster_type_forms() -> Any:
    @dg.usable_as_dagster_type
    class Bare:
        pass

    @dg.usable_as_dagster_type(name="Named", description="d")
    class Other:
        pass

    kind = _type_of(Other)
    return [_type_of(Bare).display_name, kind.display_name, kind.description, _passes(Bare, Bare()), _passes(Other, 5)]


def case_a_python_type_registered_twice() -> Any:
    class Fresh:
        pass

    first = dg.DagsterType(name="First", type_check_fn=lambda _c, _v: True)
    second = dg.DagsterType(name="Second", type_check_fn=lambda _c, _v: True)
    dg.make_python_type_usable_as_dagster_type(Fresh, first)
    return [
        error_of(lambda: dg.make_python_type_usable_as_dagster_type(Fresh, first)),
        error_of(lambda: dg.make_python_type_usable_as_dagster_type(Fresh, second)),
        _type_of(Fresh) is first,
        _type_of(list[Fresh]).display_name,
    ]


def case_a_python_type_registered_after_its_use() -> Any:
    class Used:
        pass

    _type_of(Used)
    kind = dg.DagsterType(name="Late", type_check_fn=lambda _c, _v: True)
    return error_of(lambda: dg.make_python_type_usable_as_dagster_type(Used, kind))


def case_annotations_of_all_kinds() -> Any:
    return {
        "named tuple": [_passes(Point, Point(1, 2)), _passes(Point, (1, 2))],
        "dataclass": [_passes(Box, Box(1)), _passes(Box, 1)],
        "enum": [_passes(Color, Color.RED), _passes(Color, 1)],
        "ordered dict": [
            _passes(collections.OrderedDict, collections.OrderedDict()),
            _passes(collections.OrderedDict, {}),
        ],
        "typing.List": [_passes(typing.List[int], [1]), _passes(typing.List[int], ["x"])],  # noqa: UP006
        "typing.Dict": [_passes(typing.Dict[str, int], {"a": 1}), _passes(typing.Dict[str, int], {1: 1})],  # noqa: UP006
        "bare typing.List": [_passes(typing.List, [1]), _passes(typing.List, 1)],  # noqa: UP006
        "list[dict[str, int]]": [
            _passes(list[dict[str, int]], [{"a": 1}]),
            _passes(list[dict[str, int]], [{"a": "x"}]),
        ],
        "bytes": [_passes(bytes, b"x"), _passes(bytes, "x")],
        "complex": [_passes(complex, 1j), _passes(complex, 1)],
        "object": [_passes(object, 1)],
        "none": [_passes(type(None), None)],
    }


def case_literal_annotation() -> Any:
    return error_of(lambda: _passes(Literal["a", "b"], "a"))


def case_sequence_and_mapping_annotations() -> Any:
    return {
        "Sequence[int]": [
            _passes(collections.abc.Sequence[int], [1]),
            _passes(collections.abc.Sequence[int], (1,)),
            _passes(collections.abc.Sequence[int], ["x"]),
            _passes(collections.abc.Sequence[int], 1),
        ],
        "Mapping[str, int]": [
            _passes(collections.abc.Mapping[str, int], {"a": 1}),
            _passes(collections.abc.Mapping[str, int], {"a": "x"}),
            _passes(collections.abc.Mapping[str, int], [1]),
        ],
    }


# -- loaders ----------------------------------------------------------------------------------------------------------


@dg.dagster_type_loader({"n": int})
def _load_number(_context, config):
    return Number(config["n"])


class Number:
    def __init__(self, n: int) -> None:
        self.n = n


NumberType = dg.DagsterType(name="NumberT", type_check_fn=lambda _c, v: isinstance(v, Number), loader=_load_number)


def case_type_loader() -> Any:
    @dg.op(ins={"x": dg.In(NumberType)})
    def use(x):
        return x.n

    job = job_of(use)
    wrong = {"ops": {"use": {"inputs": {"x": {"n": "s"}}}}}
    return [
        run(job, run_config={"ops": {"use": {"inputs": {"x": {"n": 4}}}}}).output_for_node("use"),
        error_of(lambda: job.execute_in_process()),
        error_of(lambda: job.execute_in_process(run_config=wrong)),
        NumberType.loader is _load_number,
        isinstance(_load_number, dg.DagsterTypeLoader),
    ]


def case_type_loader_runs_with_the_step() -> Any:
    seen: list[str] = []

    @dg.dagster_type_loader(int)
    def load(context, config):
        seen.append(f"load in {context.step_key if hasattr(context, 'step_key') else context.step.key}")
        return config

    kind = dg.DagsterType(name="Loaded", type_check_fn=lambda _c, _v: True, loader=load)

    @dg.op
    def first():
        seen.append("first")

    @dg.op(ins={"x": dg.In(kind), "after": dg.In(dg.Nothing)})
    def use(x):
        return x

    @dg.job
    def job():
        use(after=first())

    return [run(job, run_config={"ops": {"use": {"inputs": {"x": 3}}}}).output_for_node("use"), seen]


def case_type_loader_with_resources() -> Any:
    @dg.dagster_type_loader(int, required_resource_keys={"factor"})
    def load(context, config):
        return config * context.resources.factor

    kind = dg.DagsterType(name="Scaled", type_check_fn=lambda _c, v: isinstance(v, int), loader=load)

    @dg.op(ins={"x": dg.In(kind)})
    def use(x):
        return x

    def define(resources: Any) -> Any:
        @dg.job(resource_defs=resources)
        def job():
            use()

        return job

    config = {"ops": {"use": {"inputs": {"x": 3}}}}
    good = run(define({"factor": dg.ResourceDefinition.hardcoded_resource(5)}), run_config=config)
    return [good.output_for_node("use"), error_of(lambda: define({}).execute_in_process(run_config=config))]


def case_type_loader_that_fails() -> Any:
    @dg.dagster_type_loader(int)
    def load(context, config):
        raise ValueError("no")

    kind = dg.DagsterType(name="Unloadable", type_check_fn=lambda _c, _v: True, loader=load)

    @dg.op(ins={"x": dg.In(kind)})
    def use(x):
        return x

    result = run(job_of(use), run_config={"ops": {"use": {"inputs": {"x": 3}}}})
    return [tell(result), failure_of(result, "use")[-1:]]


def case_type_loader_of_a_wrong_value() -> Any:
    @dg.dagster_type_loader(int)
    def load(context, config):
        return "text"

    kind = dg.DagsterType(name="Checked", type_check_fn=lambda _c, v: isinstance(v, int), loader=load)

    @dg.op(ins={"x": dg.In(kind)})
    def use(x):
        return x

    return failure_of(run(job_of(use), run_config={"ops": {"use": {"inputs": {"x": 3}}}}), "use")


def case_class_of_a_type_loader() -> Any:
    class Loader(dg.DagsterTypeLoader):
        @property
        def schema_type(self):
            return dg.Shape({"n": int})

        def construct_from_config_value(self, context, config_value):
            return Number(config_value["n"])

    kind = dg.DagsterType(name="ByClass", type_check_fn=lambda _c, v: isinstance(v, Number), loader=Loader())

    @dg.op(ins={"x": dg.In(kind)})
    def use(x):
        return x.n

    return run(job_of(use), run_config={"ops": {"use": {"inputs": {"x": {"n": 6}}}}}).output_for_node("use")


def case_loader_of_a_class() -> Any:
    @dg.dagster_type_loader(int)
    def load(context, config):
        return Own(config)

    @dg.usable_as_dagster_type(loader=load)
    class Own:
        def __init__(self, n: int) -> None:
            self.n = n

    @dg.op
    def use(x: Own):
        return x.n

    return run(job_of(use), run_config={"ops": {"use": {"inputs": {"x": 6}}}}).output_for_node("use")


def case_loader_of_containers() -> Any:
    @dg.op(ins={"xs": dg.In(dg.List[NumberType]), "maybe": dg.In(dg.Optional[NumberType])})
    def use(xs, maybe):
        return [[one.n for one in xs], maybe and maybe.n]

    job = job_of(use)

    def given(xs: Any, maybe: Any) -> Any:
        return run(job, run_config={"ops": {"use": {"inputs": {"xs": xs, "maybe": maybe}}}}).output_for_node("use")

    return [given([{"n": 1}, {"n": 2}], None), given([], {"n": 3})]


def case_inputs_of_builtin_types_from_config() -> Any:
    @dg.op
    def use(a: int, b: str, c: list[int], d: dict, e: bool, f: float, g: Any):
        return [a, b, c, d, e, f, g]

    job = job_of(use)
    given = {"a": 1, "b": "x", "c": [1, 2], "d": {"k": 1}, "e": True, "f": 2.5, "g": {"value": [1]}}
    wrapped = {**given, "a": {"value": 3}, "b": {"value": "y"}}
    return [
        run(job, run_config={"ops": {"use": {"inputs": given}}}).output_for_node("use"),
        run(job, run_config={"ops": {"use": {"inputs": wrapped}}}).output_for_node("use"),
        error_of(lambda: job.execute_in_process(run_config={"ops": {"use": {"inputs": {**given, "c": ["x"]}}}})),
        error_of(lambda: job.execute_in_process(run_config={"ops": {"use": {"inputs": {**given, "a": "x"}}}})),
    ]


def case_input_of_a_type_without_loader() -> Any:
    @dg.op
    def use(x: Animal):
        return 1

    return error_of(lambda: job_of(use).execute_in_process(run_config={"ops": {"use": {"inputs": {"x": 1}}}}))


def case_wrong_type_says_which() -> Any:
    @dg.op
    def text():
        return "x"

    @dg.op
    def number(x: int):
        return x

    try:
        chain_of(text, number).execute_in_process()
    except dg.DagsterTypeCheckDidNotPass as error:
        return ["x" in str(error), "Int" in str(error), error.dagster_type.display_name]
    return None
