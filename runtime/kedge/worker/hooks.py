"""Running a step's hooks. An error in a hook is logged and noted, and changes nothing about the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kedge.core.protocol import Binding, Failure, Outcome, OutcomeStatus, Times
from kedge.definitions.hooks import HookContext, HookDefinition, HookExecutionResult, OpUse
from kedge.worker.failures import failure_of

if TYPE_CHECKING:
    from kedge.definitions.contexts import OpExecutionContext
    from kedge.worker.program import BoundOp
    from kedge.worker.step import StepEnvironment


def run(bound: BoundOp, context: OpExecutionContext | None, env: StepEnvironment, ended: Ended) -> None:
    """Call each hook of the op for this end, in the order of their names."""
    if context is None:
        return
    for hook in sorted(bound.hooks, key=lambda one: one.name):
        if hook.on is not None and hook.on != ended.on:
            _note(context, "HOOK_SKIPPED", hook.name)
            continue
        try:
            found = _call(hook, _context_of(hook, bound, context, env, ended), ended)
            skipped = isinstance(found, HookExecutionResult) and found.is_skipped
            _note(context, "HOOK_SKIPPED" if skipped else "HOOK_COMPLETED", hook.name)
        except Exception as error:
            context.log.exception("hook %s raised", hook.name)
            _note(context, "HOOK_ERRORED", hook.name, failure_of(error, 0).to_json())


class Ended:
    """How an attempt ended, as hooks may ask of it. Its events are made when a hook wants them."""

    __slots__ = ("error", "failure", "inputs", "on", "records", "times", "values")

    def __init__(
        self,
        records: Mapping[str, Any],
        values: Mapping[str, Any],
        times: Times,
        inputs: Mapping[str, Binding],
        error: BaseException | None = None,
        failure: Failure | None = None,
    ) -> None:
        self.on = "success" if error is None else "failure"
        self.records = records
        self.values = values
        self.times = times
        self.inputs = inputs
        self.error = error
        self.failure = failure

    def events(self, context: OpExecutionContext) -> list[Any]:
        """The events of the attempt, from its start to its end."""
        from kedge.worker.telling import StepTeller

        status = OutcomeStatus.SUCCEEDED if self.error is None else OutcomeStatus.FAILED
        noted = [one for one in context.events or () if not one["kind"].startswith("HOOK_")]
        outcome = Outcome(context.step, context.attempt, status, dict(self.records), self.failure, self.times, noted)
        run = context.run
        teller = StepTeller(context.op_def, outcome, self.inputs, run_id=run.run_id, job_name=run.job_name)
        return list(teller.tell())


def _call(hook: HookDefinition, context: HookContext, ended: Ended) -> Any:
    if hook.on is not None and hook.decorated_fn is not None:
        hook.decorated_fn(context)
        return None
    return hook.hook_fn(context, ended.events(context.step_context))


def _context_of(
    hook: HookDefinition,
    bound: BoundOp,
    context: OpExecutionContext,
    env: StepEnvironment,
    ended: Ended,
) -> HookContext:
    error = ended.error
    return HookContext(
        hook,
        context,
        OpUse(bound.flat.name.rpartition(".")[2], bound.definition, bound.flat.tags),
        env.scope.select(hook.required_resource_keys),
        None if error is None else error.__cause__ or error,
        ended.values,
        ended.records,
    )


def _note(context: OpExecutionContext, kind: str, hook: str, error: Mapping[str, Any] | None = None) -> None:
    found: dict[str, Any] = {"kind": kind, "label": hook}
    if error is not None:
        found["error"] = error
    context.note(found)
