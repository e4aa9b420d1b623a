"""What `@job`, `graph.to_job` and JobDefinition take and tell."""

from typing import Any

from oracle_sut import dg, error_of, run


@dg.op
def one():
    return 1


@dg.op
def inc(x):
    return x + 1


@dg.graph(tags={"graph": "g"}, description="A graph.")
def graph(x):
    return inc(x)


def case_tags_and_run_tags() -> Any:
    job = graph.to_job(tags={"a": "b"}, run_tags={"r": {"x": 1}}, input_values={"x": 1})
    plain = graph.to_job(tags={"a": "b"}, input_values={"x": 1})
    return [
        dict(job.tags),
        dict(job.run_tags),
        job.has_separately_defined_run_tags,
        dict(run(job).dagster_run.tags),
        dict(plain.run_tags),
        dict(run(plain).dagster_run.tags),
        dict(run(plain, tags={"a": "c", "d": "e"}).dagster_run.tags),
    ]


def case_tag_values() -> Any:
    values: list[Any] = [
        "x",
        1,
        1.5,
        True,
        None,
        [1],
        {"a": [1, {"b": None}]},
        (1,),
        {1},
        float("nan"),
        {1: 2},
        object(),
    ]
    found = []
    for value in values:
        kept: list[Any] = []
        error = error_of(lambda value=value, kept=kept: kept.append(graph.to_job(tags={"t": value}).tags["t"]))
        found.append(kept[0] if kept else error)
    return found


def case_tag_keys() -> Any:
    keys: list[Any] = ["a b", "k" * 100, "", "dagster/x", ".dagster/x", "a/b/c", "ü", 1, None, ("a",)]

    def makers(tags):
        yield lambda: graph.to_job(tags=tags)
        yield lambda: dg.op(name="made", tags=tags)(lambda: None)
        yield lambda: one.tag(tags)
        yield lambda: graph.to_job(input_values={"x": 1}).execute_in_process(tags=tags)

    return [[error_of(make) for make in makers({key: "x"})] for key in keys]


def case_tags_that_are_no_mapping() -> Any:
    wrong: Any = [("a", "b")]
    return [error_of(lambda: graph.to_job(tags=wrong)), error_of(lambda: one.tag(wrong))]


def case_name_and_description() -> Any:
    @dg.job(name="other", description="given")
    def job():
        """From the docstring."""

    @dg.job
    def documented():
        """From the docstring."""

    named = graph.to_job(name="named", description="mine")
    return [
        [job.name, job.description],
        [documented.name, documented.description],
        [named.name, named.description],
        [graph.to_job().name, graph.to_job().description],
    ]


def case_metadata() -> Any:
    job = graph.to_job(metadata={"n": 1, "text": "x", "url": dg.MetadataValue.url("u")})
    return {name: [type(value).__name__, value.value] for name, value in job.metadata.items()}


def case_with_metadata() -> Any:
    return [value.value for value in graph.to_job().with_metadata({"n": 2}).metadata.values()]


def case_hooks_and_policy() -> Any:
    seen = []

    @dg.success_hook
    def note(context):
        seen.append(["ok", context.step_key])

    @dg.failure_hook
    def cry(context):
        seen.append(["bad", context.step_key])

    @dg.op
    def flaky(context):
        seen.append(context.retry_number)
        raise ValueError

    @dg.job(hooks={note, cry}, op_retry_policy=dg.RetryPolicy(max_retries=1))
    def job():
        one()
        flaky()

    result = run(job)
    return [result.success, sorted(map(str, seen)), job.op_retry_policy.max_retries, len(job.hook_defs)]


def case_with_hooks() -> Any:
    seen = []

    @dg.success_hook
    def note(context):
        seen.append(context.step_key)

    run(graph.to_job(input_values={"x": 1}).with_hooks({note}))
    return seen


def case_input_values() -> Any:
    job = graph.to_job(input_values={"x": 5})
    return [
        run(job).output_for_node("inc"),
        run(job, input_values={"x": 7}).output_for_node("inc"),
        error_of(lambda: graph.to_job(input_values={"z": 5})),
    ]


def case_call() -> Any:
    job = graph.to_job()

    def inside():
        @dg.job
        def outer():
            job()

    return [error_of(job), error_of(inside)]


def case_nodes() -> Any:
    @dg.job
    def job():
        graph.alias("g")(one())

    return [
        sorted(node.name for node in job.nodes),
        job.has_node_named("g"),
        job.has_node_named("inc"),
        job.get_node_named("g").definition.name,
        job.graph.name,
        [d.name for d in job.graph.node_defs],
    ]


def case_subset() -> Any:
    @dg.job
    def job():
        inc(one())

    part = job.get_subset(op_selection=["one"])
    return [part.is_subset, job.is_subset, run(part).success, part.name]


def case_op_selection_of_to_job() -> Any:
    @dg.graph
    def both():
        inc(one())

    return [run(both.to_job(op_selection=["one"])).success, error_of(lambda: both.to_job(op_selection=["z"]))]


def case_resources() -> Any:
    @dg.op(required_resource_keys={"r"})
    def use(context):
        return context.resources.r

    @dg.graph
    def uses():
        use()

    job = uses.to_job(resource_defs={"r": dg.ResourceDefinition.hardcoded_resource(1), "unused": 3})
    return [
        run(job).output_for_node("use"),
        run(job, resources={"r": 9}).output_for_node("use"),
        sorted(key for key in job.resource_defs if key != "io_manager"),
        run(job.with_top_level_resources({"r": dg.ResourceDefinition.hardcoded_resource(2)})).output_for_node("use"),
    ]


def case_config_as_a_dict_or_a_run_config() -> Any:
    @dg.op(config_schema={"n": int})
    def number(context):
        return context.op_config["n"]

    @dg.graph
    def numbers():
        number()

    given = {"ops": {"number": {"config": {"n": 2}}}}
    return [
        run(numbers.to_job(config=given)).output_for_node("number"),
        run(numbers.to_job(config=dg.RunConfig(ops={"number": {"config": {"n": 3}}}))).output_for_node("number"),
        numbers.to_job(config=given).run_config,
        numbers.to_job().run_config,
        run(numbers.to_job(config=given), run_config={"ops": {"number": {"config": {"n": 4}}}}).output_for_node(
            "number"
        ),
    ]


def case_run_config_of_a_run_is_what_it_was_given() -> Any:
    @dg.op(config_schema={"n": int})
    def number(context):
        return context.run_config

    @dg.job(config={"ops": {"number": {"config": {"n": 2}}}})
    def numbers():
        number()

    found = []
    for given in (None, {}, {"ops": {"number": {"config": {"n": 3}}}}):
        result = run(numbers, run_config=given)
        found.append([result.dagster_run.run_config, result.output_for_node("number")])
    return found


def case_graph_runs_by_itself() -> Any:
    result = graph.execute_in_process(input_values={"x": 1})
    aliased = graph.alias("other").execute_in_process(input_values={"x": 2})
    return [result.output_value(), aliased.output_value(), graph.alias("other").to_job().name]


def case_unused_graph_input() -> Any:
    def make():
        @dg.graph
        def wasteful(x):
            one()

    return error_of(make)


def case_prepared_use_as_a_job() -> Any:
    job = graph.tag({"t": "v"}).to_job(input_values={"x": 1})
    return [job.name, dict(job.tags).get("t")]
