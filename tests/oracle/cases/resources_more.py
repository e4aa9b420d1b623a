"""Resources in depth: definitions and their helpers, models that nest, launch-time config, direct use, broken ones."""

import asyncio
import contextlib
import enum
import os
from typing import Any, Literal

from oracle_sut import dg, error_of, failure_of, job_of, run, tell
from pydantic import Field, PrivateAttr, field_validator


def _job(resources: dict[str, Any], show: Any = None) -> Any:
    @dg.op(required_resource_keys=set(resources))
    def use(context):
        found = [getattr(context.resources, key) for key in sorted(resources)]
        return show(*found) if show else found

    @dg.job(resource_defs=resources)
    def job():
        use()

    return job


def _use(resources: dict[str, Any], show: Any = None, **config: Any) -> Any:
    """What an op sees of the resources, or the name of the error."""
    seen = []

    def attempt() -> None:
        given = {"resources": {key: {"config": one} for key, one in config.items()}}
        seen.append(_job(resources, show).execute_in_process(run_config=given).output_for_node("use"))

    return error_of(attempt) or seen[0]


# -- definitions ----------------------------------------------------------------------------------------------------


def case_helpers_of_the_definition() -> Any:
    kinds = dg.ResourceDefinition
    return [
        _use({"a": kinds.hardcoded_resource(5, "five"), "b": kinds.none_resource()}),
        _use({"a": kinds.string_resource()}, a="text"),
        _use({"a": kinds.string_resource()}),
        _use({"a": kinds.mock_resource()}, lambda one: type(one).__name__),
        kinds.hardcoded_resource(5, "five").description,
        kinds.string_resource("text").description,
    ]


def case_attributes_of_the_definition() -> Any:
    @dg.resource(config_schema={"n": int}, description="d", required_resource_keys={"x"}, version="1")
    def thing(context):
        """Text."""

    @dg.resource
    def plain(context):
        """Its text."""

    return [
        thing.description,
        sorted(thing.required_resource_keys),
        thing.version,
        plain.description,
        sorted(plain.required_resource_keys),
        callable(thing.resource_fn),
    ]


def case_decorator_forms() -> Any:
    @dg.resource()
    def empty(context):
        return 1

    @dg.resource
    def without_context():
        return 2

    @dg.resource(config_schema=int)
    def number(context):
        return context.resource_config

    @dg.resource(int)
    def positional(context):
        return context.resource_config

    def refused():
        @dg.resource
        def two(context, other):
            return 1

    return [
        _use({"a": empty, "b": without_context, "c": number, "d": positional}, c=3, d=4),
        error_of(refused),
        _use({"a": dg.resource(lambda _: 7)}),
    ]


def case_context_manager_as_resource_function() -> Any:
    seen = []

    @dg.resource
    @contextlib.contextmanager
    def managed(context):
        seen.append("open")
        try:
            yield 3
        finally:
            seen.append("close")

    return [_use({"a": managed}), seen]


def case_init_context() -> Any:
    seen = []

    @dg.resource(config_schema={"n": int}, required_resource_keys={"b"})
    def thing(context):
        seen.append([context.resource_config, context.resources.b, context.run_id == context.dagster_run.run_id])
        seen.append([context.resource_def is thing, context.log is not None, context.dagster_run.job_name])
        changed = context.replace_config({"n": 9})
        seen.append([changed.resource_config, context.resource_config, changed.resources.b])
        seen.append(sorted(context.all_resource_defs))
        return 1

    found = _use({"a": thing, "b": dg.ResourceDefinition.hardcoded_resource("b")}, a={"n": 1})
    return [found, [one if one != ["a", "b", "io_manager"] else ["a", "b"] for one in seen]]


def case_configured_forms() -> Any:
    @dg.resource(config_schema={"a": int, "b": dg.Field(int, default_value=2)})
    def thing(context):
        return context.resource_config

    twice = dg.configured(dg.configured(thing, config_schema={"n": int})(lambda c: {"a": c["n"]}))({"n": 4})
    return [
        _use({"x": thing.configured({"a": 1})}),
        _use({"x": twice}),
        _use({"x": thing.configured(lambda c: {"a": c}, config_schema=int)}, x=5),
        _use({"x": thing.configured(lambda _c: {"a": 6})}),
        thing.configured({"a": 1}, description="new").description,
    ]


def case_make_values_resource() -> Any:
    return [
        _use({"v": dg.make_values_resource(a=int, b=str)}, lambda v: [v["a"], v["b"]], v={"a": 1, "b": "x"}),
        _use({"v": dg.make_values_resource(a=int)}, v={"a": "x"}),
        _use({"v": dg.make_values_resource()}, v={"any": 1}),
    ]


# -- errors ---------------------------------------------------------------------------------------------------------


def case_set_up_that_fails() -> Any:
    seen = []

    @dg.resource
    def good(context):
        seen.append("open")
        yield 1
        seen.append("close")

    @dg.resource(required_resource_keys={"a"})
    def bad(context):
        raise ValueError("x")

    job = _job({"a": good, "b": bad})
    first = error_of(lambda: job.execute_in_process())
    result = job.execute_in_process(raise_on_error=False) if first is None else None
    return [first, seen[:2], result and result.success]


def case_set_up_that_fails_without_raising() -> Any:
    @dg.resource
    def bad(context):
        raise ValueError("x")

    return error_of(lambda: run(_job({"a": bad})))


def case_generator_without_a_value() -> Any:
    @dg.resource
    def empty(context):
        if False:
            yield

    return error_of(lambda: _job({"a": empty}).execute_in_process())


def case_teardown_that_fails() -> Any:
    seen = []

    @dg.resource
    def bad(context):
        yield 1
        raise ValueError("teardown")

    @dg.resource
    def good(context):
        yield 2
        seen.append("closed")

    result = run(_job({"a": bad, "b": good, "c": bad}))
    return [result.success, seen]


def case_resource_of_a_failed_op_is_closed() -> Any:
    seen = []

    @dg.resource
    def thing(context):
        try:
            yield 1
        except Exception:
            seen.append("raised inside")
        finally:
            seen.append("closed")

    @dg.op(required_resource_keys={"a"})
    def fails(context):
        raise ValueError("x")

    @dg.job(resource_defs={"a": thing})
    def job():
        fails()

    return [tell(run(job)), seen]


# -- models ---------------------------------------------------------------------------------------------------------


class Client(dg.ConfigurableResource):
    url: str
    retries: int = 3

    def call(self) -> str:
        return f"{self.url}/{self.retries}"


class Api(dg.ConfigurableResource):
    client: Client
    token: str = "t"

    def call(self) -> str:
        return f"{self.client.call()}?{self.token}"


def case_model_and_run_config() -> Any:
    whole = {"a": Client(url="u", retries=9)}
    return [
        _use(whole, lambda a: a.call()),
        _use(whole, lambda a: a.call(), a={"url": "v"}),
        _use(whole, lambda a: a.call(), a={"retries": 1}),
        _use(whole, lambda a: a.call(), a={"url": "v", "retries": "x"}),
        _use(whole, lambda a: a.call(), a={"nope": 1}),
    ]


def case_configure_at_launch() -> Any:
    return [
        _use({"a": Client.configure_at_launch()}, lambda a: a.call(), a={"url": "u"}),
        _use({"a": Client.configure_at_launch(url="given")}, lambda a: a.call()),
        _use({"a": Client.configure_at_launch(url="given")}, lambda a: a.call(), a={"retries": 5}),
        _use({"a": Client.configure_at_launch(url="given")}, lambda a: a.call(), a={"url": "over"}),
        _use({"a": Client.configure_at_launch()}, lambda a: a.call()),
        _use({"a": Client.configure_at_launch()}, lambda a: a.call(), a={"retries": 1}),
    ]


def case_run_config_object_with_a_resource() -> Any:
    job = _job({"a": Client.configure_at_launch()}, lambda a: a.call())
    given = dg.RunConfig(resources={"a": Client(url="object")})
    return [given.to_config_dict()["resources"], run(job, run_config=given).output_for_node("use")]


def case_nested_models() -> Any:
    return [
        _use({"a": Api(client=Client(url="u"))}, lambda a: a.call()),
        _use({"a": Api(client=Client(url="u"), token="x")}, lambda a: a.call(), a={"token": "y"}),
        sorted(Api(client=Client(url="u")).nested_resources),
    ]


def case_nested_model_shared_with_the_job() -> Any:
    seen = []

    class Counted(dg.ConfigurableResource):
        name: str

        def setup_for_execution(self, context) -> None:
            seen.append(f"open {self.name}")

        def teardown_after_execution(self, context) -> None:
            seen.append(f"close {self.name}")

    class Outer(dg.ConfigurableResource):
        inner: Counted

    inner = Counted(name="inner")
    return [_use({"a": Outer(inner=inner), "b": inner}, lambda a, b: [a.inner.name, b.name]), seen]


def case_nested_partial() -> Any:
    partial = Client.configure_at_launch()
    good = {"a": Api(client=partial), "client": partial}
    return [
        _use(good, lambda a, client: [a.call(), a.client is client], client={"url": "u"}),
        _use(good, lambda a, client: a.call()),
        error_of(lambda: _job({"a": Api(client=Client.configure_at_launch())}).execute_in_process()) is not None,
    ]


def case_nested_partial_in_a_partial() -> Any:
    partial = Client.configure_at_launch()
    outer = Api.configure_at_launch(client=partial)
    return _use({"a": outer, "c": partial}, lambda a, c: a.call(), a={"token": "z"}, c={"url": "u"})


def case_resource_dependency() -> Any:
    class Holder(dg.ConfigurableResource):
        text: dg.ResourceDependency[str]
        number: int = 1

    @dg.resource
    def made(context):
        return "made"

    @dg.resource(config_schema={"n": dg.Field(int, default_value=4)})
    def with_config(context):
        return f"n={context.resource_config['n']}"

    show = lambda a: [a.text, a.number]  # noqa: E731
    return [
        _use({"a": Holder(text="plain")}, show),
        _use({"a": Holder(text=made)}, show),
        _use({"a": Holder(text=with_config)}, show),
        _use({"a": Holder(text="plain", number=3)}, show, a={"number": 4}),
    ]


def case_resource_dependency_on_a_definition_that_needs_config() -> Any:
    class Holder(dg.ConfigurableResource):
        text: dg.ResourceDependency[str]

    @dg.resource(config_schema={"n": int})
    def needs(context):
        return f"n={context.resource_config['n']}"

    return [
        _use({"a": Holder(text=needs), "b": needs}, lambda a, b: [a.text, b], b={"n": 1}),
        error_of(lambda: _job({"a": Holder(text=needs)}).execute_in_process()) is not None,
    ]


def case_optional_nested_resource() -> Any:
    class Holder(dg.ConfigurableResource):
        client: Client | None = None

    show = lambda a: a.client and a.client.call()  # noqa: E731
    return [_use({"a": Holder()}, show), _use({"a": Holder(client=Client(url="u"))}, show)]


def case_life_of_a_model() -> Any:
    seen = []

    class Life(dg.ConfigurableResource):
        name: str
        _state: str = PrivateAttr(default="new")

        def setup_for_execution(self, context) -> None:
            self._state = "open"
            seen.append([self.name, context.run_id is not None])

        def teardown_after_execution(self, context) -> None:
            seen.append(["close", self._state])

        @property
        def state(self) -> str:
            return self._state

    original = Life(name="a")
    job = _job({"a": original}, lambda a: [a.state, a is original])
    return [run(job).output_for_node("use"), run(job).output_for_node("use"), original.state, seen]


def case_yield_for_execution() -> Any:
    seen = []

    class Life(dg.ConfigurableResource):
        name: str

        @contextlib.contextmanager
        def yield_for_execution(self, context):
            seen.append("open")
            try:
                yield self
            finally:
                seen.append("close")

    return [_use({"a": Life(name="x")}, lambda a: a.name), seen]


def case_teardown_follows_a_failure_but_not_of_its_set_up() -> Any:
    seen = []

    class Life(dg.ConfigurableResource):
        fails: bool

        def setup_for_execution(self, context) -> None:
            seen.append("open")
            if self.fails:
                raise ValueError("x")

        def teardown_after_execution(self, context) -> None:
            seen.append("close")

    def use(_):
        raise ValueError("in the op")

    return [_use({"a": Life(fails=False)}, use), _use({"a": Life(fails=True)}, use), seen]


def case_create_resource() -> Any:
    class Made(dg.ConfigurableResource):
        n: int

        def create_resource(self, context):
            return [self.n] * 2

    class Outer(dg.ConfigurableResource):
        inner: dg.ResourceDependency[list]

    return [_use({"a": Made(n=3)}), _use({"a": Outer(inner=Made(n=2))}, lambda a: a.inner)]


def case_resource_context_of_a_model() -> Any:
    class Looking(dg.ConfigurableResource):
        n: int = 1

        def look(self) -> Any:
            return self.get_resource_context().run_id is not None

    unstarted = Looking()
    given = unstarted.with_replaced_resource_context(dg.build_init_resource_context())
    return [
        _use({"a": Looking()}, lambda a: a.look()),
        error_of(unstarted.look) is not None,
        given.get_resource_context() is not None,
        given.n,
    ]


def case_process_config_and_initialize() -> Any:
    os.environ["ORACLE_TEXT"] = "text"
    seen = []

    class Life(dg.ConfigurableResource):
        name: str

        def teardown_after_execution(self, context) -> None:
            seen.append("close")

    started = Client(url=dg.EnvVar("ORACLE_TEXT")).process_config_and_initialize()
    with Life(name=dg.EnvVar("ORACLE_TEXT")).process_config_and_initialize_cm() as life:
        seen.append(life.name)
    nested = None
    with Api(client=Client(url=dg.EnvVar("ORACLE_TEXT"))).process_config_and_initialize_cm() as api:
        nested = api.call()
    return [
        started.call(),
        seen,
        nested,
        error_of(lambda: Life(name="x").process_config_and_initialize()) is not None,
    ]


def case_from_resource_context() -> Any:
    @dg.resource(config_schema=Client.to_config_schema())
    def client(context):
        return Client.from_resource_context(context)

    @dg.resource(config_schema={"url": str})
    def managed(context):
        with Client.from_resource_context_cm(context) as made:
            yield made

    return [
        _use({"a": client}, lambda a: a.call(), a={"url": "u"}),
        _use({"a": managed}, lambda a: a.call(), a={"url": "m"}),
        client(dg.build_init_resource_context(config={"url": "direct"})).call(),
    ]


def case_env_vars_of_a_resource() -> Any:
    os.environ.update({"ORACLE_TEXT": "text", "ORACLE_INT": "7"})
    os.environ.pop("ORACLE_UNSET", None)
    return [
        _use({"a": Client(url=dg.EnvVar("ORACLE_TEXT"), retries=dg.EnvVar.int("ORACLE_INT"))}, lambda a: a.call()),
        _use({"a": Client(url=dg.EnvVar("ORACLE_UNSET"))}, lambda a: a.call()),
        _use({"a": Client.configure_at_launch()}, lambda a: a.call(), a={"url": {"env": "ORACLE_TEXT"}}),
        _use({"a": Api(client=Client(url=dg.EnvVar("ORACLE_TEXT")))}, lambda a: a.call()),
    ]


def case_resources_do_not_change() -> Any:
    class Stateful(dg.ConfigurableResource):
        n: int = 1

    def change():
        Stateful().n = 2

    def add():
        Stateful().other = 2

    return [error_of(change), error_of(add)]


def case_validator_of_a_resource() -> Any:
    class Checked(dg.ConfigurableResource):
        n: int

        @field_validator("n")
        @classmethod
        def positive(cls, value):
            if value < 0:
                raise ValueError("negative")
            return value

    return [error_of(lambda: Checked(n=-1)), _use({"a": Checked(n=1)}, lambda a: a.n)]


def case_model_as_an_argument_of_an_op() -> Any:
    @dg.op
    def use(client: Client, api: dg.ResourceParam[Api], x: int = 1):
        return [client.call(), api.call(), x]

    @dg.job(resource_defs={"client": Client(url="u"), "api": Api(client=Client(url="v"))})
    def job():
        use()

    with dg.build_op_context(resources={"client": Client(url="c"), "api": Api(client=Client(url="f"))}) as context:
        from_context = use(context)
    return [
        sorted(use.required_resource_keys),
        run(job).output_for_node("use"),
        use(client=Client(url="d"), api=Api(client=Client(url="e"))),
        from_context,
    ]


def case_definition_of_a_model() -> Any:
    """Its description is the class's text."""

    class Described(dg.ConfigurableResource):
        """Says what it is."""

        n: int = 1

    found = Described().get_resource_definition()
    return [found.description, _use({"a": found}, lambda a: a.n), sorted(Described.to_fields_dict())]


def case_two_jobs_with_one_model() -> Any:
    partial = Client.configure_at_launch()
    first, second = {"x": partial, "api": Api(client=partial)}, {"y": partial, "api": Api(client=partial)}
    return [
        _use(first, lambda api, x: api.call(), x={"url": "1"}),
        _use(second, lambda api, y: api.call(), y={"url": "2"}),
    ]


# -- outside of a run -------------------------------------------------------------------------------------------------


def case_build_resources() -> Any:
    seen = []

    @dg.resource(config_schema={"n": int})
    def number(context):
        yield context.resource_config["n"]
        seen.append("closed")

    @dg.resource(required_resource_keys={"number"})
    def twice(context):
        return context.resources.number * 2

    config = {"number": {"config": {"n": 3}}}
    with dg.build_resources({"number": number, "twice": twice, "plain": 5}, resource_config=config) as found:
        inside = [found.number, found.twice, found.plain]
    return [
        inside,
        seen,
        error_of(lambda: dg.build_resources({"number": number}).__enter__()),
        error_of(lambda: dg.build_resources({"twice": twice}).__enter__()) is not None,
    ]


def case_build_resources_of_models() -> Any:
    with dg.build_resources({"api": Api(client=Client(url="u")), "made": Client(url="v")}) as found:
        return [found.api.call(), found.made.call(), error_of(lambda: found.nope), sorted(found._asdict())]


def case_calling_a_resource() -> Any:
    @dg.resource(config_schema={"n": int})
    def number(context):
        return context.resource_config["n"]

    @dg.resource
    def without_context():
        return 2

    @dg.resource
    def plain(context):
        return context.resource_config

    @dg.resource(required_resource_keys={"x"})
    def needs(context):
        return context.resources.x

    @dg.resource
    def generator(context):
        yield 5

    def opened():
        with generator(None) as value:
            return value

    context = dg.build_init_resource_context
    return [
        number(context(config={"n": 1})),
        without_context(),
        plain(None),
        needs(context(resources={"x": 3})),
        opened(),
        error_of(lambda: number(None)),
        error_of(lambda: number()),
        error_of(lambda: number(context(config={"n": "x"}))),
        error_of(lambda: needs(context())),
        error_of(lambda: needs(None)),
        error_of(lambda: without_context(context())),
        error_of(lambda: number(context(), 5)),
    ]


def case_build_init_resource_context() -> Any:
    seen = []

    @dg.resource
    def opened(context):
        yield "open"
        seen.append("closed")

    bare = dg.build_init_resource_context()
    with dg.build_init_resource_context(config={"a": 1}, resources={"x": opened, "y": 2}) as context:
        inside = [context.resource_config, context.resources.x, context.resources.y, context.log is not None]
    outside = dg.build_init_resource_context(resources={"x": opened})
    return [
        inside,
        seen,
        [bare.resource_config, bare.run_id, bare.log is not None],
        error_of(lambda: outside.resources),
        bare.replace_config({"n": 1}).resource_config,
    ]


def case_resources_given_to_execute_in_process() -> Any:
    job = _job({"a": Client(url="u")}, lambda a: a.call())
    return [
        run(job, resources={"a": Client(url="other")}).output_for_node("use"),
        run(
            job,
            resources={"a": Client.configure_at_launch()},
            run_config={"resources": {"a": {"config": {"url": "w"}}}},
        ).output_for_node("use"),
    ]


def case_unknown_resource_on_the_context() -> Any:
    @dg.op(required_resource_keys={"a"})
    def use(context):
        return context.resources.b

    @dg.job(
        resource_defs={"a": dg.ResourceDefinition.hardcoded_resource(1), "b": dg.ResourceDefinition.none_resource()}
    )
    def job():
        use()

    return failure_of(run(job), "use")


def case_resource_config_that_is_wrong() -> Any:
    job = _job({"a": Client.configure_at_launch()}, lambda a: a.call())
    found = []
    for config in ({}, {"url": 1}, {"url": "u", "z": 1}, None):
        try:
            job.execute_in_process(run_config={"resources": {"a": {"config": config}}})
        except dg.DagsterInvalidConfigError as error:
            found.append(sorted(getattr(one.reason, "value", one.reason) for one in error.errors))
    unknown = error_of(lambda: job.execute_in_process(run_config={"resources": {"zz": {"config": 1}}}))
    key = error_of(lambda: job.execute_in_process(run_config={"resources": {"a": {"conf": {"url": "u"}}}}))
    return [found, unknown, key]


def case_config_of_a_resource_without_schema() -> Any:
    @dg.resource
    def anything(context):
        return context.resource_config

    return [_use({"a": anything}), _use({"a": anything}, a={"x": [1]}), _use({"a": anything}, a=5)]


def case_class_attributes_of_a_resource() -> Any:
    class WithProperty(dg.ConfigurableResource):
        n: int

        @property
        def double(self) -> int:
            return self.n * 2

    return _use({"a": WithProperty(n=2)}, lambda a: a.double)


def case_inherited_resources() -> Any:
    class Special(Client):
        extra: str = "e"

        def call(self) -> str:
            return f"{super().call()}-{self.extra}"

    return _use({"a": Api(client=Special(url="u"))}, lambda a: a.call())


def case_job_of_ops_needs_no_resources() -> Any:
    return tell(run(job_of(dg.op(name="one")(lambda: 1))))


# -- corners of models ------------------------------------------------------------------------------------------------


class Mode(enum.Enum):
    FAST = "f"
    SLOW = "s"


class Limits(dg.Config):
    low: int = 1
    high: int


class Rich(dg.ConfigurableResource):
    mode: Mode = Mode.FAST
    limits: Limits
    names: list[str] = []
    kind: Literal["a", "b"] = "a"

    def tell(self) -> Any:
        return [self.mode.name, self.limits.low, self.limits.high, self.names, self.kind]


def case_rich_fields_of_a_model() -> Any:
    os.environ["ORACLE_INT"] = "7"
    given = {"limits": {"high": 4}, "mode": "SLOW", "names": ["n"], "kind": "b"}
    return [
        _use({"a": Rich(limits=Limits(high=9), mode=Mode.SLOW)}, lambda a: a.tell()),
        _use({"a": Rich(limits=Limits(high=dg.EnvVar.int("ORACLE_INT")))}, lambda a: a.tell()),
        _use({"a": Rich.configure_at_launch()}, lambda a: a.tell(), a=given),
        _use({"a": Rich.configure_at_launch(mode=Mode.SLOW)}, lambda a: a.tell(), a={"limits": {"high": 4}}),
        _use({"a": Rich.configure_at_launch()}, lambda a: a.tell(), a={"limits": {"high": 4}, "mode": "s"}),
        _use({"a": Rich.configure_at_launch()}, lambda a: a.tell(), a={"limits": {}, "kind": "c"}),
    ]


def case_alias_of_a_field_of_a_model() -> Any:
    class Aliased(dg.ConfigurableResource):
        size: int = Field(alias="how_big", default=1)

    return [
        _use({"a": Aliased(how_big=3)}, lambda a: a.size),
        _use({"a": Aliased.configure_at_launch()}, lambda a: a.size, a={"how_big": 4}),
    ]


def case_models_that_are_not_whole() -> Any:
    class NoLoad(dg.ConfigurableIOManager):
        def handle_output(self, context, obj) -> None:
            pass

    class NoManager(dg.ConfigurableIOManagerFactory):
        pass

    return [error_of(lambda: NoLoad()), error_of(lambda: NoManager()), error_of(lambda: Client())]


def case_a_field_that_no_config_can_fill() -> Any:
    class Session:
        pass

    class Holder(dg.ConfigurableResource):
        session: Session

    return error_of(lambda: Holder(session=Session()))


def case_unknown_fields_of_a_model() -> Any:
    return error_of(lambda: Client(url="u", nope=1))


def case_a_private_attribute_set_up_in_the_run() -> Any:
    class Connected(dg.ConfigurableResource):
        url: str
        _connection: Any = PrivateAttr()

        def setup_for_execution(self, context) -> None:
            self._connection = f"to {self.url}"

        def ask(self) -> Any:
            return self._connection

    return [_use({"a": Connected(url="u")}, lambda a: a.ask()), error_of(lambda: Connected(url="u").ask())]


def case_model_with_methods_that_use_nested_and_context() -> Any:
    class Outer(dg.ConfigurableResource):
        client: Client
        _seen: list = PrivateAttr(default_factory=list)

        def setup_for_execution(self, context) -> None:
            self._seen.append([self.client.call(), context.resource_config])

        def seen(self) -> Any:
            return self._seen

    return _use({"a": Outer(client=Client(url="u"))}, lambda a: a.seen())


def case_function_resource_in_a_model_is_torn_down() -> Any:
    seen = []

    class Holder(dg.ConfigurableResource):
        thing: dg.ResourceDependency[str]

    @dg.resource
    def opened(context):
        seen.append("open")
        yield "thing"
        seen.append("close")

    return [_use({"a": Holder(thing=opened)}, lambda a: a.thing), seen]


def case_resource_param_of_a_plain_value() -> Any:
    @dg.op
    def use(thing: dg.ResourceParam[str]):
        return thing

    @dg.job(resource_defs={"thing": "text"})
    def job():
        use()

    return [run(job).output_for_node("use"), use(thing="direct")]


def case_resource_annotated_but_missing() -> Any:
    @dg.op
    def use(client: Client):
        return 1

    return error_of(lambda: job_of(use).execute_in_process())


def case_asynchronous_code_shares_a_loop() -> Any:
    seen: list[Any] = []

    class Later(dg.ConfigurableResource):
        name: str

        @contextlib.asynccontextmanager
        async def yield_for_execution(self, context):
            seen.append("open")
            yield asyncio.get_running_loop()
            seen.append("close")

    @dg.op(required_resource_keys={"a"})
    async def use(context):
        await asyncio.sleep(0)
        return context.resources.a is asyncio.get_running_loop()

    @dg.op(required_resource_keys={"a"}, out=dg.DynamicOut())
    async def many(context):
        yield dg.DynamicOutput(context.resources.a is asyncio.get_running_loop(), "k")

    @dg.job(resource_defs={"a": Later(name="n")})
    def job():
        use()
        many()

    result = run(job)
    return [result.output_for_node("use"), result.output_for_node("many"), seen]
