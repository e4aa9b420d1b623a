"""Every error that Kedge raises on purpose, in one tree.

Names that Dagster users catch are Dagster's own, and stand below each other as they do there, so that a file keeps
working after its import changes::

    KedgeError
    ├── DagsterError                                what a definition or a run can raise
    │   ├── DagsterInvalidDefinitionError           a job that can't be: found where it is written
    │   ├── DagsterInvalidSubsetError               a selection that is malformed or names nothing
    │   ├── DagsterInvalidConfigDefinitionError     a config schema that can't be
    │   ├── DagsterInvalidPythonicConfigDefinitionError             the same in a pydantic model
    │   ├── DagsterInvalidDagsterTypeInPythonicConfigDefinitionError
    │   ├── DagsterInvalidConfigError               a run config that doesn't fit; lists all errors
    │   ├── DagsterInvalidInvocationError           an op called directly with the wrong arguments
    │   ├── DagsterInvalidPropertyError             what a context has not, here
    │   ├── DagsterInvalidMetadata                  a metadata value that no kind fits
    │   ├── DagsterInvalidAssetKey                  an asset's name that can't be
    │   ├── DagsterInvariantViolationError          an op (or a caller) broke a rule at run time
    │   ├── DagsterTypeCheckDidNotPass              a value that is not of the declared type
    │   ├── DagsterStepOutputNotFoundError          a required output that was not yielded
    │   ├── DagsterMaxRetriesExceededError          RetryRequested beyond its own limit
    │   ├── DagsterUnknownResourceError             a resource that is not on the context (an AttributeError, too)
    │   ├── DagsterUnknownPartitionError            a partition that the job does not have
    │   ├── DagsterUnknownStepStateError            steps whose end nobody knows
    │   ├── DagsterExecutionStepNotFoundError       a step to run again that the run did not have
    │   ├── DagsterRunNotFoundError                 a run that is not in the instance
    │   ├── DagsterRunAlreadyExists                 a run id that is taken
    │   ├── DagsterEventLogInvalidForRun            events of a run that can't be read
    │   ├── DagsterObjectStoreError                 a value that could not be kept or fetched
    │   ├── DagsterLaunchFailedError                a run that could not be started
    │   ├── DagsterSubprocessError                  a step's process that ended by itself
    │   ├── DagsterUnmetExecutorRequirementsError   an executor that can't run this job
    │   ├── DagsterHomeNotSetError                  no home to keep runs in
    │   ├── DagsterImportError                      user code that can't be imported
    │   ├── DagsterUserCodeProcessError             user code failed in another process
    │   └── DagsterUserCodeExecutionError           user code raised; the cause is chained
    │       ├── DagsterExecutionStepExecutionError
    │       ├── DagsterExecutionLoadInputError
    │       ├── DagsterExecutionHandleOutputError
    │       ├── DagsterTypeCheckError
    │       ├── DagsterTypeLoadingError
    │       ├── DagsterResourceFunctionError
    │       ├── DagsterConfigMappingFunctionError
    │       ├── DagsterUserCodeLoadError
    │       ├── HookExecutionError
    │       ├── PartitionExecutionError
    │       └── JobError
    ├── CheckError                                  an argument of the wrong kind
    │   ├── ParameterCheckError
    │   └── NotImplementedCheckError
    ├── PlanError                                   an op graph that can't be planned
    ├── ProtocolError                               a ticket, outcome or manifest that can't be read
    │   └── VersionMismatch                         one of a version that this Kedge does not read
    ├── (kedge.definitions.values: Failure and RetryRequested, which ops raise)
    └── (kedge.io.errors: StoreError and its kinds)

    DagsterExecutionInterruptedError (a BaseException)  the run was interrupted

Source of the Dagster names: the public `dagster` API and `dagster._core.errors`, version 1.13. Those about schedules,
sensors, backfills, code locations and software-defined assets are absent: nothing here could raise them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TEXT_MAX = 30_000
"""Characters of what an error says; it may quote what anybody has written, at any length."""


class KedgeError(Exception):
    """Root of all errors that Kedge raises on purpose. The middle of a very long text is left out."""

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) <= TEXT_MAX:
            return text
        half = TEXT_MAX // 2
        return f"{text[:half]}\n[... {len(text) - 2 * half} characters ...]\n{text[-half:]}"


class DagsterError(KedgeError):
    """Root of the errors known under the same name in Dagster."""

    @property
    def is_user_code_error(self) -> bool:
        """Whether user code raised the error that is chained to this one."""
        return False


# -- definitions --------------------------------------------------------------------------------------------------


class DagsterInvalidDefinitionError(DagsterError):
    """A definition breaks a rule; raised where the definition is made."""


class DagsterInvalidSubsetError(DagsterError):
    """A selection of ops or steps is malformed or names nothing."""


class DagsterInvalidConfigDefinitionError(DagsterError):
    """A config schema itself makes no sense."""


class DagsterInvalidPythonicConfigDefinitionError(DagsterError):
    """A field of a config model has a type that a config can't have."""

    def __init__(
        self, config_class: type | None, field_name: str | None, invalid_type: Any, is_resource: bool = False
    ) -> None:
        self.config_class = config_class
        self.field_name = field_name
        self.invalid_type = invalid_type
        where = f"{config_class.__name__}.{field_name}" if config_class is not None else "config"
        dependency = (
            f" (a resource? annotate it as ResourceDependency[{_name_of(invalid_type)}])" if is_resource else ""
        )
        super().__init__(
            f"{where}: {_name_of(invalid_type)} is no type that config, which is data, can give{dependency}; use str, "
            "int, float, bool, lists and dicts of them, an enum, a Literal or a Config class"
        )


def _name_of(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


class DagsterInvalidDagsterTypeInPythonicConfigDefinitionError(DagsterError):
    """A field of a config model is annotated with a DagsterType."""


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

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, str(self)[len(self.path) + 2 :], self.reason)

    @classmethod
    def of(cls, line: str) -> ConfigFault:
        """A line `path: text` as a fault; a fault stays as it is."""
        path, _, text = line.partition(": ")
        return line if isinstance(line, ConfigFault) else cls(path, text)

    @property
    def message(self) -> str:
        """The line itself."""
        return str(self)

    @property
    def stack(self) -> tuple[str, ...]:
        """The path in its parts, outermost first."""
        return tuple(self.path.split(":"))


class DagsterInvalidConfigError(DagsterError):
    """A run config does not fit the job. `errors` holds one line for each fault, path first, each a ConfigFault.

    `config_value` is the config that was given, where it is known.
    """

    def __init__(self, message: str, errors: Sequence[str] = (), config_value: Any = None) -> None:
        self.errors = [ConfigFault.of(one) for one in errors]
        self.config_value = config_value
        lines = "".join(f"\n    {line}" for line in self.errors)
        self.message = f"{message}{lines}"
        super().__init__(self.message)

    @property
    def error_messages(self) -> list[str]:
        """The faults as plain text."""
        return [str(one) for one in self.errors]


class DagsterInvalidInvocationError(DagsterError):
    """An op, resource or hook was called directly with arguments that do not fit."""


class DagsterInvalidPropertyError(DagsterError):
    """Something that the context does not have, or does not have yet, was asked of it."""


class DagsterInvalidMetadata(DagsterError):
    """A metadata value is of no known kind, or says of itself what is not so."""


class DagsterInvalidAssetKey(DagsterError):
    """An asset key that is no name."""


# -- runs ---------------------------------------------------------------------------------------------------------


class DagsterInvariantViolationError(DagsterError):
    """A rule that holds at run time was broken."""


class DagsterTypeCheckDidNotPass(DagsterError):
    """A value is not of the type declared for its input or output.

    `dagster_type` is that type, `metadata` what its check says of the value.
    """

    def __init__(
        self, description: str | None = None, metadata: Mapping[str, Any] | None = None, dagster_type: Any = None
    ) -> None:
        super().__init__(description)
        self.description = description
        self.metadata = dict(metadata or {})
        self.dagster_type = dagster_type


class DagsterStepOutputNotFoundError(DagsterError):
    """An op ended without yielding one of its required outputs: `output_name` of `step_key`."""

    def __init__(self, *args: Any, step_key: str = "", output_name: str = "") -> None:
        super().__init__(*args)
        self.step_key = step_key
        self.output_name = output_name


class DagsterMaxRetriesExceededError(DagsterError):
    """An op asked for a retry more often than its own `max_retries`."""


class DagsterUnknownResourceError(DagsterError, AttributeError):
    """A resource that was not declared, and so is not on the context: `resource_name`."""

    def __init__(self, *args: Any, resource_name: str = "") -> None:
        super().__init__(*args)
        self.resource_name = resource_name


class DagsterUnknownPartitionError(DagsterError):
    """A partition key that the job's partitions do not have."""


class DagsterUnknownStepStateError(DagsterError):
    """A run has steps of which nobody knows how they ended."""


class DagsterExecutionStepNotFoundError(DagsterError):
    """Steps were selected that the run does not have: `step_keys`."""

    def __init__(self, *args: Any, step_keys: Sequence[str] = ()) -> None:
        super().__init__(*args)
        self.step_keys = list(step_keys)


class DagsterRunNotFoundError(DagsterError):
    """The instance has no run `invalid_run_id`."""

    def __init__(self, *args: Any, invalid_run_id: str = "") -> None:
        super().__init__(*args)
        self.invalid_run_id = invalid_run_id


class DagsterRunAlreadyExists(DagsterError):
    """A run of that id is in the instance already."""


class DagsterEventLogInvalidForRun(DagsterError):
    """The records of run `run_id` can't be read."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"the records of run {run_id} can't be read")
        self.run_id = run_id


class DagsterObjectStoreError(DagsterError):
    """A value could not be kept or fetched."""


class DagsterLaunchFailedError(DagsterError):
    """A run could not be started."""


class DagsterSubprocessError(DagsterError):
    """Steps failed in processes of their own: `subprocess_error_infos` says how."""

    def __init__(self, *args: Any, subprocess_error_infos: Sequence[Any] = ()) -> None:
        super().__init__(*args)
        self.subprocess_error_infos = list(subprocess_error_infos)


class DagsterUnmetExecutorRequirementsError(DagsterError):
    """The executor needs what was not given, such as a job that another process can load."""


class DagsterHomeNotSetError(DagsterError):
    """There is no home to keep runs in."""


class DagsterImportError(DagsterError):
    """User code can't be imported."""


class DagsterUserCodeProcessError(DagsterError):
    """User code failed in another process."""


class DagsterExecutionInterruptedError(BaseException):
    """A run was interrupted. Not an Exception, so that user code does not catch it by chance."""


# -- user code ----------------------------------------------------------------------------------------------------


class DagsterUserCodeExecutionError(DagsterError):
    """User code raised an error: `user_exception`, which is chained as the cause."""

    def __init__(self, *args: Any, user_exception: BaseException | None = None) -> None:
        super().__init__(*args)
        self._user_exception = user_exception

    @property
    def user_exception(self) -> BaseException | None:
        """What user code raised."""
        return self._user_exception or self.__cause__

    @property
    def original_exc_info(self) -> tuple[Any, Any, Any]:
        """Type, value and traceback of what user code raised."""
        cause = self.user_exception
        return (type(cause), cause, cause.__traceback__) if cause is not None else (None, None, None)

    @property
    def is_user_code_error(self) -> bool:
        return True


class DagsterExecutionStepExecutionError(DagsterUserCodeExecutionError):
    """The op's own code raised."""

    def __init__(self, *args: Any, step_key: str = "", op_name: str = "", op_def_name: str = "") -> None:
        super().__init__(*args)
        self.step_key = step_key
        self.op_name = op_name
        self.op_def_name = op_def_name


class DagsterExecutionLoadInputError(DagsterUserCodeExecutionError):
    """An I/O manager's `load_input` raised."""

    def __init__(self, *args: Any, step_key: str = "", input_name: str = "") -> None:
        super().__init__(*args)
        self.step_key = step_key
        self.input_name = input_name


class DagsterExecutionHandleOutputError(DagsterUserCodeExecutionError):
    """An I/O manager's `handle_output` raised."""

    def __init__(self, *args: Any, step_key: str = "", output_name: str = "") -> None:
        super().__init__(*args)
        self.step_key = step_key
        self.output_name = output_name


class DagsterTypeCheckError(DagsterUserCodeExecutionError):
    """A type's check function raised."""


class DagsterTypeLoadingError(DagsterUserCodeExecutionError):
    """A type's loader raised."""


class DagsterResourceFunctionError(DagsterUserCodeExecutionError):
    """A resource's own code raised while it was set up."""


class DagsterConfigMappingFunctionError(DagsterUserCodeExecutionError):
    """A config mapping's function raised."""


class DagsterUserCodeLoadError(DagsterUserCodeExecutionError):
    """User code raised while it was loaded."""


class HookExecutionError(DagsterUserCodeExecutionError):
    """A hook raised; it is logged, and the step's end stands."""


class PartitionExecutionError(DagsterUserCodeExecutionError):
    """A function of a partitioned config raised."""


class JobError(DagsterUserCodeExecutionError):
    """User code raised while a job was made."""


# -- Kedge's own --------------------------------------------------------------------------------------------------


class CheckError(KedgeError):
    """A rule about arguments was broken. Dagster raises it from `dagster._check`."""


class ParameterCheckError(CheckError):
    """An argument is of the wrong type."""


class NotImplementedCheckError(CheckError):
    """What was asked for does not exist."""


class PlanError(KedgeError):
    """An op graph can't be planned: a cycle, an unknown source, a bad tag. Says which op, and the fix."""


class ProtocolError(KedgeError):
    """A ticket, an outcome record or a manifest can't be read: bad JSON, unknown version, missing field."""


class VersionMismatch(ProtocolError):
    """A ticket, record or plan of a version that this Kedge does not read: another release wrote it."""
