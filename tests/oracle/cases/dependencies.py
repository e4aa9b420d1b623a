"""Graphs and jobs built from definitions and their dependencies by name, without a composing function."""

from typing import Any

from oracle_sut import dg, error_of, run, started, tell

if dg.__name__ == "dagster":
    from dagster._core.definitions.composition import MappedInputPlaceholder
    from dagster._core.definitions.dependency import DynamicCollectDependencyDefinition
else:
    from kedge import DynamicCollectDependencyDefinition, MappedInputPlaceholder


@dg.op
def one():
    return 1


@dg.op
def inc(x):
    return x + 1


@dg.op
def add(x, y):
    return x + y


@dg.op
def total(xs):
    return sum(xs)


@dg.op(out={"a": dg.Out(), "b": dg.Out()})
def two():
    return 1, 2


@dg.op(out=dg.DynamicOut())
def three():
    for i in range(3):
        yield dg.DynamicOutput(i, mapping_key=f"k{i}")


def _graph(**arguments: Any) -> Any:
    return dg.GraphDefinition(name="g", **arguments)


def _result(**arguments: Any) -> Any:
    return run(_graph(**arguments).to_job())


def _reads(*names: str) -> Any:
    return dg.MultiDependencyDefinition([dg.DependencyDefinition(name) for name in names])


def _summed() -> Any:
    return dg.GraphDefinition(
        name="summed",
        description="What it does.",
        node_defs=[one, add],
        dependencies={"add": {"x": dg.DependencyDefinition("one")}},
        input_mappings=[
            dg.InputMapping(graph_input_name="y", mapped_node_name="add", mapped_node_input_name="y"),
        ],
        output_mappings=[
            dg.OutputMapping(graph_output_name="sum", mapped_node_name="add", mapped_node_output_name="result")
        ],
        tags={"team": "x"},
    )


def case_chain() -> Any:
    result = _result(node_defs=[inc, one], dependencies={"inc": {"x": dg.DependencyDefinition("one")}})
    return [started(result), result.output_for_node("inc")]


def case_without_dependencies() -> Any:
    return tell(_result(node_defs=[one, two]))


def case_named_outputs() -> Any:
    reads = {"x": dg.DependencyDefinition("two", "a"), "y": dg.DependencyDefinition("two", output="b")}
    return _result(node_defs=[two, add], dependencies={"add": reads}).output_for_node("add")


def case_aliases() -> Any:
    uses = {
        dg.NodeInvocation("one", alias="first"): {},
        dg.NodeInvocation("one", alias="second"): {},
        dg.NodeInvocation("add", alias="plus"): {
            "x": dg.DependencyDefinition("first"),
            "y": dg.DependencyDefinition("second"),
        },
    }
    result = _result(node_defs=[one, add], dependencies=uses)
    return [tell(result), result.output_for_node("plus")]


def case_alias_takes_the_place_of_the_name() -> Any:
    uses = {dg.NodeInvocation("one", alias="uno"): {}, "inc": {"x": dg.DependencyDefinition("one")}}
    return error_of(lambda: _graph(node_defs=[one, inc], dependencies=uses))


def case_invocation_tags_hooks_and_policy() -> Any:
    seen = []

    @dg.success_hook
    def note(context):
        seen.append(context.op.name)

    @dg.op
    def flaky(context):
        seen.append(context.retry_number)
        if context.retry_number == 0:
            raise ValueError

    use = dg.NodeInvocation(
        "flaky", "mine", tags={"a": "b"}, hook_defs={note}, retry_policy=dg.RetryPolicy(max_retries=1)
    )
    graph = _graph(node_defs=[flaky], dependencies={use: {}})
    result = run(graph.to_job())
    return [tell(result), seen, dict(graph.node_named("mine").tags)]


def case_fan_in() -> Any:
    uses = {
        dg.NodeInvocation("one", alias="a"): {},
        dg.NodeInvocation("one", alias="b"): {},
        "total": {"xs": _reads("a", "b")},
    }
    return _result(node_defs=[one, total], dependencies=uses).output_for_node("total")


def case_fan_in_twice_the_same() -> Any:
    return error_of(lambda: _reads("one", "one"))


def case_dynamic_map_and_collect() -> Any:
    uses = {
        "inc": {"x": dg.DependencyDefinition("three")},
        "total": {"xs": DynamicCollectDependencyDefinition("inc", "result")},
    }
    result = _result(node_defs=[three, inc, total], dependencies=uses)
    return [started(result), result.output_for_node("inc"), result.output_for_node("total")]


def case_collect_of_the_dynamic_output_itself() -> Any:
    uses = {"total": {"xs": DynamicCollectDependencyDefinition("three", "result")}}
    return _result(node_defs=[three, total], dependencies=uses).output_for_node("total")


def case_unknown_names() -> Any:
    reads = dg.DependencyDefinition
    return [
        error_of(lambda: _graph(node_defs=[inc, one], dependencies={"inc": {"x": reads("nope")}})),
        error_of(lambda: _graph(node_defs=[inc, one], dependencies={"nope": {"x": reads("one")}})),
        error_of(lambda: _graph(node_defs=[inc, one], dependencies={"inc": {"z": reads("one")}})),
        error_of(lambda: _graph(node_defs=[inc, one], dependencies={"inc": {"x": reads("one", "z")}})),
    ]


def case_circles() -> Any:
    reads = dg.DependencyDefinition
    a, b = dg.NodeInvocation("inc", "a"), dg.NodeInvocation("inc", "b")
    return [
        error_of(lambda: _graph(node_defs=[inc], dependencies={"inc": {"x": reads("inc")}}).to_job()),
        error_of(lambda: _graph(node_defs=[inc], dependencies={a: {"x": reads("b")}, b: {"x": reads("a")}}).to_job()),
    ]


def case_malformed_dependencies() -> Any:
    return [
        error_of(lambda: _graph(node_defs=[inc, one], dependencies={"inc": {"x": "one"}})),
        error_of(lambda: _graph(node_defs=[inc, one], dependencies={"inc": dg.DependencyDefinition("one")})),
        error_of(
            lambda: _graph(node_defs=[total, one], dependencies={"total": {"xs": [dg.DependencyDefinition("one")]}})
        ),
        error_of(lambda: _graph(node_defs=[1])),
    ]


def case_graph_input_and_output() -> Any:
    summed = _summed()

    @dg.job
    def outer():
        inc(summed(one()))

    result = run(outer)
    return [started(result), result.output_for_node("summed", "sum"), result.output_for_node("inc")]


def case_graph_as_job_with_an_input_value() -> Any:
    result = run(_summed().to_job(input_values={"y": 5}))
    return [started(result), result.output_value("sum")]


def case_what_a_graph_tells() -> Any:
    summed = _summed()
    return {
        "name": summed.name,
        "description": summed.description,
        "tags": summed.tags,
        "inputs": [one.name for one in summed.input_defs],
        "outputs": [one.name for one in summed.output_defs],
        "nodes": sorted(node.name for node in summed.nodes),
        "node_defs": [one.name for one in summed.node_defs],
        "has": [summed.has_node_named("add"), summed.has_node_named("nope")],
        "node": summed.node_named("add").definition.name,
        "reads": {
            use.name: {name: [reads.node, reads.output] for name, reads in inputs.items()}
            for use, inputs in summed.dependencies.items()
        },
        "in": [[m.graph_input_name, m.mapped_node_name, m.mapped_node_input_name] for m in summed.input_mappings],
        "out": [[m.graph_output_name, m.mapped_node_name, m.mapped_node_output_name] for m in summed.output_mappings],
        "config": [summed.config_mapping, summed.config_schema],
    }


def case_what_a_composed_graph_tells() -> Any:
    @dg.graph(
        out={"first": dg.GraphOut(description="the first"), "second": dg.GraphOut()},
        ins={"y": dg.GraphIn(description="what is added")},
    )
    def both(y):
        a = one()
        return {"first": add(a, y), "second": total([a, inc(y)])}

    def shown(reads):
        members = reads.dependencies if hasattr(reads, "dependencies") else [reads]
        return [[one.node, one.output] for one in members]

    return {
        "reads": {
            use.name: {name: shown(reads) for name, reads in inputs.items()}
            for use, inputs in both.dependencies.items()
        },
        "in": sorted([m.graph_input_name, m.mapped_node_name, m.mapped_node_input_name] for m in both.input_mappings),
        "out": sorted([m.graph_output_name, m.mapped_node_name] for m in both.output_mappings),
        "descriptions": [both.input_defs[0].description, [one.description for one in both.output_defs]],
    }


def case_placeholder_in_a_list() -> Any:
    def graph(*mappings):
        reads = dg.MultiDependencyDefinition([dg.DependencyDefinition("one"), MappedInputPlaceholder])
        return dg.GraphDefinition(
            name="g", node_defs=[total, one], dependencies={"total": {"xs": reads}}, input_mappings=list(mappings)
        )

    mapping = dg.InputMapping(
        graph_input_name="y", mapped_node_name="total", mapped_node_input_name="xs", fan_in_index=1
    )
    inner = graph(mapping)

    @dg.job
    def outer():
        inner(two()[1])

    return [run(outer).output_for_node("g.total"), error_of(graph)]


def case_wrong_mappings() -> Any:
    def mapped(**names):
        return dg.InputMapping(graph_input_name="y", **names)

    reads = {"inc": {"x": dg.DependencyDefinition("one")}}
    return [
        error_of(
            lambda: _graph(node_defs=[inc], input_mappings=[mapped(mapped_node_name="z", mapped_node_input_name="x")])
        ),
        error_of(
            lambda: _graph(node_defs=[inc], input_mappings=[mapped(mapped_node_name="inc", mapped_node_input_name="z")])
        ),
        error_of(
            lambda: _graph(
                node_defs=[inc, one],
                dependencies=reads,
                input_mappings=[mapped(mapped_node_name="inc", mapped_node_input_name="x")],
            )
        ),
        error_of(lambda: _graph(node_defs=[one], output_mappings=[dg.OutputMapping("y", "z", "result")])),
        error_of(lambda: _graph(node_defs=[one], output_mappings=[dg.OutputMapping("y", "one", "z")])),
    ]


def case_job_from_a_graph_definition() -> Any:
    job = dg.JobDefinition(
        graph_def=_summed(),
        name="made",
        description="A job.",
        input_values={"y": 1},
        tags={"a": {"b": 1}},
        op_retry_policy=dg.RetryPolicy(),
    )
    result = run(job)
    return [
        job.name,
        job.description,
        dict(job.tags),
        result.output_value("sum"),
        sorted(node.name for node in job.nodes),
    ]


def case_a_long_chain() -> Any:
    uses = {dg.NodeInvocation("one", "n0"): {}}
    for i in range(1, 300):
        uses[dg.NodeInvocation("inc", f"n{i}")] = {"x": dg.DependencyDefinition(f"n{i - 1}")}
    return _result(node_defs=[one, inc], dependencies=uses).output_for_node("n299")
