from __future__ import annotations

import pytest

from kedge.core.errors import ProtocolError
from kedge.core.ids import StepKey, is_mapping_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("total", StepKey("total")),
        ("size[a_txt]", StepKey("size", ("a_txt",))),
        ("score[gen_1,water]", StepKey("score", ("gen_1", "water"))),
        ("g.low.inc[k2]", StepKey("g.low.inc", ("k2",))),
        ("inner_2.inc[9]", StepKey("inner_2.inc", ("9",))),
        ("2nd", StepKey("2nd")),
    ],
)
def test_a_step_key_and_its_text_are_one(text: str, key: StepKey) -> None:
    assert StepKey.parse(text) == key
    assert str(key) == text


@pytest.mark.parametrize(
    "text",
    ["", "a[", "a[]", "a[b", "a]", "a[b,]", "a[b][c]", ".a", "a.", "a..b", "a b", "a[b-c]", "a[?]", "../a", "a\n", "ä"],
)
def test_other_texts_are_no_step_keys(text: str) -> None:
    with pytest.raises(ProtocolError, match="is not a step key"):
        StepKey.parse(text)


def test_mapping_keys_follow_dagsters_rule() -> None:
    assert all(map(is_mapping_key, ("a", "_", "9", "A_z_0")))
    assert not any(map(is_mapping_key, ("", "a-b", "a.b", "a b", "a\n", "é", "a/b", "?")))


def test_long_keys_make_short_and_different_path_segments() -> None:
    one, other = StepKey("op", ("k" * 400 + "1",)), StepKey("op", ("k" * 400 + "2",))
    assert len(one.segment) <= 180
    assert one.segment != other.segment
    assert StepKey("op", ("k",)).segment == "op[k]"
    assert len(one.digest) == 16
    assert one.digest != other.digest
