"""Values come back as they were: equal, and of the same type."""

from __future__ import annotations

import collections
import datetime
import enum
import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.io import serializers
from kedge.io.errors import ValueRefused
from kedge.io.serializers import decode, encode
from kedge.io.stores import Writer

Point = collections.namedtuple("Point", "x y")


class Color(enum.IntEnum):
    RED = 1


def round_trip(value: Any) -> tuple[str, Any]:
    encoded = encode(value)
    return encoded.format, decode(encoded.format, b"".join(bytes(part) for part in encoded.parts))


def same(left: Any, right: Any) -> bool:
    """Equal with all types equal: 1 is not True and not 1.0, 0.0 is not -0.0, and NaN is NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
JSON_ABLE = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
ANYTHING = st.recursive(
    SCALARS | st.binary() | st.complex_numbers(allow_nan=False) | st.decimals(allow_nan=False) | st.datetimes(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.integers() | st.text(), inner),
    max_leaves=20,
)


@given(JSON_ABLE)
def test_json_able_values_come_back_the_same(value: Any) -> None:
    kind, back = round_trip(value)
    assert same(value, back)
    assert kind in ("json", "pickle")


@given(ANYTHING)
def test_any_data_comes_back_the_same(value: Any) -> None:
    assert same(value, round_trip(value)[1])


@pytest.mark.parametrize(
    "value",
    [None, True, 0, 1, -(2**70), 1.5, -0.0, 1e308, "", "ü☃😀", [], {}, [1, [True, {"a": None}]], {"b": 1, "a": 2}],
)
def test_plain_data_is_json(value: Any) -> None:
    kind, back = round_trip(value)
    assert kind == "json"
    assert same(value, back)


SHARED: list[int] = [1]


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        {1: "a"},
        {1, 2},
        [(1,)],
        math.inf,
        math.nan,
        Point(1, 2),
        Color.RED,
        [Color.RED],
        collections.OrderedDict(a=1),
        10**700,
        "\ud800",
        "\ud83d\ude00",
        [SHARED, SHARED],
        datetime.date(2026, 1, 1),
        np.float64(1.5),
    ],
    ids=repr,
)
def test_what_json_would_change_is_pickled(value: Any) -> None:
    kind, back = round_trip(value)
    assert kind == "pickle"
    assert same(value, back)


def test_sharing_and_cycles_survive() -> None:
    _, shared = round_trip([SHARED, SHARED])
    assert shared[0] is shared[1]
    cycle: list[Any] = []
    cycle.append(cycle)
    _, back = round_trip(cycle)
    assert back[0] is back


def test_bytes_and_bytearrays_keep_their_type() -> None:
    assert round_trip(b"\0\xff") == ("bytes", b"\0\xff")
    kind, back = round_trip(bytearray(b"abc"))
    assert (kind, type(back), back) == ("bytearray", bytearray, b"abc")


ARRAYS = [
    np.arange(12).reshape(3, 4),
    np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.arange(24).reshape(2, 3, 4)[:, ::2, 1:],
    np.array(1.5),
    np.empty((0, 3)),
    np.array([True, False]),
    np.array(["a", "ünï"]),
    np.array([b"x", b"yz"]),
    np.array(["2026-01-01", "NaT"], dtype="datetime64[s]"),
    np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f8")]),
    np.arange(3, dtype=">i2"),
    np.array([1 + 2j]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_come_back_writable_with_dtype_and_shape(array: np.ndarray) -> None:
    kind, back = round_trip(array)
    assert kind == "npy"
    assert type(back) is np.ndarray
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.flags.writeable
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    "value", [np.array([{}], dtype=object), np.ma.array([1, 2], mask=[0, 1]), np.rec.array([(1,)])]
)
def test_arrays_of_objects_and_subclasses_are_pickled(value: Any) -> None:
    kind, back = round_trip(value)
    assert kind == "pickle"
    assert type(back) is type(value)


FRAMES = [
    pd.DataFrame({"a": [1, 2], "b": [1.5, None], "c": ["x", None]}),
    pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 3], name="id")),
    pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(10, 30, 10)),
    pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, 2.0), (1, 3.0)], names=["p", "q"])),
    pd.DataFrame(
        {"t": pd.to_datetime(["2026-01-01", None]).tz_localize("UTC"), "d": pd.to_timedelta([1, 2], unit="s")}
    ),
    pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": pd.array([True, None], dtype="boolean")}),
    pd.DataFrame({"a": []}, dtype="float32"),
]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: str(dict(frame.dtypes)) + frame.index.dtype.name)
def test_pandas_frames_come_back_with_types_and_index(frame: pd.DataFrame) -> None:
    kind, back = round_trip(frame)
    assert kind == "arrow.pandas"
    pd.testing.assert_frame_equal(back, frame, check_exact=True, check_freq=True)
    assert type(back.index) is type(frame.index)
    if len(back):
        back.iloc[0, 0] = frame.iloc[1, 0]


ODD_FRAMES = [
    pd.DataFrame({"a": [1, "x", (2,)]}, dtype=object),
    pd.DataFrame([[1, 2]], columns=["a", "a"]),
    pd.DataFrame({1: [2]}),
    pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2026", periods=2, freq="D")),
    pd.DataFrame({"a": pd.Categorical(["x", "y"], categories=["y", "x"], ordered=True)}),
    pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])),
]


@pytest.mark.parametrize("frame", ODD_FRAMES, ids=lambda frame: str(list(frame.columns)) + frame.index.dtype.name)
def test_pandas_frames_that_arrow_would_change_are_pickled(frame: pd.DataFrame) -> None:
    kind, back = round_trip(frame)
    assert kind == "pickle"
    pd.testing.assert_frame_equal(back, frame, check_exact=True)


def test_a_pandas_series_comes_back() -> None:
    series = pd.Series([1, 2], name="n", index=["a", "b"])
    pd.testing.assert_series_equal(round_trip(series)[1], series)


POLARS = pl.DataFrame(
    {
        "i": [1, None],
        "s": ["x", "ü"],
        "l": [[1], []],
        "c": pl.Series(["p", "q"], dtype=pl.Categorical),
        "e": pl.Series(["p", "q"], dtype=pl.Enum(["q", "p"])),
        "t": [datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), None],
        "st": [{"a": 1}, {"a": 2}],
        "d": pl.Series(["1.10", "2.20"]).cast(pl.Decimal(10, 2)),
    }
)


@pytest.mark.parametrize("large", [False, True])
def test_polars_frames_come_back_with_their_types(large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedge.io.tables._LARGE_BYTES", 0 if large else 1 << 60)
    kind, back = round_trip(POLARS)
    assert kind == "arrow.polars"
    assert back.schema == POLARS.schema
    assert back.equals(POLARS)
    assert round_trip(pl.DataFrame())[1].equals(pl.DataFrame())


def test_polars_frames_need_no_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedge.io.tables._has_arrow", lambda: False)
    monkeypatch.setattr("kedge.io.tables._LARGE_BYTES", 0)
    assert round_trip(POLARS)[1].equals(POLARS)


def test_a_polars_series_comes_back() -> None:
    kind, back = round_trip(POLARS["e"])
    assert kind == "arrow.polars.series"
    assert back.dtype == POLARS["e"].dtype
    assert back.equals(POLARS["e"], check_names=True)


def test_a_pyarrow_table_comes_back_with_its_schema() -> None:
    table = pa.table({"a": [1, 2], "b": ["x", None]}).replace_schema_metadata({"k": "v"})
    kind, back = round_trip(table)
    assert kind == "arrow.pyarrow"
    assert back.equals(table, check_metadata=True)


def test_an_unpicklable_value_is_refused_by_its_type() -> None:
    with pytest.raises(ValueRefused, match=r"builtins.function.*lambda") as caught:
        round_trip(lambda: 1)
    assert caught.value.__cause__ is not None


def test_pickles_are_refused_when_not_allowed() -> None:
    encoded = encode((1, 2))
    with pytest.raises(ValueRefused, match="allow pickles"):
        decode(encoded.format, b"".join(map(bytes, encoded.parts)), allow_pickle=False)
    assert decode("json", b"[1]", allow_pickle=False) == [1]


@pytest.mark.parametrize(
    ("format", "data"), [("json", b"{"), ("pickle", b"x"), ("npy", b"\x93NUMPY"), ("unheard.of", b"")]
)
def test_bytes_that_cannot_be_decoded_are_refused(format: str, data: bytes) -> None:
    with pytest.raises(ValueRefused, match=format):
        decode(format, data)


class Celsius(float):
    """A type with a serializer of its own."""


class CelsiusSerializer:
    format = "test.celsius"
    unpickles = False

    def accepts(self, value: Any) -> bool:
        return type(value) is Celsius

    def dump(self, value: Any, out: Writer) -> None:
        out.write(value.hex().encode())

    def load(self, data: memoryview) -> Any:
        return Celsius(float.fromhex(bytes(data).decode()))


def test_a_registered_serializer_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serializers, "_registered", [])
    serializers.register(CelsiusSerializer())
    serializers.register(CelsiusSerializer())
    assert len(serializers._registered) == 1
    kind, back = round_trip(Celsius(21.5))
    assert (kind, type(back), back) == ("test.celsius", Celsius, 21.5)
