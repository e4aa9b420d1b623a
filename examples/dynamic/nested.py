"""A map inside a map: each number is split into its divisors, and each divisor is worked on by a clone of its own.

Dagster refuses a dynamic output below another one; here the inner clones carry both keys, `square[n6,d3]`.
"""

from collections.abc import Iterator

import kedge as dg


@dg.op(out=dg.DynamicOut(int))
def numbers() -> Iterator[dg.DynamicOutput[int]]:
    """Some numbers."""
    for number in (4, 6, 7):
        yield dg.DynamicOutput(number, mapping_key=f"n{number}")


@dg.op(out=dg.DynamicOut(int))
def divisors(number: int) -> Iterator[dg.DynamicOutput[int]]:
    """What divides the number, itself and 1 included."""
    for divisor in range(1, number + 1):
        if number % divisor == 0:
            yield dg.DynamicOutput(divisor, mapping_key=f"d{divisor}")


@dg.op
def square(number: int) -> int:
    """The number times itself."""
    return number * number


@dg.op
def total(values: list[int]) -> int:
    """The sum."""
    return sum(values)


@dg.op
def as_text(values: list[int]) -> str:
    """The values in the order in which they came."""
    return ",".join(str(value) for value in values)


def _sum_of_squared_divisors(number: int) -> object:
    return total(divisors(number).map(square).collect())


@dg.job
def nested() -> None:
    """The inner `collect` gathers one number's divisors, the outer one all numbers."""
    as_text(numbers().map(_sum_of_squared_divisors).collect())
