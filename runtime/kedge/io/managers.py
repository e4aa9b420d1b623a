"""The store-backed I/O manager that steps in processes and pods use.

It notes where a value went, its format, size and hash in `context.record`; the outcome
carries that, and the reader checks it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedge.core.layout import RunPaths
from kedge.definitions.io_managers import IOManager
from kedge.io import confinement
from kedge.io.errors import ValueCorrupt
from kedge.io.stores import Store, at_once
from kedge.io.values import ValueRecord, read_value, write_value

if TYPE_CHECKING:
    from kedge.definitions.io_contexts import InputContext, OutputContext


@dataclass(frozen=True, slots=True)
class StepStore:
    """Where the values of a run lie: the store, the run's paths, and whether values may be pickles.

    `patiently(act, what)` does something with the store, and may do it again while that is away.
    """

    store: Store
    paths: RunPaths
    allow_pickle: bool = True
    patiently: Callable[[Callable[[], Any], str], Any] = at_once


class StoreIOManager(IOManager):
    """Values go through the run's store. What `fs_io_manager` means when it is given no folder."""

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        place: StepStore = context.io
        path = place.paths.value(context.step, context.name, context.mapping_key, context.attempt)
        record = place.patiently(
            lambda: write_value(place.store, path, obj, allow_pickle=place.allow_pickle),
            f"storing output {context.name}",
        )
        context.record = {"value": record.to_json()}

    def load_input(self, context: InputContext) -> Any:
        place: StepStore = context.io
        value = (context.record or {}).get("value")
        if value is None:
            raise ValueCorrupt(
                f"input {context.name} of {context.step_key}: its source left no record of a stored value. "
                "Was it stored by another I/O manager than the one that loads it?"
            )
        record = ValueRecord.from_json(value)
        confinement.readable(place.paths, record.path, f"input {context.name} of {context.step_key}")
        return place.patiently(
            lambda: read_value(place.store, record, allow_pickle=place.allow_pickle), f"loading input {context.name}"
        )
