"""Every error that Kedge raises on purpose, in one tree.

Names that Dagster users catch are Dagster's own, so that a file keeps working after its import changes::

    KedgeError
    ├── DagsterError                                what a definition or a run can raise
    │   ├── DagsterInvalidDefinitionError           a job that can't be: found where it is written
    │   │   ├── DagsterInvalidSubsetError           a selection that is malformed or names nothing
    │   │   └── DagsterInvalidConfigDefinitionError a config schema that can't be
    │   ├── DagsterInvalidConfigError               a run config that doesn't fit; lists all errors
    │   ├── DagsterInvalidInvocationError           an op called directly with the wrong arguments
    │   ├── DagsterInvariantViolationError          an op (or a caller) broke a rule at run time
    │   ├── DagsterTypeCheckDidNotPass              a value that is not of the declared type
    │   ├── DagsterStepOutputNotFoundError          a required output that was not yielded
    │   ├── DagsterMaxRetriesExceededError          RetryRequested beyond its own limit
    │   ├── DagsterUnknownResourceError             a resource that is not on the context
    │   └── DagsterUserCodeExecutionError           user code raised; the cause is chained
    │       ├── DagsterExecutionStepExecutionError
    │       ├── DagsterExecutionLoadInputError
    │       ├── DagsterExecutionHandleOutputError
    │       ├── DagsterResourceFunctionError
    │       └── DagsterConfigMappingFunctionError
    ├── PlanError                                   an op graph that can't be planned
    ├── ProtocolError                               a ticket, outcome or manifest that can't be read
    └── (kedge.io.errors: StoreError and its kinds)

Source of the Dagster names: the public `dagster` API, version 1.13.
"""

from __future__ import annotations

from collections.abc import Sequence


class KedgeError(Exception):
    """Root of all errors that Kedge raises on purpose."""


class DagsterError(KedgeError):
    """Root of the errors known under the same name in Dagster."""


class DagsterInvalidDefinitionError(DagsterError):
    """A definition breaks a rule; raised where the definition is made."""


class DagsterInvalidSubsetError(DagsterInvalidDefinitionError):
    """A selection of ops or steps is malformed or names nothing."""


class DagsterInvalidConfigDefinitionError(DagsterInvalidDefinitionError):
    """A config schema itself makes no sense."""


class ConfigFault(str):
    """One fault of a config, as the line that is shown: `path: what is wrong and what to write`.

    `path` leads to the value (`ops:load:config:size`). `reason` is a word for programs, Dagster's own:
    RUNTIME_TYPE_MISMATCH, MISSING_REQUIRED_FIELD, MISSING_REQUIRED_FIELDS, FIELD_NOT_DEFINED, FIELDS_NOT_DEFINED,
    SELECTOR_FIELD_ERROR, FIELD_ALIAS_COLLISION or FAILED_POST_PROCESSING.
    """

    path: str
    reason: str

    def __new__(cls, path: str, text: str, reason: str = "RUNTIME_TYPE_MISMATCH") -> ConfigFault:
        found = super().__new__(cls, f"{path}: {text}")
        found.path = path
        found.reason = reason
        return found

    @property
    def message(self) -> str:
        """The line itself."""
        return str(self)

    @property
    def stack(self) -> tuple[str, ...]:
        """The path in its parts, outermost first."""
        return tuple(self.path.split(":"))


class DagsterInvalidConfigError(DagsterError):
    """A run config does not fit the job. `errors` holds one fault each, path first; see ConfigFault."""

    def __init__(self, message: str, errors: Sequence[str] = ()) -> None:
        self.errors = [one if isinstance(one, ConfigFault) else _fault_of(one) for one in errors]
        lines = "".join(f"\n    {line}" for line in self.errors)
        super().__init__(f"{message}{lines}")


def _fault_of(line: str) -> ConfigFault:
    path, _, text = line.partition(": ")
    return ConfigFault(path, text)


class DagsterInvalidInvocationError(DagsterError):
    """An op, resource or hook was called directly with arguments that do not fit."""


class DagsterInvariantViolationError(DagsterError):
    """A rule that holds at run time was broken."""


class DagsterTypeCheckDidNotPass(DagsterError):
    """A value is not of the type declared for its input or output."""


class DagsterStepOutputNotFoundError(DagsterError):
    """An op ended without yielding one of its required outputs."""


class DagsterMaxRetriesExceededError(DagsterError):
    """An op asked for a retry more often than its own `max_retries`."""


class DagsterUnknownResourceError(DagsterError, AttributeError):
    """A resource that was not declared, and so is not on the context."""


class DagsterUserCodeExecutionError(DagsterError):
    """User code raised an error, which is chained as the cause."""


class DagsterExecutionStepExecutionError(DagsterUserCodeExecutionError):
    """The op's own code raised."""


class DagsterExecutionLoadInputError(DagsterUserCodeExecutionError):
    """An I/O manager's `load_input` raised."""


class DagsterExecutionHandleOutputError(DagsterUserCodeExecutionError):
    """An I/O manager's `handle_output` raised."""


class DagsterResourceFunctionError(DagsterUserCodeExecutionError):
    """A resource's own code raised while it was set up."""


class DagsterConfigMappingFunctionError(DagsterUserCodeExecutionError):
    """A config mapping's function raised."""


class PlanError(KedgeError):
    """An op graph can't be planned: a cycle, an unknown source, a bad tag. Says which op, and the fix."""


class ProtocolError(KedgeError):
    """A ticket, an outcome record or a manifest can't be read: bad JSON, unknown version, missing field."""
