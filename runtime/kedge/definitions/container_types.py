"""Types of lists, dicts, sets, tuples, unions and literals, of annotations or of `List[...]` and its like.

`List`, `Dict`, `Set`, `Tuple` and `Optional` are Dagster's names for what `list[...]` and the others say.
"""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Callable, Sequence
from typing import Any

from kedge.core.errors import DagsterInvalidDefinitionError
from kedge.definitions.types import (
    ANY,
    PASSED,
    UNIONS,
    DagsterType,
    DagsterTypeKind,
    PythonObjectDagsterType,
    TypeCheck,
    is_protocol,
    resolve,
)


class ContainerType(DagsterType):
    """A type that is made of others. It needs the resources that they need."""

    def __init__(
        self,
        check: Callable[[Any, Any], TypeCheck],
        key: str,
        display_name: str,
        parts: Sequence[DagsterType],
        typing_type: Any,
        kind: DagsterTypeKind = DagsterTypeKind.REGULAR,
    ) -> None:
        needed = frozenset[str]().union(*(one.required_resource_keys for one in parts))
        super().__init__(check, key, is_builtin=True, kind=kind, typing_type=typing_type, required_resource_keys=needed)
        self._display_name = display_name
        self.parts = tuple(parts)

    @property
    def display_name(self) -> str:
        return self._display_name


def of_generic(origin: Any, args: tuple[Any, ...], annotation: Any) -> DagsterType:
    """The type of a generic annotation, or of a bare `list`, `dict`, `set` or `tuple`."""
    if origin in UNIONS:
        return _of_union(args)
    if origin is typing.Literal:
        return _literal(args)
    if origin in (list, collections.abc.Sequence):
        return list_of(resolve(args[0]) if args else ANY)
    if origin in (dict, collections.abc.Mapping):
        return dict_of(*map(resolve, args)) if args else _PYTHON[dict]
    if origin is set:
        return set_of(resolve(args[0])) if args else _PYTHON[set]
    if origin is tuple:
        return _of_tuple(args) if args else _PYTHON[tuple]
    if isinstance(origin, type) and origin not in (collections.abc.Generator, collections.abc.Iterator):
        return ANY if is_protocol(origin) else PythonObjectDagsterType(origin, name=str(annotation))
    return ANY


_PYTHON = {kind: PythonObjectDagsterType(kind, name=kind.__name__, is_builtin=True) for kind in (dict, set, tuple)}


def _no_nothing(inner: DagsterType, kind: str) -> None:
    if inner.is_nothing:
        raise DagsterInvalidDefinitionError(
            f"{kind}[Nothing]: Nothing has no value to be held; for the order of several ops alone, pass a list of "
            "outputs to an input In(Nothing)"
        )


def list_of(member: DagsterType) -> DagsterType:
    """A list whose members are of one type. Raises DagsterInvalidDefinitionError for Nothing."""
    _no_nothing(member, "List")

    def check(context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, list):
            return TypeCheck(False, f"Value must be a list, got {type(value).__name__}")
        return PASSED if member.is_any else _all_pass(context, ((member, one) for one in value))

    name, annotation = f"[{member.display_name}]", typing_of("List", member)
    return ContainerType(check, f"List.{member.key}", name, [member], annotation, DagsterTypeKind.LIST)


def set_of(member: DagsterType) -> DagsterType:
    """A set whose members are of one type."""

    def check(context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, set):
            return TypeCheck(False, f"Value must be a set, got {type(value).__name__}")
        return _all_pass(context, ((member, one) for one in value))

    annotation = typing_of("Set", member)
    return ContainerType(check, f"Set.{member.key}", f"Set[{member.display_name}]", [member], annotation)


def dict_of(key: DagsterType, value_type: DagsterType) -> DagsterType:
    """A dict whose keys are of one type, and its values of one."""

    def check(context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, dict):
            return TypeCheck(False, f"Value must be a dict, got {type(value).__name__}")
        keys = _all_pass(context, ((key, one) for one in value))
        return _all_pass(context, ((value_type, one) for one in value.values())) if keys.success else keys

    name = f"Dict[{key.display_name},{value_type.display_name}]"
    annotation = typing_of("Dict", key, value_type)
    return ContainerType(check, f"Dict.{key.key}.{value_type.key}", name, [key, value_type], annotation)


def optional_of(inner: DagsterType) -> DagsterType:
    """A value of one type, or None. Raises DagsterInvalidDefinitionError for Nothing."""
    _no_nothing(inner, "Optional")

    def check(context: Any, value: Any) -> TypeCheck:
        return PASSED if value is None else inner.type_check(context, value)

    annotation = typing_of("Optional", inner)
    return ContainerType(
        check, f"Optional.{inner.key}", f"{inner.display_name}?", [inner], annotation, DagsterTypeKind.NULLABLE
    )


def tuple_of(members: Sequence[DagsterType]) -> DagsterType:
    """A tuple with one value for each of the types."""

    def check(context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, tuple):
            return TypeCheck(False, f"Value must be a tuple, got {type(value).__name__}")
        if len(value) != len(members):
            return TypeCheck(False, f"Tuple with {len(value)} members, needs {len(members)}")
        return _all_pass(context, zip(members, value, strict=True))

    name = f"Tuple[{','.join(one.display_name for one in members)}]"
    annotation = typing_of("Tuple", *members)
    return ContainerType(check, f"Tuple.{'.'.join(one.key for one in members)}", name, members, annotation)


def _of_tuple(args: tuple[Any, ...]) -> DagsterType:
    if len(args) != 2 or args[1] is not Ellipsis:
        return tuple_of([resolve(arg) for arg in args])
    every = resolve(args[0])

    def check(context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, tuple):
            return TypeCheck(False, f"Value must be a tuple, got {type(value).__name__}")
        return _all_pass(context, ((every, one) for one in value))

    return ContainerType(check, f"Tuple.{every.key}...", f"Tuple[{every.display_name},...]", [every], tuple)


def _of_union(args: tuple[Any, ...]) -> DagsterType:
    members = [resolve(arg) for arg in args if arg is not type(None)]
    inner = members[0] if len(members) == 1 else _union(members)
    return optional_of(inner) if len(members) < len(args) else inner


def _union(members: list[DagsterType]) -> DagsterType:
    name = " or ".join(one.display_name for one in members)

    def check(context: Any, value: Any) -> TypeCheck:
        if any(one.type_check(context, value).success for one in members):
            return PASSED
        return TypeCheck(False, f"Value of type {type(value)} is none of: {name}")

    return ContainerType(check, f"Union.{'.'.join(one.key for one in members)}", name, members, Any)


def _literal(args: tuple[Any, ...]) -> DagsterType:
    def check(context: Any, value: Any) -> TypeCheck:
        return PASSED if value in args else TypeCheck(False, f"Value {value!r} is none of {', '.join(map(repr, args))}")

    return DagsterType(check, name=f"Literal{list(args)}", is_builtin=True)


def typing_of(name: str, *parts: DagsterType) -> Any:
    """The annotation of `typing` that a type stands for, as List[int]."""
    generic: Any = getattr(typing, name)
    return generic[tuple(one.typing_type for one in parts)] if len(parts) != 1 else generic[parts[0].typing_type]


def _all_pass(context: Any, pairs: Any) -> TypeCheck:
    for kind, value in pairs:
        found: TypeCheck = kind.type_check(context, value)
        if not found.success:
            return found
    return PASSED


class _Api:
    """`List[Int]` and its like: a name that makes a type of types. Bare, it stands for any members."""

    def __init__(self, name: str, make: Callable[..., DagsterType], bare: Any) -> None:
        self._name = name
        self._make = make
        self._bare = bare

    def __getitem__(self, inner: Any) -> DagsterType:
        kinds = [resolve(one) for one in (inner if isinstance(inner, tuple) else (inner,))]
        try:
            return self._make(*kinds)
        except TypeError:
            raise DagsterInvalidDefinitionError(f"{self._name}[...] does not take {len(kinds)} types") from None

    def __call__(self, *inner: Any) -> DagsterType:
        return self[inner]

    def bare_type(self) -> Any:
        """What the name alone means."""
        if self._bare is None:
            raise DagsterInvalidDefinitionError(f"{self._name} alone is no type; write {self._name}[...]")
        return self._bare

    def __repr__(self) -> str:
        return self._name


List = _Api("List", list_of, list)
Dict = _Api("Dict", dict_of, dict)
Set = _Api("Set", set_of, set)
Tuple = _Api("Tuple", lambda *members: tuple_of(members), tuple)
Optional = _Api("Optional", optional_of, None)
Int, Float, String, Bool = (resolve(kind) for kind in (int, float, str, bool))
