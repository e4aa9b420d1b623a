"""Running a step's hooks. An error in a hook is logged and noted, and changes nothing about the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedge.definitions.hooks import HookContext
from kedge.definitions.logs import StepLogger

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
    for hook in sorted(bound.hooks, key=lambda one: one.name):
        if hook.on != on or context is None:
            continue
        log = StepLogger(context.run_id, context.step)
        cause = error.__cause__ if error is not None and error.__cause__ is not None else error
        try:
            hook(
                HookContext(
                    hook,
                    context.step,
                    bound.definition,
                    context.run_id,
                    context.job_name,
                    log,
                    env.scope.select(hook.required_resource_keys),
                    bound.config,
                    cause,
                    values,
                )
            )
            _note(context, "HOOK_COMPLETED", hook.name)
        except Exception:
            log.exception("hook %s raised", hook.name)
            _note(context, "HOOK_ERRORED", hook.name)


def _note(context: OpExecutionContext, kind: str, hook: str) -> None:
    if context.events is None:
        context.events = []
    context.events.append({"kind": kind, "label": hook})
