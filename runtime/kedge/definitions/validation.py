"""`validate_run_config`: the check of a run config, without a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kedge.definitions.contexts import plain_config

if TYPE_CHECKING:
    from kedge.definitions.jobs import JobDefinition
    from kedge.definitions.run_config import ResolvedConfig


def validate_run_config(job_def: JobDefinition, run_config: Any = None) -> Mapping[str, Any]:
    """Check a run config (a mapping or a RunConfig) against a job and give it whole, with all defaults filled in.

    Ops stand under their flat names, as `graph.op`.
    Raises DagsterInvalidConfigError with all faults. Inputs of the job without a value are not looked for: they may
    still come as input values.
    """
    found = job_def.resolve_config(run_config)
    return {
        "ops": {name: _op_entry(found, name) for name in job_def.ops},
        "resources": {key: {"config": plain_config(one)} for key, one in found.resources.items()},
        "execution": plain_config(found.execution),
        "loggers": plain_config(found.loggers),
    }


def _op_entry(found: ResolvedConfig, name: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"config": plain_config(found.ops.get(name)), "inputs": {}, "outputs": {}}
    entry["inputs"] = {one: value for (op, one), value in found.inputs.items() if op == name}
    for (op, kind, one), value in found.io.items():
        if op == name:
            entry[kind][one] = value
    return entry
