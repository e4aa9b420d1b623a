"""The op graph: a flat, versioned list of ops, their inputs' sources, and nothing of the user's code.

`kedge compile` makes it from a job, people write it by hand in YAML (a manifest's `spec.ops`), and a custom
resource carries it. This module knows its JSON form and the references in it; `plan` checks that it can run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kedge.core.digests import hex_digest
from kedge.core.errors import PlanError, ProtocolError
from kedge.core.ids import is_name, is_op_name
from kedge.core.retry import RetryPolicy

DEFAULT_OUTPUT = "result"
PARTITION_TAG = "dagster/partition"
PRIORITY_TAGS = ("kedge/priority", "dagster/priority")
GRAPH_VERSION = 1


@dataclass(frozen=True, slots=True)
class OutputRef:
    """One output of one op."""

    op: str
    output: str = DEFAULT_OUTPUT

    def __str__(self) -> str:
        return self.op if self.output == DEFAULT_OUTPUT else f"{self.op}.{self.output}"

    @classmethod
    def parse(cls, text: str, ops: Collection[str]) -> OutputRef:
        """Read `op` or `op.output`. Names of nested ops hold dots themselves, so the known `ops` decide."""
        if text in ops:
            return cls(text)
        op, _, output = text.rpartition(".")
        return cls(op, output) if op and op in ops else cls(text)


@dataclass(frozen=True, slots=True)
class From:
    """The value of one output; inside a mapped chain, that of the same clone."""

    ref: OutputRef


@dataclass(frozen=True, slots=True)
class Value:
    """A constant: any JSON."""

    value: Any


@dataclass(frozen=True, slots=True)
class Each:
    """A fan-in list. A skipped member is left out."""

    members: tuple[From | Map | Collect, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """One clone of the op for each value of a dynamic output."""

    ref: OutputRef


@dataclass(frozen=True, slots=True)
class Collect:
    """The list of all clones' values, or of a dynamic output's own; closes the innermost `levels` of maps."""

    ref: OutputRef
    levels: int = 1


Source = From | Value | Each | Map | Collect


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """What an op gives: a name, whether it is dynamic, whether the op must give it."""

    name: str = DEFAULT_OUTPUT
    dynamic: bool = False
    required: bool = True

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.name}
        if self.dynamic:
            found["dynamic"] = True
        if not self.required:
            found["required"] = False
        return found


@dataclass(frozen=True, slots=True)
class OpNode:
    """One op of the graph. `config` is None when there is none; `pod` is merged over the job's template.

    With a `code_version` its steps are memoized, see `kedge.core.memo`.
    """

    name: str
    entrypoint: str | None = None
    inputs: Mapping[str, Source] = field(default_factory=dict)
    outputs: tuple[OutputSpec, ...] = (OutputSpec(),)
    after: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    config: Any = None
    retry: RetryPolicy | None = None
    timeout: float | None = None
    pod: Mapping[str, Any] | None = None
    code_version: str | None = None

    def output(self, name: str) -> OutputSpec | None:
        """The output of that name, if there is one."""
        return next((found for found in self.outputs if found.name == name), None)

    @property
    def priority(self) -> int:
        """Dagster's rule: an integer, higher first, 0 without a tag. Raises PlanError for any other text."""
        for tag in PRIORITY_TAGS:
            text = self.tags.get(tag)
            if text is not None:
                try:
                    return int(text)
                except ValueError:
                    raise PlanError(f"op {self.name}: tag {tag} is {text!r}; give an integer") from None
        return 0


@dataclass(frozen=True, slots=True)
class OpGraph:
    """All ops of a job, flat, in the order of their definition."""

    ops: tuple[OpNode, ...]

    def __iter__(self) -> Iterator[OpNode]:
        return iter(self.ops)

    def __len__(self) -> int:
        return len(self.ops)

    @property
    def names(self) -> dict[str, OpNode]:
        """The ops by name, in order."""
        return {op.name: op for op in self.ops}

    def to_json(self) -> list[dict[str, Any]]:
        """The manifest's `spec.ops`."""
        return [_op_to_json(op) for op in self.ops]

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, Any]]) -> OpGraph:
        """Read `spec.ops`. Raises ProtocolError, naming the op, for a shape that isn't one."""
        names = [str(op.get("name", "")) if isinstance(op, Mapping) else "" for op in data]
        known = frozenset(names)
        if len(known) < len(names):
            twice = sorted(name for name, count in Counter(names).items() if count > 1)
            raise ProtocolError(f"op names must be unique; {', '.join(twice)} stands there more than once")
        return cls(tuple(_op_from_json(op, known) for op in data))

    @property
    def is_memoized(self) -> bool:
        """Whether any op has a code version."""
        return any(op.code_version is not None for op in self.ops)

    @property
    def digest(self) -> str:
        """A hash of everything in the graph: a worker whose image holds another one refuses to run."""
        text = json.dumps([GRAPH_VERSION, self.to_json()], sort_keys=True, separators=(",", ":"))
        return hex_digest(text, 32)


def refs_of(source: Source) -> Iterator[OutputRef]:
    """The outputs that a source reads, in order."""
    if isinstance(source, Each):
        for member in source.members:
            yield member.ref
    elif not isinstance(source, Value):
        yield source.ref


def _op_to_json(op: OpNode) -> dict[str, Any]:
    found: dict[str, Any] = {"name": op.name}
    if op.entrypoint is not None:
        found["entrypoint"] = op.entrypoint
    if op.inputs:
        found["inputs"] = {name: _source_to_json(source) for name, source in op.inputs.items()}
    if op.outputs != (OutputSpec(),):
        found["outputs"] = [output.to_json() for output in op.outputs]
    if op.after:
        found["after"] = list(op.after)
    if op.tags:
        found["tags"] = dict(op.tags)
    if op.config is not None:
        found["config"] = op.config
    if op.retry is not None:
        found["retryPolicy"] = op.retry.to_json()
    if op.timeout is not None:
        found["timeoutSeconds"] = op.timeout
    if op.pod:
        found["pod"] = dict(op.pod)
    if op.code_version is not None:
        found["codeVersion"] = op.code_version
    return found


def _source_to_json(source: Source) -> dict[str, Any]:
    if isinstance(source, From):
        return {"from": str(source.ref)}
    if isinstance(source, Value):
        return {"value": source.value}
    if isinstance(source, Map):
        return {"map": str(source.ref)}
    if isinstance(source, Collect):
        return {"collect": str(source.ref)} | ({"levels": source.levels} if source.levels > 1 else {})
    return {
        "each": [str(member.ref) if isinstance(member, From) else _source_to_json(member) for member in source.members]
    }


def _op_from_json(data: Any, known: Collection[str]) -> OpNode:
    name = str(data.get("name", "")) if isinstance(data, Mapping) else ""
    if not is_op_name(name):
        raise ProtocolError(f"{name[:80]!r} can't name an op: letters, digits and underscores, nested ones with dots")
    try:
        return _op_of(name, data, known)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise ProtocolError(f"op {name} can't be read: {type(error).__name__}: {error}") from error


def _op_of(name: str, data: Mapping[str, Any], known: Collection[str]) -> OpNode:
    retry, timeout = data.get("retryPolicy"), data.get("timeoutSeconds")
    inputs = data.get("inputs") or {}
    return OpNode(
        name=name,
        entrypoint=None if data.get("entrypoint") is None else str(data["entrypoint"]),
        inputs={_name(name, key): _source_from_json(name, key, value, known) for key, value in inputs.items()},
        outputs=tuple(_output_from_json(name, out) for out in data.get("outputs") or ({"name": DEFAULT_OUTPUT},)),
        after=tuple(str(other) for other in _list(name, "after", data.get("after") or ())),
        tags={str(key): str(value) for key, value in (data.get("tags") or {}).items()},
        config=data.get("config"),
        retry=None if retry is None else RetryPolicy.from_json(retry),
        timeout=None if timeout is None else float(timeout),
        pod=None if data.get("pod") is None else dict(data["pod"]),
        code_version=None if data.get("codeVersion") is None else str(data["codeVersion"]),
    )


def _output_from_json(op: str, data: Mapping[str, Any]) -> OutputSpec:
    return OutputSpec(_name(op, data["name"]), bool(data.get("dynamic", False)), bool(data.get("required", True)))


def _name(op: str, name: Any) -> str:
    if not is_name(str(name)):
        raise ProtocolError(f"op {op}: {str(name)[:80]!r} can't name an input or output: letters, digits, underscores")
    return str(name)


def _list(op: str, what: str, data: Any) -> Sequence[Any]:
    if isinstance(data, str) or not isinstance(data, Sequence):
        raise ProtocolError(f"op {op}: {what} is {data!r}; give a list")
    return data


def _source_from_json(op: str, name: str, data: Any, known: Collection[str]) -> Source:
    kinds = {"from", "value", "each", "map", "collect"}
    given = sorted(kinds & set(data)) if isinstance(data, Mapping) else []
    if len(given) != 1:
        raise ProtocolError(f"op {op}, input {name}: give exactly one of {', '.join(sorted(kinds))}")
    kind = given[0]
    content = data[kind]
    if kind == "value":
        return Value(content)
    if kind == "each":
        return Each(tuple(_member_from_json(op, name, one, known) for one in _list(op, name, content)))
    ref = OutputRef.parse(str(content), known)
    if kind == "collect":
        return Collect(ref, int(data.get("levels", 1)))
    return From(ref) if kind == "from" else Map(ref)


def _member_from_json(op: str, name: str, data: Any, known: Collection[str]) -> From | Map | Collect:
    if isinstance(data, str):
        return From(OutputRef.parse(data, known))
    source = _source_from_json(op, name, data, known)
    if not isinstance(source, From | Map | Collect):
        raise ProtocolError(f"op {op}, input {name}: a member of `each` is `op`, `op.output`, a `map` or a `collect`")
    return source
