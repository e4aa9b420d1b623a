"""The place of an op in a job: its name under the names of the graphs around it."""

from __future__ import annotations

from typing import NamedTuple


class NodeHandle(NamedTuple):
    """An op or graph by name, below the handle of the graph that holds it (None for the job itself)."""

    name: str
    parent: NodeHandle | None = None

    @classmethod
    def from_string(cls, text: str) -> NodeHandle:
        """Read the text form, names with dots between them."""
        return cls.from_path(text.split("."))

    @classmethod
    def from_path(cls, path: list[str]) -> NodeHandle:
        """From the names, outermost first."""
        found = None
        for name in path:
            found = cls(name, found)
        assert found is not None
        return found

    @property
    def path(self) -> list[str]:
        """The names, outermost first."""
        return [*(self.parent.path if self.parent is not None else ()), self.name]

    @property
    def root(self) -> NodeHandle:
        """The outermost node."""
        return NodeHandle(self.path[0])

    def is_or_descends_from(self, handle: NodeHandle) -> bool:
        """Whether this is `handle`, or stands somewhere in it."""
        other = handle.path
        return self.path[: len(other)] == other

    def to_string(self) -> str:
        """The names with dots between them."""
        return str(self)

    def __str__(self) -> str:
        return ".".join(self.path)
