"""Quantities of memory in Kubernetes' notation: `512Mi`, `1.5G`, `128974848`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

_SUFFIXES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_SUFFIXES |= {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18, "m": Decimal("0.001")}  # type: ignore[dict-item]


def to_bytes(text: Any) -> int | None:
    """A quantity in bytes; None for what is none."""
    given = str(text).strip()
    for length in (2, 1):
        factor = _SUFFIXES.get(given[-length:])
        if factor is not None:
            return _whole(given[:-length], Decimal(factor))
    return _whole(given, Decimal(1))


def _whole(number: str, factor: Decimal) -> int | None:
    try:
        return int(Decimal(number) * factor)
    except (InvalidOperation, ValueError, OverflowError):
        return None


def grown(text: Any, factor: float, times: int, limit: Any) -> str | None:
    """A quantity after `times` growths by `factor`, not beyond `limit`; None for what can't grow."""
    now, most = to_bytes(text), to_bytes(limit)
    if now is None or most is None:
        return None
    return str(max(now, min(most, int(now * factor**times))))
