"""Where Kedge does something else than Dagster on purpose: what it does, and why. Nothing else may differ."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """What Kedge's observation is instead, and the reason."""

    kedge: Any
    reason: str


DIFFERENCES: dict[str, Difference] = {
    "dynamic.dynamic_below_dynamic": Difference(None, "Kedge allows a map inside a map, to any depth."),
}
