"""The name of an asset, as materializations and observations give it. Kedge keeps no catalogue of assets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import total_ordering
from typing import Any

from kedge.definitions import checks


@total_ordering
class AssetKey:
    """A name in parts: `AssetKey("table")`, `AssetKey(["schema", "table"])`.

    Raises ParameterCheckError for what is neither a string nor a sequence of strings.
    """

    __slots__ = ("path",)

    path: Sequence[str]

    def __init__(self, path: str | Sequence[str]) -> None:
        self.path = [path] if isinstance(path, str) else checks.texts(path, "path")

    @classmethod
    def from_coercible(cls, given: Any) -> AssetKey:
        """An asset key as it is, or one made of a string or a sequence."""
        return given if isinstance(given, AssetKey) else cls(given)

    @classmethod
    def from_coerced(cls, given: Any) -> AssetKey:
        """As `from_coercible`; a string with slashes is taken apart, as the names of materializations are."""
        if isinstance(given, str):
            return cls([part for part in given.replace("://", "/").split("/") if part] or given)
        return cls.from_coercible(given)

    @classmethod
    def from_user_string(cls, text: str) -> AssetKey:
        """Read what `to_user_string` gives."""
        return cls(text.split("/"))

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the name."""
        return tuple(self.path)

    def to_user_string(self) -> str:
        """The parts with slashes between them."""
        return "/".join(self.path)

    def to_string(self) -> str:
        """The parts as a JSON list."""
        return json.dumps(list(self.path))

    def to_python_identifier(self, suffix: str | None = None) -> str:
        """The parts as one Python name."""
        parts = [*self.path, suffix] if suffix else self.path
        return "__".join(parts).replace("-", "_").replace(".", "_")

    def has_prefix(self, prefix: Sequence[str]) -> bool:
        """Whether the name begins with these parts."""
        return list(self.path[: len(prefix)]) == list(prefix)

    def with_prefix(self, prefix: str | Sequence[str]) -> AssetKey:
        """The same name with parts before it."""
        return AssetKey([*([prefix] if isinstance(prefix, str) else prefix), *self.path])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetKey) and self.path == other.path

    def __lt__(self, other: AssetKey) -> bool:
        return self.parts < other.parts

    def __hash__(self) -> int:
        return hash(self.parts)

    def __repr__(self) -> str:
        return f"AssetKey({list(self.path)!r})"
