"""Types of inputs and outputs: what an annotation means, and the check of a value against it at run time.

The rules are Dagster's (`_core/types/dagster_type.py`, `primitive_mapping.py`): a check is made where the value is
used, int passes for int only and not for float, and what has no meaning of its own (a generic class, a protocol)
passes as Any.
"""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kedge.core.errors import DagsterInvalidDefinitionError, DagsterTypeCheckDidNotPass
from kedge.definitions.values import DynamicOutput, Nothing, Output


@dataclass(frozen=True)
class TypeCheck:
    """The answer of a type's check function: whether the value passed, and why not."""

    success: bool
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class DagsterType:
    """A named type with a check of its own: `type_check_fn(context, value)` gives a bool or a TypeCheck."""

    def __init__(
        self,
        type_check_fn: Callable[[Any, Any], bool | TypeCheck],
        key: str | None = None,
        name: str | None = None,
        description: str | None = None,
        loader: Any = None,
        metadata: Mapping[str, Any] | None = None,
        typing_type: Any = Any,
    ) -> None:
        if name is None and key is None:
            raise DagsterInvalidDefinitionError("DagsterType: give a name")
        self.type_check_fn = type_check_fn
        self.key = key or name
        self.display_name = name or key or ""
        self.unique_name = name
        self.description = description
        self.loader = loader
        self.metadata = dict(metadata or {})
        self.typing_type = typing_type

    def type_check(self, context: Any, value: Any) -> TypeCheck:
        """Check one value."""
        found = self.type_check_fn(context, value)
        return found if isinstance(found, TypeCheck) else TypeCheck(bool(found))

    def check_or_raise(self, context: Any, value: Any, what: str) -> None:
        """Check one value. Raises DagsterTypeCheckDidNotPass, with `what` in front of the message."""
        found = self.type_check(context, value)
        if not found.success:
            why = f" {found.description}" if found.description else ""
            raise DagsterTypeCheckDidNotPass(f"{what} is not of type {self.display_name}.{why}")

    @property
    def is_nothing(self) -> bool:
        return self is NOTHING

    @property
    def is_any(self) -> bool:
        return self is ANY

    def __repr__(self) -> str:
        return f"DagsterType({self.display_name})"


class PythonObjectDagsterType(DagsterType):
    """A type whose values are the instances of a Python class (or of one of several)."""

    def __init__(
        self,
        python_type: type | tuple[type, ...],
        key: str | None = None,
        name: str | None = None,
        **rest: Any,
    ) -> None:
        names = [one.__name__ for one in (python_type if isinstance(python_type, tuple) else (python_type,))]
        self.python_type = python_type

        def check(context: Any, value: Any) -> TypeCheck:
            if isinstance(value, python_type):
                return TypeCheck(True)
            return TypeCheck(
                False, f"Value of type {type(value)} failed type check for Dagster type {self.display_name}"
            )

        super().__init__(check, key, name or " or ".join(names), **rest)


def _anything(context: Any, value: Any) -> bool:
    return True


def _nothing(context: Any, value: Any) -> TypeCheck:
    return TypeCheck(value is None, None if value is None else f"a Nothing output takes no value, got {type(value)}")


ANY = DagsterType(_anything, name="Any")
NOTHING = DagsterType(_nothing, name="Nothing")


def _scalar(name: str, kind: type, but: tuple[type, ...] = ()) -> DagsterType:
    def check(context: Any, value: Any) -> TypeCheck:
        if isinstance(value, kind) and not isinstance(value, but):
            return TypeCheck(True)
        return TypeCheck(
            False, f'Value "{str(value)[:80]}" of python type "{type(value).__name__}" must be a {kind.__name__}.'
        )

    return DagsterType(check, name=name)


_SCALARS: dict[Any, DagsterType] = {
    int: _scalar("Int", int),
    float: _scalar("Float", float),
    str: _scalar("String", str),
    bool: _scalar("Bool", bool),
}
SCALARS = frozenset(_SCALARS.values())
_registered: dict[type, DagsterType] = {}
_cache: dict[Any, DagsterType] = {}


def make_python_type_usable_as_dagster_type(python_type: type, dagster_type: DagsterType) -> None:
    """From now on an annotation with `python_type` means `dagster_type`."""
    _registered[python_type] = dagster_type


def usable_as_dagster_type(
    name: str | None = None, description: str | None = None, loader: Any = None
) -> Callable[[type], type]:
    """Give a class a Dagster type of its own."""

    def decorate(cls: type) -> type:
        rest = {"description": description, "loader": loader}
        make_python_type_usable_as_dagster_type(cls, PythonObjectDagsterType(cls, name=name or cls.__name__, **rest))
        return cls

    return decorate


def resolve(annotation: Any) -> DagsterType:
    """The type that an annotation means. Raises DagsterInvalidDefinitionError for what is not a type."""
    if isinstance(annotation, DagsterType):
        return annotation
    if isinstance(annotation, type) and annotation in _registered:
        return _registered[annotation]
    try:
        found = _cache.get(annotation)
    except TypeError:
        return _resolve(annotation)
    if found is None:
        found = _cache[annotation] = _resolve(annotation)
    return found


def _resolve(annotation: Any) -> DagsterType:
    if annotation is Any or annotation is None or annotation is typing.Any:
        return ANY
    if annotation is Nothing or annotation is type(None):
        return NOTHING
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return resolve(args[0])
    if origin in (Output, DynamicOutput):
        return resolve(args[0])
    if origin in (typing.Union, types.UnionType):
        return _union([_inner(arg) for arg in args])
    if origin is typing.Literal:
        return DagsterType(lambda context, value: value in args, name=f"Literal{list(args)}")
    if origin is not None:
        return _generic(origin, args)
    if isinstance(annotation, type):
        return ANY if annotation is object or _is_protocol(annotation) else PythonObjectDagsterType(annotation)
    if isinstance(annotation, str | typing.TypeVar | typing.ForwardRef):
        return ANY
    raise DagsterInvalidDefinitionError(
        f"{annotation!r} is no type: use a Python type, an annotation, or a DagsterType"
    )


def _is_protocol(annotation: type) -> bool:
    return bool(getattr(annotation, "_is_protocol", False))


def _inner(annotation: Any) -> DagsterType:
    if annotation is type(None):
        return DagsterType(lambda context, value: value is None, name="None")
    return resolve(annotation)


def _union(members: list[DagsterType]) -> DagsterType:
    name = " or ".join(one.display_name for one in members)

    def check(context: Any, value: Any) -> TypeCheck:
        if any(one.type_check(context, value).success for one in members):
            return TypeCheck(True)
        return TypeCheck(False, f"Value of type {type(value)} is none of: {name}")

    return DagsterType(check, name=name)


def _generic(origin: Any, args: tuple[Any, ...]) -> DagsterType:
    if origin in (list, set) and len(args) == 1:
        return _container(origin, resolve(args[0]))
    if origin is dict and len(args) == 2:
        return _dict(resolve(args[0]), resolve(args[1]))
    if origin is tuple:
        return _tuple(args)
    if isinstance(origin, type) and origin not in (collections.abc.Generator, collections.abc.Iterator):
        return PythonObjectDagsterType(origin) if not _is_protocol(origin) else ANY
    return ANY


def _container(kind: Any, member: DagsterType) -> DagsterType:
    name = f"{kind.__name__.capitalize()}[{member.display_name}]"

    def check(context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, kind):
            return TypeCheck(False, f"Value must be a {kind.__name__}, got {type(value).__name__}")
        if member.is_any:
            return TypeCheck(True)
        return _all_pass(context, ((member, one) for one in value))

    return DagsterType(check, name=name)


def _dict(key: DagsterType, value_type: DagsterType) -> DagsterType:
    def check(context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, dict):
            return TypeCheck(False, f"Value must be a dict, got {type(value).__name__}")
        keys = _all_pass(context, ((key, one) for one in value))
        return _all_pass(context, ((value_type, one) for one in value.values())) if keys.success else keys

    return DagsterType(check, name=f"Dict[{key.display_name},{value_type.display_name}]")


def _tuple(args: tuple[Any, ...]) -> DagsterType:
    if len(args) == 2 and args[1] is Ellipsis:
        members, length = None, None
        every = resolve(args[0])
    else:
        members, length, every = [resolve(arg) for arg in args], len(args), ANY

    def check(context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, tuple):
            return TypeCheck(False, f"Value must be a tuple, got {type(value).__name__}")
        if length is not None and len(value) != length:
            return TypeCheck(False, f"Tuple with {len(value)} members, needs {length}")
        pairs = zip(members, value, strict=True) if members is not None else ((every, one) for one in value)
        return _all_pass(context, pairs)

    return DagsterType(check, name="Tuple")


def _all_pass(context: Any, pairs: Any) -> TypeCheck:
    for kind, value in pairs:
        found: TypeCheck = kind.type_check(context, value)
        if not found.success:
            return found
    return TypeCheck(True)
