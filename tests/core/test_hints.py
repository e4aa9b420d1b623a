from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.core.errors import ProtocolError
from kedge.core.hints import HINT_BYTES, PLAN, Announce, Hint, key_of

KEY = "0123456789abcdef" * 2
READ = b"kedge1 sizes-01234567 0a1b2c3d4e5f6071 2 " + KEY.encode()

runs = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300)
steps = st.sampled_from(["0a1b2c3d4e5f6071", PLAN])
keys = st.text("0123456789abcdef", min_size=32, max_size=32)


def test_a_hint_reads_as_written_down() -> None:
    hint = Hint("sizes-01234567", "0a1b2c3d4e5f6071", 2, KEY)
    assert hint.to_bytes() == READ
    assert Hint.parse(READ) == hint


@given(runs, steps, st.integers(1, 999_999_999), keys)
def test_every_hint_comes_back_as_it_was(run: str, step: str, attempt: int, key: str) -> None:
    hint = Hint(run, step, attempt, key)
    assert Hint.parse(hint.to_bytes()) == hint


@given(st.binary(max_size=600) | st.binary(max_size=60).map(lambda end: READ[:-8] + end))
def test_whatever_comes_is_a_hint_to_the_letter_or_refused(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        assert Hint.parse(data).to_bytes() == data


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        READ + b"\n",
        READ + b" more",
        b" " + READ,
        READ.replace(b"kedge1", b"kedge2"),
        READ.replace(b" 2 ", b" 0 "),
        READ.replace(b" 2 ", b" 02 "),
        READ.replace(b" 2 ", b" -2 "),
        READ.replace(b" 2 ", " ٢ ".encode()),
        READ.replace(b"0a1b2c3d4e5f6071", b"0A1B2C3D4E5F6071"),
        READ[:-1],
        READ.replace(b"sizes", b"s" * HINT_BYTES),
        READ.replace(b"sizes", "größe".encode()),
    ],
)
def test_what_is_not_quite_a_hint_is_refused(wrong: bytes) -> None:
    with pytest.raises(ProtocolError, match="is no hint"):
        Hint.parse(wrong)


@pytest.mark.parametrize("run", ["", "two words", "größe", "r" * HINT_BYTES])
def test_a_hint_that_nobody_could_read_is_not_written(run: str) -> None:
    with pytest.raises(ProtocolError, match="is no hint"):
        Hint(run, PLAN, 1, KEY).to_bytes()


def test_a_key_holds_for_one_attempt_of_one_step_of_one_run_under_one_secret() -> None:
    key = key_of(b"secret", "run", "0a1b2c3d4e5f6071", 1)
    others = {
        key_of(b"other", "run", "0a1b2c3d4e5f6071", 1),
        key_of(b"secret", "run2", "0a1b2c3d4e5f6071", 1),
        key_of(b"secret", "run", PLAN, 1),
        key_of(b"secret", "run", "0a1b2c3d4e5f6071", 2),
        key,
    }
    assert len(others) == 5
    assert Hint("run", PLAN, 1, key).to_bytes().endswith(key.encode())
    assert key == key_of(b"secret", "run", "0a1b2c3d4e5f6071", 1) == "5ad556c645cb772ba6eb0237bc19245b"


@pytest.mark.parametrize("port", [0, 65536, "x", None])
def test_a_port_is_a_port(port: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Announce.from_json({"host": "h", "port": port, "key": KEY})
