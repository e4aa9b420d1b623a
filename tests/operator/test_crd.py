"""The CRD is what the models say: described, bounded, open only where it is meant to be, and small."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel, Field, ValidationError

from kedge.core.spec import MAX_OPS, OpJobSpec
from kedge.core.status import FAILED_KEYS_SHOWN, Condition, OpJobStatus, OpStatus, Phase
from manifests import __main__ as command
from manifests import crd, documents, rules, schemas

SCHEMA = crd.schema()["properties"]
SPEC = SCHEMA["spec"]["properties"]


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field below a schema by its path, members of lists and maps as `[]`."""
    for name, one in schema.get("properties", {}).items():
        yield f"{path}.{name}", one
        yield from fields(one, f"{path}.{name}")
    for kind in ("items", "additionalProperties"):
        if kind in schema:
            yield f"{path}[]", schema[kind]
            yield from fields(schema[kind], f"{path}[]")


ALL = dict(fields({"properties": {"spec": SCHEMA["spec"], "status": SCHEMA["status"]}}))


def test_the_files_are_what_the_code_says() -> None:
    assert [str(path) for path in documents.stale()] == []


def test_a_file_that_differs_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(documents.ROOT, tmp_path / "manifests")
    monkeypatch.setattr(documents, "ROOT", tmp_path / "manifests")
    assert CliRunner().invoke(command.main, ["--check"]).exit_code == 0
    (tmp_path / "manifests/crds/kedge.dev_opjobs.yaml").write_text("kind: Nothing\n")
    (tmp_path / "manifests/operator/deployment.yaml").unlink()
    found = CliRunner().invoke(command.main, ["--check"])
    assert found.exit_code == 1
    assert re.search(r"crds/kedge\.dev_opjobs\.yaml, .*operator/deployment\.yaml: .* `make generate`", found.output)
    assert "wrote" in CliRunner().invoke(command.main).output
    assert CliRunner().invoke(command.main, ["--check"]).exit_code == 0


def test_it_is_small_enough_for_a_client_side_apply() -> None:
    assert len((documents.ROOT / "crds" / documents.CRD).read_bytes()) < 200_000


def test_every_field_is_described() -> None:
    assert [path for path, one in ALL.items() if not path.endswith("[]") and not one.get("description")] == []


def test_what_is_open_is_open_on_purpose() -> None:
    opened = {path for path, one in ALL.items() if one.get("x-kubernetes-preserve-unknown-fields")}
    assert opened == {
        ".spec.ops[].config",
        ".spec.ops[].inputs[].value",
        ".spec.ops[].inputs[].each[]",
        ".spec.ops[].pod[]",
        ".spec.resources[].config",
        ".spec.runConfig[]",
        ".spec.tagConcurrencyLimits[].value",
        ".spec.reexecute.steps",
        ".spec.podTemplate[]",
    }


def test_text_lists_and_maps_are_bounded() -> None:
    bound = {"string": ("maxLength", "enum", "format"), "array": ("maxItems",)}
    unbounded = {
        path for path, one in ALL.items() if one.get("type") in bound and not set(bound[one["type"]]) & set(one)
    }
    assert unbounded == set()


def test_defaults_are_those_of_the_models() -> None:
    given = {name: one["default"] for name, one in SPEC.items() if "default" in one}
    assert given == OpJobSpec.model_validate({"ops": []}).model_dump(mode="json", by_alias=True, include=_names(given))
    assert not {"maxConcurrent", "retries", "cache"} & set(given), "the job's code may say these"
    assert SPEC["store"]["properties"]["reclaimPolicy"]["default"] == "Delete"


def _names(aliases: dict[str, Any]) -> set[str]:
    return {name for name, field in OpJobSpec.model_fields.items() if (field.alias or name) in aliases}


def test_each_field_of_the_spec_may_change_or_has_a_rule_against_it() -> None:
    ruled = {
        one["fieldPath"].removeprefix(".") for one in SCHEMA["spec"]["x-kubernetes-validations"] if "fieldPath" in one
    }
    assert ruled | set(rules.MUTABLE) == set(SPEC)
    assert not ruled & set(rules.MUTABLE)


def test_a_rule_about_no_field_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rules.EXTRAS, "OpModel.colour", {"nullable": True})
    with pytest.raises(LookupError, match=r"OpModel\.colour, which no model"):
        crd.schema()


class Part(BaseModel):
    """A part."""

    size: int = Field(1, gt=0, lt=9, description="How large.")


class Whole(BaseModel):
    """A model of every shape."""

    part: Part = Field(description="Beside the part.")
    parts: dict[str, Part] = Field(default_factory=dict, max_length=2, description="By name.")
    maybe: list[float] | None = Field(None, description="Or nothing.")
    either: str | list[str] = Field("all", description="Text or a list.")
    anything: Any = Field(None, description="Any JSON.")


def test_shapes_become_structural() -> None:
    part = {
        "type": "object",
        "properties": {
            "size": {
                "type": "integer",
                "format": "int32",
                "default": 1,
                "description": "How large.",
                "minimum": 0,
                "exclusiveMinimum": True,
                "maximum": 9,
                "exclusiveMaximum": True,
            }
        },
    }
    assert schemas.Converter({"Part": {"nullable": True}}).convert(Whole) == {
        "type": "object",
        "description": "A model of every shape.",
        "required": ["part"],
        "properties": {
            "part": {**part, "description": "Beside the part.", "nullable": True},
            "parts": {
                "type": "object",
                "description": "By name.",
                "maxProperties": 2,
                "additionalProperties": {**part, "description": "A part.", "nullable": True},
            },
            "maybe": {"type": "array", "items": {"type": "number"}, "description": "Or nothing."},
            "either": {**schemas.OPEN, "default": "all", "description": "Text or a list."},
            "anything": {**schemas.OPEN, "nullable": True, "description": "Any JSON."},
        },
    }


def test_text_has_no_anchors() -> None:
    same = {"a": "1"}
    text = documents.text_of([{"one": same, "two": same, "list": [1]}])
    assert text == f"{documents.MADE}one:\n  a: '1'\ntwo:\n  a: '1'\nlist:\n  - 1\n"
    assert yaml.safe_load(text)["two"] == same


def test_the_status_is_written_as_kubernetes_names_things() -> None:
    status = OpJobStatus(
        phase=Phase.FAILED,
        progress="3/4",
        conditions=[
            Condition(
                type="Failed",
                status="True",
                reason="StepsFailed",
                message="size[a] failed",
                last_transition_time="2030-01-02T03:04:05Z",
                observed_generation=1,
            )
        ],
        ops=[OpStatus(name="size", steps=2, failed=1, failed_keys=["size[a]"])],
    )
    written = status.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert written["conditions"][0]["lastTransitionTime"] == "2030-01-02T03:04:05Z"
    assert written["ops"] == [{"name": "size", "steps": 2, "failed": 1, "failedKeys": ["size[a]"]}]
    assert OpJobStatus.model_validate(written) == status


@pytest.mark.parametrize(("phase", "final"), list(zip(Phase, [False] * 3 + [True] * 3, strict=True)))
def test_a_run_has_ended_when_it_succeeded_failed_or_was_cancelled(phase: Phase, final: bool) -> None:
    assert phase.is_final is final


def test_a_status_stays_bounded() -> None:
    with pytest.raises(ValidationError, match="at most 20 items"):
        OpStatus(name="a", failed_keys=["k"] * (FAILED_KEYS_SHOWN + 1))
    assert ALL[".status.ops"]["maxItems"] == ALL[".spec.ops"]["maxItems"] == MAX_OPS
