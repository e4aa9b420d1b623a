"""How metadata and logged events travel in an outcome record, and what refusals say."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import kedge as dg
from kedge.definitions import wire

EVENTS = json.loads((Path(__file__).parents[2] / "data" / "protocol" / "events.v1.json").read_text())
Value = dg.MetadataValue
TABLE = Value.table([dg.TableRecord({"a": 1, "b": None})])
SCHEMA = dg.TableSchema(
    [dg.TableColumn("a", "int", "about", dg.TableColumnConstraints(False, True, ["> 0"]), {"t": "1"})]
)


def strict(data: Any) -> Any:
    """Through JSON that other languages read, too."""
    return json.loads(json.dumps(data, allow_nan=False))


@pytest.mark.parametrize(
    "value",
    [
        Value.text("x"),
        dg.TextMetadataValue(None),
        Value.int(1),
        Value.bool(False),
        Value.null(),
        Value.float(1.5),
        Value.float(float("inf")),
        dg.FloatMetadataValue(None),
        Value.json({"$kind": "url", "value": 1}),
        Value.json([1, {"a": None}]),
        Value.json("x"),
        Value.url("u"),
        Value.path(Path("a/b")),
        Value.notebook("n"),
        Value.md("**x**"),
        Value.python_artifact(Path),
        Value.timestamp(5.5),
        Value.dagster_run("r"),
        Value.job("j", "l", repository_name="r"),
        Value.asset(dg.AssetKey(["a", "b"])),
        Value.pool("p"),
        TABLE,
        Value.table([], SCHEMA),
        Value.table_schema(SCHEMA),
        Value.column_lineage(dg.TableColumnLineage({"a": [dg.TableColumnDep(dg.AssetKey("x"), "y")]})),
    ],
    ids=repr,
)
def test_every_kind_comes_back_as_it_was(value: Any) -> None:
    assert wire.decode_metadata(strict(wire.encode_metadata({"k": value}))) == {"k": value}


def test_what_json_knows_travels_as_it_is() -> None:
    raw = {"text": "x", "n": 1, "f": 0.5, "yes": True, "none": None, "list": [1], "map": {"a": 1}}
    assert wire.encode_metadata(raw) == raw


def test_other_kinds_name_themselves() -> None:
    assert wire.encode_metadata({"u": Value.url("x")}) == {"u": {"$kind": "url", "value": "x"}}


def test_a_kind_of_a_later_version_is_shown_as_json() -> None:
    found = wire.decode_metadata({"k": {"$kind": "hologram", "value": [1, 2]}})
    assert found == {"k": Value.json([1, 2])}


def test_a_kind_of_the_users_own_travels_as_the_kind_it_is_made_of() -> None:
    class Link(dg.UrlMetadataValue):
        pass

    assert wire.decode_metadata(wire.encode_metadata({"k": Link("x")})) == {"k": Value.url("x")}


@pytest.mark.parametrize(
    "event",
    [
        dg.AssetMaterialization("a/b", "about", {"t": TABLE}, "part", {"k": "v"}),
        dg.AssetMaterialization("a"),
        dg.AssetObservation("a", metadata={"n": 1}),
        dg.ExpectationResult(False, "check", "about", {"n": 1}),
    ],
    ids=lambda one: type(one).__name__,
)
def test_every_event_comes_back_as_it_was(event: Any) -> None:
    assert wire.decode_event(strict(wire.encode_event(event, 3))) == event


def test_events_of_version_1_are_still_read_and_written_the_same() -> None:
    for recorded in EVENTS:
        event = wire.decode_event(recorded)
        assert strict(wire.encode_event(event, recorded.get("after", 0), recorded.get("storing", False))) == recorded


def test_a_refused_value_says_which_and_what_to_write() -> None:
    with pytest.raises(dg.DagsterInvalidMetadata, match=r"metadata 'when': .*MetadataValue\.text\(str"):
        dg.Output(1, metadata={"when": {1, 2}})


def test_a_refused_argument_says_its_name_and_its_type() -> None:
    with pytest.raises(dg.ParameterCheckError, match="url must be a str, not 3, a int"):
        Value.url(3)  # type: ignore[arg-type]
    with pytest.raises(dg.CheckError, match="has no time zone"):
        Value.timestamp(datetime.fromisoformat("2020-01-01"))


def test_kinds_of_metadata_are_told_apart() -> None:
    assert Value.text("x") != Value.md("x")
    assert Value.int(1) != Value.bool(True)


def test_a_run_without_metadata_loads_nothing_of_it() -> None:
    code = """
import sys, kedge as dg
@dg.op
def one(): return 1
@dg.job
def job(): one()
job.execute_in_process()
print(*[name for name in sys.modules if name in {
    "kedge.definitions.metadata", "kedge.definitions.wire", "kedge.definitions.events", "kedge.worker.telling",
    "kedge.local.events", "kedge.local.run_records", "kedge.local.home", "kedge.definitions.logs"}])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
