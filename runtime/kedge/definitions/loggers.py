"""Loggers of a job: where the messages of `context.log` go, when a run config names them.

As in Dagster, the loggers in the `loggers` section of the run config are used, and no others; without one, messages
go where the engine sends them (the step's log, or the loggers that the process has set up).
"""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kedge.core.errors import DagsterInvalidConfigError, DagsterInvalidDefinitionError, DagsterInvalidInvocationError
from kedge.definitions.config import Field, field_of
from kedge.definitions.configured import configured_field, resolver_of
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.logs import LOGGER_NAME, level_of


@dataclass(frozen=True)
class InitLoggerContext:
    """What a logger's function gets: its config, its definition, the job and the id of the run."""

    logger_config: Any = None
    logger_def: LoggerDefinition | None = None
    job_def: Any = None
    run_id: str | None = None


class LoggerDefinition:
    """A logger made by a function of an InitLoggerContext. Called with a context, as a test does, it makes one."""

    def __init__(
        self, logger_fn: Callable[[Any], logging.Logger], config_schema: Any = None, description: str | None = None
    ) -> None:
        self.logger_fn = logger_fn
        self.config_schema = config_schema
        self.description = description
        self.config_field: Field | None = field_of(config_schema)

    def configured(
        self,
        config_or_config_fn: Any,
        name: str | None = None,
        config_schema: Any = None,
        description: str | None = None,
    ) -> LoggerDefinition:
        """The same logger with its config given now, or computed from a smaller one."""
        resolve = resolver_of(self.config_field, config_or_config_fn, name or "logger", config_schema)
        inner = self.logger_fn

        def start(context: InitLoggerContext) -> logging.Logger:
            config = resolve(context.logger_config)
            return inner(InitLoggerContext(config, context.logger_def, context.job_def, context.run_id))

        made = LoggerDefinition(start, None, description or self.description)
        made.config_field = configured_field(config_or_config_fn, config_schema)
        return made

    def start(self, config: Any, job_def: Any, run_id: str | None) -> logging.Logger:
        """The logger of one run, with its resolved config."""
        return self.logger_fn(InitLoggerContext(config, self, job_def, run_id))

    def __call__(self, init_context: InitLoggerContext | None = None) -> logging.Logger:
        """Make the logger outside of a run. Raises DagsterInvalidConfigError for a config that does not fit, and
        DagsterInvalidInvocationError for what is no context."""
        given = init_context or InitLoggerContext()
        if not isinstance(given, InitLoggerContext):
            raise DagsterInvalidInvocationError(
                f"a logger is called with build_init_logger_context(...) or None, not {given!r}"
            )
        errors: list[Any] = []
        entry = {} if given.logger_config is None else {"config": given.logger_config}
        config = _config_of(self, entry, "logger", errors)
        if errors:
            raise DagsterInvalidConfigError("Error in config for logger", errors)
        return self.start(config, given.job_def, given.run_id)


def logger(config_schema: Any = None, description: str | None = None) -> Any:
    """Make a LoggerDefinition of a function that takes an InitLoggerContext and returns a `logging.Logger`."""
    if callable(config_schema) and not isinstance(config_schema, type | Field):
        return LoggerDefinition(config_schema)

    def decorate(fn: Callable[[Any], logging.Logger]) -> LoggerDefinition:
        return LoggerDefinition(fn, config_schema, description)

    return decorate


def build_init_logger_context(logger_config: Any = None, job_def: Any = None) -> InitLoggerContext:
    """A context to call a logger with in a test."""
    return InitLoggerContext(logger_config, None, job_def, None)


def check_loggers(job: str, found: Mapping[str, Any] | None) -> dict[str, LoggerDefinition]:
    """`logger_defs` of a job. Raises DagsterInvalidDefinitionError for what is no logger."""
    for name, one in (found or {}).items():
        if not isinstance(one, LoggerDefinition):
            raise DagsterInvalidDefinitionError(f"job {job}: logger {name!r} is {one!r}; make it with @logger")
    return dict(found or {})


def resolve(definitions: Mapping[str, LoggerDefinition], section: Any, errors: list[Any]) -> dict[str, Any]:
    """The config of each logger that the `loggers` section names; what is wrong goes to `errors`."""
    known = definitions or default_loggers()
    if not isinstance(section, Mapping):
        errors.append(f"loggers: expected a mapping, got {section!r}")
        return {}
    found = {}
    for name, entry in section.items():
        if name not in known:
            errors.append(f"loggers:{name}: no such logger; there are {', '.join(known)}")
        else:
            found[name] = _config_of(known[name], entry or {}, f"loggers:{name}", errors)
    return found


def _config_of(definition: LoggerDefinition, entry: Any, path: str, errors: list[Any]) -> Any:
    if not isinstance(entry, Mapping) or set(entry) - {"config"}:
        errors.append(f"{path}: expected a mapping with `config`, got {entry!r}")
        return None
    field = definition.config_field
    if field is None:
        return entry.get("config")
    if "config" in entry:
        return field.config_type.resolve(entry["config"], f"{path}:config", errors)
    default = field.default()
    if default is NO_VALUE and field.is_required:
        errors.append(f"{path}:config: config is required")
    return None if default is NO_VALUE else default


@contextlib.contextmanager
def logging_to(configs: Mapping[str, Any], job: Any, run_id: str, current: Callable[[], Any]) -> Iterator[None]:
    """A block in which the messages of one run of a job go to the loggers that `configs` names, and nowhere else.

    `current` says which step is running: that of messages which say nothing of it themselves.
    """
    known = job.loggers
    started = [known[name].start(config, job, run_id) for name, config in configs.items()]
    forwarder = _Forwarder(started, job.name, run_id, current)
    source = logging.getLogger(LOGGER_NAME)
    before = (source.handlers[:], source.level, source.propagate)
    source.handlers[:] = [forwarder]
    source.setLevel(logging.DEBUG)
    source.propagate = False
    try:
        yield
    finally:
        source.handlers[:], source.propagate = before[0], before[2]
        source.setLevel(before[1])


class _Forwarder(logging.Handler):
    """Hands each record to the loggers of a run, with what Dagster's formatters look for."""

    def __init__(self, loggers: Sequence[logging.Logger], job: str, run_id: str, current: Callable[[], Any]) -> None:
        super().__init__()
        self._current = current
        self._loggers = loggers
        self._job = job
        self._run_id = run_id

    def emit(self, record: logging.LogRecord) -> None:
        marked = getattr(record, "kedge_step", None)
        text = record.getMessage().removeprefix(f"{marked} - ")
        running = self._current() if marked is None else None
        step = marked if running is None else str(running)
        forwarded = copy.copy(record)
        forwarded.msg = " - ".join([self._job, self._run_id, *([step] if step else ()), text])
        forwarded.args = ()
        forwarded.dagster_meta = {
            "run_id": self._run_id,
            "job_name": self._job,
            "step_key": step,
            "op_name": None if step is None else step.partition("[")[0].rpartition(".")[2],
            "orig_message": text,
        }
        for one in self._loggers:
            if one.isEnabledFor(record.levelno):
                forwarded.name = one.name
                one.handle(forwarded)


_CONSOLE = {
    "log_level": Field(str, is_required=False, default_value="INFO", description="The lowest level that is shown."),
    "name": Field(str, is_required=False, default_value="dagster", description="The name that messages show."),
}
_COLOURS = {
    logging.DEBUG: "34",
    logging.INFO: "37",
    logging.WARNING: "33",
    logging.ERROR: "31",
    logging.CRITICAL: "31;1",
}


class JsonLogFormatter(logging.Formatter):
    """Each message as one line of JSON: the fields of the record, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        found = {name: value for name, value in vars(record).items() if name != "exc_info"}
        if record.exc_info:
            found["exc_info"] = self.formatException(record.exc_info)
        return json.dumps(found, sort_keys=True, default=str)


class _ColouredFormatter(logging.Formatter):
    """Messages as Dagster's console shows them; in colours where a person is looking."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if not sys.stderr.isatty():
            return text
        return f"\033[{_COLOURS.get(record.levelno, '37')}m{text}\033[0m"


def _console(context: InitLoggerContext, formatter: logging.Formatter, stream: Any) -> logging.Logger:
    config = context.logger_config
    found = logging.Logger(config["name"], level_of(config["log_level"]))
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    found.addHandler(handler)
    return found


def _coloured(context: InitLoggerContext) -> logging.Logger:
    text = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
    return _console(context, _ColouredFormatter(text, "%Y-%m-%d %H:%M:%S %z"), sys.stderr)


def _json(context: InitLoggerContext) -> logging.Logger:
    return _console(context, JsonLogFormatter(), sys.stdout)


colored_console_logger = LoggerDefinition(_coloured, _CONSOLE, "Messages on the console, in colours.")
json_console_logger = LoggerDefinition(_json, _CONSOLE, "Messages on the console, as lines of JSON.")


def default_loggers() -> dict[str, LoggerDefinition]:
    """The loggers of a job that names none."""
    return {"console": colored_console_logger}
