"""YAML is read as the data that JSON knows, and no more of it than there is."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from kedge.core.errors import DagsterInvariantViolationError, ProtocolError
from kedge.definitions import yaml_data
from kedge.definitions.config_files import config_from_yaml_strings


def test_values_are_those_that_json_has() -> None:
    text = "a: [1, 0x10, 1.5, yes, ~, text, 2024-01-01, '1', 1_000]\nb: {c: !!str 1}\n"
    (found,) = yaml_data.documents(text, "it")
    assert found == {"a": [1, 16, 1.5, True, None, "text", "2024-01-01", "1", 1000], "b": {"c": "1"}}
    assert json.loads(json.dumps(found)) == found


def test_aliases_and_merges_are_read() -> None:
    text = "base: &base {image: x, size: 1}\nmine: {<<: *base, size: 2}\nlist: [*base, *base]\n"
    (found,) = yaml_data.documents(text, "it")
    assert found["mine"] == {"image": "x", "size": 2}
    assert found["list"] == [found["base"], found["base"]]


def test_json_is_read_as_such_and_what_only_begins_so_as_yaml() -> None:
    assert yaml_data.document('{"a": ["\\u00e9", "\t"]}'.replace("\t", "\\t"), "it") == {"a": ["é", "\t"]}
    assert yaml_data.document("{a: b}", "it") == {"a": "b"}
    large = json.dumps({"a": list(range(yaml_data.MOST_VALUES + 1))})
    assert len(yaml_data.document(large, "it")["a"]) == yaml_data.MOST_VALUES + 1


def test_several_documents_are_told_apart() -> None:
    assert yaml_data.documents("a\n---\n---\nb\n", "it") == ["a", "b"]
    with pytest.raises(ProtocolError, match="it holds 2 documents; give one"):
        yaml_data.document("a\n---\nb\n", "it")
    assert yaml_data.document("", "it") is None


def _bomb() -> str:
    """Nine lines, each of which stands for nine times what the one before stands for."""
    names = "abcdefghi"
    lines = [f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)]
    return "\n".join(["a: &a [x]", *lines])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (_bomb(), "more than 250000 values"),
        ("[" * 101 + "]" * 101, "more than 100 levels"),
        ("- a\n" * 250_001, "more than 250000 values"),
        ("#" * (4 << 20) + "#", "4194305 characters"),
        ("&a [*a]", r"\*a stands for nothing, or for what it is a part of"),
        ("a: *nobody", r"\*nobody stands for nothing"),
        ("a: 0x" + "f" * 4000, "more digits"),
        ("a: " + "9" * 5000, "4300 digits"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: !!binary aGk=", "could not determine a constructor"),
        ("!!timestamp x", "could not determine a constructor"),
        ("!!int", "no YAML that can be read"),
        ("!!bool x", "no YAML that can be read"),
        ("a: b: c", "mapping values are not allowed"),
        ("\0", "special characters are not allowed"),
    ],
    ids=range(15),
)
def test_more_than_that_is_refused_with_why(text: str, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        yaml_data.documents(text, "it")
    with pytest.raises(DagsterInvariantViolationError, match=why):
        config_from_yaml_strings([text])
