"""Types of inputs and outputs: what an annotation means, and the check of a value against it at run time.

The rules are Dagster's (`_core/types/dagster_type.py`, `primitive_mapping.py`): a check is made where the value is
used, int passes for int only and not for float, and what has no meaning of its own (a generic class, a protocol)
passes as Any. Types of containers stand in `container_types`, loading values from config in `type_loaders`.
"""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from kedge.core.errors import (
    CheckError,
    DagsterInvalidDefinitionError,
    DagsterInvariantViolationError,
    DagsterTypeCheckDidNotPass,
)
from kedge.definitions.values import DynamicOutput, Nothing, Output


class TypeCheck:
    """The answer of a type's check function: whether the value passed, why not, and metadata about it."""

    __slots__ = ("description", "metadata", "success")

    def __init__(
        self, success: bool, description: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.success = success
        self.description = description
        self.metadata: Mapping[str, Any] = {}
        if metadata:
            from kedge.definitions.metadata import normalize_metadata

            self.metadata = normalize_metadata(metadata)

    def __repr__(self) -> str:
        return f"TypeCheck(success={self.success}, description={self.description!r})"


PASSED = TypeCheck(True)


class DagsterTypeKind(Enum):
    """What sort of type it is."""

    ANY = "ANY"
    SCALAR = "SCALAR"
    LIST = "LIST"
    NOTHING = "NOTHING"
    NULLABLE = "NULLABLE"
    REGULAR = "REGULAR"


class DagsterType:
    """A named type with a check of its own: `type_check_fn(context, value)` gives a bool or a TypeCheck.

    `key` is its identity (types of one key are equal), the `name` unless given. `loader` makes a value out of run
    config for an input that nothing feeds. `required_resource_keys` are on `context.resources` of the check.
    `typing_type` is the Python annotation that it stands for.
    """

    def __init__(
        self,
        type_check_fn: Callable[[Any, Any], bool | TypeCheck],
        key: str | None = None,
        name: str | None = None,
        is_builtin: bool = False,
        description: str | None = None,
        loader: Any = None,
        required_resource_keys: Iterable[str] | None = None,
        kind: DagsterTypeKind = DagsterTypeKind.REGULAR,
        typing_type: Any = Any,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if name is None and key is None:
            raise CheckError("DagsterType: give it a name")
        if not is_builtin:
            _check_signature(type_check_fn, name or key)
        self.type_check_fn = type_check_fn
        self.key: str = key or name or ""
        self.is_builtin = is_builtin
        self.description = description
        self.loader = loader
        self.required_resource_keys = frozenset(required_resource_keys or ())
        self.kind = kind
        self.is_nothing = kind is DagsterTypeKind.NOTHING
        self.is_any = kind is DagsterTypeKind.ANY
        self.typing_type = typing_type
        self._name = name
        self._metadata = metadata

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What was given as metadata."""
        if not self._metadata:
            return {}
        from kedge.definitions.metadata import normalize_metadata

        return normalize_metadata(self._metadata)

    @property
    def display_name(self) -> str:
        """The name for messages."""
        return self._name or self.key

    @property
    def has_unique_name(self) -> bool:
        """Whether it was given a name; a list of something has none."""
        return self._name is not None

    @property
    def unique_name(self) -> str:
        """The name that was given. Raises CheckError when there is none."""
        if self._name is None:
            raise CheckError(f"type {self.display_name} has no name of its own; use display_name")
        return self._name

    @property
    def inner_types(self) -> Sequence[DagsterType]:
        """The types that it is made of, each followed by its own."""
        return [found for one in self.parts for found in (one, *one.inner_types)]

    parts: Sequence[DagsterType] = ()
    """The types that it is directly made of."""

    @property
    def has_loader(self) -> bool:
        """Whether it, or what it is made of, was given a loader."""
        return self.loader is not None or any(one.has_loader for one in self.parts)

    @property
    def type_param_keys(self) -> Sequence[str]:
        """The keys of the types that it is directly made of."""
        return [one.key for one in self.parts]

    def type_check(self, context: Any, value: Any) -> TypeCheck:
        """Check one value. Raises DagsterInvariantViolationError when the check function gives nonsense."""
        found = self.type_check_fn(context, value)
        if isinstance(found, TypeCheck):
            return found
        if not isinstance(found, bool):
            raise DagsterInvariantViolationError(
                f"the check function of type {self.display_name} gave {found!r}; it has to give a bool or a TypeCheck"
            )
        return TypeCheck(found)

    def check_or_raise(self, context: Any, value: Any, what: str) -> None:
        """Check one value. Raises DagsterTypeCheckDidNotPass, with `what` in front of the message."""
        found = self.type_check(context, value)
        if not found.success:
            why = f" {found.description}" if found.description else ""
            raise DagsterTypeCheckDidNotPass(f"{what} is not of type {self.display_name}.{why}", found.metadata, self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DagsterType) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"DagsterType({self.display_name})"


def _check_signature(fn: Callable[..., Any], name: str | None) -> None:
    count = len(inspect.signature(fn).parameters)
    if count != 2:
        raise DagsterInvalidDefinitionError(
            f"type {name}: its check function takes two arguments, (context, value), not {count}"
        )


class PythonObjectDagsterType(DagsterType):
    """A type whose values are the instances of a Python class (or of one of several)."""

    def __init__(
        self,
        python_type: type | tuple[type, ...],
        key: str | None = None,
        name: str | None = None,
        **rest: Any,
    ) -> None:
        self.python_type = python_type
        self.type_str = _names_of(python_type)
        typing_type = typing.Union[python_type] if isinstance(python_type, tuple) else python_type  # noqa: UP007
        rest.setdefault("typing_type", typing_type)
        super().__init__(self._check, key or name or self.type_str, name or self.type_str, **rest)

    def _check(self, context: Any, value: Any) -> TypeCheck:
        if isinstance(value, self.python_type):
            return PASSED
        return TypeCheck(
            False,
            f"Value of type {type(value)} failed type check for Dagster type {self.display_name}: not an instance of "
            f"{self.type_str}.",
        )


def _names_of(python_type: type | tuple[type, ...]) -> str:
    if isinstance(python_type, tuple):
        return f"Union[{', '.join(one.__name__ for one in python_type)}]"
    return python_type.__name__


class InferredDagsterType(PythonObjectDagsterType):
    """The type that an annotation with a class means, when nobody gave the class a type."""

    def __init__(self, python_type: type) -> None:
        super().__init__(python_type, f"{python_type.__module__}.{python_type.__qualname__}")
        self._name = None

    @property
    def display_name(self) -> str:
        return self.type_str


def _anything(context: Any, value: Any) -> TypeCheck:
    return PASSED


def _nothing(context: Any, value: Any) -> TypeCheck:
    return PASSED if value is None else TypeCheck(False, f"a Nothing output takes no value, got {type(value)}")


ANY = DagsterType(_anything, name="Any", is_builtin=True, kind=DagsterTypeKind.ANY)
NOTHING = DagsterType(_nothing, name="Nothing", is_builtin=True, kind=DagsterTypeKind.NOTHING, typing_type=type(None))


def _scalar(name: str, kind: type) -> DagsterType:
    def check(context: Any, value: Any) -> TypeCheck:
        if isinstance(value, kind):
            return PASSED
        return TypeCheck(
            False, f'Value "{str(value)[:80]}" of python type "{type(value).__name__}" must be a {kind.__name__}.'
        )

    return DagsterType(check, name=name, is_builtin=True, kind=DagsterTypeKind.SCALAR, typing_type=kind)


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
    """From now on an annotation with `python_type` means `dagster_type`.

    Raises DagsterInvalidDefinitionError when the class has another type already, given or inferred from its use as an
    annotation.
    """
    known = _registered.get(python_type) or _cache.get(python_type)
    if known is not None and known is not dagster_type:
        used = isinstance(known, InferredDagsterType)
        why = "an op has it as an annotation already; make it usable before" if used else f"it has {known.display_name}"
        raise DagsterInvalidDefinitionError(
            f"{python_type.__name__} can't have type {dagster_type.display_name}: {why}"
        )
    _registered[python_type] = dagster_type


def usable_as_dagster_type(name: str | type | None = None, description: str | None = None, loader: Any = None) -> Any:
    """Give a class a Dagster type of its own: `@usable_as_dagster_type` or `@usable_as_dagster_type(name=...)`."""

    def decorate(cls: type) -> type:
        given = name if isinstance(name, str) else cls.__name__
        kind = PythonObjectDagsterType(cls, name=given, description=description, loader=loader)
        make_python_type_usable_as_dagster_type(cls, kind)
        return cls

    return decorate(name) if isinstance(name, type) else decorate


def check_dagster_type(dagster_type: Any, value: Any) -> TypeCheck:
    """Check a value against a type or an annotation, outside of a run."""
    from kedge.definitions.type_loaders import TypeCheckContext

    return resolve(dagster_type).type_check(TypeCheckContext(None, None), value)


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
    if annotation is Any or annotation is None:
        return ANY
    if annotation is Nothing or annotation is type(None):
        return NOTHING
    try:
        if annotation in _SCALARS:
            return _SCALARS[annotation]
    except TypeError:
        raise _no_type(annotation) from None
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Annotated, Output, DynamicOutput):
        return resolve(args[0])
    if origin is not None or annotation in _BARE:
        from kedge.definitions import container_types

        return container_types.of_generic(origin or annotation, args, annotation)
    if isinstance(annotation, type):
        return ANY if annotation is object or is_protocol(annotation) else InferredDagsterType(annotation)
    if isinstance(annotation, str | typing.TypeVar | typing.ForwardRef):
        return ANY
    if hasattr(annotation, "bare_type"):
        return resolve(annotation.bare_type())
    raise _no_type(annotation)


_BARE = (list, dict, set, tuple, collections.abc.Sequence, collections.abc.Mapping)


def _no_type(annotation: Any) -> DagsterInvalidDefinitionError:
    return DagsterInvalidDefinitionError(
        f"{annotation!r} is no type: use a Python type, an annotation, or a DagsterType"
    )


def is_protocol(annotation: type) -> bool:
    """Whether a class is a protocol, whose values isinstance can't tell."""
    return bool(getattr(annotation, "_is_protocol", False))


UNIONS = (typing.Union, types.UnionType)
