"""UPathIOManager: one file for each output, in a folder, in a store, or in the run's own store."""

import json
from pathlib import Path
from typing import Any

import pytest

import kedge as dg
from kedge.io.paths import StorePath
from kedge.io.stores import open_store


class JsonFiles(dg.UPathIOManager):
    extension = ".json"

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: Any) -> None:
        with path.open("w") as file:
            json.dump(obj, file)

    def load_from_path(self, context: dg.InputContext, path: Any) -> Any:
        with path.open() as file:
            return json.load(file)

    def get_metadata(self, context: dg.OutputContext, obj: Any) -> dict[str, Any]:
        return {"size": len(str(obj))}


@dg.op(out=dg.DynamicOut())
def numbers() -> Any:
    for i in (1, 2):
        yield dg.DynamicOutput(i, f"k{i}")


@dg.op
def inc(x: int) -> int:
    return x + 1


@dg.op
def total(xs: list[int]) -> int:
    return sum(xs)


def job_with(manager: Any) -> dg.JobDefinition:
    @dg.job(resource_defs={"io_manager": manager})
    def job() -> None:
        total(numbers().map(inc).collect())

    return job  # type: ignore[no-any-return]


def test_files_lie_below_the_folder_as_in_dagster(tmp_path: Path) -> None:
    result = job_with(JsonFiles(tmp_path)).execute_in_process()
    found = sorted(str(path.relative_to(tmp_path / result.run_id)) for path in tmp_path.rglob("*.json"))
    assert found == [
        "inc[k1]/result.json",
        "inc[k2]/result.json",
        "numbers/result/k1.json",
        "numbers/result/k2.json",
        "total/result.json",
    ]
    assert result.output_for_node("total") == 5


def test_a_store_s_url_serves_as_a_folder(tmp_path: Path) -> None:
    result = job_with(JsonFiles(f"file://{tmp_path}")).execute_in_process()
    assert (tmp_path / result.run_id / "total" / "result.json").read_text() == "5"


def test_without_a_base_the_run_s_own_store_has_the_files() -> None:
    result = job_with(JsonFiles()).execute_in_process()
    assert result.success


def test_path_and_own_metadata_are_told(tmp_path: Path) -> None:
    result = job_with(JsonFiles(tmp_path)).execute_in_process()
    event = [one for one in result.all_events if one.event_type_value == "HANDLED_OUTPUT"][-1]
    metadata = event.event_specific_data.metadata
    assert metadata["size"].value == 1
    assert metadata["path"].value.endswith("total/result.json")


def test_a_loader_may_be_async(tmp_path: Path) -> None:
    class Later(JsonFiles):
        async def load_from_path(self, context: dg.InputContext, path: Any) -> Any:
            return json.loads(path.read_text())

    assert job_with(Later(tmp_path)).execute_in_process().output_for_node("total") == 5


def test_a_manager_is_tested_with_contexts_alone(tmp_path: Path) -> None:
    manager = JsonFiles(tmp_path)
    written = dg.build_output_context(step_key="step", name="out", run_id="run")
    assert not manager.has_output(written)
    manager.handle_output(written, [1])
    assert manager.has_output(written)
    assert manager.load_input(dg.build_input_context(upstream_output=written)) == [1]
    assert sorted(written.get_logged_metadata()) == ["path", "size"]
    with pytest.raises(dg.DagsterInvariantViolationError, match="give it one in the test: base_path=tmp_path"):
        JsonFiles().handle_output(written, [1])


def test_the_place_of_a_file_can_be_changed(tmp_path: Path) -> None:
    class Flat(JsonFiles):
        def get_op_output_relative_path(self, context: Any) -> Any:
            return Path("-".join(context.get_identifier()[1:]))

    job_with(Flat(tmp_path)).execute_in_process()
    assert sorted(path.name for path in tmp_path.iterdir())[0] == "inc[k1]-result.json"


def test_an_object_with_pathlib_s_interface_is_taken_as_it_is(tmp_path: Path) -> None:
    base = StorePath(open_store(f"file://{tmp_path}")) / "below"
    result = job_with(JsonFiles(base)).execute_in_process()
    assert (tmp_path / "below" / result.run_id / "total" / "result.json").exists()


def test_an_extension_starts_with_a_dot(tmp_path: Path) -> None:
    class Wrong(JsonFiles):
        extension = "json"

    with pytest.raises(dg.CheckError, match="starts with a dot"):
        Wrong(tmp_path)
