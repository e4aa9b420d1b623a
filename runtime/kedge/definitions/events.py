"""What happened in a run, as Dagster tells it: `DagsterEvent`, its kinds, and what each kind says.

These are made out of outcome records when somebody asks; nothing is kept in this form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from kedge.core.errors import CheckError
from kedge.definitions.handles import NodeHandle
from kedge.definitions.values import AssetMaterialization, AssetObservation, ExpectationResult

T = TypeVar("T")


class DagsterEventType(Enum):
    """The kinds of events. A run's own kinds have two names, `RUN_START` and `PIPELINE_START`.

    Those about resources, logs and workers can be asked for, but Kedge has no such events.
    """

    STEP_START = "STEP_START"
    STEP_RESTARTED = "STEP_RESTARTED"
    LOADED_INPUT = "LOADED_INPUT"
    STEP_INPUT = "STEP_INPUT"
    STEP_OUTPUT = "STEP_OUTPUT"
    HANDLED_OUTPUT = "HANDLED_OUTPUT"
    STEP_SUCCESS = "STEP_SUCCESS"
    STEP_FAILURE = "STEP_FAILURE"
    STEP_UP_FOR_RETRY = "STEP_UP_FOR_RETRY"
    STEP_SKIPPED = "STEP_SKIPPED"
    ASSET_MATERIALIZATION = "ASSET_MATERIALIZATION"
    ASSET_OBSERVATION = "ASSET_OBSERVATION"
    STEP_EXPECTATION_RESULT = "STEP_EXPECTATION_RESULT"
    HOOK_COMPLETED = "HOOK_COMPLETED"
    HOOK_ERRORED = "HOOK_ERRORED"
    HOOK_SKIPPED = "HOOK_SKIPPED"
    ENGINE_EVENT = "ENGINE_EVENT"
    RESOURCE_INIT_STARTED = "RESOURCE_INIT_STARTED"
    RESOURCE_INIT_SUCCESS = "RESOURCE_INIT_SUCCESS"
    RESOURCE_INIT_FAILURE = "RESOURCE_INIT_FAILURE"
    LOGS_CAPTURED = "LOGS_CAPTURED"
    STEP_WORKER_STARTING = "STEP_WORKER_STARTING"
    STEP_WORKER_STARTED = "STEP_WORKER_STARTED"
    RUN_START = "PIPELINE_START"
    RUN_SUCCESS = "PIPELINE_SUCCESS"
    RUN_FAILURE = "PIPELINE_FAILURE"
    RUN_CANCELED = "PIPELINE_CANCELED"
    PIPELINE_START = RUN_START
    PIPELINE_SUCCESS = RUN_SUCCESS
    PIPELINE_FAILURE = RUN_FAILURE
    PIPELINE_CANCELED = RUN_CANCELED


_OF_NO_STEP = ("HOOK_", "PIPELINE_", "ENGINE_", "RESOURCE_", "LOGS_", "STEP_WORKER_")
_STEP_KINDS = frozenset(kind for kind in DagsterEventType if not kind.value.startswith(_OF_NO_STEP))
_HOOK_KINDS = (DagsterEventType.HOOK_COMPLETED, DagsterEventType.HOOK_ERRORED, DagsterEventType.HOOK_SKIPPED)
_FAILURES = (DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED)


@dataclass(frozen=True)
class SerializableErrorInfo:
    """An error: the name of its class, its message (`Name: text`), its stack, and the error that caused it."""

    message: str
    stack: Sequence[str] = ()
    cls_name: str | None = None
    cause: SerializableErrorInfo | None = None

    def to_string(self) -> str:
        """All of it as text, the causes below."""
        stack = "\nStack Trace:\n" + "".join(self.stack) if self.stack else ""
        cause = f"\nThe above exception was caused by:\n{self.cause.to_string()}" if self.cause is not None else ""
        return f"{self.message}{stack}{cause}"


class ErrorSource(Enum):
    """Whose code failed."""

    FRAMEWORK_ERROR = "FRAMEWORK_ERROR"
    USER_CODE_ERROR = "USER_CODE_ERROR"
    INTERRUPT = "INTERRUPT"


@dataclass(frozen=True)
class TypeCheckData:
    """The check of one value against its type."""

    success: bool
    label: str
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepInputData:
    """Which input a STEP_INPUT event tells of."""

    input_name: str
    type_check_data: TypeCheckData


@dataclass(frozen=True)
class StepOutputHandle:
    """One output of one step; of a dynamic one, the value of one key."""

    step_key: str
    output_name: str = "result"
    mapping_key: str | None = None


@dataclass(frozen=True)
class StepOutputData:
    """Which output a STEP_OUTPUT event tells of."""

    step_output_handle: StepOutputHandle
    type_check_data: TypeCheckData
    metadata: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None

    @property
    def output_name(self) -> str:
        """The output's name."""
        return self.step_output_handle.output_name

    @property
    def mapping_key(self) -> str | None:
        """The key, of a dynamic output."""
        return self.step_output_handle.mapping_key


@dataclass(frozen=True)
class HandledOutputData:
    """Which I/O manager stored which output, and the metadata that it noted."""

    output_name: str
    manager_key: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedInputData:
    """Which I/O manager loaded which input, and where from."""

    input_name: str
    manager_key: str
    upstream_output_name: str | None = None
    upstream_step_key: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepSuccessData:
    """How long a step took, in milliseconds."""

    duration_ms: float


@dataclass(frozen=True)
class UserFailureData:
    """What a `Failure` raised by the op says."""

    label: str
    description: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepFailureData:
    """Why a step failed; `user_failure_data` when the op raised a `Failure`."""

    error: SerializableErrorInfo
    user_failure_data: UserFailureData | None = None
    error_source: ErrorSource = ErrorSource.FRAMEWORK_ERROR

    @property
    def error_display_string(self) -> str:
        """The error as text, the user's own first."""
        return self.error.to_string()


@dataclass(frozen=True)
class StepRetryData:
    """Why a step is tried again, and after how many seconds."""

    error: SerializableErrorInfo
    seconds_to_wait: float | None = None


@dataclass(frozen=True)
class StepMaterializationData:
    """What an op said that it wrote."""

    materialization: AssetMaterialization


@dataclass(frozen=True)
class AssetObservationData:
    """What an op said that it saw."""

    asset_observation: AssetObservation


@dataclass(frozen=True)
class StepExpectationResultData:
    """What an op said that it checked."""

    expectation_result: ExpectationResult


@dataclass(frozen=True)
class HookErroredData:
    """What a hook raised."""

    error: SerializableErrorInfo


@dataclass(frozen=True)
class JobFailureData:
    """The first failure of a run."""

    error: SerializableErrorInfo | None = None
    first_step_failure_event: DagsterEvent | None = None


def _is_of(kind: DagsterEventType) -> property:
    def test(event: DagsterEvent) -> bool:
        return event.event_type is kind

    return property(test, doc=f"Whether it is a {kind.name}.")


@dataclass(frozen=True)
class DagsterEvent:
    """One thing that happened. `event_specific_data` says what, by the event's kind.

    The properties that name a kind's data raise CheckError on an event of another kind. `timestamp` is in seconds
    since the epoch.
    """

    event_type_value: str
    job_name: str = ""
    step_key: str | None = None
    node_handle: NodeHandle | None = None
    event_specific_data: Any = None
    message: str = ""
    logging_tags: Mapping[str, str] = field(default_factory=dict)
    timestamp: float | None = None

    is_step_start = _is_of(DagsterEventType.STEP_START)
    is_step_restarted = _is_of(DagsterEventType.STEP_RESTARTED)
    is_step_success = _is_of(DagsterEventType.STEP_SUCCESS)
    is_step_failure = _is_of(DagsterEventType.STEP_FAILURE)
    is_step_skipped = _is_of(DagsterEventType.STEP_SKIPPED)
    is_step_up_for_retry = _is_of(DagsterEventType.STEP_UP_FOR_RETRY)
    is_successful_output = _is_of(DagsterEventType.STEP_OUTPUT)
    is_handled_output = _is_of(DagsterEventType.HANDLED_OUTPUT)
    is_loaded_input = _is_of(DagsterEventType.LOADED_INPUT)
    is_step_materialization = _is_of(DagsterEventType.ASSET_MATERIALIZATION)
    is_asset_observation = _is_of(DagsterEventType.ASSET_OBSERVATION)
    is_expectation_result = _is_of(DagsterEventType.STEP_EXPECTATION_RESULT)
    is_resource_init_failure = _is_of(DagsterEventType.RESOURCE_INIT_FAILURE)
    is_engine_event = _is_of(DagsterEventType.ENGINE_EVENT)
    is_job_success = _is_of(DagsterEventType.RUN_SUCCESS)
    is_job_failure = _is_of(DagsterEventType.RUN_FAILURE)
    is_run_failure = _is_of(DagsterEventType.RUN_FAILURE)

    @property
    def event_type(self) -> DagsterEventType:
        """The kind."""
        return DagsterEventType(self.event_type_value)

    @property
    def node_name(self) -> str:
        """The name of the op in its graph. Raises CheckError for an event of the run."""
        if self.node_handle is None:
            raise CheckError(f"a {self.event_type_value} event is of the run, and of no op")
        return self.node_handle.name

    @property
    def step_kind_value(self) -> str | None:
        """COMPUTE for what happened in a step."""
        return None if self.node_handle is None else "COMPUTE"

    @property
    def is_step_event(self) -> bool:
        """Whether it is of a step; what hooks did is not."""
        return self.event_type in _STEP_KINDS

    @property
    def is_hook_event(self) -> bool:
        """Whether it is of a hook."""
        return self.event_type in _HOOK_KINDS

    @property
    def is_job_event(self) -> bool:
        """Whether it is of the run as a whole."""
        return self.event_type_value.startswith("PIPELINE_")

    @property
    def is_failure(self) -> bool:
        """Whether a step or the run failed."""
        return self.event_type in _FAILURES

    @property
    def asset_key(self) -> Any:
        """The asset that a materialization or observation names; None for other events."""
        if isinstance(self.event_specific_data, StepMaterializationData):
            return self.event_specific_data.materialization.asset_key
        if isinstance(self.event_specific_data, AssetObservationData):
            return self.event_specific_data.asset_observation.asset_key
        return None

    @property
    def partition(self) -> str | None:
        """The partition that a materialization or observation names."""
        data = self.event_specific_data
        found = getattr(data, "materialization", None) or getattr(data, "asset_observation", None)
        return None if found is None else found.partition

    @property
    def step_input_data(self) -> StepInputData:
        """Of a STEP_INPUT event."""
        return self._data_of("STEP_INPUT", StepInputData)

    @property
    def step_output_data(self) -> StepOutputData:
        """Of a STEP_OUTPUT event."""
        return self._data_of("STEP_OUTPUT", StepOutputData)

    @property
    def step_success_data(self) -> StepSuccessData:
        """Of a STEP_SUCCESS event."""
        return self._data_of("STEP_SUCCESS", StepSuccessData)

    @property
    def step_failure_data(self) -> StepFailureData:
        """Of a STEP_FAILURE event."""
        return self._data_of("STEP_FAILURE", StepFailureData)

    @property
    def step_retry_data(self) -> StepRetryData:
        """Of a STEP_UP_FOR_RETRY event."""
        return self._data_of("STEP_UP_FOR_RETRY", StepRetryData)

    @property
    def step_materialization_data(self) -> StepMaterializationData:
        """Of an ASSET_MATERIALIZATION event."""
        return self._data_of("ASSET_MATERIALIZATION", StepMaterializationData)

    @property
    def materialization(self) -> AssetMaterialization:
        """Of an ASSET_MATERIALIZATION event."""
        return self.step_materialization_data.materialization

    @property
    def asset_observation_data(self) -> AssetObservationData:
        """Of an ASSET_OBSERVATION event."""
        return self._data_of("ASSET_OBSERVATION", AssetObservationData)

    @property
    def step_expectation_result_data(self) -> StepExpectationResultData:
        """Of a STEP_EXPECTATION_RESULT event."""
        return self._data_of("STEP_EXPECTATION_RESULT", StepExpectationResultData)

    @property
    def hook_errored_data(self) -> HookErroredData:
        """Of a HOOK_ERRORED event."""
        return self._data_of("HOOK_ERRORED", HookErroredData)

    @property
    def job_failure_data(self) -> JobFailureData:
        """Of the event that says that the run failed."""
        return self._data_of("PIPELINE_FAILURE", JobFailureData)

    def _data_of(self, kind: str, form: type[T]) -> T:
        if self.event_type_value != kind or not isinstance(self.event_specific_data, form):
            raise CheckError(f"this event is a {self.event_type_value}, not a {kind}")
        return self.event_specific_data
