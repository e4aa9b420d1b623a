"""Jobs with resources, I/O managers, loaders and hooks of their own, that every engine must run alike."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

import kedge as dg

# -- I/O managers ---------------------------------------------------------------------------------------------------


class Files(dg.ConfigurableIOManager):
    """JSON files by identifier, with a count of their letters as metadata."""

    base: str

    def _path(self, identifier: list[str]) -> Path:
        return Path(self.base, *identifier).with_suffix(".json")

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        path = self._path(context.get_identifier())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(obj))
        context.add_output_metadata({"letters": len(json.dumps(obj)), "step": context.step_key})

    def load_input(self, context: dg.InputContext) -> Any:
        assert context.upstream_output is not None
        noted = context.upstream_output.output_metadata
        value = json.loads(self._path(context.get_identifier()).read_text())
        return [value, noted["letters"].value, noted["step"].value, context.upstream_output.mapping_key]


@dg.op(out={"out": dg.Out(io_manager_key="files")})
def words() -> str:
    return "abc"


@dg.op(out={"out": dg.DynamicOut(io_manager_key="files")})
def letters() -> Iterator[dg.DynamicOutput[str]]:
    for letter in "xy":
        yield dg.DynamicOutput(letter, letter, "out")


@dg.op
def told(value: Any) -> Any:
    return value


@dg.job(resource_defs={"files": Files.configure_at_launch()})
def through_files() -> None:
    told(words())
    told.alias("each")(letters().collect())


class JsonFiles(dg.UPathIOManager):
    """One JSON file for each output, in the run's own store."""

    extension = ".json"

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: Any) -> None:
        with path.open("w") as file:
            json.dump(obj, file)

    def load_from_path(self, context: dg.InputContext, path: Any) -> Any:
        with path.open() as file:
            return [json.load(file), path.suffix]


@dg.job(resource_defs={"files": dg.IOManagerDefinition.hardcoded_io_manager(JsonFiles())})
def files_in_the_run_s_store() -> None:
    told(words())


@dg.io_manager(output_config_schema={"table": str}, required_resource_keys={"prefix"})
def tables(context: dg.InitResourceContext) -> dg.IOManager:
    class Tables(dg.IOManager):
        def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
            context.add_output_metadata({"table": context.resources.prefix + context.config["table"]})

        def load_input(self, context: dg.InputContext) -> Any:
            upstream = context.upstream_output
            assert upstream is not None
            return [upstream.output_metadata["table"].value, upstream.config["table"], upstream.step_key, upstream.name]

    return Tables()


@dg.job(resource_defs={"files": tables, "prefix": dg.ResourceDefinition.hardcoded_resource("p_")})
def config_of_outputs() -> None:
    told(words())


@dg.input_manager(input_config_schema={"n": int})
def from_config(context: dg.InputContext) -> int:
    return int(context.config["n"]) * 10


@dg.dagster_type_loader({"n": int}, required_resource_keys={"factor"})
def load_number(context: Any, config: Any) -> "Number":
    return Number(config["n"] * context.resources.factor)


class Number:
    def __init__(self, n: int) -> None:
        self.n = n


def is_number(context: dg.TypeCheckContext, value: Any) -> bool:
    return isinstance(value, Number) and value.n < context.resources.limit


NumberType = dg.DagsterType(
    is_number, name="Number", loader=load_number, required_resource_keys={"limit"}, typing_type=Number
)


@dg.op(ins={"x": dg.In(NumberType), "y": dg.In(int, input_manager_key="from_config")})
def loaded(x: Any, y: int) -> list[int]:
    return [x.n, y]


@dg.job(
    resource_defs={
        "from_config": from_config,
        "factor": dg.ResourceDefinition.hardcoded_resource(3),
        "limit": dg.ResourceDefinition.hardcoded_resource(100),
    }
)
def inputs_out_of_config() -> None:
    loaded()


@dg.op
def one() -> int:
    return 1


@dg.op(out={"out": dg.Out(io_manager_key="memory")})
def kept() -> int:
    return 1


@dg.job(resource_defs={"memory": dg.mem_io_manager})
def kept_in_memory() -> None:
    told(kept())


# -- resources and models ---------------------------------------------------------------------------------------------


class Client(dg.ConfigurableResource):
    url: str
    retries: int = 3


class Api(dg.ConfigurableResource):
    client: Client
    token: str

    def call(self) -> str:
        return f"{self.client.url}/{self.client.retries}?{self.token}"


CLIENT = Client.configure_at_launch()


class Cat(dg.Config):
    kind: Literal["cat"] = "cat"
    meows: int


class Dog(dg.Config):
    kind: Literal["dog"] = "dog"


class Settings(dg.Config):
    pet: Cat | Dog = Field(discriminator="kind")
    names: dict[str, int] = {}


@dg.op
def calls(config: Settings, api: Api) -> list[Any]:
    meows = config.pet.meows if isinstance(config.pet, Cat) else None
    return [api.call(), config.pet.kind, meows, config.names]


@dg.job(resource_defs={"api": Api.configure_at_launch(client=CLIENT, token="t"), "client": CLIENT})
def nested_resources() -> None:
    calls()


@dg.resource
def broken(context: dg.InitResourceContext) -> int:
    raise OSError("not there")


@dg.op(required_resource_keys={"broken"})
def needs_it(context: dg.OpExecutionContext) -> int:
    return 1


@dg.job(resource_defs={"broken": broken})
def resource_that_fails() -> None:
    told(needs_it())
    told.alias("goes_on")(one())


@dg.resource
def torn_down_badly(context: dg.InitResourceContext) -> Iterator[int]:
    yield 1
    raise OSError("teardown")


@dg.job(resource_defs={"broken": torn_down_badly})
def resource_with_a_bad_teardown() -> None:
    told(needs_it())


# -- hooks ------------------------------------------------------------------------------------------------------------


@dg.event_list_hook
def only_failures(context: dg.HookContext, event_list: list[Any]) -> dg.HookExecutionResult:
    return dg.HookExecutionResult("only_failures", is_skipped=not event_list[-1].is_step_failure)


@dg.success_hook(required_resource_keys={"limit"})
def within_limit(context: dg.HookContext) -> None:
    if context.op_output_values["result"] > context.resources.limit:
        raise ValueError("beyond")


@dg.op
def two() -> int:
    return 2


@dg.op
def fails() -> int:
    raise ValueError("x")


@dg.job(hooks={only_failures, within_limit}, resource_defs={"limit": dg.ResourceDefinition.hardcoded_resource(1)})
def hooked() -> None:
    one()
    two()
    fails()
