"""The contexts that I/O managers get in a run, and storing an output through its manager.

Called by `step`; what the managers themselves do is in `kedge.io` and in user code.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kedge.core.errors import DagsterInvariantViolationError
from kedge.core.layout import is_segment
from kedge.core.protocol import SourceRef
from kedge.definitions.ins_outs import InputDefinition, OutputDefinition
from kedge.definitions.io_contexts import InputContext, OutputContext
from kedge.io.errors import ValueForbidden

if TYPE_CHECKING:
    from kedge.worker.program import BoundOp
    from kedge.worker.step import StepEnvironment


def of_input(
    env: StepEnvironment,
    context: Any,
    bound: BoundOp,
    definition: InputDefinition,
    source: SourceRef | None,
    key: str,
) -> InputContext:
    """The context of loading one source of an input through the manager under `key`."""
    program = env.program
    return InputContext(
        step=context.step,
        name=definition.name,
        job_name=program.run.job_name,
        op_def=bound.definition,
        config=program.config.io.get((bound.flat.name, "inputs", definition.name)),
        dagster_type=definition.dagster_type,
        definition_metadata=definition.metadata,
        upstream_output=None if source is None else _upstream(env, source),
        resources=_resources(env, key),
        resource_config=program.config.resources.get(key),
        step_context=context,
        instance=program.instance,
        io=env.io,
        record=None if source is None else source.record,
    )


def _upstream(env: StepEnvironment, source: SourceRef) -> OutputContext:
    program = env.program
    bound = program.bound(source.step.op)
    output = bound.outputs[source.output]
    return OutputContext(
        step=source.step,
        name=source.output,
        job_name=program.run.job_name,
        run_id=_run_of(source) or program.run.run_id,
        mapping_key=source.mapping_key,
        op_def=bound.definition,
        config=program.config.io.get((source.step.op, "outputs", source.output)),
        dagster_type=output.dagster_type,
        definition_metadata=output.metadata,
        resource_config=program.config.resources.get(output.io_manager_key),
        resources=_resources(env, output.io_manager_key),
        io=env.io,
        record=source.record,
    )


def _run_of(source: SourceRef) -> str | None:
    """The run that an output taken over keeps. I/O managers make paths of it, so it has to be a name and no path."""
    found = (source.record or {}).get("run")
    if found is not None and not (isinstance(found, str) and is_segment(found)):
        raise ValueForbidden(f"{source.step}: its record names a run {str(found)[:200]!r}, which can be none")
    return found


def of_output(
    env: StepEnvironment,
    context: Any,
    bound: BoundOp,
    definition: OutputDefinition,
    mapping_key: str | None,
    noted: Mapping[str, Any] | None,
) -> OutputContext:
    """The context of storing one output; `noted` is the metadata that the op gave with it."""
    program, key = env.program, definition.io_manager_key
    return OutputContext(
        step=context.step,
        name=definition.name,
        job_name=program.run.job_name,
        run_id=program.run.run_id,
        mapping_key=mapping_key,
        attempt=context.attempt,
        op_def=bound.definition,
        config=program.config.io.get((bound.flat.name, "outputs", definition.name)),
        dagster_type=definition.dagster_type,
        definition_metadata=definition.metadata,
        output_metadata=noted,
        resources=_resources(env, key),
        resource_config=program.config.resources.get(key),
        step_context=context,
        instance=program.instance,
        io=env.io,
    )


def _resources(env: StepEnvironment, key: str) -> Any:
    definition = env.program.job.resource_defs.get(key)
    return env.scope.select(definition.required_resource_keys if definition is not None else ())


def store(manager: Any, context: OutputContext, value: Any) -> None:
    """Let the manager store the value, and note what it yields or returns about it.

    Raises DagsterInvariantViolationError for anything but an AssetMaterialization or a dict of metadata.
    """
    if not hasattr(manager, "handle_output"):
        raise DagsterInvariantViolationError(
            f"output {context.name!r} of {context.step_key}: the resource that stores it is a "
            f"{type(manager).__name__}, which is no I/O manager; set io_manager_key of the Out to one"
        )
    given = manager.handle_output(context, value)
    if given is None:
        return
    for one in given if inspect.isgenerator(given) else (given,):
        if isinstance(one, Mapping):
            context.add_output_metadata(one)
        elif type(one).__name__ == "AssetMaterialization":
            context.log_event(one)
        else:
            raise DagsterInvariantViolationError(
                f"handle_output of {type(manager).__name__} gave {one!r} for output {context.name!r}; it may return "
                "nothing, or return or yield AssetMaterializations and dicts of metadata"
            )
