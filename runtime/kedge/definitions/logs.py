"""`context.log`: messages of a step, under its key, through the standard library's logging."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from kedge.core.errors import CheckError

LOGGER_NAME = "kedge"
_LEVELS = {
    "CRITICAL": logging.CRITICAL,
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
}


class DagsterLogManager(logging.LoggerAdapter[Any]):
    """A logger that marks each message with the step it comes from.

    `extra`, `exc_info` and `stack_info` are the standard library's. `log` takes a level as a number or by its name.
    """

    def __init__(self, run_id: str | None, step: Any, logger: Any = None) -> None:
        super().__init__(logger or logging.getLogger(LOGGER_NAME), {"run_id": run_id, "step": step})

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        own = self.extra or {}
        given = kwargs.get("extra") or {}
        kwargs["extra"] = {**given, "kedge_run": str(own["run_id"]), "kedge_step": str(own["step"])}
        return f"{own['step']} - {msg}", kwargs

    def log(self, level: int | str, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a message. Raises CheckError for a level of no known name."""
        super().log(level_of(level), msg, *args, **kwargs)


def level_of(level: int | str) -> int:
    """A level as a number. Raises CheckError for a name that is none."""
    if isinstance(level, int):
        return level
    try:
        return _LEVELS[level.upper()]
    except (KeyError, AttributeError):
        raise CheckError(f"{level!r} is no log level; there are {', '.join(_LEVELS)}") from None


def logger_of(context: Any) -> DagsterLogManager:
    """The logger of an op's context."""
    return DagsterLogManager(context.run_id, context.step)


def get_dagster_logger(name: str | None = None) -> logging.Logger:
    """A logger for code outside of ops whose messages go where those of `context.log` go."""
    logger = logging.getLogger(f"{LOGGER_NAME}.{name}" if name else f"{LOGGER_NAME}.user")
    logger.setLevel(logging.DEBUG)
    return logger


get_logger = get_dagster_logger
