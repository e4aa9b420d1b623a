"""Every shape of `map` and `collect`, on small numbers; `nested.py` has the one that Dagster refuses."""

from collections.abc import Iterator

import kedge as dg


class Count(dg.Config):
    """How many numbers to yield, from 1."""

    count: int = 3


@dg.op(out=dg.DynamicOut(int))
def numbers(config: Count) -> Iterator[dg.DynamicOutput[int]]:
    """1 to `count`, one by one: how many is known only when it has run."""
    for number in range(1, config.count + 1):
        yield dg.DynamicOutput(number, mapping_key=f"n{number}")


@dg.op
def square(number: int) -> int:
    """The number times itself."""
    return number * number


@dg.op
def negate(number: int) -> int:
    """The number below zero."""
    return -number


@dg.op
def add(left: int, right: int) -> int:
    """Both together."""
    return left + right


@dg.op
def total(values: list[int]) -> int:
    """The sum; that of nothing is 0."""
    return sum(values)


@dg.op
def as_text(values: list[int]) -> str:
    """The values in the order in which they came."""
    return ",".join(str(value) for value in values)


@dg.op
def ten() -> int:
    """An ordinary step that clones may read as well."""
    return 10


@dg.job
def map_and_collect() -> None:
    """The plain shape: one clone of `square` for each number, then all of their results in one list."""
    total(numbers().map(square).collect())


@dg.job
def chained_maps() -> None:
    """A map on a mapped result: clones follow clones, key by key."""
    as_text(numbers().map(square).map(negate).collect())


@dg.job
def chain_in_one_map() -> None:
    """The same chain inside one callable, which may also read an ordinary step."""
    base = ten()
    as_text(numbers().map(lambda number: add(negate(square(number)), base)).collect())


@dg.job
def several_maps() -> None:
    """Two maps on one dynamic output, collected apart: its op runs once."""
    found = numbers()
    total.alias("total_of_squares")(found.map(square).collect())
    total.alias("total_of_negatives")(found.map(negate).collect())


@dg.job
def tuple_of_maps() -> None:
    """A callable that returns several outputs: each can be mapped and collected on its own."""
    squares, negatives = numbers().map(lambda number: (square(number), negate(number)))
    as_text.alias("squares")(squares.collect())
    as_text.alias("negated_again")(negatives.map(negate.alias("back")).collect())


@dg.op(out={"whole": dg.Out(int), "rest": dg.Out(int)})
def divide(number: int) -> tuple[int, int]:
    """By two, and what is left over."""
    return number // 2, number % 2


@dg.job
def several_outputs() -> None:
    """A mapped op of several outputs: the callable returns them as a tuple."""

    def halves(number: int) -> tuple[object, object]:
        parts = divide(number)
        return parts.whole, parts.rest  # type: ignore[attr-defined]

    whole, rest = numbers().map(halves)
    total.alias("wholes")(whole.collect())
    total.alias("rests")(rest.collect())


@dg.op(out={"even": dg.DynamicOut(int), "odd": dg.DynamicOut(int), "count": dg.Out(int)})
def sort_out(config: Count) -> Iterator[dg.DynamicOutput[int] | dg.Output[int]]:
    """Two dynamic outputs and an ordinary one."""
    for number in range(1, config.count + 1):
        name = "odd" if number % 2 else "even"
        yield dg.DynamicOutput(number, mapping_key=f"n{number}", output_name=name)
    yield dg.Output(config.count, output_name="count")


@dg.job
def several_dynamic_outputs() -> None:
    """One op that fans out twice; each fan has keys of its own."""
    found = sort_out()
    evens = total.alias("evens")(found.even.map(square.alias("square_even")).collect())
    odds = total.alias("odds")(found.odd.map(square.alias("square_odd")).collect())
    add.alias("both")(add(evens, odds), found.count)


@dg.op(out=dg.DynamicOut(int))
def numbers_as_list() -> list[dg.DynamicOutput[int]]:
    """The outputs returned in a list instead of yielded."""
    return [dg.DynamicOutput(number, mapping_key=f"n{number}") for number in (4, 5)]


@dg.op
def numbers_by_annotation() -> list[dg.DynamicOutput[int]]:
    """No `out` at all: the annotation says that it is dynamic."""
    return [dg.DynamicOutput(number, mapping_key=f"n{number}") for number in (6, 7)]


@dg.job
def from_a_list() -> None:
    """Outputs returned in a list."""
    total(numbers_as_list().map(square).collect())


@dg.job
def from_an_annotation() -> None:
    """An op that is dynamic by its annotation alone."""
    total(numbers_by_annotation().map(square).collect())


@dg.op(out=dg.DynamicOut(int))
def nothing() -> Iterator[dg.DynamicOutput[int]]:
    """A required dynamic output that yields nothing: allowed."""
    yield from ()


@dg.job
def empty() -> None:
    """No clone exists, and the collecting op runs all the same, with an empty list."""
    total(nothing().map(square).map(negate).collect())


@dg.op(out=dg.DynamicOut(int, is_required=False))
def perhaps(config: Count) -> Iterator[dg.DynamicOutput[int]]:
    """An optional dynamic output: when it yields nothing, what reads it is skipped."""
    for number in range(1, config.count + 1):
        yield dg.DynamicOutput(number, mapping_key=f"n{number}")


@dg.job
def optional() -> None:
    """With `count: 0` neither `square` nor `total` runs, and the run succeeds."""
    total(perhaps().map(square).collect())


@dg.job
def collect_itself() -> None:
    """A dynamic output collected without a map."""
    as_text(numbers().collect())
