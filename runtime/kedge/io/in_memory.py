"""The I/O manager that keeps values in the process: what `execute_in_process` uses, free of stores and formats."""

from __future__ import annotations

from typing import Any

from kedge.definitions.io_managers import InputContext, IOManager, IOManagerDefinition, OutputContext


class MemoryIOManager(IOManager):
    """Values stay in this process."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], Any] = {}

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        self.values[tuple(context.get_identifier())] = obj

    def load_input(self, context: InputContext) -> Any:
        return self.values[tuple(context.get_identifier())]


mem_io_manager = IOManagerDefinition(lambda context: MemoryIOManager(), description="Values stay in the process.")
