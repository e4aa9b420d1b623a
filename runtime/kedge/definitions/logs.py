"""`context.log`: messages of a step, under its key, through the standard library's logging."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

LOGGER_NAME = "kedge"


class StepLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that marks each message with the step it comes from."""

    def __init__(self, run_id: str | None, step: Any) -> None:
        super().__init__(logging.getLogger(LOGGER_NAME), {"run_id": run_id, "step": step})

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {"kedge_run": str(self.extra["run_id"]), "kedge_step": str(self.extra["step"])}  # type: ignore[index]
        return f"{self.extra['step']} - {msg}", kwargs  # type: ignore[index]


def get_dagster_logger(name: str | None = None) -> logging.Logger:
    """A logger for code outside of ops whose messages go where those of `context.log` go."""
    logger = logging.getLogger(f"{LOGGER_NAME}.{name}" if name else f"{LOGGER_NAME}.user")
    logger.setLevel(logging.DEBUG)
    return logger
