"""Jobs with static partitions: keys, the config and tags of each, and what an op sees."""

from typing import Any

from oracle_sut import dg, error_of, run

KEYS = dg.StaticPartitionsDefinition(["x", "y"])


@dg.op(config_schema={"d": str})
def use(context):
    return [context.op_config["d"], context.partition_key if context.has_partition_key else None]


@dg.op
def look(context):
    return [context.partition_key, sorted(context.run.tags.items())]


@dg.static_partitioned_config(partition_keys=["a", "b"])
def by_key(key):
    return {"ops": {"use": {"config": {"d": key + "!"}}}}


@dg.job(config=by_key)
def configured():
    use()


@dg.job(partitions_def=KEYS)
def partitioned():
    look()


def case_config_by_key() -> Any:
    return [configured.execute_in_process(partition_key=key).output_for_node("use") for key in ("a", "b")]


def case_given_config_beats_that_of_the_key() -> Any:
    given = {"ops": {"use": {"config": {"d": "mine"}}}}
    return configured.execute_in_process(partition_key="a", run_config=given).output_for_node("use")


def case_without_a_key() -> Any:
    given = {"ops": {"use": {"config": {"d": "mine"}}}}
    return [
        error_of(configured.execute_in_process),
        configured.execute_in_process(run_config=given).output_for_node("use"),
        error_of(partitioned.execute_in_process),
    ]


def case_unknown_key() -> Any:
    return [
        error_of(lambda: configured.execute_in_process(partition_key="z")),
        error_of(lambda: partitioned.execute_in_process(partition_key="z")),
    ]


def case_tags_of_the_run() -> Any:
    return partitioned.execute_in_process(partition_key="x").output_for_node("look")


def case_tags_of_job_config_and_call() -> Any:
    config = dg.PartitionedConfig(
        partitions_def=KEYS,
        run_config_for_partition_key_fn=lambda key: {"ops": {"use": {"config": {"d": key}}}},
        tags_for_partition_key_fn=lambda key: {"m": key, "shared": "config"},
    )

    @dg.job(config=config, tags={"base": "1", "shared": "job"})
    def job():
        use()

    result = run(job, partition_key="y")
    return [result.output_for_node("use"), sorted(result.dagster_run.tags.items())]


def case_job_without_partitions() -> Any:
    @dg.job
    def job():
        pass

    return error_of(lambda: job.execute_in_process(partition_key="a")) is not None


def case_keys() -> Any:
    return {
        "keys": list(KEYS.get_partition_keys()),
        "has": [KEYS.has_partition_key("x"), KEYS.has_partition_key("z")],
        "first": KEYS.get_first_partition_key(),
        "last": KEYS.get_last_partition_key(),
        "count": KEYS.get_num_partitions(),
        "repr": repr(KEYS),
        "equal": dg.StaticPartitionsDefinition(["x", "y"]) == KEYS,
        "other": dg.StaticPartitionsDefinition(["y", "x"]) == KEYS,
        "none": list(dg.StaticPartitionsDefinition([]).get_partition_keys()),
        "is": isinstance(KEYS, dg.PartitionsDefinition),
    }


def case_keys_that_can_not_be() -> Any:
    return [
        error_of(lambda: dg.StaticPartitionsDefinition(["x", "x"])),
        error_of(lambda: dg.StaticPartitionsDefinition(["a...b"])),
        error_of(lambda: dg.StaticPartitionsDefinition([1])) is not None,
    ]


def case_what_a_partitioned_config_tells() -> Any:
    return {
        "keys": list(by_key.get_partition_keys()),
        "config": by_key.get_run_config_for_partition_key("b"),
        "tags": dict(by_key.get_tags_for_partition_key("a")),
        "called": by_key("a"),
        "definition": list(by_key.partitions_def.get_partition_keys()),
    }


def case_what_a_job_tells() -> Any:
    return {
        "config": configured.get_run_config_for_partition_key("b"),
        "tags": dict(configured.get_tags_for_partition_key("b", selected_asset_keys=None)),
        "keys": list(configured.get_partition_keys(selected_asset_keys=None)),
        "definition": [configured.partitions_def == by_key.partitions_def, partitioned.partitions_def == KEYS],
        "partitioned_config": configured.partitioned_config is by_key,
        "run_config": configured.run_config,
    }


def case_run_config_object() -> Any:
    config = dg.PartitionedConfig(
        partitions_def=KEYS,
        run_config_for_partition_key_fn=lambda key: dg.RunConfig(ops={"use": {"config": {"d": key}}}),
    )

    @dg.job(config=config)
    def job():
        use()

    return run(job, partition_key="x").output_for_node("use")


def case_functions_of_a_partition() -> Any:
    config = dg.PartitionedConfig(
        partitions_def=KEYS,
        run_config_for_partition_fn=lambda one: {"v": one.value, "n": one.name},
        tags_for_partition_fn=lambda one: {"t": one.name},
    )
    return [config.get_run_config_for_partition_key("x"), dict(config.get_tags_for_partition_key("x"))]


def case_partition_objects() -> Any:
    return [dg.Partition("x").value, dg.Partition("x").name, dg.Partition(3, "n").name]


def case_both_or_none_of_the_functions() -> Any:
    def nothing(key):
        return {}

    both = {"run_config_for_partition_fn": nothing, "run_config_for_partition_key_fn": nothing}
    return [
        error_of(lambda: dg.PartitionedConfig(partitions_def=KEYS, **both)) is not None,
        error_of(lambda: dg.PartitionedConfig(partitions_def=KEYS)) is not None,
    ]


def case_function_that_raises() -> Any:
    def broken(key):
        raise ZeroDivisionError

    config = dg.PartitionedConfig(partitions_def=KEYS, run_config_for_partition_key_fn=broken)
    return error_of(lambda: config.get_run_config_for_partition_key("x"))


def case_decorator_for_any_partitions() -> Any:
    config = dg.partitioned_config(KEYS, tags_for_partition_key_fn=lambda key: {"t": key})(lambda key: {"a": key})
    return [config.get_run_config_for_partition_key("x"), dict(config.get_tags_for_partition_key("y"))]


def case_static_decorator_with_tags() -> Any:
    config = dg.static_partitioned_config(["a"], tags_for_partition_key_fn=lambda key: {"t": key})(lambda key: {})
    return dict(config.get_tags_for_partition_key("a"))


def case_partitions_that_do_not_agree() -> Any:
    def make(partitions):
        @dg.job(partitions_def=partitions, config=by_key)
        def job():
            use()

        return job.execute_in_process(partition_key="a").output_for_node("use")

    other = dg.StaticPartitionsDefinition(["q"])
    return [error_of(lambda: make(other)) is not None, make(by_key.partitions_def)]


def case_config_not_wrong_before_the_key_is_known() -> Any:
    config = dg.PartitionedConfig(partitions_def=KEYS, run_config_for_partition_key_fn=lambda key: {"ops": {"no": {}}})

    @dg.job(config=config)
    def job():
        use()

    return error_of(lambda: job.execute_in_process(partition_key="x"))
