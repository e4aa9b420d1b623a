"""Executors: what Dagster's `executor_def` says about how steps run, read as settings of Kedge's own engines.

Kedge decides where steps run by how a job is started: `execute_in_process` in this process, `kedge run` in local
processes, `kubectl apply` in pods. An executor narrows that: how many steps at once, limits by tag, whether a failed
step is tried again, and for `k8s_job_executor` what the pods look like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kedge.core.errors import DagsterInvalidDefinitionError, DagsterUnmetExecutorRequirementsError
from kedge.core.plan import TagLimit
from kedge.definitions.config import Array, Field, Noneable, Permissive, Shape, field_of
from kedge.definitions.config_kinds import IntSource, Map, ScalarUnion, Selector, StringSource
from kedge.definitions.configured import configured_field, resolver_of
from kedge.definitions.ins_outs import NO_VALUE


@dataclass(frozen=True)
class ExecutorSettings:
    """What an executor and its config ask for.

    `max_concurrent` None: as many as the engine allows. `retries` False: no failed step is tried again.
    `in_process`: steps share one process where the engine can do that. `k8s` holds the config of k8s_job_executor.
    """

    max_concurrent: int | None = None
    tag_limits: tuple[TagLimit, ...] = ()
    start_method: str | None = None
    retries: bool = True
    in_process: bool = False
    k8s: Mapping[str, Any] = field(default_factory=dict)


class ExecutorDefinition:
    """An executor by name. Kedge knows those of Dagster and `k8s_job_executor`; `configured` gives their config.

    One that a user has written (`executor_creation_fn`) can be named by a job, which then still runs in process;
    its own way of running steps is refused.
    """

    def __init__(
        self,
        name: str,
        config_schema: Any = None,
        requirements: Any = None,
        executor_creation_fn: Callable[..., Any] | None = None,
        description: str | None = None,
        *,
        read: Callable[[Any], ExecutorSettings] | None = None,
    ) -> None:
        self.name = name
        self.config_schema = config_schema
        self.requirements = requirements
        self.executor_creation_fn = executor_creation_fn
        self.description = description
        self.config_field: Field | None = field_of(config_schema)
        self._read = read

    def configured(
        self,
        config_or_config_fn: Any,
        name: str | None = None,
        config_schema: Any = None,
        description: str | None = None,
    ) -> ExecutorDefinition:
        """The same executor with its config given now, or computed from a smaller one."""
        resolve = resolver_of(self.config_field, config_or_config_fn, name or self.name, config_schema)
        inner = self._read
        made = ExecutorDefinition(
            name or self.name,
            None,
            self.requirements,
            self.executor_creation_fn,
            description or self.description,
            read=None if inner is None else lambda given: inner(resolve(given)),
        )
        made.config_field = configured_field(config_or_config_fn, config_schema)
        return made

    def settings(self, config: Any) -> ExecutorSettings:
        """What this executor asks for, with its resolved config.

        Raises DagsterUnmetExecutorRequirementsError for an executor that a user has written.
        """
        if self._read is None:
            raise DagsterUnmetExecutorRequirementsError(
                f"executor {self.name} brings its own way of running steps, and Kedge runs them itself: in this "
                "process, in local processes or in pods. Use execute_in_process(), or one of in_process_executor, "
                "multiprocess_executor and k8s_job_executor"
            )
        after = (config or {}).get("step_dependency_config") or {}
        if not after.get("require_upstream_step_success", True):
            raise DagsterUnmetExecutorRequirementsError(
                f"executor {self.name}: require_upstream_step_success=False would start steps on outputs of a step "
                "that has not ended, and an attempt's outputs count together or not at all; leave it out"
            )
        return self._read(config)

    def __repr__(self) -> str:
        return f"<executor {self.name}>"


def executor(name: Any = None, config_schema: Any = None, requirements: Any = None) -> Any:
    """Make an ExecutorDefinition of a function; see there what Kedge does with it."""

    def decorate(fn: Callable[..., Any]) -> ExecutorDefinition:
        given = name if isinstance(name, str) else fn.__name__
        return ExecutorDefinition(given, config_schema, requirements, fn, fn.__doc__)

    return decorate(name) if callable(name) else decorate


def check_executor(job: str, found: Any) -> ExecutorDefinition | None:
    """`executor_def` of a job. Raises DagsterInvalidDefinitionError for what is none."""
    if found is not None and not isinstance(found, ExecutorDefinition):
        raise DagsterInvalidDefinitionError(
            f"job {job}: executor_def is {found!r}; give an executor such as multiprocess_executor"
        )
    return found


def resolve(found: ExecutorDefinition | None, section: Any, errors: list[Any]) -> Any:
    """The config in the `execution` section of a run config, checked; what is wrong goes to `errors`.

    Without an executor any config will do.
    """
    if not isinstance(section, Mapping):
        errors.append(f"execution: expected a mapping with `config`, got {section!r}")
        return None
    for key in section:
        if key != "config":
            errors.append(f"execution: unknown field {key!r}; it takes config")
    schema = None if found is None else found.config_field
    if found is None or schema is None:
        return section.get("config")
    if "config" in section:
        return schema.config_type.resolve(section["config"], "execution:config", errors)
    default = schema.default()
    if default is NO_VALUE and schema.is_required:
        errors.append(f"execution:config: config is required by executor {found.name}")
    return None if default is NO_VALUE else default


_RETRIES = Field(
    Selector({"enabled": Field({}, is_required=False), "disabled": Field({}, is_required=False)}), {"enabled": {}}
)
_AFTER = Field({"require_upstream_step_success": Field(bool, is_required=False, default_value=True)}, is_required=False)
_LIMITS = Field(
    Array(
        Shape(
            {
                "key": str,
                "value": Field(ScalarUnion(str, Shape({"applyLimitPerUniqueValue": bool})), is_required=False),
                "limit": int,
            }
        )
    ),
    is_required=False,
)
_START = Field(
    Selector({"spawn": Field({}, is_required=False), "forkserver": Field(Permissive(), is_required=False)}),
    is_required=False,
)
_IN_PROCESS = {"retries": _RETRIES, "marker_to_close": Field(str, is_required=False), "step_dependency_config": _AFTER}
_PROCESSES = {
    "max_concurrent": Field(Noneable(int), default_value=None, is_required=False),
    "tag_concurrency_limits": _LIMITS,
    "start_method": _START,
    "retries": _RETRIES,
    "step_dependency_config": _AFTER,
}


def _limits_of(config: Mapping[str, Any]) -> tuple[TagLimit, ...]:
    found = []
    for one in config.get("tag_concurrency_limits") or ():
        value = one.get("value")
        each = isinstance(value, Mapping) and bool(value["applyLimitPerUniqueValue"])
        found.append(TagLimit(one["key"], one["limit"], None if isinstance(value, Mapping) else value, each))
    return tuple(found)


def _retries_of(config: Mapping[str, Any]) -> bool:
    return "disabled" not in (config.get("retries") or {})


def _read_in_process(config: Any) -> ExecutorSettings:
    return ExecutorSettings(max_concurrent=1, retries=_retries_of(config or {}), in_process=True)


def _read_processes(config: Any) -> ExecutorSettings:
    config = config or {}
    method = {"spawn": "spawn", "forkserver": "fork"}.get(next(iter(config.get("start_method") or {}), ""))
    # Dagster takes 0 for "as many as there are processors"
    return ExecutorSettings(config.get("max_concurrent") or None, _limits_of(config), method, _retries_of(config))


def _read_either(config: Any) -> ExecutorSettings:
    config = config or {}
    if "in_process" in config:
        return _read_in_process(config["in_process"])
    return _read_processes(config.get("multiprocess"))


in_process_executor = ExecutorDefinition(
    "in_process", _IN_PROCESS, description="One step at a time.", read=_read_in_process
)
multiprocess_executor = ExecutorDefinition(
    "multiprocess", _PROCESSES, description="Each step in a process of its own.", read=_read_processes
)
multi_or_in_process_executor = ExecutorDefinition(
    "multi_or_in_process_executor",
    Field(
        Selector(
            {"in_process": Field(_IN_PROCESS, is_required=False), "multiprocess": Field(_PROCESSES, is_required=False)}
        ),
        default_value={"multiprocess": {}},
        is_required=False,
    ),
    description="What a job has that names no executor: config chooses one of the two.",
    read=_read_either,
)

_ANY_FIELDS = Field(Permissive(), is_required=False)
_MAPPINGS = Field(Array(Permissive()), is_required=False, default_value=[])
_TEXT = Field(Noneable(StringSource), is_required=False)
_TEXTS = Field(Noneable(Array(StringSource)), is_required=False)
_K8S_CONFIG = {
    "container_config": _ANY_FIELDS,
    "pod_template_spec_metadata": _ANY_FIELDS,
    "pod_spec_config": _ANY_FIELDS,
    "job_config": _ANY_FIELDS,
    "job_metadata": _ANY_FIELDS,
    "job_spec_config": _ANY_FIELDS,
    "merge_behavior": Field(str, is_required=False),
}
_K8S = {
    "job_image": _TEXT,
    "image_pull_policy": _TEXT,
    "image_pull_secrets": Field(Noneable(Array(Shape({"name": StringSource}))), is_required=False),
    "service_account_name": _TEXT,
    "env_config_maps": _TEXTS,
    "env_secrets": _TEXTS,
    "env_vars": Field(Noneable(Array(str)), is_required=False),
    "volume_mounts": _MAPPINGS,
    "volumes": _MAPPINGS,
    "labels": _ANY_FIELDS,
    "resources": Field(Noneable(Permissive()), is_required=False),
    "scheduler_name": _TEXT,
    "security_context": _ANY_FIELDS,
    "load_incluster_config": Field(bool, is_required=False),
    "kubeconfig_file": Field(Noneable(str), is_required=False),
    "job_namespace": Field(StringSource, is_required=False),
    "retries": _RETRIES,
    "max_concurrent": Field(IntSource, is_required=False),
    "tag_concurrency_limits": _LIMITS,
    "step_k8s_config": Field(_K8S_CONFIG, is_required=False),
    "per_step_k8s_config": Field(Map(str, Shape(_K8S_CONFIG)), is_required=False, default_value={}),
    "enable_owner_references": Field(bool, is_required=False, default_value=False),
    "step_dependency_config": _AFTER,
}


def _read_k8s(config: Any) -> ExecutorSettings:
    config = config or {}
    return ExecutorSettings(
        config.get("max_concurrent") or None, _limits_of(config), None, _retries_of(config), k8s=dict(config)
    )


k8s_job_executor = ExecutorDefinition(
    "k8s",
    _K8S,
    description="Each step in a pod. Its config goes into the manifest's podTemplate when a job is compiled.",
    read=_read_k8s,
)
