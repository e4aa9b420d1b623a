"""The events of one attempt of a step, as Dagster tells them, made out of its outcome record.

Their order is Dagster's: loads, checks of inputs, what the op gave and logged in turn, its end, its hooks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kedge.core import errors
from kedge.core.ids import StepKey
from kedge.core.protocol import Binding, Constant, Failure, Index, Listing, Outcome, OutcomeStatus, Single, SourceRef
from kedge.definitions import events, wire
from kedge.definitions.events import DagsterEvent
from kedge.definitions.handles import NodeHandle
from kedge.definitions.ops import OpDefinition

_LOADED = "LoadedInput"
_HOOKS = {
    "HOOK_COMPLETED": 'Finished the execution of hook "{hook}" triggered for "{op}".',
    "HOOK_SKIPPED": 'Skipped the execution of hook "{hook}". It did not meet its triggering condition during the '
    'execution of "{op}".',
    "HOOK_ERRORED": 'Hook "{hook}" triggered for "{op}" raised.',
}


class StepTeller:
    """Tells of one attempt. `inputs` are its bindings; `final` says that no other attempt followed."""

    def __init__(
        self,
        definition: OpDefinition | None,
        outcome: Outcome,
        inputs: Mapping[str, Binding] | None,
        *,
        run_id: str,
        job_name: str,
        final: bool = True,
        failure: Failure | None = None,
    ) -> None:
        self._definition = definition
        self._outcome = outcome
        self._inputs = inputs or {}
        self._final = final
        self._failure = failure or outcome.failure
        self._key = str(outcome.step)
        self._op = outcome.step.op.rpartition(".")[2]
        self._base = {"run_id": run_id, "job_name": job_name, "step_key": self._key, "op_name": self._op}
        self._handle = NodeHandle.from_string(outcome.step.op)

    def tell(self) -> Iterator[DagsterEvent]:
        """All events of the attempt, in order."""
        outcome, times = self._outcome, self._outcome.times
        if outcome.cached_from is not None:
            yield from self._tell_outputs()
            what = f'Cached: step "{self._key}" took over the outputs of run {outcome.cached_from}.'
            yield self.event("STEP_SUCCESS", what, events.StepSuccessData(0.0), None if times is None else times.ended)
            return
        yield self._start(None if times is None else times.started)
        if times is not None and times.entered is not None:
            yield from self._tell_inputs()
        yield from self._tell_outputs()
        yield self._end()
        for one in outcome.events:
            if one["kind"] in _HOOKS:
                yield self._hook(one)

    def event(self, kind: str, message: str, data: Any = None, at: float | None = None) -> DagsterEvent:
        """One event of this step."""
        job = self._base["job_name"]
        return DagsterEvent(kind, job, self._key, self._handle, data, message, self._base, at)

    def skipped(self) -> DagsterEvent:
        """That the step was skipped."""
        return self.event("STEP_SKIPPED", f'Skipped execution of step "{self._key}".')

    # -- the parts --------------------------------------------------------------------------------------------

    def _start(self, at: float | None) -> DagsterEvent:
        attempt = self._outcome.attempt
        if attempt == 1:
            return self.event("STEP_START", f'Started execution of step "{self._key}".', at=at)
        what = f'Started re-execution (attempt # {attempt}) of step "{self._key}".'
        return self.event("STEP_RESTARTED", what, at=at)

    def _tell_inputs(self) -> Iterator[DagsterEvent]:
        definition = self._definition
        names = definition.data_inputs if definition is not None else list(self._inputs)
        for name in names:
            binding = self._inputs.get(name)
            if binding is None and self._manager_of(name) is not None:
                yield self._loaded(name, None)
            for source in [] if binding is None else _sources(binding):
                yield self._loaded(name, source)
        for name in names:
            kind = definition.inputs[name].dagster_type.display_name if definition is not None else "Any"
            data = events.StepInputData(name, events.TypeCheckData(True, name))
            yield self.event("STEP_INPUT", f'Got input "{name}" of type "{kind}". (Type check passed).', data)

    def _manager_of(self, name: str) -> str | None:
        return self._definition.inputs[name].input_manager_key if self._definition is not None else None

    def _loaded(self, name: str, source: SourceRef | None) -> DagsterEvent:
        manager = self._manager_of(name) or "io_manager"
        what = f'Loaded input "{name}" using input manager "{manager}"'
        noted = self._noted_at_load(name, source)
        if source is None:
            return self.event("LOADED_INPUT", what, events.LoadedInputData(name, manager, metadata=noted))
        step = str(source.step)
        what = f'{what}, from output "{source.output}" of step "{step}"'
        return self.event("LOADED_INPUT", what, events.LoadedInputData(name, manager, source.output, step, noted))

    def _noted_at_load(self, name: str, source: SourceRef | None) -> Mapping[str, Any]:
        place = (None, None) if source is None else (str(source.step), source.mapping_key)
        for one in self._outcome.events:
            if one["kind"] == _LOADED and (one["label"], one["source"], one["key"]) == (name, *place):
                return wire.decode_metadata(one["metadata"])
        return {}

    def _tell_outputs(self) -> Iterator[DagsterEvent]:
        """Outputs and logged events, as they came one after the other."""
        logged = [one for one in self._outcome.events if one["kind"] not in _HOOKS and one["kind"] != _LOADED]
        for given, (name, key, record) in enumerate(self._given()):
            while logged and logged[0].get("after", 0) <= given and not _is_storing(logged[0], given):
                yield self._logged(logged.pop(0))
            output, *stored = self._output(name, key, record or {})
            yield output
            while logged and _is_storing(logged[0], given):
                yield self._logged(logged.pop(0))
            yield from stored
        for one in logged:
            yield self._logged(one)

    def _given(self) -> Iterator[tuple[str, str | None, Any]]:
        definition = self._definition
        for name, record in self._outcome.outputs.items():
            if definition is not None and name in definition.outputs and definition.outputs[name].is_dynamic:
                for key, one in record.items():
                    yield name, key, one
            else:
                yield name, None, record

    def _output(self, name: str, key: str | None, record: Mapping[str, Any]) -> Iterator[DagsterEvent]:
        output = None if self._definition is None else self._definition.outputs.get(name)
        kind = "Any" if output is None else output.dagster_type.display_name
        mapped = f' mapping key "{key}"' if key is not None else ""
        handle = events.StepOutputHandle(self._key, name, key)
        metadata = wire.decode_metadata(record.get("metadata", {}))
        data = events.StepOutputData(handle, events.TypeCheckData(True, name), metadata)
        yield self.event("STEP_OUTPUT", f'Yielded output "{name}"{mapped} of type "{kind}". (Type check passed).', data)
        if output is not None and not output.dagster_type.is_nothing:
            manager = output.io_manager_key
            noted = wire.decode_metadata(record.get("handled", {}))
            stored = events.HandledOutputData(name, manager, noted)
            yield self.event("HANDLED_OUTPUT", f'Handled output "{name}" using IO manager "{manager}"', stored)

    def _logged(self, one: Mapping[str, Any]) -> DagsterEvent:
        found = wire.decode_event(one)
        if one["kind"] == "AssetMaterialization":
            data: Any = events.StepMaterializationData(found)
            return self.event("ASSET_MATERIALIZATION", found.description or f"Materialized value {found.label}.", data)
        if one["kind"] == "AssetObservation":
            data = events.AssetObservationData(found)
            return self.event("ASSET_OBSERVATION", found.description or f"Observed asset {found.label}.", data)
        how = "passed" if found.success else "failed"
        what = found.description or f"Expectation {found.label} {how}"
        return self.event("STEP_EXPECTATION_RESULT", what, events.StepExpectationResultData(found))

    def _end(self) -> DagsterEvent:
        times = self._outcome.times
        at = None if times is None else times.ended
        if self._outcome.status is OutcomeStatus.SUCCEEDED:
            took = 0.0 if times is None or at is None else (at - times.started) * 1000
            what = f'Finished execution of step "{self._key}" in {took:.3g}ms.'
            return self.event("STEP_SUCCESS", what, events.StepSuccessData(took), at)
        assert self._failure is not None
        if self._final:
            return self.event(
                "STEP_FAILURE", f'Execution of step "{self._key}" failed.', failure_data(self._failure), at
            )
        request = self._failure.request
        retry = events.StepRetryData(failure_data(self._failure).error, request.delay or None if request else None)
        what = f'Execution of step "{self._key}" failed and has requested a retry.'
        return self.event("STEP_UP_FOR_RETRY", what, retry, at)

    def _hook(self, one: Mapping[str, Any]) -> DagsterEvent:
        kind, hook = one["kind"], one.get("label", "")
        data = None
        if kind == "HOOK_ERRORED" and "error" in one:
            data = events.HookErroredData(error_info(Failure.from_json(one["error"])))
        return self.event(kind, _HOOKS[kind].format(hook=hook, op=self._op), data)


def _is_storing(one: Mapping[str, Any], given: int) -> bool:
    """Whether an event was logged while output number `given` was being stored."""
    return bool(one.get("storing")) and one.get("after", 0) == given


def _sources(binding: Binding) -> Iterator[SourceRef]:
    if isinstance(binding, Single):
        yield binding.source
    elif isinstance(binding, Listing):
        for member in binding.members:
            if isinstance(member, Listing):
                yield from _sources(member)
            else:
                yield member
    else:
        assert isinstance(binding, Constant | Index)


def failure_data(failure: Failure) -> events.StepFailureData:
    """As Dagster shows it: what user code raised stands as the cause of an error that says so."""
    error = error_info(failure)
    if failure.error == "Failure":
        metadata = wire.decode_metadata(failure.metadata)
        return events.StepFailureData(
            error, events.UserFailureData("intentional-failure", failure.message or None, metadata)
        )
    known = getattr(errors, failure.error, None)
    if failure.error == "RetryRequested" or (isinstance(known, type) and issubclass(known, errors.DagsterError)):
        return events.StepFailureData(error)
    name = "DagsterExecutionStepExecutionError"
    outer = events.SerializableErrorInfo(f"{name}: Error occurred while executing the op\n", (), name, error)
    return events.StepFailureData(outer, None, events.ErrorSource.USER_CODE_ERROR)


def error_info(failure: Failure) -> events.SerializableErrorInfo:
    """A recorded failure as an event shows it."""
    cause = None if failure.cause is None else error_info(failure.cause)
    stack = tuple(failure.stack.splitlines(keepends=True))
    return events.SerializableErrorInfo(f"{failure.error}: {failure.message}\n", stack, failure.error, cause)


def skipped_event(step: StepKey, run_id: str, job_name: str) -> DagsterEvent:
    """That a step was skipped."""
    outcome = Outcome(step, 1, OutcomeStatus.SUCCEEDED)
    return StepTeller(None, outcome, None, run_id=run_id, job_name=job_name).skipped()
