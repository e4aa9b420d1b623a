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


# -- config that is mapped, partitions, graphs out of dependencies, loggers ------------------------------------------


@dg.op(config_schema={"n": int})
def number(context: dg.OpExecutionContext) -> int:
    found: int = context.op_config["n"]
    return found


@dg.op
def partition(context: dg.OpExecutionContext) -> str:
    return f"{context.partition_key} {context.get_tag('dagster/partition')}"


@dg.config_mapping(config_schema={"half": int})
def doubled(given: dict[str, Any]) -> dict[str, Any]:
    return {"number": {"config": {"n": 2 * given["half"]}}}


@dg.graph(config=doubled)
def mapped_number() -> Any:
    return number()


@dg.job
def mapped_config() -> None:
    add_one(mapped_number())


@dg.job(config=dg.ConfigMapping(lambda given: {"ops": {"number": {"config": {"n": given["n"]}}}}, {"n": int}))
def mapped_job_config() -> None:
    add_one(number())


@dg.static_partitioned_config(["a", "bb"])
def by_length(key: str) -> dict[str, Any]:
    return {"ops": {"number": {"config": {"n": len(key)}}}}


@dg.job(config=by_length)
def partitioned() -> None:
    number()
    partition()


by_dependencies = dg.GraphDefinition(
    name="by_dependencies",
    node_defs=[three, add_one, total],
    dependencies={
        dg.NodeInvocation("add_one", alias="up"): {"x": dg.DependencyDefinition("three")},
        "total": {"values": dg.DynamicCollectDependencyDefinition("up")},
    },
).to_job()


@dg.graph
def passes(x: int) -> Any:
    return add_one(x)


@dg.job
def graph_input() -> None:
    passes()


@dg.op(retry_policy=dg.RetryPolicy(max_retries=3))
def never_well() -> None:
    raise ValueError("no")


@dg.failure_hook
def note_failure(context: dg.HookContext) -> None:
    assert context.op_exception is not None


@dg.job(hooks={note_failure})
def keeps_failing() -> None:
    never_well()


# -- memoization -----------------------------------------------------------------------------------------------------


@dg.op(code_version="1")
def fetch() -> list[int]:
    return [3, 1, 2]


@dg.op(code_version="1", config_schema={"by": int})
def scale(context: dg.OpExecutionContext, values: list[int]) -> list[int]:
    return [value * context.op_config["by"] for value in values]


@dg.op(code_version="1", out=dg.DynamicOut())
def each(values: list[int]) -> Iterator[dg.DynamicOutput[int]]:
    for i, value in enumerate(values):
        yield dg.DynamicOutput(value, f"n{i}")


@dg.op(code_version="1")
def plus_one(x: int) -> int:
    return x + 1


@dg.op
def sum_each_time(values: list[int]) -> int:
    return sum(values)


@dg.job(version_strategy=dg.VersionStrategy())
def memoized() -> None:
    sum_each_time(each(scale(fetch())).map(plus_one).collect())


# -- executors and loggers ---------------------------------------------------------------------------------------------


@dg.job(
    executor_def=dg.multiprocess_executor,
    config={
        "execution": {
            "config": {"max_concurrent": 2, "tag_concurrency_limits": [{"key": "pool", "value": "db", "limit": 1}]}
        }
    },
)
def limited_by_its_executor() -> None:
    add_one(one())


@dg.executor(name="mine")
def mine(init_context: Any) -> Any:
    raise AssertionError("Kedge runs steps itself")


@dg.job(executor_def=mine)
def with_an_executor_of_its_own() -> None:
    one()


@dg.job(
    executor_def=dg.k8s_job_executor.configured(
        {
            "job_image": "registry.example/etl:1",
            "job_namespace": "etl",
            "image_pull_policy": "IfNotPresent",
            "image_pull_secrets": [{"name": "pull"}],
            "service_account_name": "steps",
            "env_config_maps": ["settings"],
            "env_secrets": ["credentials"],
            "env_vars": ["MODE=fast"],
            "volumes": [{"name": "scratch", "empty_dir": {"size_limit": "1Gi"}}],
            "volume_mounts": [{"name": "scratch", "mount_path": "/scratch"}],
            "labels": {"team": "data_eng"},
            "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}},
            "max_concurrent": 7,
            "tag_concurrency_limits": [{"key": "pool", "value": {"applyLimitPerUniqueValue": True}, "limit": 2}],
            "retries": {"disabled": {}},
            "step_k8s_config": {
                "container_config": {"security_context": {"run_as_user": 1000}},
                "pod_template_spec_metadata": {"annotations": {"example.com/keep_me": "yes"}},
                "pod_spec_config": {"node_selector": {"disk_type": "ssd"}},
            },
            "per_step_k8s_config": {"add_one": {"container_config": {"resources": {"limits": {"memory": "1Gi"}}}}},
        },
        name="pods",
    )
)
def in_pods() -> None:
    add_one(one())


@dg.op
def talk(context: dg.OpExecutionContext) -> None:
    context.log.debug("not shown")
    context.log.info("hello %s", 1)
    dg.get_dagster_logger().info("from outside")


@dg.job(logger_defs={"console": dg.json_console_logger})
def talks() -> None:
    talk()
