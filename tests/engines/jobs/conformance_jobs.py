"""Jobs that every engine must run alike. Values are small, so that a step costs next to nothing."""

from collections.abc import Iterator
from typing import Any

import kedge as dg


@dg.op
def one() -> int:
    return 1


@dg.op
def add_one(x: int) -> int:
    return x + 1


@dg.op
def total(values: list[int]) -> int:
    return sum(values)


@dg.op
def as_list(values: list[Any]) -> list[Any]:
    return values


@dg.op(out=dg.DynamicOut())
def three() -> Iterator[dg.DynamicOutput[int]]:
    for i in (3, 1, 2):
        yield dg.DynamicOutput(i, f"k{i}")


@dg.op(out=dg.DynamicOut())
def up_to(x: int) -> Iterator[dg.DynamicOutput[int]]:
    for i in range(x):
        yield dg.DynamicOutput(10 * x + i, f"n{i}")


@dg.op(out=dg.DynamicOut())
def none() -> Iterator[dg.DynamicOutput[int]]:
    yield from ()


@dg.op(out={"low": dg.Out(int, is_required=False), "high": dg.Out(int, is_required=False)})
def branch(x: int) -> Iterator[dg.Output[int]]:
    yield dg.Output(x, "low" if x < 2 else "high")


@dg.op
def boom(x: int) -> int:
    raise ValueError(f"no {x}")


@dg.op
def odd_only(x: int) -> int:
    if x % 2 == 0:
        raise ValueError("even")
    return x


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
def third_time(context: dg.OpExecutionContext) -> int:
    if context.retry_number < 2:
        raise RuntimeError(f"retry {context.retry_number}")
    return context.retry_number


@dg.op
def asks_again(context: dg.OpExecutionContext) -> int:
    if context.retry_number == 0:
        raise dg.RetryRequested(max_retries=1)
    return context.retry_number


@dg.op
def wrong_type() -> int:
    return "text"  # type: ignore[return-value]


@dg.op(out=dg.Out(dg.Nothing))
def side_effect() -> None:
    return None


@dg.op(ins={"start": dg.In(dg.Nothing)})
def afterwards() -> str:
    return "after"


@dg.op(config_schema={"factor": int})
def scaled(context: dg.OpExecutionContext, x: int) -> int:
    return int(x * context.op_config["factor"])


class Offset(dg.Config):
    by: int = 5


@dg.op
def shifted(config: Offset, x: int) -> int:
    return x + config.by


@dg.resource
def counter(context: dg.InitResourceContext) -> Iterator[list[int]]:
    yield [7]


@dg.op(required_resource_keys={"counter"})
def counts(context: dg.OpExecutionContext) -> int:
    return int(context.resources.counter[0])


@dg.op
def lazily(values: dg.LazyList[int]) -> int:
    return sum(values[i] for i in range(len(values)))


@dg.graph
def add_two(x: int) -> Any:
    return add_one(add_one(x))


@dg.job
def diamond() -> None:
    x = one()
    total([add_one(x), add_one.alias("other")(x)])


@dg.job
def nested_graph() -> None:
    add_two(one())


@dg.job
def mapped() -> None:
    total(three().map(lambda x: add_one(add_one(x))).collect())


@dg.job
def map_in_map() -> None:
    inner = three().map(lambda x: up_to(x).map(add_one).collect())
    as_list(inner.collect())


@dg.job
def collect_twice() -> None:
    as_list(three().map(lambda x: up_to(x).map(add_one)).collect().collect())


@dg.job
def empty_fan_out() -> None:
    total(none().map(add_one).collect())


@dg.job
def collected_itself() -> None:
    as_list(three().collect())


@dg.job
def broadcast() -> None:
    base = one()
    total.alias("sum_all")(three().map(lambda x: total([x, base])).collect())


@dg.job
def branches() -> None:
    low, high = branch(one())
    add_one.alias("on_low")(low)
    add_one.alias("on_high")(high)
    as_list([add_one.alias("a")(low), add_one.alias("b")(high)])


@dg.job
def one_branch_fails() -> None:
    x = one()
    add_one.alias("never")(boom(x))
    add_one.alias("goes_on")(x)


@dg.job
def one_clone_fails() -> None:
    total(three().map(lambda x: add_one(odd_only(x))).collect())


@dg.job
def retried() -> None:
    total([third_time(), asks_again()])


@dg.job
def wrong_output_type() -> None:
    add_one(wrong_type())


@dg.job
def order_alone() -> None:
    afterwards(side_effect())


@dg.job(
    config={"ops": {"scaled": {"config": {"factor": 3}}, "shifted": {"config": {"by": 2}}}},
    resource_defs={"counter": counter},
)
def configured() -> None:
    total([scaled(one()), shifted(counts())])


@dg.job
def lazy_collect() -> None:
    lazily(three().map(add_one).collect())


@dg.op(tags={"dagster/priority": "1"})
def extract(x: int) -> int:
    return x


@dg.op(tags={"dagster/priority": "2"})
def transform(x: int) -> int:
    return x


@dg.op(tags={"kedge/priority": "3"})
def load(x: int) -> int:
    return x


@dg.job
def depth_first() -> None:
    total(three().map(lambda x: load(transform(extract(x)))).collect())
