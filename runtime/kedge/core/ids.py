"""Step keys: the name of a step within a run, and the rule for mapping keys.

A step is an op plus the mapping keys above it: `total`, `size[a_txt]`, `score[gen_1,water]` for a map in a map.
Names and mapping keys follow Dagster's rule (letters, digits, underscore), so the text form needs no escaping.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kedge.core.digests import hex_digest
from kedge.core.errors import ProtocolError

MAPPING_KEY = re.compile(r"[A-Za-z0-9_]+")
# Possessive: what can't be one is known at once, and nothing is remembered to try again with.
_OP_NAME = re.compile(r"[A-Za-z0-9_]++(?:\.[A-Za-z0-9_]++)*+")
_STEP = re.compile(r"([A-Za-z0-9_.]++)(?:\[([A-Za-z0-9_]++(?:,[A-Za-z0-9_]++)*+)\])?+")
_SEGMENT_MAX = 180


class StepKey(NamedTuple):
    """One step of a run: its op's flat name and the mapping keys above it, outermost first."""

    op: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.op}[{','.join(self.keys)}]" if self.keys else self.op

    @classmethod
    def parse(cls, text: str) -> StepKey:
        """Read the text form. Raises ProtocolError for anything else."""
        found = _STEP.fullmatch(text)
        if found is None or not is_op_name(found[1]):
            raise ProtocolError(f"{text[:200]!r} is not a step key; write `op`, `outer.op` or `op[key]`")
        return cls(found[1], tuple(found[2].split(",")) if found[2] else ())

    @property
    def segment(self) -> str:
        """The key as one segment of a store path: its text, shortened with a hash where it is very long."""
        text = str(self)
        if len(text) <= _SEGMENT_MAX:
            return text
        return f"{text[: _SEGMENT_MAX - 34]}~{hex_digest(text, 32)}"

    @property
    def digest(self) -> str:
        """Sixteen hex digits that stand for this key in labels, names and hints: enough for any number of clones."""
        return hex_digest(str(self), 16)


def is_mapping_key(text: str) -> bool:
    """Whether `text` may name a clone."""
    return MAPPING_KEY.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether `text` may name an output or an input; such names end up in store paths."""
    return MAPPING_KEY.fullmatch(text) is not None


def is_op_name(text: str) -> bool:
    """Whether `text` may name an op, nested ones with dots."""
    return _OP_NAME.fullmatch(text) is not None
