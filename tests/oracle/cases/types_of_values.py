"""Types of inputs and outputs, checked at run time."""

from typing import Any, Optional, Union

from oracle_sut import chain_of, dg, error_of, failure_of, job_of, run, tell


def _passes(annotation: Any, value: Any) -> bool:
    work = dg.op(name="work", out=dg.Out(annotation))(lambda: value)
    return run(job_of(work)).success


def case_scalars() -> Any:
    return {
        "int 1": _passes(int, 1),
        "int True": _passes(int, True),
        "int 1.0": _passes(int, 1.0),
        "float 1.0": _passes(float, 1.0),
        "float 1": _passes(float, 1),
        "str x": _passes(str, "x"),
        "str b": _passes(str, b"x"),
        "bool True": _passes(bool, True),
        "bool 1": _passes(bool, 1),
        "int None": _passes(int, None),
        "Any": _passes(Any, object),
    }


def case_containers() -> Any:
    return {
        "list": _passes(list, [1, "x"]),
        "list tuple": _passes(list, (1,)),
        "list[int]": _passes(list[int], [1, 2]),
        "list[int] bad": _passes(list[int], [1, "x"]),
        "dict": _passes(dict, {"a": 1}),
        "dict[str, int]": _passes(dict[str, int], {"a": 1}),
        "dict[str, int] value": _passes(dict[str, int], {"a": "x"}),
        "dict[str, int] key": _passes(dict[str, int], {1: 1}),
        "set[int]": _passes(set[int], {1}),
        "set[int] bad": _passes(set[int], {"x"}),
        "tuple[int, str]": _passes(tuple[int, str], (1, "x")),
        "tuple[int, str] bad": _passes(tuple[int, str], ("x", 1)),
        "tuple[int, str] long": _passes(tuple[int, str], (1, "x", 2)),
        "list[list[int]]": _passes(list[list[int]], [[1], []]),
        "list[list[int]] bad": _passes(list[list[int]], [[1], ["x"]]),
    }


def case_optional_and_union() -> Any:
    return {
        "Optional None": _passes(Optional[int], None),  # noqa: UP045
        "Optional 1": _passes(Optional[int], 1),  # noqa: UP045
        "Optional x": _passes(Optional[int], "x"),  # noqa: UP045
        "list of Optional": _passes(list[Optional[int]], [1, None]),  # noqa: UP045
        "Optional list": _passes(Optional[list[int]], [1]),  # noqa: UP045
    }


def case_union_annotation() -> Any:
    return error_of(lambda: _passes(Union[int, str], "x"))  # noqa: UP007


class Animal:
    pass


class Dog(Animal):
    pass


def case_classes() -> Any:
    return [_passes(Animal, Dog()), _passes(Dog, Animal()), _passes(Animal, "x")]


def case_dagster_type() -> Any:
    even = dg.DagsterType(name="Even", type_check_fn=lambda _context, value: value % 2 == 0)
    return [_passes(even, 2), _passes(even, 3), even.display_name]


def case_dagster_type_with_a_type_check() -> Any:
    def check(_context, value):
        return dg.TypeCheck(success=value > 0, description="must be positive", metadata={"value": value})

    kind = dg.DagsterType(name="Positive", type_check_fn=check)
    return [_passes(kind, 2), _passes(kind, -1)]


def case_python_object_dagster_type() -> Any:
    kind = dg.PythonObjectDagsterType(python_type=Animal, name="AnimalType")
    return [_passes(kind, Dog()), _passes(kind, 5)]


def case_usable_as_dagster_type() -> Any:
    @dg.usable_as_dagster_type(name="Kept")
    class Kept:
        pass

    return [_passes(Kept, Kept()), _passes(Kept, 5)]


def case_make_python_type_usable() -> Any:
    class Odd:
        def __init__(self, n: int) -> None:
            self.n = n

    kind = dg.DagsterType(name="OddType", type_check_fn=lambda _c, v: isinstance(v, Odd) and v.n % 2 == 1)
    dg.make_python_type_usable_as_dagster_type(Odd, kind)
    return [_passes(Odd, Odd(1)), _passes(Odd, Odd(2))]


def case_input_type_fails_the_reader() -> Any:
    @dg.op
    def text():
        return "x"

    @dg.op
    def number(x: int):
        return x

    result = run(chain_of(text, number))
    return [tell(result), failure_of(result, "number")]


def case_check_of_a_fan_in() -> Any:
    @dg.op
    def text():
        return "x"

    @dg.op
    def numbers(xs: list[int]):
        return xs

    @dg.job
    def job():
        numbers([text(), text.alias("more")()])

    return failure_of(run(job), "numbers")


def case_default_of_the_wrong_type() -> Any:
    def define(kind: Any, default: Any) -> Any:
        return lambda: dg.op(name="work", ins={"x": dg.In(kind, default_value=default)})(lambda x: 1)

    return {
        "int x": error_of(define(int, "x")),
        "int None": error_of(define(int, None)),
        "float 1": error_of(define(float, 1)),
        "str 1": error_of(define(str, 1)),
        "optional None": error_of(define(Optional[int], None)),  # noqa: UP045
        "list x": error_of(define(list[int], "x")),
        "int 1": error_of(define(int, 1)),
    }


def case_check_of_dynamic_values() -> Any:
    @dg.op(out=dg.DynamicOut(int))
    def numbers():
        yield dg.DynamicOutput("x", "a")

    return failure_of(run(job_of(numbers)), "numbers")


def case_type_check_that_raises() -> Any:
    def broken(_context, _value):
        raise ValueError("check")

    kind = dg.DagsterType(name="Broken", type_check_fn=broken)
    work = dg.op(name="work", out=dg.Out(kind))(lambda: 1)
    return failure_of(run(job_of(work)), "work")


def case_declared_type_beats_the_annotation() -> Any:
    @dg.op(out=dg.Out(str))
    def work() -> int:
        return "x"

    return tell(run(job_of(work)))
