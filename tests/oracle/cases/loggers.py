"""Loggers of a job: which are used, what they are given, what their handlers see."""

import contextlib
import io
import json
import logging
from typing import Any

from oracle_sut import dg, error_of


class Keep(logging.Handler):
    def __init__(self, name: str, seen: list[Any]) -> None:
        super().__init__()
        self._name = name
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", None) or {}
        if "hello" in record.getMessage():
            self._seen.append([self._name, record.levelname, meta["orig_message"], meta["step_key"], meta["job_name"]])


def _logger(name: str, seen: list[Any]) -> Any:
    @dg.logger(config_schema={"level": dg.Field(str, default_value="DEBUG")}, description="What it is.")
    def make(init_context):
        job = init_context.job_def
        seen.append(["made", name, init_context.logger_config, job.name if job else None])
        found = logging.Logger(name, level=init_context.logger_config["level"])
        found.addHandler(Keep(name, seen))
        return found

    return make


def _seen(run_config: Any = None, speak: Any = None) -> Any:
    """What two loggers saw of one run; each is told of once, however often it was made."""
    seen: list[Any] = []

    @dg.op
    def talk(context):
        (speak or _all_levels)(context)

    @dg.job(logger_defs={"a": _logger("a", seen), "b": _logger("b", seen)})
    def job():
        talk.alias("first")()

    logging.disable(logging.NOTSET)
    with contextlib.redirect_stderr(io.StringIO()):
        error = error_of(lambda: job.execute_in_process(run_config=run_config))
    if error is not None:
        return error
    return [one for i, one in enumerate(seen) if one not in seen[:i]]


def _all_levels(context: Any) -> None:
    context.log.debug("hello %s", "d")
    context.log.info("hello i")
    context.log.warning("hello w")
    context.log.error("hello e")
    context.log.critical("hello c")


def case_none_named() -> Any:
    return _seen()


def case_one_named() -> Any:
    return _seen({"loggers": {"a": {}}})


def case_both_named() -> Any:
    return _seen({"loggers": {"a": {}, "b": {"config": {"level": "ERROR"}}}})


def case_level_from_config() -> Any:
    return _seen({"loggers": {"a": {"config": {"level": "ERROR"}}}})


def case_config_that_does_not_fit() -> Any:
    return [
        _seen({"loggers": {"z": {}}}),
        _seen({"loggers": {"a": {"config": {"level": 3}}}}),
        _seen({"loggers": {"console": {}}}),
        _seen({"loggers": {"a": {"level": "ERROR"}}}),
    ]


def case_logger_of_dagster() -> Any:
    return _seen({"loggers": {"a": {}}}, lambda context: dg.get_dagster_logger().info("hello g"))


def case_no_logger() -> Any:
    @dg.graph
    def graph():
        pass

    return error_of(lambda: graph.to_job(logger_defs={"a": 3})) is not None


def case_called_outside_of_a_run() -> Any:
    seen: list[Any] = []
    make = _logger("q", seen)
    names = [
        make(dg.build_init_logger_context(logger_config={"level": "INFO"})).level,
        make(dg.build_init_logger_context()).level,
        make(None).level,
    ]
    wrong = error_of(lambda: make(dg.build_init_logger_context(logger_config={"z": 1})))
    return [names, wrong, seen]


def case_context_with_a_job() -> Any:
    @dg.job
    def job():
        pass

    seen: list[Any] = []
    _logger("q", seen)(dg.build_init_logger_context(job_def=job))
    return seen


def case_configured() -> Any:
    seen: list[Any] = []
    made = _logger("q", seen).configured({"level": "INFO"})
    return [made(dg.build_init_logger_context()).level, seen]


def case_decorator_without_arguments() -> Any:
    @dg.logger
    def bare(init_context):
        return logging.Logger("bare")

    return [bare(None).name, isinstance(bare, dg.LoggerDefinition)]


def case_what_a_definition_tells() -> Any:
    made = _logger("q", [])
    return [made.description, made.config_schema is not None, callable(made.logger_fn)]


def case_loggers_of_a_job() -> Any:
    @dg.job
    def plain():
        pass

    @dg.job(logger_defs={"mine": _logger("q", [])})
    def own():
        pass

    return [sorted(plain.loggers), sorted(own.loggers), sorted(dg.default_loggers())]


def _console(logger: Any, level: str) -> str:
    @dg.op
    def talk(context):
        context.log.info("hello i")
        context.log.error("hello e")

    @dg.job(logger_defs={"console": logger})
    def job():
        talk()

    logging.disable(logging.NOTSET)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        job.execute_in_process(run_config={"loggers": {"console": {"config": {"log_level": level, "name": "mine"}}}})
    return out.getvalue() + err.getvalue()


def case_coloured_console() -> Any:
    lines = [line for line in _console(dg.colored_console_logger, "ERROR").splitlines() if "hello" in line]
    return [[part for part in line.split(" - ")[1:] if len(part) != 36] for line in lines]


def case_json_console() -> Any:
    lines = [line for line in _console(dg.json_console_logger, "INFO").splitlines() if "hello" in line]
    found = [json.loads(line) for line in lines]
    return [
        [one["levelname"], one["name"], one["dagster_meta"]["orig_message"], one["dagster_meta"]["step_key"]]
        for one in found
    ]


def case_json_formatter() -> Any:
    record = logging.makeLogRecord({"msg": "hello %s", "args": ("x",), "levelname": "INFO", "extra_one": 1})
    found = json.loads(dg.JsonLogFormatter().format(record))
    return [found["msg"], found["levelname"], found["extra_one"]]


def case_with_logger_defs() -> Any:
    @dg.job
    def plain():
        pass

    return sorted(plain.with_logger_defs({"mine": _logger("q", [])}).loggers)
