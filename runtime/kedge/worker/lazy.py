"""A collected list whose values are loaded one at a time, for fan-ins that do not fit into memory at once.

An op asks for it by annotation: `def total(sizes: dg.LazyList[int])`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, overload

from kedge.definitions.types import DagsterType, PythonObjectDagsterType

T = TypeVar("T")


class LazyList(Sequence[T], Generic[T]):
    """A read-only sequence that loads a member each time it is asked for, and keeps none."""

    def __init__(self, members: Sequence[Any], load: Callable[[Any], T]) -> None:
        self._members = members
        self._load = load

    def __len__(self) -> int:
        return len(self._members)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> LazyList[T]: ...
    def __getitem__(self, index: int | slice) -> T | LazyList[T]:
        if isinstance(index, slice):
            return LazyList(self._members[index], self._load)
        return self._load(self._members[index])


def is_lazy(kind: DagsterType) -> bool:
    """Whether an input of this type wants its list lazily."""
    return isinstance(kind, PythonObjectDagsterType) and kind.python_type is LazyList
