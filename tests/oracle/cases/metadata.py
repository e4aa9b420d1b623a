"""Metadata: the kinds, what raw values become, what is refused, and how it comes back in a run's events."""

import datetime
from pathlib import Path
from typing import Any

from oracle_sut import dg, error_of, job_of, run

Value = dg.MetadataValue


def _shown(value: Any) -> list[Any]:
    return [type(value).__name__, value.value]


def _kept(metadata: Any) -> dict[str, Any]:
    """Metadata after it went through a run, by name: kind and value."""

    @dg.op
    def work():
        yield dg.AssetMaterialization("a", metadata=metadata)
        yield dg.Output(1)

    result = run(job_of(work))
    found = result.asset_materializations_for_node("work")[0].metadata
    assert found == dg.AssetMaterialization("a", metadata=metadata).metadata
    return {key: type(value).__name__ for key, value in found.items()}


def case_simple_kinds() -> Any:
    return [
        _shown(one)
        for one in (
            Value.text("x"),
            Value.url("http://x"),
            Value.path(Path("a") / "b"),
            Value.path("a/b"),
            Value.notebook("n.ipynb"),
            Value.json({"a": [1, (2,)], "b": None}),
            Value.json([1]),
            Value.md("**x**"),
            Value.float(1.5),
            Value.int(3),
            Value.bool(True),
            Value.null(),
            Value.timestamp(5.5),
            Value.timestamp(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)),
            Value.dagster_run("r"),
            Value.pool("p"),
        )
    ]


def case_kinds_of_more_than_one_part() -> Any:
    artifact = Value.python_artifact(dict)
    job = Value.job("j", "here", repository_name="r")
    return [
        [artifact.module, artifact.name, artifact.value == artifact],
        [job.job_name, job.location_name, job.repository_name],
        list(Value.asset(dg.AssetKey(["a", "b"])).value.path),
    ]


def case_refused_values() -> Any:
    return [
        error_of(one)
        for one in (
            lambda: Value.text(1),
            lambda: Value.url(1),
            lambda: Value.path(1),
            lambda: Value.notebook(1),
            lambda: Value.json(object()),
            lambda: Value.json(3),
            lambda: Value.md(1),
            lambda: Value.float(1),
            lambda: Value.int(1.5),
            lambda: Value.bool("x"),
            lambda: Value.timestamp(5),
            lambda: Value.timestamp(datetime.datetime.fromisoformat("2020-01-01")),
            lambda: Value.timestamp("now"),
            lambda: Value.dagster_run(1),
            lambda: Value.job("a"),
            lambda: Value.asset("a"),
            lambda: Value.python_artifact(1),
            lambda: Value.table_schema(3),
        )
    ]


def case_parts_by_name() -> Any:
    return [
        Value.text("a").text,
        Value.url("b").url,
        Value.path("c").path,
        Value.md("d").md_str,
        Value.json([1]).data,
        Value.dagster_run("e").run_id,
        dg.TextMetadataValue("f").value,
        dg.IntMetadataValue(1).value,
        dg.PathMetadataValue("g").value,
        dg.JsonMetadataValue({"h": 1}).value,
    ]


def case_equality() -> Any:
    return [
        Value.text("x") == Value.text("x"),
        Value.text("x") == Value.text("y"),
        Value.int(1) == dg.IntMetadataValue(1),
        hash(Value.text("x")) == hash(dg.TextMetadataValue("x")),
        Value.json({"a": (1,)}) == Value.json({"a": [1]}),
    ]


def case_isinstance_of_the_base() -> Any:
    return [isinstance(one, dg.MetadataValue) for one in (Value.int(1), Value.null(), Value.text("x"))]


def case_raw_values_get_a_kind() -> Any:
    raw = {
        "text": "x",
        "float": 1.5,
        "bool": True,
        "int": 2,
        "list": [1],
        "dict": {"a": 1},
        "path": Path("p"),
        "none": None,
        "asset": dg.AssetKey("k"),
        "schema": dg.TableSchema([dg.TableColumn("c")]),
    }
    return {key: type(value).__name__ for key, value in dg.Output(1, metadata=raw).metadata.items()}


def case_raw_values_that_have_no_kind() -> Any:
    values = (object(), (1,), {1}, b"x", datetime.datetime.fromisoformat("2020-01-01"))
    return [error_of(lambda one=one: dg.Output(1, metadata={"a": one})) for one in values]


def case_metadata_that_is_none() -> Any:
    return [error_of(lambda: dg.Output(1, metadata={1: 2})), error_of(lambda: dg.Output(1, metadata="x"))]


def case_who_carries_metadata() -> Any:
    given = {"a": 1, "b": Value.md("x")}
    carriers = (
        dg.Output(1, metadata=given),
        dg.DynamicOutput(1, "k", metadata=given),
        dg.AssetMaterialization("k", metadata=given),
        dg.AssetObservation("k", metadata=given),
        dg.ExpectationResult(True, metadata=given),
        dg.Failure("d", metadata=given),
        dg.TypeCheck(True, metadata=given),
    )
    return [[type(one).__name__, {k: _shown(v) for k, v in one.metadata.items()}] for one in carriers]


def case_no_metadata() -> Any:
    return [dg.Output(1).metadata, dg.Failure().metadata, dg.AssetMaterialization("k").metadata]


def case_through_a_run() -> Any:
    return _kept(
        {
            "text": "x",
            "odd": Value.text("$kind"),
            "url": Value.url("u"),
            "path": Path("p"),
            "notebook": Value.notebook("n"),
            "json": {"$kind": "url", "value": 1},
            "scalar": Value.json("x"),
            "md": Value.md("m"),
            "python": Value.python_artifact(dict),
            "float": 1.5,
            "inf": float("inf"),
            "int": 1,
            "bool": False,
            "timestamp": Value.timestamp(5.0),
            "null": None,
            "run": Value.dagster_run("r"),
            "job": Value.job("j", "l"),
            "asset": dg.AssetKey(["a", "b"]),
            "pool": Value.pool("p"),
        }
    )


def case_tables_through_a_run() -> Any:
    schema = dg.TableSchema(
        [
            dg.TableColumn(
                "a", "int", "about a", dg.TableColumnConstraints(nullable=False, unique=True, other=["> 0"]), {"t": "1"}
            ),
            dg.TableColumn("b"),
        ],
        dg.TableConstraints(["a > b"]),
    )
    lineage = dg.TableColumnLineage({"a": [dg.TableColumnDep(dg.AssetKey("x"), "y")]})
    records = [dg.TableRecord({"a": 1, "b": "x"}), dg.TableRecord({"a": 2, "b": None})]
    return _kept(
        {
            "table": Value.table(records),
            "given": Value.table(records, schema),
            "schema": schema,
            "lineage": lineage,
        }
    )


def case_table_infers_its_schema() -> Any:
    table = Value.table([dg.TableRecord({"a": 1, "b": "x", "c": 1.5, "d": True, "e": None})])
    return [[column.name, column.type] for column in table.schema.columns]


def case_table_defaults() -> Any:
    column = dg.TableColumn("a")
    rules = column.constraints
    schema = dg.TableSchema([column])
    return [
        column.type,
        column.description,
        [rules.nullable, rules.unique, list(rules.other)],
        dict(column.tags),
        list(schema.constraints.other),
        [[one.name, one.type] for one in dg.TableSchema.from_name_type_dict({"x": "int", "y": "str"}).columns],
    ]


def case_table_refusals() -> Any:
    record = dg.TableRecord({"a": 1})
    return [
        error_of(one)
        for one in (
            lambda: Value.table([{"a": 1}]),
            lambda: Value.table([]),
            lambda: Value.table([record, dg.TableRecord({"b": 1})]),
            lambda: dg.TableRecord({"a": [1]}),
            lambda: dg.TableSchema(["a"]),
            lambda: dg.TableColumn(1),
            lambda: Value.table([], dg.TableSchema([])),
        )
    ]


def case_output_metadata_in_events() -> Any:
    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def work(context):
        context.add_output_metadata({"more": "x", "n": 2}, "a")
        yield dg.Output(1, "a", metadata={"n": 1})
        yield dg.Output(2, "b", metadata={"p": Path("q")})

    events = [one for one in run(job_of(work)).all_events if one.is_successful_output]
    return [
        [one.step_output_data.output_name, {k: _shown(v) for k, v in one.step_output_data.metadata.items()}]
        for one in events
    ]


def case_dynamic_output_metadata_in_events() -> Any:
    @dg.op(out=dg.DynamicOut())
    def work(context):
        context.add_output_metadata({"q": 1}, mapping_key="a")
        yield dg.DynamicOutput(1, "a")
        context.add_output_metadata({"q": 1}, mapping_key="b")
        yield dg.DynamicOutput(2, "b", metadata={"q": 2, "z": 1})

    events = [one for one in run(job_of(work)).all_events if one.is_successful_output]
    return [
        [one.step_output_data.mapping_key, {k: v.value for k, v in one.step_output_data.metadata.items()}]
        for one in events
    ]


def case_metadata_of_an_output_of_nothing() -> Any:
    @dg.op
    def returns(context) -> None:
        context.add_output_metadata({"n": 1})

    @dg.op(out=dg.Out(dg.Nothing))
    def yields(context):
        context.add_output_metadata({"n": 2})
        yield dg.AssetMaterialization("a")

    result = run(job_of(returns, yields))
    return [
        {key: one.value for key, one in event.step_output_data.metadata.items()}
        for name in ("returns", "yields")
        for event in result.events_for_node(name)
        if event.is_successful_output
    ]


def case_failure_metadata_in_events() -> Any:
    @dg.op
    def work():
        raise dg.Failure("why", metadata={"n": 1, "u": Value.url("u")})

    @dg.op
    def bare():
        raise dg.Failure(metadata={"n": 1})

    result = run(job_of(work, bare))
    found = [result.failure_data_for_node(name).user_failure_data for name in ("work", "bare")]
    return [[one.label, one.description, {k: _shown(v) for k, v in one.metadata.items()}] for one in found]


def case_bad_metadata_fails_the_step() -> Any:
    @dg.op
    def on_output():
        yield dg.Output(1, metadata={"a": object()})

    @dg.op
    def on_context(context):
        context.add_output_metadata({"a": object()})

    return [
        error_of(lambda: job_of(on_output).execute_in_process()),
        error_of(lambda: job_of(on_context).execute_in_process()),
    ]


def case_asset_key() -> Any:
    key = dg.AssetKey(["a", "b"])
    return [
        list(key.path),
        list(dg.AssetKey("a/b").path),
        key.to_user_string(),
        repr(key),
        key == dg.AssetKey(("a", "b")),
        list(dg.AssetKey.from_user_string("a/b").path),
        key.has_prefix(["a"]),
        list(key.with_prefix("p").path),
        key.to_python_identifier(),
        key.to_string(),
        dg.AssetKey("a") < dg.AssetKey("b"),
        len({key, dg.AssetKey(["a", "b"])}),
        error_of(lambda: dg.AssetKey(1)),
        error_of(lambda: dg.AssetKey([1])),
    ]


def case_names_of_assets() -> Any:
    return [
        list(dg.AssetMaterialization("a/b").asset_key.path),
        list(dg.AssetMaterialization(["a/b", "c"]).asset_key.path),
        dg.AssetMaterialization(["a", "b"]).label,
        list(dg.AssetObservation("a").asset_key.path),
        error_of(lambda: dg.AssetMaterialization(3)),
    ]


def case_materialization_of_a_file() -> Any:
    found = dg.AssetMaterialization.file("/x/y")
    return [list(found.asset_key.path), {k: _shown(v) for k, v in found.metadata.items()}]


def case_tags_and_partitions_of_assets() -> Any:
    return [
        dg.AssetMaterialization("a").tags,
        dg.AssetObservation("a").tags,
        dg.AssetMaterialization("a", tags={"k": "v"}).tags,
        dg.AssetMaterialization("a", partition="p").partition,
        error_of(lambda: dg.AssetMaterialization("a", tags={"k": 1})),
        error_of(lambda: dg.AssetMaterialization("a", partition=1)),
        error_of(lambda: dg.AssetMaterialization("a", description=1)),
    ]


def case_expectation_arguments() -> Any:
    found = dg.ExpectationResult(True)
    return [found.label, found.description, found.success, error_of(lambda: dg.ExpectationResult(1))]


def case_equality_of_what_ops_give() -> Any:
    return [
        dg.Output(1) == dg.Output(1),
        dg.Output(1) == dg.Output(1, metadata={"a": 1}),
        dg.Output(1) == dg.Output(1, "x"),
        dg.DynamicOutput(1, "a") == dg.DynamicOutput(1, "a"),
        dg.DynamicOutput(1, "a") == dg.DynamicOutput(1, "a", metadata={"a": 1}),
        dg.DynamicOutput(1, "a") == dg.DynamicOutput(1, "b"),
        dg.Output(1) == dg.DynamicOutput(1, "a"),
        dg.Output(1) == 1,
        dg.AssetMaterialization("a") == dg.AssetMaterialization("a"),
        dg.AssetMaterialization("a") == dg.AssetObservation("a"),
        dg.ExpectationResult(True) == dg.ExpectationResult(True),
    ]


def case_output_arguments() -> Any:
    return [
        dg.Output(1).tags,
        dg.Output(1, tags={"a": "b"}).tags,
        dg.Output(1).data_version,
        error_of(lambda: dg.Output(1, tags={"a": 1})),
        error_of(lambda: dg.Output(1, output_name=3)),
        error_of(lambda: dg.DynamicOutput(1, 3)),
    ]
