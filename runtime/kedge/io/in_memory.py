"""The I/O manager that keeps values in the process: what `execute_in_process` uses, free of stores and formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedge.core.errors import DagsterInvariantViolationError
from kedge.definitions.io_managers import IOManager, IOManagerDefinition

if TYPE_CHECKING:
    from kedge.definitions.io_contexts import InputContext, OutputContext


class InMemoryIOManager(IOManager):
    """Values stay in this process, in `values` by identifier."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], Any] = {}

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        self.values[tuple(context.get_identifier())] = obj

    def load_input(self, context: InputContext) -> Any:
        identifier = tuple(context.get_identifier())
        try:
            return self.values[identifier]
        except KeyError:
            raise DagsterInvariantViolationError(
                f"the value of {'/'.join(identifier)} is not in this process: mem_io_manager keeps values where they "
                "are made, and here each step has its own process. Leave the I/O manager away, or use fs_io_manager"
            ) from None


mem_io_manager = IOManagerDefinition(lambda context: InMemoryIOManager(), description="Values stay in the process.")
