"""Running one attempt of one step: load, check, run, check, store. The one place where user code is entered.

Used as it is by every engine. What differs between them comes in through `StepEnvironment`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kedge.core.errors import (
    DagsterError,
    DagsterExecutionHandleOutputError,
    DagsterExecutionLoadInputError,
    DagsterExecutionStepExecutionError,
    DagsterInvalidMetadata,
    DagsterInvariantViolationError,
    DagsterStepOutputNotFoundError,
    DagsterUserCodeExecutionError,
)
from kedge.core.ids import StepKey
from kedge.core.protocol import (
    EXTERNAL,
    Binding,
    Constant,
    Index,
    Listing,
    Outcome,
    OutcomeStatus,
    Single,
    SourceRef,
    Times,
)
from kedge.definitions import outputs
from kedge.definitions.contexts import OpExecutionContext
from kedge.definitions.ins_outs import NO_VALUE, ConfiguredInput, InputDefinition, OutputDefinition, input_of
from kedge.definitions.resource_scope import ResourceScope
from kedge.definitions.types import NOTHING, DagsterType
from kedge.definitions.values import DynamicOutput, Output
from kedge.io.errors import StoreUnavailable
from kedge.worker.failures import encoded, failure_of, text_of, user_exception
from kedge.worker.lazy import LazyList, is_lazy
from kedge.worker.program import Program

Values = dict[str, Any]
"""Captured values of one step: by output name, a dynamic one as a dict by mapping key."""


@dataclass(slots=True)
class StepEnvironment:
    """What an engine lends to a step.

    `memory` holds the captured values by step when values stay in the process, None otherwise. `io` is passed
    to I/O managers (the store of the run). `read_index` fetches a long listing.
    """

    program: Program
    scope: ResourceScope
    memory: dict[StepKey, Values] | None = None
    io: Any = None
    read_index: Callable[[Index], Listing] | None = None
    clock: Callable[[], float] = time.time
    last_error: BaseException | None = field(default=None)


def run_step(env: StepEnvironment, step: StepKey, attempt: int, retries: int, inputs: Mapping[str, Binding]) -> Outcome:
    """Run one attempt and say how it ended. Never raises for what user code does; `env.last_error` has the exception.

    KeyboardInterrupt and SystemExit pass through. An attempt whose values the store did not give or take is LOST.
    """
    started = env.clock()
    attempt_run = _Attempt(env, step, attempt, retries)
    env.last_error = None
    env.program.current = step
    try:
        attempt_run.run(inputs)
    except Exception as error:
        env.last_error = error
        shown = user_exception(error) if isinstance(error, DagsterExecutionStepExecutionError) else error
        failure = failure_of(shown, retries)
        status = OutcomeStatus.LOST if env.memory is None and _store_is_away(error) else OutcomeStatus.FAILED
        bound = env.program.bound(step.op)
        if (
            bound.hooks
            and status is OutcomeStatus.FAILED
            and not env.program.settings.allows_retry(bound.retry, failure, retries)
        ):
            times = Times(started, attempt_run.entered, attempt_run.left, env.clock())
            from kedge.worker import hooks  # most runs have none

            ended = hooks.Ended(attempt_run.records, attempt_run.values, times, inputs, error, failure)
            hooks.run(bound, attempt_run.context, env, ended)
        if env.memory is not None:
            env.memory.pop(step, None)
        times = Times(started, attempt_run.entered, attempt_run.left, env.clock())
        noted = attempt_run.context.events if attempt_run.context is not None else None
        return Outcome(step, attempt, status, {}, failure, times, noted or ())
    times = Times(started, attempt_run.entered, attempt_run.left, env.clock())
    assert attempt_run.context is not None
    events = attempt_run.context.events or ()
    return Outcome(step, attempt, OutcomeStatus.SUCCEEDED, attempt_run.records, None, times, events)


class _Attempt:
    """The moving parts of one attempt."""

    __slots__ = ("attempt", "bound", "context", "entered", "env", "left", "records", "retries", "step", "values")

    def __init__(self, env: StepEnvironment, step: StepKey, attempt: int, retries: int) -> None:
        self.env = env
        self.step = step
        self.attempt = attempt
        self.retries = retries
        self.entered: float | None = None
        self.left: float | None = None
        self.context: OpExecutionContext | None = None
        self.records: dict[str, Any] = {}
        self.values: Values = {}

    def run(self, inputs: Mapping[str, Binding]) -> None:
        env = self.env
        program = env.program
        self.bound = bound = program.bound(self.step.op)
        context = OpExecutionContext(
            self.step, bound.definition, bound.config, None, program.run, self.retries, program, self.attempt
        )
        self.context = context
        context.records = self.records
        context.resources = program.resources_for(bound, env.scope)
        loaded = self._load(inputs) if bound.definition.data_inputs else {}
        if env.memory is not None:
            env.memory[self.step] = self.values
        self.entered = env.clock()
        outer, OpExecutionContext.running = OpExecutionContext.running, context
        try:
            self._compute(context, loaded)
        finally:
            OpExecutionContext.running = outer
        if self.left is None:
            self.left = env.clock()
        self._close_outputs()
        if self.records == bound.definition.bare_records:
            self.records = bound.definition.bare_records  # one for all steps with nothing to say of their values
        if bound.hooks:
            times = Times(self.entered, self.entered, self.left, env.clock())
            from kedge.worker import hooks

            hooks.run(bound, context, env, hooks.Ended(self.records, self.values, times, inputs))

    # -- inputs -----------------------------------------------------------------------------------------------

    def _load(self, inputs: Mapping[str, Binding]) -> dict[str, Any]:
        bound = self.bound
        found = {}
        for name in bound.definition.data_inputs:
            definition = bound.definition.inputs[name]
            binding = inputs.get(name)
            if binding is None:
                value = self._unconnected(definition)
            else:
                value = self._value_of(definition, binding)
            if not definition.dagster_type.is_any:
                self._check(definition.dagster_type, value, f"input {name!r}")
            found[name] = value
        return found

    def _unconnected(self, definition: InputDefinition) -> Any:
        if definition.name in self.bound.constants:
            found = self.bound.constants[definition.name]
            if type(found) is ConfiguredInput:
                what = f"step {self.step}: input {definition.name!r}"
                return found.load(self.context, self.env.scope.select, what)
            return found
        return self._load_source(definition, None)

    def _value_of(self, definition: InputDefinition, binding: Binding) -> Any:
        if isinstance(binding, Single):
            return self._load_source(definition, binding.source)
        if isinstance(binding, Constant):
            return binding.value
        if isinstance(binding, Index):
            assert self.env.read_index is not None
            binding = self.env.read_index(binding)
        if is_lazy(definition.dagster_type):
            return LazyList(binding.members, lambda member: self._member(definition, member))
        return [self._member(definition, member) for member in binding.members]

    def _member(self, definition: InputDefinition, member: SourceRef | Listing) -> Any:
        if isinstance(member, Listing):
            return [self._member(definition, one) for one in member.members]
        return self._load_source(definition, member)

    def _load_source(self, definition: InputDefinition, source: SourceRef | None) -> Any:
        env, program = self.env, self.env.program
        upstream = program.bound(source.step.op).outputs[source.output] if source is not None else None
        if source is not None and upstream is not None and upstream.dagster_type is NOTHING:
            raise DagsterExecutionLoadInputError(
                f"step {self.step}: input {definition.name!r} wants a value, but output {upstream.name!r} of "
                f"{source.step} is Nothing and has none. Declare the input as In(Nothing), or return a value there"
            )
        key = definition.input_manager_key or (upstream.io_manager_key if upstream is not None else "io_manager")
        try:
            manager = program.io_manager(key, env.scope)
            if manager is program.default_io and env.memory is not None and source is not None:
                return _from_memory(env.memory, source)
            from kedge.worker import io_contexts  # values that stay in memory need none

            loading = io_contexts.of_input(env, self.context, self.bound, definition, source, key)
            value = manager.load_input(loading)
            self._note_load(definition.name, source, loading.consume_logged_metadata())
            return value
        except Exception as error:
            raise DagsterExecutionLoadInputError(
                f"step {self.step}: loading input {definition.name!r} failed: {text_of(error)}",
                step_key=str(self.step),
                input_name=definition.name,
            ) from error

    def _note_load(self, name: str, source: SourceRef | None, noted: Mapping[str, Any]) -> None:
        """Keep what an I/O manager said of a value that it loaded, for the event that tells of it."""
        context = self.context
        if not noted or context is None:
            return
        told = {
            "kind": "LoadedInput",
            "label": name,
            "source": source and str(source.step),
            "key": source and source.mapping_key,
        }
        context.note({**told, "metadata": encoded(noted)})

    # -- the op -----------------------------------------------------------------------------------------------

    def _compute(self, context: OpExecutionContext, loaded: dict[str, Any]) -> None:
        """Run the user's function and take in its outputs. Its own exceptions are wrapped, those of Kedge are not."""
        definition = self.bound.definition
        try:
            result = definition.call(context, loaded)
        except DagsterError:
            self.left = self.env.clock()
            raise
        except Exception as error:
            self.left = self.env.clock()
            raise self._user_error(error) from error
        typed = context.requires_typed_event_stream
        plain = None if typed else outputs.plain_output(definition, result)
        if plain is not None:
            self.left = self.env.clock()
            self.records[plain.name] = self._store(plain, result, None, None)
            if plain.dagster_type is not NOTHING:
                self.values[plain.name] = result
            return
        produced = outputs.stream(definition, result, typed, self.env.scope.loop)
        while True:
            try:
                one = next(produced)
            except StopIteration:
                return
            except DagsterError:
                raise
            except Exception as error:
                raise self._user_error(error) from error
            finally:
                self.left = self.env.clock()
            self._take(one)

    def _take(self, one: Any) -> None:
        if isinstance(one, Output):
            definition = self._output(one.output_name, dynamic=False)
            if one.output_name in self.records:
                raise DagsterInvariantViolationError(
                    f"op {self.bound.definition.name} gave output {one.output_name!r} twice"
                )
            self.records[one.output_name] = self._store(definition, one.value, one.metadata, None)
            if definition.dagster_type is not NOTHING:
                self.values[one.output_name] = one.value
        elif isinstance(one, DynamicOutput):
            definition = self._output(one.output_name, dynamic=True)
            keys = self.records.setdefault(one.output_name, {})
            if one.mapping_key in keys:
                raise DagsterInvariantViolationError(
                    f"op {self.bound.definition.name} gave mapping key {one.mapping_key!r} of output "
                    f"{one.output_name!r} twice"
                )
            keys[one.mapping_key] = self._store(definition, one.value, one.metadata, one.mapping_key)
            self.values.setdefault(one.output_name, {})[one.mapping_key] = one.value
        else:
            assert self.context is not None
            self.context.log_event(one)

    def _output(self, name: str, dynamic: bool) -> OutputDefinition:
        definition = self.bound.outputs.get(name)
        op = self.bound.definition.name
        if definition is None:
            known = ", ".join(self.bound.outputs) or "none"
            raise DagsterInvariantViolationError(
                f"op {op} gave an output {name!r} that it does not have; it has {known}"
            )
        if definition.is_dynamic != dynamic:
            wants, got = ("DynamicOutput", "Output") if definition.is_dynamic else ("Output", "DynamicOutput")
            raise DagsterInvariantViolationError(f"op {op}: output {name!r} takes {wants}, got {got}")
        return definition

    def _store(
        self, definition: OutputDefinition, value: Any, metadata: Any, key: str | None
    ) -> Mapping[str, Any] | None:
        kind = definition.dagster_type
        if not kind.is_any:
            self._check(kind, value, f"output {definition.name!r}")
        env, program, context = self.env, self.env.program, self.context
        assert context is not None
        noted = metadata or None
        if context.output_metadata is not None:
            noted = _with_noted(noted, context.get_output_metadata(definition.name, key))
        if kind.is_nothing:
            return {"metadata": encoded(noted)} if noted else None
        manager = program.io_manager(definition.io_manager_key, env.scope)
        if manager is program.default_io and env.memory is not None:
            return {"metadata": encoded(noted)} if noted else None
        return self._handle(manager, definition, value, key, noted)

    def _handle(
        self, manager: Any, definition: OutputDefinition, value: Any, key: str | None, noted: dict[str, Any] | None
    ) -> Mapping[str, Any] | None:
        from kedge.worker import io_contexts

        output_context = io_contexts.of_output(self.env, self.context, self.bound, definition, key, noted)
        try:
            io_contexts.store(manager, output_context, value)
        except (DagsterInvariantViolationError, DagsterInvalidMetadata):
            raise
        except Exception as error:
            raise DagsterExecutionHandleOutputError(
                f"step {self.step}: storing output {definition.name!r} failed: {text_of(error)}",
                step_key=str(self.step),
                output_name=definition.name,
            ) from error
        record = dict(output_context.record or {**EXTERNAL, "run": output_context.run_id})
        if noted:
            record["metadata"] = encoded(noted)
        if logged := output_context.get_logged_metadata():
            record["handled"] = encoded(logged)
        return record

    def _close_outputs(self) -> None:
        """Outputs that were not given: empty when dynamic, implicit when Nothing, missing when required."""
        if len(self.records) == len(self.bound.outputs):
            return
        for name, definition in self.bound.outputs.items():
            if name in self.records or not definition.is_required:
                continue
            if definition.is_dynamic:
                self.records[name] = {}
                self.values[name] = {}
            elif definition.dagster_type.is_nothing:
                self.records[name] = None
            else:
                raise self._missing(name)

    def _missing(self, name: str) -> DagsterError:
        op, context = self.bound.definition, self.context
        if context is not None and context.requires_typed_event_stream:
            why = context.typed_event_stream_error_message or "Give each output as an Output"
            return DagsterInvariantViolationError(f"op {op.name} did not give its output {name!r}. {why}")
        return DagsterStepOutputNotFoundError(
            f"op {op.name} ended without its output {name!r}. Yield Output(value, {name!r}), or declare "
            "Out(is_required=False) to make it optional",
            step_key=str(self.step),
            output_name=name,
        )

    def _check(self, kind: DagsterType, value: Any, what: str) -> None:
        context: Any = self.context
        if kind.required_resource_keys:
            from kedge.definitions.type_loaders import TypeCheckContext

            context = TypeCheckContext(context, self.env.scope.select(kind.required_resource_keys))
        kind.check_or_raise(context, value, f"step {self.step}: {what}")

    def _user_error(self, error: Exception) -> DagsterExecutionStepExecutionError:
        return DagsterExecutionStepExecutionError(
            f"Error occurred while executing op of step {self.step}: {text_of(error)}",
            step_key=str(self.step),
            op_name=self.step.op.rpartition(".")[2],
            op_def_name=self.bound.definition.name,
        )


def _store_is_away(error: BaseException | None) -> bool:
    """Whether the store was away, and not user code wrong, in what Kedge wrapped into its errors."""
    while isinstance(error, DagsterUserCodeExecutionError):
        error = error.__cause__
    return isinstance(error, StoreUnavailable)


def _with_noted(given: Mapping[str, Any] | None, noted: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The metadata of an output, and over it what `add_output_metadata` said."""
    if not noted:
        return given
    from kedge.definitions.metadata import normalize_metadata

    return {**(given or {}), **normalize_metadata(noted)}


def _from_memory(memory: Mapping[StepKey, Values], source: SourceRef) -> Any:
    value = memory[source.step][source.output]
    return value if source.mapping_key is None else value[source.mapping_key]


def load_value(env: StepEnvironment, source: SourceRef) -> Any:
    """The value of an output, loaded by its I/O manager for somebody outside of the run.

    Raises DagsterExecutionLoadInputError when the manager does.
    """
    bound = env.program.bound(source.step.op)
    attempt = _Attempt(env, source.step, 1, 0)
    attempt.bound = bound
    attempt.context = OpExecutionContext(source.step, bound.definition, bound.config, None, env.program.run)
    return attempt._load_source(input_of("value", None, NO_VALUE, NO_VALUE), source)
