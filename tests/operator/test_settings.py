"""The operator's configuration: defaults, every fault told at once, and a page that lists every field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from kedge_operator import policy, settings
from kedge_operator.settings import Settings, SettingsError
from manifests import deployment

PAGE = Path(__file__).parents[2] / "docs/operator.md"
STORE = {"store": {"url": "s3://bucket"}}


def load(tmp_path: Path, data: Any) -> Settings:
    path = tmp_path / "config.yaml"
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data), encoding="utf-8")
    return settings.load(path)


def faults(tmp_path: Path, data: Any) -> list[str]:
    with pytest.raises(SettingsError, match=r"config\.yaml") as found:
        load(tmp_path, data)
    return [line.strip() for line in str(found.value).splitlines()[1:]]


def test_a_store_is_all_that_must_be_given(tmp_path: Path) -> None:
    found = load(tmp_path, STORE)
    assert (found.namespaces, found.image, found.leader_election.lease_seconds, found.http.port) == ([], None, 10, 8080)


def test_what_the_manifests_install_is_a_configuration(tmp_path: Path) -> None:
    (config,) = deployment.configuration("s3://bucket", {"AWS_REGION": "eu-1"})
    found = load(tmp_path, config["data"][deployment.CONFIG])
    assert found.store.environment == {"AWS_REGION": "eu-1"}


FAULTS: dict[str, tuple[Any, list[str]]] = {
    "nothing": ("", ["store: is missing"]),
    "no mapping": ("[1]", ["the file: Input should be a valid dictionary or instance of Settings, not [1]"]),
    "a typo": ({**STORE, "leaderElections": {}}, ["leaderElections: there is no such field"]),
    "a typo below": ({"store": {"url": "x", "secret": "s"}}, ["store.secret: there is no such field"]),
    "Python's spelling of nothing": (
        {**STORE, "http": {"port": "many"}, "log": {"level": "loud"}, "resyncSeconds": 0},
        [
            "http.port: Input should be a valid integer, unable to parse string as an integer, not 'many'",
            "log.level: Input should be 'debug', 'info', 'warning' or 'error', not 'loud'",
            "resyncSeconds: Input should be greater than 0, not 0",
        ],
    ),
    "a variable that is no text": (
        {"store": {"url": "x", "environment": {"AWS_ALLOW_HTTP": True}}},
        ["store.environment.AWS_ALLOW_HTTP: Input should be a valid string, not True"],
    ),
    "a pattern for a namespace": (
        {**STORE, "namespaces": ["team-*"]},
        ["namespaces.0: String should match pattern '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', not 'team-*'"],
    ),
    "a pod template that is none": (
        {**STORE, "podTemplate": {"spec": {"containers": "none"}}},
        ["podTemplate.spec.containers is 'none'; give a list"],
    ),
}


@pytest.mark.parametrize(("data", "expected"), FAULTS.values(), ids=FAULTS.keys())
def test_every_fault_is_told_with_its_place(tmp_path: Path, data: Any, expected: list[str]) -> None:
    assert faults(tmp_path, data) == expected


@pytest.mark.parametrize("text", ["store: [", "\x00"])
def test_what_is_no_yaml_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        load(tmp_path, text)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        settings.load(tmp_path / "none.yaml")


def test_a_replica_is_known_by_its_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "kedge-operator-1")
    assert settings.pod_name() == "kedge-operator-1"
    monkeypatch.delenv("POD_NAME")
    assert settings.pod_name()


# -- the page ---------------------------------------------------------------------------------------------------


def fields(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Every field by its path, with its default as the page writes it."""
    for field in model.model_fields.values():
        path = f"{above}{field.alias}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, f"{path}.")
        else:
            yield path, "" if field.is_required() else as_told(field.get_default(call_default_factory=True))


def as_told(default: Any) -> str:
    """A default as the page writes it; a long list stands elsewhere on it."""
    if default in (None, [], {}, ""):
        return ""
    return "below" if isinstance(default, list) else str(default).lower() if isinstance(default, bool) else str(default)


def test_the_page_lists_every_field_with_its_default() -> None:
    rows = re.findall(
        r"^\| `([\w.]+)` \| (?:[`\[]([^`]*?)(?:`|\]\(#[\w-]+\)))? ?\| \S", PAGE.read_text(encoding="utf-8"), re.M
    )
    assert rows == list(fields(Settings))


def test_the_page_lists_what_jobs_may_ask_of_their_pods() -> None:
    quoted = re.findall(r"((?:^> .*\n)+)", PAGE.read_text(encoding="utf-8"), re.M)
    told = [tuple(re.findall(r"`(\w+)`", one)) for one in quoted]
    assert told == [policy.FIELDS, policy.VOLUMES]


def test_the_pages_example_is_a_configuration(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(store:.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert load(tmp_path, example).pod_template
