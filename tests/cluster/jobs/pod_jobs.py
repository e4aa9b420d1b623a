"""Jobs of the tests, for OpJobs that name an entrypoint."""

import kedge as dg


class Range(dg.Config):
    count: int


@dg.op(out=dg.DynamicOut())
def numbers(config: Range):
    for i in range(config.count):
        yield dg.DynamicOutput(i, mapping_key=f"n{i}")


@dg.op
def double(x: int) -> int:
    return 2 * x


@dg.op
def total(values: list[int]) -> int:
    return sum(values)


@dg.job(tags={"team": "tests"})
def doubles():
    total(numbers().map(double).collect())


@dg.op(tags={"kedge/priority": "1"})
def first(x: int) -> int:
    return x


@dg.op(tags={"kedge/priority": "2"})
def second(x: int) -> int:
    return x


@dg.op(tags={"kedge/priority": "3"})
def third(x: int) -> int:
    return x


@dg.job
def batches():
    total(numbers().map(lambda x: third(second(first(x)))).collect())


@dg.op
def memoized(x: int) -> int:
    return x + 1


def made_at_a_word():
    """`doubles`, once the word $WORD is in the store."""
    from pod_ops import waits_for_a_word

    waits_for_a_word()
    return doubles


def broken_at_import():
    raise RuntimeError("this job can't be made")
