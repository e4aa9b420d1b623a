"""Text of others on a terminal: what a step, a record or a server says may not move, recolour or command it.

A terminal takes control characters as commands: to hide what stands there, to change its title, to fill the clipboard,
to answer as if somebody typed. Here they are shown as pictures of themselves. JSON, and logs that go into a file or a
pipe, are as they were written.
"""

from __future__ import annotations

import re

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_DIRECTIONS = "\u202a-\u202e\u2066-\u2069"
"""By which text is shown in another order than it has."""
_BAD = re.compile(f"[{_CONTROLS}{_DIRECTIONS}]")
_COLOURS = r"\x1b\[[0-9;:]*m"
_BAD_IN_A_LOG = re.compile(rf"({_COLOURS}|\r)|[{_CONTROLS}{_DIRECTIONS}]")
_RESET = "\x1b[0m"


def text(told: str) -> str:
    """The text with its control characters visible, but for tabs and line ends."""
    return _BAD.sub(_seen, told)


def log(told: str) -> str:
    """The same of a log, which keeps its colours and what it has written over in a line. It ends without a colour."""
    found = _BAD_IN_A_LOG.sub(lambda one: one[1] or _seen(one), told)
    return found + _RESET if "\x1b[" in found else found


def _seen(one: re.Match[str]) -> str:
    """A picture of a control character, as U+2400 has them; of those that have none, a replacement."""
    code = ord(one[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"
