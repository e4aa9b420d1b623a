"""How a value becomes bytes: by its type, and so that the same value comes back.

The first serializer that accepts a value writes it; its `format` stands in the record and picks the one that reads it:

==================  ================================================================================================
json                None, bool, int, finite float, str, and lists and string-keyed dicts of these: exact types only
bytes, bytearray    as they are
npy                 `numpy.ndarray` without objects, in NumPy's own file format
arrow.*             `pyarrow.Table`, polars DataFrame and Series, pandas DataFrame: an Arrow file (tables.py)
pickle              everything else, protocol 5
==================  ================================================================================================

"Exact" because a named tuple, an enum or a shared list would come back from JSON as something else. No library is
imported to look at a value: an array can only exist where its library is loaded already.

`register` puts a serializer of the user's own before these.
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kedge.io.errors import ValueForbidden, ValueRefused
from kedge.io.stores import BytesLike, Writer


class Serializer(Protocol):
    """Turns some values into bytes and back. `format` names it in records: never change what a name means."""

    format: str
    unpickles: bool
    """Whether `load` may run code of the data's choice, as pickle does."""

    def accepts(self, value: Any) -> bool:
        """Whether this one writes `value`, such that `load` gives back an equal value of the same type."""

    def dump(self, value: Any, out: Writer) -> None:
        """Write `value` to `out` in pieces; they must stay unchanged until the value is stored."""

    def load(self, data: memoryview) -> Any:
        """The value. `data` is writable, and the value may go on using it."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value with its serializer. Bytes are made as they are written: `write_to` streams them, `parts` collects."""

    format: str
    write_to: Callable[[Writer], None]

    @property
    def parts(self) -> Sequence[BytesLike]:
        """All bytes, in pieces."""
        out = _Parts()
        self.write_to(out)
        return out.parts


def encode(value: Any, *, allow_pickle: bool = True) -> Encoded:
    """How `value` is written. Writing it raises `ValueRefused` when it turns out that it can't be.

    Raises `ValueForbidden` for a value that only a pickle can hold, when `allow_pickle` is false.
    """
    serializer = next(each for each in _serializers() if each.accepts(value))
    if serializer.unpickles and not allow_pickle:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise ValueForbidden(
            f"a value of type {kind} would be stored as {serializer.format}, and this run allows no pickles "
            f"(allowPickle). {_INSTEAD}"
        )
    return Encoded(serializer.format, lambda out: serializer.dump(value, out))


def decode(format: str, data: BytesLike, *, allow_pickle: bool = True) -> Any:
    """The value that was written as `format`.

    The value may share memory with `data` when that is writable. Raises `ValueRefused` for an unknown format and for
    bytes that can't be decoded here, such as a class that isn't installed; `ValueForbidden` for a pickle when
    `allow_pickle` is false.
    """
    serializer = next((each for each in _serializers() if each.format == format), None)
    if serializer is None:
        raise ValueRefused(
            f"values of format {format!r} aren't known here; register the serializer that wrote it, or upgrade"
        )
    if serializer.unpickles and not allow_pickle:
        raise ValueForbidden(
            f"a value of format {format!r} is a pickle, which could run any code, and this run allows none "
            f"(allowPickle). {_INSTEAD}"
        )
    view = memoryview(data)
    try:
        return serializer.load(memoryview(bytearray(view)) if view.readonly else view)
    except ValueRefused:
        raise
    except Exception as error:
        raise ValueRefused(
            f"a value of format {format!r} can't be decoded: {type(error).__name__}: {error}. "
            "Do reader and writer have the same code and libraries installed?"
        ) from error


_INSTEAD = (
    "Pass JSON-able values, bytes, arrays or tables, or register a serializer; or allow pickles where those who write "
    "them are trusted"
)


def register(serializer: Serializer) -> None:
    """Ask `serializer` before all known so far; one of the same format is replaced."""
    _registered[:] = [serializer, *(each for each in _registered if each.format != serializer.format)]


class _Json:
    format = "json"
    unpickles = False

    def accepts(self, value: Any) -> bool:
        return _is_json(value)

    def dump(self, value: Any, out: Writer) -> None:
        import json

        out.write(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())

    def load(self, data: memoryview) -> Any:
        import json

        return json.loads(bytes(data))


class _Bytes:
    unpickles = False

    def __init__(self, kind: type[bytes] | type[bytearray]) -> None:
        self.format = kind.__name__
        self._kind = kind

    def accepts(self, value: Any) -> bool:
        return type(value) is self._kind

    def dump(self, value: Any, out: Writer) -> None:
        out.write(value)

    def load(self, data: memoryview) -> Any:
        return self._kind(data)


class _Npy:
    """Magic, version and header as numpy writes them, then the array's own buffer; see `numpy.lib.format`."""

    format = "npy"
    unpickles = False

    def accepts(self, value: Any) -> bool:
        numpy = sys.modules.get("numpy")
        if numpy is None or type(value) is not getattr(numpy, "ndarray", None):
            return False
        dtype = value.dtype
        if dtype.hasobject or dtype.metadata or dtype.kind not in "biufcmMSUV":
            return False
        try:  # extension types, such as bfloat16, come back as plain bytes
            describe = numpy.lib.format
            return bool(describe.descr_to_dtype(describe.dtype_to_descr(dtype)) == dtype)
        except (TypeError, ValueError):
            return False

    def dump(self, value: Any, out: Writer) -> None:
        import numpy
        from numpy.lib import format as npy

        header = io.BytesIO()
        npy.write_array_header_2_0(header, npy.header_data_from_array_1_0(value))
        out.write(header.getvalue())
        if value.flags.c_contiguous or value.flags.f_contiguous:
            flat = value if value.flags.c_contiguous else value.T
            if flat.size:
                out.write(memoryview(flat.reshape(-1).view(numpy.uint8)))
            return
        rows = max(1, (4 << 20) // max(1, value.itemsize))
        order = ["external_loop", "buffered", "zerosize_ok"]
        for chunk in numpy.nditer(value, flags=order, buffersize=rows, order="C"):  # type: ignore[call-overload]
            out.write(chunk.tobytes("C"))

    def load(self, data: memoryview) -> Any:
        import numpy
        from numpy.lib import format as npy

        header = io.BytesIO(data[: 1 << 20])
        npy.read_magic(header)
        shape, fortran, dtype = npy.read_array_header_2_0(header, max_header_size=1 << 20)
        flat = numpy.frombuffer(data, dtype=dtype, offset=header.tell(), count=math.prod(shape))
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


class _Pickle:
    format = "pickle"
    unpickles = True

    def accepts(self, value: Any) -> bool:
        return True

    def dump(self, value: Any, out: Writer) -> None:
        import pickle

        try:
            pickle.Pickler(out, protocol=5).dump(value)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as error:
            kind = f"{type(value).__module__}.{type(value).__qualname__}"
            raise ValueRefused(
                f"a value of type {kind} can't be pickled: {error}. Return data rather than open handles, locks, "
                "lambdas or local classes; or define the type at a module's top level, or register a serializer for it"
            ) from error

    def load(self, data: memoryview) -> Any:
        import pickle

        return pickle.loads(data)


class _Parts:
    """Collects what a serializer writes."""

    def __init__(self) -> None:
        self.parts: list[BytesLike] = []

    def write(self, data: BytesLike, /) -> int:
        self.parts.append(data)
        return memoryview(data).nbytes


def _is_json(value: Any) -> bool:
    """Whether JSON gives back the very same: types exact, floats finite, text encodable, nothing shared or cyclic."""
    seen: set[int] = set()
    todo = [(value, 0)]
    while todo:
        item, depth = todo.pop()
        kind = type(item)
        if kind is list or kind is dict:
            if id(item) in seen or depth > 200:
                return False
            seen.add(id(item))
            if kind is dict:
                if not all(type(key) is str and _encodable(key) for key in item):
                    return False
                item = item.values()
            todo.extend((each, depth + 1) for each in item)
        elif not _is_json_scalar(item, kind):
            return False
    return True


def _is_json_scalar(item: Any, kind: type) -> bool:
    if kind is str:
        return _encodable(item)
    if kind is int:
        return bool(item.bit_length() < 2048)  # Python limits how long a number it reads from text
    if kind is float:
        return math.isfinite(item)
    return item is None or kind is bool


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


_registered: list[Serializer] = []
_builtin: list[Serializer] = []


def _serializers() -> list[Serializer]:
    """All serializers in the order in which they are asked."""
    if not _builtin:
        from kedge.io import tables

        _builtin.extend([_Json(), _Bytes(bytes), _Bytes(bytearray), _Npy(), *tables.SERIALIZERS, _Pickle()])
    return [*_registered, *_builtin]
