"""Resources: functions, generators, models, their order and their teardown."""

from typing import Any

from oracle_sut import dg, error_of, job_of, run


def case_function_resource() -> Any:
    @dg.resource
    def thing(context):
        return 5

    @dg.op(required_resource_keys={"thing"})
    def use(context):
        return context.resources.thing

    @dg.job(resource_defs={"thing": thing})
    def job():
        use()

    return run(job).output_for_node("use")


def case_resource_with_config() -> Any:
    @dg.resource(config_schema={"n": int})
    def thing(context):
        return context.resource_config["n"] * 2

    @dg.op(required_resource_keys={"thing"})
    def use(context):
        return context.resources.thing

    @dg.job(resource_defs={"thing": thing})
    def job():
        use()

    good = run(job, run_config={"resources": {"thing": {"config": {"n": 4}}}}).output_for_node("use")
    return [good, error_of(lambda: job.execute_in_process())]


def case_plain_object_as_resource() -> Any:
    @dg.op(required_resource_keys={"thing"})
    def use(context):
        return context.resources.thing

    @dg.job(resource_defs={"thing": {"a": 1}})
    def job():
        use()

    return run(job).output_for_node("use")


def _tracked(seen: list[str], key: str, needs: set[str] | None = None):
    @dg.resource(required_resource_keys=needs or set())
    def thing(context):
        seen.append(f"open {key}")
        try:
            yield key
        finally:
            seen.append(f"close {key}")

    return thing


def case_generator_teardown() -> Any:
    seen: list[str] = []

    @dg.op(required_resource_keys={"a"})
    def use(context):
        seen.append("use")

    @dg.job(resource_defs={"a": _tracked(seen, "a")})
    def job():
        use()

    run(job)
    return seen


def case_teardown_in_reverse_order_also_after_a_failure() -> Any:
    seen: list[str] = []

    @dg.op(required_resource_keys={"a", "b"})
    def use(context):
        seen.append("use")
        raise ValueError("x")

    @dg.job(resource_defs={"a": _tracked(seen, "a", {"b"}), "b": _tracked(seen, "b", {"c"}), "c": _tracked(seen, "c")})
    def job():
        use()

    return [error_of(lambda: job.execute_in_process()), seen]


def case_started_once_for_all_ops() -> Any:
    seen: list[str] = []

    @dg.op(required_resource_keys={"a"})
    def use(context):
        seen.append("use")

    @dg.job(resource_defs={"a": _tracked(seen, "a")})
    def job():
        use()
        use()

    run(job)
    return seen


def case_only_those_needed_start() -> Any:
    seen: list[str] = []

    @dg.op(required_resource_keys={"a"})
    def use(context):
        seen.append("use a")

    @dg.op(required_resource_keys={"b"})
    def other(context):
        seen.append("use b")

    @dg.job(resource_defs={"a": _tracked(seen, "a"), "b": _tracked(seen, "b"), "c": _tracked(seen, "c")})
    def job():
        use()
        other()

    run(job, op_selection=["use"])
    return seen


def case_a_resource_reads_another() -> Any:
    @dg.resource
    def base(context):
        return 10

    @dg.resource(required_resource_keys={"base"})
    def built(context):
        return context.resources.base + 1

    @dg.op(required_resource_keys={"built"})
    def use(context):
        return context.resources.built

    @dg.job(resource_defs={"base": base, "built": built})
    def job():
        use()

    return run(job).output_for_node("use")


def case_undeclared_resource_is_not_on_the_context() -> Any:
    seen = []

    @dg.op
    def use(context):
        seen.append(error_of(lambda: context.resources.thing))

    @dg.job(resource_defs={"thing": dg.ResourceDefinition.hardcoded_resource(1)})
    def job():
        use()

    run(job)
    return seen


def case_unknown_resource_at_definition() -> Any:
    @dg.op(required_resource_keys={"nope"})
    def use(context):
        pass

    return error_of(lambda: job_of(use))


def case_unknown_resource_of_a_resource() -> Any:
    seen: list[str] = []

    @dg.op(required_resource_keys={"a"})
    def use(context):
        pass

    def attempt():
        @dg.job(resource_defs={"a": _tracked(seen, "a", {"nope"})})
        def job():
            use()

    return error_of(attempt)


def case_resource_that_raises() -> Any:
    @dg.resource
    def thing(context):
        raise ValueError("no")

    @dg.op(required_resource_keys={"thing"})
    def use(context):
        pass

    @dg.job(resource_defs={"thing": thing})
    def job():
        use()

    return error_of(lambda: job.execute_in_process())


def case_configurable_resource() -> Any:
    class Client(dg.ConfigurableResource):
        url: str
        size: int = 3

        def get(self) -> str:
            return f"{self.url}:{self.size}"

    @dg.op
    def use(client: Client):
        return client.get()

    @dg.job(resource_defs={"client": Client(url="u")})
    def job():
        use()

    return run(job).output_for_node("use")


def case_configurable_resource_from_run_config() -> Any:
    class Client(dg.ConfigurableResource):
        url: str

    @dg.op
    def use(client: Client):
        return client.url

    @dg.job(resource_defs={"client": Client.configure_at_launch()})
    def job():
        use()

    good = run(job, run_config={"resources": {"client": {"config": {"url": "given"}}}}).output_for_node("use")
    return [good, error_of(lambda: job.execute_in_process())]


def case_run_config_beats_a_configurable_resource() -> Any:
    class Client(dg.ConfigurableResource):
        url: str
        size: int = 1

    @dg.op
    def use(client: Client):
        return [client.url, client.size]

    @dg.job(resource_defs={"client": Client(url="own")})
    def job():
        use()

    return run(job, run_config={"resources": {"client": {"config": {"url": "given"}}}}).output_for_node("use")


def case_configurable_resource_setup_and_teardown() -> Any:
    seen = []

    class Client(dg.ConfigurableResource):
        def setup_for_execution(self, context) -> None:
            seen.append("setup")

        def teardown_after_execution(self, context) -> None:
            seen.append("teardown")

    @dg.op
    def use(client: Client):
        seen.append("use")

    @dg.job(resource_defs={"client": Client()})
    def job():
        use()

    run(job)
    return seen


def case_nested_configurable_resources() -> Any:
    class Inner(dg.ConfigurableResource):
        n: int

    class Outer(dg.ConfigurableResource):
        inner: Inner

        def value(self) -> int:
            return self.inner.n * 2

    @dg.op
    def use(outer: Outer):
        return outer.value()

    @dg.job(resource_defs={"outer": Outer(inner=Inner(n=4))})
    def job():
        use()

    return run(job).output_for_node("use")


def case_resource_and_context_and_input_together() -> Any:
    class Client(dg.ConfigurableResource):
        n: int

    @dg.op
    def one():
        return 1

    @dg.op
    def use(context, x, client: Client):
        return [x, client.n, context.resources.client.n]

    @dg.job(resource_defs={"client": Client(n=4)})
    def job():
        use(one())

    return run(job).output_for_node("use")


def case_build_resources() -> Any:
    @dg.resource(config_schema=int)
    def base(context):
        return context.resource_config

    with dg.build_resources({"base": base, "plain": 7}, resource_config={"base": {"config": 4}}) as resources:
        return [resources.base, resources.plain]


def case_resources_given_at_execution() -> Any:
    @dg.op(required_resource_keys={"thing"})
    def use(context):
        return context.resources.thing

    @dg.graph
    def body():
        use()

    return body.execute_in_process(resources={"thing": 5}).output_for_node("use")


def case_resource_without_parameters() -> Any:
    @dg.resource
    def thing():
        return 3

    @dg.op(required_resource_keys={"thing"})
    def use(context):
        return context.resources.thing

    @dg.job(resource_defs={"thing": thing})
    def job():
        use()

    return run(job).output_for_node("use")


def case_unknown_resource_in_run_config() -> Any:
    @dg.op
    def free():
        pass

    return error_of(lambda: job_of(free).execute_in_process(run_config={"resources": {"nope": {"config": 1}}}))


def case_resource_configured() -> Any:
    @dg.resource(config_schema=int)
    def base(context):
        return context.resource_config

    @dg.op(required_resource_keys={"base"})
    def use(context):
        return context.resources.base

    @dg.job(resource_defs={"base": base.configured(8)})
    def job():
        use()

    return run(job).output_for_node("use")
