"""`FilesystemIOManager`: fs_io_manager as a model."""

from __future__ import annotations

from typing import Any

from kedge.definitions.configurable import ConfigurableIOManagerFactory
from kedge.definitions.io_managers import IOManager
from kedge.io.pickles import manager_for


class FilesystemIOManager(ConfigurableIOManagerFactory[IOManager]):
    """Values go through the run's store; with `base_dir`, as pickles into that folder, as Dagster writes them."""

    base_dir: str | None = None

    def create_io_manager(self, context: Any) -> IOManager:
        return manager_for(self.base_dir)
