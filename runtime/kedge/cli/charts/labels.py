"""Text for people: durations, sizes, and data made safe for a page.

Names and messages come from users. Plotly reads a little HTML in its texts, so everything passes through `safe` first.
"""

from __future__ import annotations

import html

_SIZES = ("B", "kB", "MB", "GB", "TB")


def safe(text: str, limit: int = 400) -> str:
    """`text` escaped for HTML and for Plotly's own markup, cut at `limit` characters."""
    return html.escape(shorten(text, limit), quote=True)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the middle left out: the end of a step's name (its key) says most."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 1]}…{text[-tail:]}"


def duration(seconds: float) -> str:
    """`340 ms`, `12.4 s`, `3 min 05 s`, `2 h 04 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: float) -> str:
    """`512 B`, `1.4 MB`: powers of 1,000, as on a network or a disk."""
    for unit in _SIZES[:-1]:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_SIZES[-1]}"
