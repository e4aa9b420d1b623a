"""YAML that anybody may have written, read as the data that JSON knows: bounded in size, depth and number of values.

For manifests and run config. PyYAML's own loader takes a file of a few lines for billions of values, looks at dates as
Kubernetes does not, and raises whatever comes; import this module where PyYAML is sure to be there.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.nodes import Node

from kedge.core.errors import ProtocolError
from kedge.core.protocol import read_json

MOST_CHARACTERS = 4 << 20
MOST_VALUES = 250_000
"""Keys and values, those behind aliases counted where they are used: half a graph of 5,000 ops has about so many."""
MOST_LEVELS = 100
MOST_BITS = 14_000
"""Of a number, which Python reads of decimal digits up to 4,300, and of others without end."""
_UNREADABLE = (yaml.YAMLError, AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)
"""What PyYAML raises for texts that are none, besides its own error: of numbers, dates and tags."""


def documents(text: str, what: str) -> list[Any]:
    """The documents in a text of YAML or JSON, empty ones left out; `what` names it.

    Raises ProtocolError for what is neither, and for more of it than is read.
    """
    if text.lstrip().startswith("{"):
        try:
            return [read_json(text, what)]
        except ProtocolError:
            if len(text) > MOST_CHARACTERS:
                raise  # YAML may begin so, too
    if len(text) > MOST_CHARACTERS:
        raise ProtocolError(f"{what} has {len(text)} characters; of YAML, no more than {MOST_CHARACTERS} are read")
    try:
        return [one for one in yaml.load_all(text, _Loader) if one is not None]
    except _UNREADABLE as error:
        raise ProtocolError(f"{what} is no YAML that can be read: {str(error)[:1000]}") from error


def document(text: str, what: str) -> Any:
    """The only document in a text, or None in an empty one. Raises ProtocolError as `documents`, and for several."""
    found = documents(text, what)
    if len(found) > 1:
        raise ProtocolError(f"{what} holds {len(found)} documents; give one")
    return found[0] if found else None


class _Loader(yaml.SafeLoader):
    """Reads what JSON knows; dates are texts. Counts as it goes."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._values = 0
        self._level = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        before, anchor = self._values, event.anchor
        if isinstance(event, yaml.AliasEvent):
            if anchor not in self._sizes:
                raise yaml.YAMLError(f"*{anchor[:80]} stands for nothing, or for what it is a part of")
            self._count(self._sizes[anchor])
            return super().compose_node(parent, index)
        self._count(1)
        self._level += 1
        if self._level > MOST_LEVELS:
            raise yaml.YAMLError(f"it is nested in more than {MOST_LEVELS} levels")
        if anchor is not None:
            self._sizes.pop(anchor, None)
        found = super().compose_node(parent, index)
        self._level -= 1
        if anchor is not None:
            self._sizes[anchor] = self._values - before
        return found

    def construct_yaml_int(self, node: Any) -> int:
        found: int = super().construct_yaml_int(node)
        if found.bit_length() > MOST_BITS:
            raise yaml.YAMLError("a number has more digits than are read of JSON")
        return found

    def _count(self, more: int) -> None:
        self._values += more
        if self._values > MOST_VALUES:
            raise yaml.YAMLError(f"it holds more than {MOST_VALUES} values; more are read of JSON alone")


_KINDS = ("null", "bool", "int", "float", "str", "seq", "map")
_Loader.yaml_constructors = {
    **{f"tag:yaml.org,2002:{kind}": yaml.SafeLoader.yaml_constructors[f"tag:yaml.org,2002:{kind}"] for kind in _KINDS},
    None: yaml.SafeLoader.yaml_constructors[None],
}
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
