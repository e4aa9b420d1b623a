"""I/O in depth: config of inputs and outputs, input managers, contexts in a run and made for tests, files."""

import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

from oracle_sut import dg, error_of, failure_of, keys_of, run, tell


@dg.op
def one() -> int:
    return 1


@dg.op
def inc(x: int) -> int:
    return x + 1


@dg.op(out=dg.DynamicOut(int))
def nums():
    for i in (1, 2):
        yield dg.DynamicOutput(i, f"k{i}")


@dg.op
def total(xs: list) -> int:
    return sum(xs)


class Memory(dg.IOManager):
    """Keeps values, and calls `look` on each context."""

    def __init__(self, look: Any = None) -> None:
        self.values: dict[tuple[str, ...], Any] = {}
        self.look = look or (lambda kind, context: None)

    def handle_output(self, context, obj) -> None:
        self.look("output", context)
        self.values[tuple(context.get_identifier())] = obj

    def load_input(self, context):
        self.look("input", context)
        return self.values[tuple(context.get_identifier())]


def _config_job() -> Any:
    seen: list[Any] = []

    @dg.io_manager(
        output_config_schema={"table": str}, input_config_schema={"column": dg.Field(str, is_required=False)}
    )
    def manager(context):
        return Memory(lambda kind, io: seen.append([kind, io.name, io.config]))

    @dg.job(resource_defs={"io_manager": manager})
    def job():
        inc(one())

    return job, seen


def case_config_of_outputs_and_inputs() -> Any:
    job, seen = _config_job()
    outputs = {"outputs": {"result": {"table": "t"}}}
    result = run(job, run_config={"ops": {"one": outputs, "inc": outputs}})
    connected = {"ops": {"one": outputs, "inc": {**outputs, "inputs": {"x": {"column": "d"}}}}}
    return [result.output_for_node("inc"), seen, error_of(lambda: job.execute_in_process(run_config=connected))]


def case_config_of_outputs_left_out() -> Any:
    job, seen = _config_job()
    outputs = {"outputs": {"result": {"table": "t"}}}
    return [
        error_of(lambda: job.execute_in_process()),
        error_of(lambda: job.execute_in_process(run_config={"ops": {"one": outputs}})),
        error_of(lambda: job.execute_in_process(run_config={"ops": {"one": outputs, "inc": outputs}})),
        seen,
    ]


def case_config_of_outputs_that_is_wrong() -> Any:
    job, _ = _config_job()
    good = {"outputs": {"result": {"table": "t"}}}

    def attempt(entry: Any) -> Any:
        return error_of(lambda: job.execute_in_process(run_config={"ops": {"one": entry, "inc": good}}))

    return [
        attempt({"outputs": {"result": {"table": 1}}}),
        attempt({"outputs": {"nope": {"table": "t"}}}),
        attempt({"outputs": {"result": {"table": "t", "z": 1}}}),
    ]


def case_config_of_an_output_that_takes_none() -> Any:
    @dg.job
    def job():
        one()

    return error_of(lambda: job.execute_in_process(run_config={"ops": {"one": {"outputs": {"result": {"a": 1}}}}}))


def case_config_of_several_outputs() -> Any:
    seen: list[Any] = []

    @dg.io_manager(output_config_schema={"t": dg.Field(str, default_value="none")})
    def manager(context):
        return Memory(lambda kind, io: seen.append([kind, io.name, io.config]))

    @dg.op(out={"a": dg.Out(), "b": dg.Out()})
    def pair():
        return 1, 2

    @dg.job(resource_defs={"io_manager": manager})
    def job():
        pair()

    run(job, run_config={"ops": {"pair": {"outputs": {"b": {"t": "given"}}}}})
    return sorted(seen)


def case_upstream_output_knows_its_config() -> Any:
    seen: list[Any] = []

    @dg.io_manager(output_config_schema=str)
    def manager(context):
        return Memory(lambda kind, io: kind == "input" and seen.append(io.upstream_output.config))

    @dg.job(resource_defs={"io_manager": manager})
    def job():
        inc(one())

    run(job, run_config={"ops": {"one": {"outputs": {"result": "t1"}}, "inc": {"outputs": {"result": "t2"}}}})
    return seen


def case_input_manager_with_config() -> Any:
    @dg.input_manager(input_config_schema={"n": int})
    def from_config(context):
        return context.config["n"] * 10

    @dg.op(ins={"x": dg.In(input_manager_key="loader")})
    def read(x):
        return x

    @dg.job(resource_defs={"loader": from_config})
    def job():
        read()

    return [
        run(job, run_config={"ops": {"read": {"inputs": {"x": {"n": 2}}}}}).output_for_node("read"),
        error_of(lambda: job.execute_in_process()),
        error_of(lambda: job.execute_in_process(run_config={"ops": {"read": {"inputs": {"x": {"n": "s"}}}}})),
    ]


def case_input_manager_forms() -> Any:
    @dg.input_manager
    def plain(context):
        return 1

    @dg.input_manager
    def without_context():
        return 2

    @dg.input_manager(config_schema={"n": int}, required_resource_keys={"r"}, description="d", version="1")
    def full(context):
        return [context.resource_config["n"], context.resources.r]

    class Loader(dg.InputManager):
        def load_input(self, context):
            return 4

    @dg.input_manager
    def made(context):
        return Loader()

    @dg.op(ins={key: dg.In(input_manager_key=key) for key in ("a", "b", "c", "d")})
    def read(a, b, c, d):
        return [a, b, c, d]

    resources = {"a": plain, "b": without_context, "c": full, "d": made}

    @dg.job(resource_defs={**resources, "r": dg.ResourceDefinition.hardcoded_resource("res")})
    def job():
        read()

    result = run(job, run_config={"resources": {"c": {"config": {"n": 3}}}})
    return [
        result.output_for_node("read"),
        full.description,
        full.version,
        isinstance(full, dg.InputManagerDefinition),
        sorted(full.required_resource_keys),
    ]


def case_input_manager_of_a_connected_input() -> Any:
    seen: list[Any] = []

    @dg.input_manager
    def loader(context):
        upstream = context.upstream_output
        seen.append([upstream.step_key, upstream.name, context.name, context.has_input_name])
        return 100

    @dg.op(ins={"x": dg.In(input_manager_key="loader")})
    def read(x):
        return x

    @dg.job(resource_defs={"loader": loader})
    def job():
        read(one())

    return [run(job).output_for_node("read"), seen]


def case_io_manager_as_an_input_manager() -> Any:
    class Fixed(dg.IOManager):
        def handle_output(self, context, obj) -> None:
            raise AssertionError("not used")

        def load_input(self, context):
            return 7

    @dg.op(ins={"x": dg.In(int, input_manager_key="fixed")})
    def read(x):
        return x

    @dg.job(resource_defs={"fixed": Fixed()})
    def job():
        read()

    return run(job).output_for_node("read")


def case_input_manager_that_fails() -> Any:
    @dg.input_manager
    def broken(context):
        raise OSError("gone")

    @dg.op(ins={"x": dg.In(input_manager_key="loader")})
    def read(x):
        return x

    @dg.job(resource_defs={"loader": broken})
    def job():
        read()

    return failure_of(run(job), "read")


def case_io_manager_forms() -> Any:
    made: list[Any] = []

    @dg.io_manager
    def plain(context):
        made.append("plain")
        return Memory()

    @dg.io_manager
    def without_context():
        made.append("without")
        return Memory()

    @dg.io_manager(config_schema=int, description="d", required_resource_keys={"r"}, version="2")
    def full(context):
        made.append([context.resource_config, context.resources.r])
        return Memory()

    @dg.io_manager
    def generator(context):
        made.append("open")
        yield Memory()
        made.append("close")

    @dg.op(out={key: dg.Out(io_manager_key=key) for key in ("a", "b", "c", "d")})
    def give():
        return 1, 2, 3, 4

    resources = {"a": plain, "b": without_context, "c": full, "d": generator}

    @dg.job(resource_defs={**resources, "r": dg.ResourceDefinition.hardcoded_resource("res")})
    def job():
        give()

    result = run(job, run_config={"resources": {"c": {"config": 5}}})
    return [
        result.success,
        sorted(made, key=str),
        full.description,
        full.version,
        isinstance(full, dg.IOManagerDefinition),
        isinstance(dg.IOManagerDefinition.hardcoded_io_manager(Memory()), dg.IOManagerDefinition),
    ]


def case_resources_of_an_io_manager() -> Any:
    seen: list[Any] = []

    def look(kind, context):
        seen.append([kind, context.resources.r, context.resource_config])

    @dg.io_manager(config_schema={"a": int}, required_resource_keys={"r"})
    def manager(context):
        return Memory(look)

    @dg.job(resource_defs={"io_manager": manager, "r": dg.ResourceDefinition.hardcoded_resource("res")})
    def job():
        inc(one())

    run(job, run_config={"resources": {"io_manager": {"config": {"a": 1}}}})
    return seen


def case_output_context_in_a_run() -> Any:
    seen: list[Any] = []

    def look(kind, context):
        if kind == "output":
            seen.append([context.step_key, context.name, context.job_name, context.mapping_key, context.version])
            seen.append([context.op_def.name, context.dagster_type.display_name, dict(context.definition_metadata)])
            seen.append([dict(context.output_metadata), context.has_asset_key, context.has_partition_key])
            seen.append([context.has_asset_partitions, context.config, context.log is not None])
            seen.append(context.get_identifier()[1:] == context.get_run_scoped_output_identifier()[1:])
            seen.append([context.step_context.op_def.name, context.step_context.run_id == context.run_id])
            seen.append([error_of(lambda: context.asset_key), error_of(lambda: context.partition_key) is not None])

    @dg.op(out=dg.Out(int, metadata={"a": 1}))
    def give():
        return dg.Output(5, metadata={"rows": 3})

    @dg.job(resource_defs={"io_manager": Memory(look)})
    def job():
        give()

    run(job)
    return [_plain(one) for one in seen]


def _plain(value: Any) -> Any:
    """Metadata values as what they hold."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.value if isinstance(value, dg.MetadataValue) else value


def case_input_context_in_a_run() -> Any:
    seen: list[Any] = []

    def look(kind, context):
        if kind == "input":
            upstream = context.upstream_output
            seen.append([context.name, context.job_name, context.op_def.name, context.dagster_type.display_name])
            seen.append([dict(context.definition_metadata), context.config, context.has_input_name])
            seen.append([context.has_asset_key, context.has_partition_key, context.has_asset_partitions])
            seen.append([context.step_context.op_def.name, context.log is not None, context.resource_config])
            seen.append([upstream.step_key, upstream.name, upstream.op_def.name, upstream.dagster_type.display_name])
            seen.append([upstream.job_name, upstream.run_id == context.step_context.run_id, upstream.mapping_key])
            seen.append([dict(upstream.definition_metadata), upstream.config])

    @dg.op(out=dg.Out(int, metadata={"a": 1}))
    def give():
        return 5

    @dg.op(ins={"x": dg.In(int, metadata={"b": 2})})
    def take(x):
        return x

    @dg.job(resource_defs={"io_manager": Memory(look)})
    def job():
        take(give())

    run(job)
    return seen


def case_partition_key_in_io_contexts() -> Any:
    seen: list[Any] = []

    def look(kind, context):
        seen.append([kind, context.has_partition_key, context.partition_key])

    @dg.job(resource_defs={"io_manager": Memory(look)}, partitions_def=dg.StaticPartitionsDefinition(["p1", "p2"]))
    def job():
        inc(one())

    run(job, partition_key="p2")
    return seen


def case_metadata_of_a_stored_output() -> Any:
    class Noting(Memory):
        def handle_output(self, context, obj) -> None:
            super().handle_output(context, obj)
            context.add_output_metadata({"rows": 3})
            context.add_output_metadata({"path": "p"})

    @dg.job(resource_defs={"io_manager": Noting()})
    def job():
        inc(one())

    result = run(job)
    event = next(one for one in result.all_events if one.event_type_value == "HANDLED_OUTPUT")
    found = event.event_specific_data.metadata
    return {key: value.value for key, value in found.items()}


def case_metadata_added_twice_is_refused() -> Any:
    class Noting(Memory):
        def handle_output(self, context, obj) -> None:
            context.add_output_metadata({"rows": 3})
            context.add_output_metadata({"rows": 4})

    @dg.job(resource_defs={"io_manager": Noting()})
    def job():
        one()

    return failure_of(run(job), "one")


def case_handle_output_that_yields() -> Any:
    class Yielding(Memory):
        def handle_output(self, context, obj):
            yield dg.AssetMaterialization("table", metadata={"rows": obj})
            self.values[tuple(context.get_identifier())] = obj

    @dg.job(resource_defs={"io_manager": Yielding()})
    def job():
        inc(one())

    result = run(job)
    return [result.output_for_node("inc"), keys_of(result, "ASSET_MATERIALIZATION"), keys_of(result, "HANDLED_OUTPUT")]


def case_handle_output_that_yields_nonsense() -> Any:
    class Yielding(Memory):
        def handle_output(self, context, obj):
            yield 5

    @dg.job(resource_defs={"io_manager": Yielding()})
    def job():
        one()

    return failure_of(run(job), "one")


def case_handle_output_that_returns_a_value() -> Any:
    class Returning(Memory):
        def handle_output(self, context, obj):
            super().handle_output(context, obj)
            return "ignored?"

    @dg.job(resource_defs={"io_manager": Returning()})
    def job():
        inc(one())

    return [tell(run(job)), failure_of(run(job), "one")]


def case_log_event_in_an_io_manager() -> Any:
    class Logging(Memory):
        def handle_output(self, context, obj) -> None:
            super().handle_output(context, obj)
            context.log_event(dg.AssetMaterialization("a"))
            context.log_event(dg.AssetObservation("b"))

    @dg.job(resource_defs={"io_manager": Logging()})
    def job():
        one()

    result = run(job)
    return [keys_of(result, "ASSET_MATERIALIZATION"), keys_of(result, "ASSET_OBSERVATION")]


def case_identifiers() -> Any:
    seen: list[Any] = []

    def look(kind, context):
        seen.append([kind, *context.get_identifier()[1:]])

    @dg.graph
    def inner(x):
        return inc(x)

    @dg.job(resource_defs={"io_manager": Memory(look)})
    def job():
        total(nums().map(inner).collect())

    run(job)
    return sorted(seen)


# -- made for tests ---------------------------------------------------------------------------------------------------


def case_build_output_context() -> Any:
    kind = dg.PythonObjectDagsterType(int, name="I")
    full = dg.build_output_context(
        step_key="step",
        name="out",
        definition_metadata={"a": 1},
        run_id="r",
        mapping_key="k",
        config={"c": 1},
        dagster_type=kind,
        resource_config={"rc": 1},
        resources={"x": 5},
        op_def=one,
        output_metadata={"o": 1},
    )
    return [
        [full.step_key, full.name, dict(full.definition_metadata), full.run_id, full.mapping_key, full.config],
        [full.dagster_type is kind, full.version, full.resource_config, full.resources.x, full.op_def.name],
        [dict(full.output_metadata), full.get_identifier(), full.get_run_scoped_output_identifier()],
        [full.has_asset_key, full.has_partition_key, full.log is not None],
        dg.build_output_context(step_key="s", name="n", version="v", run_id="r").get_identifier(),
    ]


def case_build_output_context_of_nothing() -> Any:
    bare = dg.build_output_context()
    names = ["step_key", "name", "job_name", "op_def", "dagster_type", "asset_key", "step_context", "asset_spec"]
    return [
        {name: error_of(lambda name=name: getattr(bare, name)) for name in names},
        [
            bare.run_id,
            bare.mapping_key,
            bare.config,
            bare.version,
            bare.resource_config,
            dict(bare.definition_metadata),
        ],
        error_of(lambda: bare.partition_key) is not None,
        error_of(lambda: bare.resources.x),
    ]


def case_build_output_context_of_a_partition() -> Any:
    context = dg.build_output_context(partition_key="p", step_key="s", name="n")
    return [context.has_partition_key, context.partition_key]


def case_build_input_context() -> Any:
    kind = dg.PythonObjectDagsterType(int, name="I")
    upstream = dg.build_output_context(step_key="up", name="out", run_id="r")
    full = dg.build_input_context(
        name="x",
        config={"c": 1},
        definition_metadata={"a": 1},
        upstream_output=upstream,
        dagster_type=kind,
        resource_config={"rc": 1},
        resources={"y": 5},
        op_def=inc,
        partition_key="p",
    )
    return [
        [full.name, full.config, dict(full.definition_metadata), full.upstream_output is upstream, full.has_input_name],
        [full.dagster_type is kind, full.resource_config, full.resources.y, full.op_def.name, full.log is not None],
        [full.has_partition_key, full.partition_key, full.get_identifier()],
    ]


def case_build_input_context_of_nothing() -> Any:
    bare = dg.build_input_context()
    names = ["name", "job_name", "op_def", "dagster_type", "asset_key", "step_context"]
    return [
        {name: error_of(lambda name=name: getattr(bare, name)) for name in names},
        [bare.config, dict(bare.definition_metadata), bare.upstream_output, bare.has_input_name, bare.has_asset_key],
        error_of(lambda: bare.partition_key) is not None,
        error_of(lambda: bare.get_identifier()) is not None,
        error_of(lambda: bare.resources.x),
    ]


def case_contexts_as_context_managers() -> Any:
    seen = []

    @dg.resource
    def opened(context):
        yield "open"
        seen.append("closed")

    with dg.build_output_context(resources={"x": opened}) as output:
        seen.append(output.resources.x)
    with dg.build_input_context(resources={"x": opened}) as loaded:
        seen.append(loaded.resources.x)
    return [
        seen[:4],
        error_of(lambda: dg.build_output_context(resources={"x": opened}).resources),
        error_of(lambda: dg.build_input_context(resources={"x": opened}).resources),
    ]


def case_what_a_test_reads_of_an_output_context() -> Any:
    context = dg.build_output_context(step_key="s", name="n")
    context.add_output_metadata({"rows": 3})
    context.log_event(dg.AssetMaterialization("a"))
    first = {key: value.value for key, value in context.get_logged_metadata().items()}
    taken = {key: value.value for key, value in context.consume_logged_metadata().items()}
    return [
        first,
        taken,
        dict(context.get_logged_metadata()),
        [type(one).__name__ for one in context.get_logged_events()],
        error_of(lambda: context.log_event(5)) is not None,
        error_of(lambda: context.add_output_metadata({"x": object()})) is not None,
    ]


def case_what_a_test_reads_of_an_input_context() -> Any:
    context = dg.build_input_context(name="x")
    context.add_input_metadata({"rows": 3})
    return {key: value.value for key, value in context.consume_logged_metadata().items()}


def case_deprecated_metadata_argument() -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = dg.build_output_context(metadata={"a": 1})
        loaded = dg.build_input_context(metadata={"b": 2})
        return [dict(written.definition_metadata), dict(written.metadata), dict(loaded.metadata)]


# -- files ----------------------------------------------------------------------------------------------------------


def _files(folder: str) -> list[str]:
    """The files below a folder, without the run's id."""
    found = [path.relative_to(folder).parts for path in Path(folder).rglob("*") if path.is_file()]
    return sorted("/".join(parts[1:]) for parts in found)


def case_fs_io_manager_with_a_folder() -> Any:
    @dg.job(resource_defs={"io_manager": dg.fs_io_manager})
    def job():
        total(nums().map(inc).collect())

    with tempfile.TemporaryDirectory() as folder:
        result = run(job, run_config={"resources": {"io_manager": {"config": {"base_dir": folder}}}})
        content = pickle.loads((Path(folder) / result.run_id / "inc[k1]" / "result").read_bytes())
        return [result.output_for_node("total"), _files(folder), content]


def case_fs_io_manager_configured() -> Any:
    with tempfile.TemporaryDirectory() as folder:

        @dg.job(resource_defs={"io_manager": dg.fs_io_manager.configured({"base_dir": folder})})
        def job():
            inc(one())

        result = run(job)
        paths = [
            value.value
            for event in result.all_events
            if event.event_type_value == "HANDLED_OUTPUT"
            for value in event.event_specific_data.metadata.values()
        ]
        shown = [os.path.relpath(path, Path(folder) / result.run_id) for path in paths]
        return [result.output_for_node("inc"), _files(folder), shown]


def case_filesystem_io_manager() -> Any:
    with tempfile.TemporaryDirectory() as folder:

        @dg.job(resource_defs={"io_manager": dg.FilesystemIOManager(base_dir=folder)})
        def job():
            inc(one())

        return [run(job).output_for_node("inc"), _files(folder)]


def case_fs_io_manager_refuses_what_it_does_not_know() -> Any:
    @dg.job(resource_defs={"io_manager": dg.fs_io_manager})
    def job():
        one()

    return error_of(lambda: job.execute_in_process(run_config={"resources": {"io_manager": {"config": {"dir": "x"}}}}))


def case_fs_io_manager_and_what_can_not_be_pickled() -> Any:
    @dg.op
    def give():
        return lambda: 1

    with tempfile.TemporaryDirectory() as folder:

        @dg.job(resource_defs={"io_manager": dg.fs_io_manager.configured({"base_dir": folder})})
        def job():
            give()

        return tell(run(job))


def case_custom_path_fs_io_manager() -> Any:
    @dg.op(out=dg.Out(metadata={"path": "a/b.pickle"}))
    def give():
        return 5

    with tempfile.TemporaryDirectory() as folder:

        @dg.job(resource_defs={"io_manager": dg.custom_path_fs_io_manager.configured({"base_dir": folder})})
        def job():
            inc.alias("last")(give())

        result = run(job)
        content = pickle.loads((Path(folder) / "a" / "b.pickle").read_bytes())
        return [content, result.is_node_success("give"), result.success]


def case_mem_and_in_memory_io_manager() -> Any:
    found = []
    for manager in (dg.mem_io_manager, dg.InMemoryIOManager()):

        @dg.job(resource_defs={"io_manager": manager})
        def job():
            total(nums().map(inc).collect())

        found.append(run(job).output_for_node("total"))
    return found


def case_io_manager_of_a_factory() -> Any:
    made = []

    class Factory(dg.ConfigurableIOManagerFactory):
        prefix: str

        def create_io_manager(self, context):
            made.append(self.prefix)
            return Memory()

    @dg.job(resource_defs={"io_manager": Factory.configure_at_launch()})
    def job():
        inc(one())

    result = run(job, run_config={"resources": {"io_manager": {"config": {"prefix": "p"}}}})
    return [result.output_for_node("inc"), made]


def case_config_schemas_of_a_configurable_io_manager() -> Any:
    seen: list[Any] = []

    class OutputConfig(dg.Config):
        table: str

    class Manager(dg.ConfigurableIOManager):
        @classmethod
        def output_config_schema(cls):
            return OutputConfig

        @classmethod
        def input_config_schema(cls):
            return {"column": dg.Field(str, default_value="c")}

        def handle_output(self, context, obj) -> None:
            seen.append(["output", context.config])

        def load_input(self, context):
            seen.append(["input", context.config])
            return 1

    @dg.job(resource_defs={"io_manager": Manager()})
    def job():
        inc(one())

    outputs = {"outputs": {"result": {"table": "t"}}}
    run(job, run_config={"ops": {"one": outputs, "inc": outputs}})
    return seen


def case_legacy_io_manager_adapter() -> Any:
    made = []

    @dg.io_manager(config_schema={"base": str})
    def old(context):
        made.append(context.resource_config["base"])
        return Memory()

    class New(dg.ConfigurableLegacyIOManagerAdapter):
        base: str

        @property
        def wrapped_io_manager(self):
            return old

    @dg.job(resource_defs={"io_manager": New(base="b")})
    def job():
        inc(one())

    return [run(job).output_for_node("inc"), made]


def case_nested_resource_of_an_io_manager() -> Any:
    class Client(dg.ConfigurableResource):
        name: str

    kept: dict[str, Any] = {}

    class Manager(dg.ConfigurableIOManager):
        client: Client

        def handle_output(self, context, obj) -> None:
            kept[f"{self.client.name}/{context.step_key}"] = obj

        def load_input(self, context):
            return kept[f"{self.client.name}/{context.upstream_output.step_key}"]

    @dg.job(resource_defs={"io_manager": Manager(client=Client(name="c"))})
    def job():
        inc(one())

    return [run(job).output_for_node("inc"), kept]


# -- re-execution -----------------------------------------------------------------------------------------------------

READER_FAILS = "ORACLE_IO_READER_FAILS"
FOLDER = "ORACLE_IO_FOLDER"


class InFolder(dg.ConfigurableIOManager):
    """Files by identifier, below the folder that the environment names."""

    def _path(self, context: Any) -> Path:
        return Path(os.environ[FOLDER], *context.get_identifier())

    def handle_output(self, context, obj) -> None:
        self._path(context).parent.mkdir(parents=True, exist_ok=True)
        self._path(context).write_text(str(obj))

    def load_input(self, context):
        return int(self._path(context).read_text())


@dg.op
def reads_and_fails(x):
    if os.environ.get(READER_FAILS):
        raise ValueError("as told")
    return x + 1


@dg.job(resource_defs={"io_manager": InFolder()}, executor_def=dg.in_process_executor)
def through_a_folder():
    reads_and_fails(one())


def case_reexecution_reads_what_the_first_run_stored() -> Any:
    job = dg.reconstructable(through_a_folder)
    with tempfile.TemporaryDirectory() as folder, dg.instance_for_test() as instance:
        os.environ[FOLDER], os.environ[READER_FAILS] = folder, "yes"
        try:
            first = dg.execute_job(job, instance=instance)
            del os.environ[READER_FAILS]
            options = dg.ReexecutionOptions.from_failure(first.run_id, instance)
            second = dg.execute_job(job, instance=instance, reexecution_options=options)
            files = sorted("/".join(path.relative_to(folder).parts[1:]) for path in Path(folder).rglob("result"))
            return [first.success, second.success, files]
        finally:
            os.environ.pop(READER_FAILS, None)
            del os.environ[FOLDER]
