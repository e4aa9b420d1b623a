"""Serializers for data frames and tables: Arrow's IPC file format, uncompressed.

Why not Parquet: a gigabyte of floats took 1.2 to 3.4 s to write and 0.8 to 3 s to read as Parquet on two cores, 0.25
s and 0.25 s as Arrow (bench/results/values.md); and a reader can use the stored bytes as the table, without a second
copy.

A table comes back in the library that wrote it. What that library's Arrow form would not give back exactly (pandas
columns of Python objects, say) isn't accepted here and is pickled. polars needs no pyarrow; where it is installed,
large frames are read through it, because polars by itself copies them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from kedge.io.stores import BytesLike, Writer

if TYPE_CHECKING:
    from kedge.io.serializers import Serializer

_LARGE_BYTES = 32 << 20


class _ArrowTable:
    format = "arrow.pyarrow"
    unpickles = False

    def accepts(self, value: Any) -> bool:
        return _is_a(value, "pyarrow", "Table")

    def dump(self, value: Any, out: Writer) -> None:
        _write_ipc(value, out)

    def load(self, data: memoryview) -> Any:
        return _read_ipc(data)


class _Pandas:
    """Plain frames only: text labels, one level of columns, no Python objects, nothing that Arrow would lose."""

    format = "arrow.pandas"
    unpickles = False

    def accepts(self, value: Any) -> bool:
        return _is_a(value, "pandas", "DataFrame") and _has_arrow() and _is_plain_frame(value)

    def dump(self, value: Any, out: Writer) -> None:
        import pyarrow

        _write_ipc(pyarrow.Table.from_pandas(value), out)

    def load(self, data: memoryview) -> Any:
        return _read_ipc(data).to_pandas()


class _PolarsFrame:
    format = "arrow.polars"
    unpickles = False

    def accepts(self, value: Any) -> bool:
        return _is_a(value, "polars", "DataFrame") and not any(_holds_objects(kind) for kind in value.dtypes)

    def dump(self, value: Any, out: Writer) -> None:
        value.write_ipc(_File(out), compression="uncompressed")

    def load(self, data: memoryview) -> Any:
        return _read_polars(data)


class _PolarsSeries:
    format = "arrow.polars.series"
    unpickles = False

    def accepts(self, value: Any) -> bool:
        return _is_a(value, "polars", "Series") and not _holds_objects(value.dtype)

    def dump(self, value: Any, out: Writer) -> None:
        value.to_frame().write_ipc(_File(out), compression="uncompressed")

    def load(self, data: memoryview) -> Any:
        return _read_polars(data).to_series()


SERIALIZERS: list[Serializer] = [_ArrowTable(), _Pandas(), _PolarsFrame(), _PolarsSeries()]


class _File:
    """As much of a binary file as pyarrow and polars need for writing."""

    closed = False
    mode = "wb"

    def __init__(self, out: Writer) -> None:
        self._out = out
        self._position = 0

    def write(self, data: BytesLike, /) -> int:
        count = self._out.write(memoryview(data))
        self._position += count
        return count

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The store's writer closes itself."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


def _write_ipc(table: Any, out: Writer) -> None:
    import pyarrow

    with pyarrow.PythonFile(_File(out), mode="w") as sink, pyarrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _read_ipc(data: memoryview) -> Any:
    import pyarrow

    return pyarrow.ipc.open_file(pyarrow.py_buffer(data)).read_all()


def _read_polars(data: memoryview) -> Any:
    import polars

    if data.nbytes < _LARGE_BYTES or not _has_arrow():
        return polars.read_ipc(bytes(data))
    table = _read_ipc(data)
    frame: Any = polars.from_arrow(table, rechunk=False)
    return frame if frame.schema == _polars_schema(table) else polars.read_ipc(bytes(data))


def _polars_schema(table: Any) -> Any:
    """The types that polars itself reads from a file with this table's schema, metadata and all."""
    import polars
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_file(sink, table.schema):
        pass
    return polars.read_ipc(sink.getvalue().to_pybytes()).schema


def _is_a(value: Any, library: str, name: str) -> bool:
    """Whether the value is of exactly this type; never imports the library."""
    module = sys.modules.get(library)
    return module is not None and type(value) is getattr(module, name, None)


def _has_arrow() -> bool:
    if "pyarrow" in sys.modules:
        return True
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None


def _holds_objects(kind: Any) -> bool:
    """Whether a polars type holds Python objects, at any depth."""
    return "Object" in repr(kind)


def _is_plain_frame(frame: Any) -> bool:
    columns, index = frame.columns, frame.index
    if frame.attrs or columns.nlevels != 1 or columns.name is not None or not columns.is_unique:
        return False
    if not all(type(name) is str for name in columns):
        return False
    if getattr(index, "freq", None) is not None or not all(_is_plain_level(index, n) for n in range(index.nlevels)):
        return False
    return all(_is_plain_type(kind) for kind in frame.dtypes)


def _is_plain_level(index: Any, level: int) -> bool:
    values = index.levels[level] if index.nlevels > 1 else index
    name = index.names[level]
    return _is_plain_type(values.dtype) and (name is None or type(name) is str)


def _is_plain_type(kind: Any) -> bool:
    """Numbers, booleans, times and pandas' own text: what Arrow gives back as it was."""
    if getattr(kind, "kind", "O") in "biuf":
        return True
    return getattr(kind, "kind", "O") in "mM" or str(kind) in ("str", "string")
