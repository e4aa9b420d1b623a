"""The user's side of a run: which definition, config, resources and I/O managers belong to each op.

Made once per process from a job and a run config; the engine's side of a run (plan, state) is not in here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from kedge.core.graph import OpGraph
from kedge.core.ids import StepKey
from kedge.core.retry import RetryPolicy
from kedge.core.settings import RunSettings
from kedge.definitions.dagster_runs import DagsterRun, DagsterRunStatus
from kedge.definitions.flatten import FlatOp
from kedge.definitions.ins_outs import DEFAULT_IO_MANAGER, OutputDefinition
from kedge.definitions.io_managers import IOManager
from kedge.definitions.jobs import JobDefinition
from kedge.definitions.ops import OpDefinition
from kedge.definitions.resource_scope import ResourceScope
from kedge.definitions.resources import Resources
from kedge.definitions.run_config import ResolvedConfig

_NONE = Resources({})
_NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class BoundOp:
    """One op, ready to run: what the worker looks up for each of its steps."""

    flat: FlatOp
    definition: OpDefinition
    config: Any
    constants: Mapping[str, Any]
    retry: RetryPolicy | None
    resource_keys: AbstractSet[str]
    hooks: AbstractSet[Any]
    outputs: Mapping[str, OutputDefinition]


class Program:
    """All ops of one run, bound. Raises DagsterInvalidConfigError when the run config does not fit the job."""

    def __init__(
        self,
        job: JobDefinition,
        config: ResolvedConfig,
        run_id: str,
        tags: Mapping[str, str],
        default_io: IOManager,
        graph: OpGraph,
        settings: RunSettings,
    ) -> None:
        self.job = job
        self.settings = settings
        self._policies = {op.name: op.retry for op in graph if op.retry is not None}
        self.config = config
        chosen = job.op_selection or None
        self.run = DagsterRun(job.name, run_id, config.asked, chosen, status=DagsterRunStatus.STARTED, tags=tags)
        self.make_instance: Callable[[], Any] | None = None
        self._instance: Any = None
        self.default_io = default_io
        self.current: StepKey | None = None
        self._bound: dict[str, BoundOp] = {}
        self._constants: dict[str, dict[str, Any]] = {}
        for (op, name), value in config.inputs.items():
            self._constants.setdefault(op, {})[name] = value

    def scope(self, log: Any = None) -> ResourceScope:
        """The resources of this run, not started yet."""
        return ResourceScope(self.job.resource_defs, self.config.resources, log, self.run, lambda: self.instance)

    @property
    def instance(self) -> Any:
        """What keeps the runs, made when it is first asked for; None where a step can't see that."""
        if self._instance is None and self.make_instance is not None:
            self._instance = self.make_instance()
        return self._instance

    def logging(self) -> contextlib.AbstractContextManager[None]:
        """A block in which messages go to the loggers that the run config names; without any, it changes nothing."""
        if not self.config.loggers:
            return contextlib.nullcontext()
        from kedge.definitions.loggers import logging_to

        return logging_to(self.config.loggers, self.job, self.run.run_id, lambda: self.current)

    def bound(self, name: str) -> BoundOp:
        """The op of that flat name, ready to run."""
        found = self._bound.get(name)
        if found is None:
            found = self._bound[name] = self._bind(name)
        return found

    def _bind(self, name: str) -> BoundOp:
        flat = self.job.ops[name]
        definition = flat.definition
        return BoundOp(
            flat,
            definition,
            definition.convert_config(self.config.ops.get(name)),
            self._constants.get(name, _NOTHING),
            self._policies.get(name),
            definition.required_resource_keys,
            flat.hooks | self.job.hook_defs if self.job.hook_defs else flat.hooks,
            definition.outputs,
        )

    def resources_for(self, bound: BoundOp, scope: ResourceScope) -> Resources:
        """The resources that the op's code gets."""
        return scope.select(bound.resource_keys) if bound.resource_keys else _NONE

    def io_manager(self, key: str, scope: ResourceScope) -> Any:
        """The I/O manager under a key; the engine's own where the job sets none."""
        if key == DEFAULT_IO_MANAGER and key not in self.job.resource_defs:
            return self.default_io
        return scope.get(key)
