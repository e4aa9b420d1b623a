"""The store-backed I/O manager that steps in processes and pods use.

It notes where a value went, its format, size and hash in `context.record`; the outcome
carries that, and the reader checks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kedge.core.layout import RunPaths
from kedge.definitions.io_managers import InputContext, IOManager, IOManagerDefinition, OutputContext
from kedge.io.errors import ValueCorrupt
from kedge.io.stores import Store
from kedge.io.values import ValueRecord, read_value, write_value


@dataclass(frozen=True, slots=True)
class StepStore:
    """Where the values of a run lie: the store, the run's paths, and whether pickles may be read."""

    store: Store
    paths: RunPaths
    allow_pickle: bool = True


class StoreIOManager(IOManager):
    """Values go through the run's store. What `fs_io_manager` names: the store decides where that is."""

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        place: StepStore = context.io
        path = place.paths.value(context.step, context.name, context.mapping_key, context.attempt)
        context.record = {"value": write_value(place.store, path, obj).to_json()}

    def load_input(self, context: InputContext) -> Any:
        place: StepStore = context.io
        value = (context.record or {}).get("value")
        if value is None:
            raise ValueCorrupt(
                f"input {context.name} of {context.step_key}: its source left no record of a stored value. "
                "Was it stored by another I/O manager than the one that loads it?"
            )
        return read_value(place.store, ValueRecord.from_json(value), allow_pickle=place.allow_pickle)


fs_io_manager = IOManagerDefinition(
    lambda context: StoreIOManager(), description="Values go through the run's store, in a form that fits their type."
)


def stored_paths(records: Sequence[Any]) -> list[str]:
    """The paths of the values behind some records; those of other I/O managers are not ours to name."""
    return [record["value"]["path"] for record in records if record and "value" in record]
