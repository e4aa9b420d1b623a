"""Running a step's hooks. An error in a hook is logged and noted, and changes nothing about the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedge.definitions.hooks import HookContext, HookDefinition, OpUse

if TYPE_CHECKING:
    from kedge.definitions.contexts import OpExecutionContext
    from kedge.worker.program import BoundOp
    from kedge.worker.step import StepEnvironment


def run(
    bound: BoundOp,
    on: str,
    context: OpExecutionContext | None,
    env: StepEnvironment,
    error: BaseException | None,
    values: dict[str, Any],
) -> None:
    """Call each hook of the op for this end, in the order of their names."""
    if context is None:
        return
    for hook in sorted(bound.hooks, key=lambda one: one.name):
        if hook.on != on:
            _note(context, "HOOK_SKIPPED", hook.name)
            continue
        try:
            hook(_context_of(hook, bound, context, env, error, values))
            _note(context, "HOOK_COMPLETED", hook.name)
        except Exception:
            context.log.exception("hook %s raised", hook.name)
            _note(context, "HOOK_ERRORED", hook.name)


def _context_of(
    hook: HookDefinition,
    bound: BoundOp,
    context: OpExecutionContext,
    env: StepEnvironment,
    error: BaseException | None,
    values: dict[str, Any],
) -> HookContext:
    return HookContext(
        hook_def=hook,
        step=context.step,
        op=OpUse(bound.flat.name.rpartition(".")[2], bound.definition, bound.flat.tags),
        run_id=context.run_id,
        job_name=context.job_name,
        log=context.log,
        resources=env.scope.select(hook.required_resource_keys),
        op_config=bound.config,
        op_exception=None if error is None else error.__cause__ or error,
        op_output_values=values,
    )


def _note(context: OpExecutionContext, kind: str, hook: str) -> None:
    if context.events is None:
        context.events = []
    context.events.append({"kind": kind, "label": hook})
