"""I/O managers: who is called for what, and with which context."""

from typing import Any

from oracle_sut import dg, error_of, failure_of, run, tell


class Recorder(dg.IOManager):
    """Keeps values by identifier and notes every call."""

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}
        self.calls: list[Any] = []

    def handle_output(self, context, obj) -> None:
        key = context.get_identifier()
        self.values[tuple(key)] = obj
        self.calls.append(["write", *key[1:]])

    def load_input(self, context):
        key = context.upstream_output.get_identifier()
        self.calls.append(["read", context.name, context.upstream_output.mapping_key, *key[1:]])
        return self.values[tuple(key)]


@dg.op
def one():
    return 1


@dg.op
def inc(x):
    return x + 1


@dg.op
def total(xs):
    return sum(xs)


@dg.op(out=dg.DynamicOut())
def nums():
    yield dg.DynamicOutput(1, "k")
    yield dg.DynamicOutput(2, "l")


def case_chain() -> Any:
    io = Recorder()

    @dg.job(resource_defs={"io_manager": io})
    def job():
        inc(one())

    return [run(job).output_for_node("inc"), io.calls]


def case_load_input_once_per_member_of_a_fan_in() -> Any:
    io = Recorder()

    @dg.job(resource_defs={"io_manager": io})
    def job():
        total([one(), one()])

    return [run(job).output_for_node("total"), io.calls]


def case_identifiers_of_clones() -> Any:
    io = Recorder()

    @dg.graph
    def g(x):
        return inc(x)

    @dg.job(resource_defs={"io_manager": io})
    def job():
        total(nums().map(g).collect())

    return [run(job).output_for_node("total"), sorted(io.calls, key=str)]


def case_collect_of_the_dynamic_output_itself() -> Any:
    io = Recorder()

    @dg.job(resource_defs={"io_manager": io})
    def job():
        total(nums().collect())

    return [run(job).output_for_node("total"), io.calls]


def case_nothing_is_not_stored() -> Any:
    io = Recorder()

    @dg.op(out=dg.Out(dg.Nothing))
    def silent():
        pass

    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def after():
        return 1

    @dg.job(resource_defs={"io_manager": io})
    def job():
        after(silent())

    run(job)
    return io.calls


def case_io_manager_key() -> Any:
    special, default = Recorder(), Recorder()

    @dg.op(out={"a": dg.Out(io_manager_key="special"), "b": dg.Out()})
    def pair():
        return 1, 2

    @dg.op
    def join(a, b):
        return a + b

    @dg.job(resource_defs={"special": special, "io_manager": default})
    def job():
        join(*pair())

    run(job)
    return [special.calls, default.calls]


def case_unknown_io_manager_key() -> Any:
    @dg.op(out=dg.Out(io_manager_key="nope"))
    def lost():
        return 1

    def attempt():
        @dg.job
        def job():
            lost()

    return error_of(attempt)


def case_input_manager() -> Any:
    class Loader(dg.InputManager):
        def load_input(self, context):
            return f"loaded {context.name}"

    @dg.input_manager
    def loader(context):
        return Loader()

    @dg.input_manager
    def function():
        return "by function"

    @dg.op(ins={"x": dg.In(input_manager_key="loader"), "y": dg.In(input_manager_key="function")})
    def read(x, y):
        return [x, y]

    @dg.job(resource_defs={"loader": loader, "function": function})
    def job():
        read()

    return run(job).output_for_node("read")


def case_input_manager_on_a_connected_input() -> Any:
    @dg.input_manager
    def loader(context):
        return [context.upstream_output.step_key, context.upstream_output.name]

    @dg.op(ins={"x": dg.In(input_manager_key="loader")})
    def read(x):
        return x

    @dg.job(resource_defs={"loader": loader})
    def job():
        read(one())

    return run(job).output_for_node("read")


def case_failing_handle_output_fails_the_writer() -> Any:
    class Broken(dg.IOManager):
        def handle_output(self, context, obj) -> None:
            raise OSError("full")

        def load_input(self, context):
            return 1

    @dg.job(resource_defs={"io_manager": Broken()})
    def job():
        inc(one())

    result = run(job)
    return [tell(result), failure_of(result, "one")]


def case_failing_load_input_fails_the_reader() -> Any:
    class Broken(dg.IOManager):
        def handle_output(self, context, obj) -> None:
            pass

        def load_input(self, context):
            raise OSError("gone")

    @dg.job(resource_defs={"io_manager": Broken()})
    def job():
        inc(one())

    result = run(job)
    return [tell(result), failure_of(result, "inc")]


def case_io_errors_are_inside_the_retry_policy() -> Any:
    attempts = []

    class Flaky(dg.IOManager):
        def handle_output(self, context, obj) -> None:
            attempts.append("write")
            if len(attempts) < 2:
                raise OSError("once")

        def load_input(self, context):
            attempts.append("read")
            if attempts.count("read") < 2:
                raise OSError("once")
            return 1

    @dg.job(resource_defs={"io_manager": Flaky()}, op_retry_policy=dg.RetryPolicy(max_retries=1))
    def job():
        inc(one())

    result = run(job)
    return [tell(result), attempts]


def case_type_check_after_loading() -> Any:
    class Changing(dg.IOManager):
        def handle_output(self, context, obj) -> None:
            pass

        def load_input(self, context):
            return "text"

    @dg.op
    def typed(x: int):
        return x

    @dg.job(resource_defs={"io_manager": Changing()})
    def job():
        typed(one())

    return failure_of(run(job), "typed")


def case_contexts_know_their_definitions() -> Any:
    seen = []

    class Looking(Recorder):
        def handle_output(self, context, obj) -> None:
            super().handle_output(context, obj)
            found = [context.step_key, context.name, context.op_def.name, dict(context.definition_metadata)]
            seen.append([*found, context.dagster_type.display_name, context.mapping_key])

        def load_input(self, context):
            upstream = context.upstream_output
            found = [context.name, context.op_def.name]
            seen.append([*found, dict(context.definition_metadata), upstream.step_key, upstream.op_def.name])
            return super().load_input(context)

    @dg.op(out=dg.Out(int, metadata={"table": "t"}))
    def write():
        return 1

    @dg.op(ins={"x": dg.In(int, metadata={"column": "c"})})
    def read(x):
        return x

    @dg.job(resource_defs={"io_manager": Looking()})
    def job():
        read(write())

    run(job)
    return seen


def case_io_manager_decorator_with_config() -> Any:
    made = []

    @dg.io_manager(config_schema={"base": str})
    def manager(context):
        made.append(context.resource_config["base"])
        return Recorder()

    @dg.job(resource_defs={"io_manager": manager})
    def job():
        inc(one())

    result = run(job, run_config={"resources": {"io_manager": {"config": {"base": "b"}}}})
    return [result.output_for_node("inc"), made]


def case_configurable_io_manager() -> Any:
    kept = {}

    class Prefixed(dg.ConfigurableIOManager):
        prefix: str

        def handle_output(self, context, obj) -> None:
            kept[self.prefix + context.step_key] = obj

        def load_input(self, context):
            return kept[self.prefix + context.upstream_output.step_key]

    @dg.job(resource_defs={"io_manager": Prefixed(prefix="p/")})
    def job():
        inc(one())

    return [run(job).output_for_node("inc"), kept]


def case_io_manager_needs_both_methods() -> Any:
    class Half(dg.IOManager):
        def handle_output(self, context, obj) -> None:
            pass

    return error_of(lambda: Half())


def case_run_id_starts_the_identifier() -> Any:
    seen = []

    class Looking(Recorder):
        def handle_output(self, context, obj) -> None:
            seen.append(context.get_identifier()[0] == context.run_id)

    @dg.job(resource_defs={"io_manager": Looking()})
    def job():
        one()

    run(job)
    return seen


def case_build_contexts() -> Any:
    io = Recorder()
    written = dg.build_output_context(step_key="step", name="out", run_id="r")
    io.handle_output(written, 5)
    read = dg.build_input_context(name="x", upstream_output=written)
    return [io.load_input(read), io.calls]


def case_mem_io_manager() -> Any:
    @dg.job(resource_defs={"io_manager": dg.mem_io_manager})
    def job():
        total(nums().map(inc).collect())

    return run(job).output_for_node("total")
