"""Values in a store: checked on reading, whatever happened to the bytes."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kedge.io.digests import LEAF_BYTES
from kedge.io.errors import ObjectMissing, ValueCorrupt, ValueRefused
from kedge.io.stores import Store
from kedge.io.values import ValueRecord, read_value, write_value

PATH = "values/make[k1,k2]/result/key"
LARGE = np.arange(LEAF_BYTES // 4 * 3, dtype=np.int32).reshape(3, -1)
VALUES: dict[str, Any] = {"small": {"a": [1, "ü"]}, "large": LARGE}


@pytest.mark.parametrize(
    "value", [{"a": 1}, b"", (1, {2}), "x" * (LEAF_BYTES + 1)], ids=["json", "empty", "pickle", "text"]
)
def test_a_value_comes_back(store: Store, value: Any) -> None:
    record = write_value(store, PATH, value)
    back = read_value(store, record)
    assert back == value
    assert type(back) is type(value)
    assert record.size == store.info(PATH).size


def test_a_large_array_comes_back_writable(store: Store) -> None:
    back = read_value(store, write_value(store, PATH, LARGE))
    np.testing.assert_array_equal(back, LARGE)
    back[0, 0] = 7


def test_a_large_table_comes_back(store: Store) -> None:
    table = pa.table({"a": LARGE.ravel(), "b": [str(n % 7) for n in range(LARGE.size)]})
    assert read_value(store, write_value(store, PATH, table)).equals(table)


def test_a_strided_large_array_comes_back(store: Store) -> None:
    view = LARGE[:, ::2]
    np.testing.assert_array_equal(read_value(store, write_value(store, PATH, view)), view)


def test_a_value_is_overwritten_whole(store: Store) -> None:
    old = write_value(store, PATH, 1)
    new = write_value(store, PATH, 2)
    assert read_value(store, new) == 2
    with pytest.raises(ValueCorrupt):
        read_value(store, old)


def test_a_record_goes_through_json() -> None:
    record = ValueRecord(path=PATH, format="json", size=3, digest="sha256:ab")
    plain = json.loads(json.dumps(record.to_json()))
    assert plain == {"path": PATH, "format": "json", "size": 3, "digest": "sha256:ab"}
    assert ValueRecord.from_json({**plain, "of a later version": 1}) == record


@pytest.mark.parametrize("change", [{"size": "3"}, {"size": True}, {"digest": None}, {"path": 1}])
def test_a_malformed_record_is_refused(change: dict[str, Any]) -> None:
    plain = {"path": PATH, "format": "json", "size": 3, "digest": "sha256:ab"}
    with pytest.raises(ValueCorrupt, match=next(iter(change))):
        ValueRecord.from_json({**plain, **change})


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
def test_a_flipped_bit_is_found(file_store: Store, tmp_path: Path, kind: str, where: float) -> None:
    record = write_value(file_store, PATH, VALUES[kind])
    with (tmp_path / "store" / PATH).open("r+b") as file:
        file.seek(int((record.size - 1) * where))
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(ValueCorrupt, match="altered") as caught:
        read_value(file_store, record)
    for part in (PATH, record.digest, "found sha256" if kind == "small" else "found ", "again"):
        assert part in str(caught.value)


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("change", [-1, 1])
def test_a_truncated_or_grown_value_is_found(store: Store, kind: str, change: int) -> None:
    record = write_value(store, PATH, VALUES[kind])
    data = store.get(PATH)
    store.put(PATH, data[:-1] if change < 0 else data + b"x")
    with pytest.raises(ValueCorrupt, match=f"torn; expected {record.size} bytes, found {record.size + change}"):
        read_value(store, record)


@pytest.mark.parametrize("kind", VALUES)
def test_a_removed_value_is_missing(store: Store, kind: str) -> None:
    record = write_value(store, PATH, VALUES[kind])
    store.delete([PATH])
    with pytest.raises(ObjectMissing, match=r"make\[k1,k2\].*gone"):
        read_value(store, record)


def test_a_digest_of_an_unknown_kind_is_refused(store: Store) -> None:
    record = dataclasses.replace(write_value(store, PATH, 1), digest="md5:0")
    with pytest.raises(ValueCorrupt, match="md5"):
        read_value(store, record)


class Bomb:
    """Counts how often it was unpickled."""

    went_off = 0

    def __reduce__(self) -> Any:
        return _bang, ()


def _bang() -> None:
    Bomb.went_off += 1


def test_nothing_is_decoded_before_it_is_checked_or_without_leave(store: Store) -> None:
    Bomb.went_off = 0
    record = write_value(store, PATH, Bomb())
    with pytest.raises(ValueRefused):
        read_value(store, record, allow_pickle=False)
    with pytest.raises(ValueCorrupt):
        read_value(store, dataclasses.replace(record, digest="sha256:0"))
    assert Bomb.went_off == 0
    read_value(store, record)
    assert Bomb.went_off == 1


@pytest.mark.parametrize("padding", [0, 20 << 20])
def test_an_unpicklable_value_leaves_nothing_behind(store: Store, padding: int) -> None:
    with pytest.raises(ValueRefused, match=r"builtins\.tuple"):
        write_value(store, PATH, (bytes(padding), lambda: 1))
    assert list(store.list()) == []


def test_an_error_in_user_code_while_pickling_goes_through(store: Store) -> None:
    class Broken:
        def __reduce__(self) -> Any:
            raise pickle.PicklingError("not me")

    with pytest.raises(ValueRefused, match="not me"):
        write_value(store, PATH, Broken())
    assert not store.exists(PATH)
