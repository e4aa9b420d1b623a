"""Quantities of memory in Kubernetes' notation: `512Mi`, `1.5G`, `1e9`, `128974848`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_SUFFIXES = {"": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal("1e3")}
_SUFFIXES |= {name: Decimal(10) ** power for name, power in (("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18))}
_SUFFIXES |= {f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", 1)}
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i)?)")
_MOST = 2**63 - 1
"""Kubernetes' own largest quantity."""


def to_bytes(text: Any) -> int | None:
    """A quantity in bytes, at most 2**63 - 1; None for what is none."""
    found = _QUANTITY.fullmatch(str(text)) if len(str(text)) <= 64 else None
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    return min(
        _MOST, int(Decimal(number) * (_SUFFIXES[suffix or ""] if exponent is None else Decimal(f"1e{exponent}")))
    )


def grown(text: Any, factor: float, times: int, limit: Any) -> str | None:
    """A quantity after `times` growths by `factor`, not beyond `limit`; None for what can't grow."""
    now, most = to_bytes(text), to_bytes(limit)
    if now is None or most is None:
        return None
    wanted: float = now
    for _ in range(times):
        if wanted >= most:
            break
        wanted *= factor
    return str(max(now, int(min(most, wanted))))
