"""A manifest's pod settings, from an op's tags `kedge/pod` and `dagster-k8s/config` and from `k8s_job_executor`.

Dagster writes the fields of Kubernetes objects in snake case or in camel case; a manifest has Kubernetes' own names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kedge.core.errors import DagsterInvalidDefinitionError
from kedge.definitions.flatten import POD_TAGS

if TYPE_CHECKING:
    from kedge.definitions.executors import ExecutorSettings

POD_TAG, K8S_TAG = POD_TAGS
_UNDERSCORE = re.compile(r"_([a-z0-9])")
_PLAIN_MAPS = frozenset({"labels", "annotations", "nodeSelector", "matchLabels", "limits", "requests", "data"})
"""Fields whose keys are the user's own words."""
_JOB_FIELDS = ("job_config", "job_metadata", "job_spec_config")
_SECTIONS = ("container_config", "pod_spec_config", "pod_template_spec_metadata")
_OURS = ("command", "args")
_MAPPINGS = ("metadata", "spec", "resources", "nodeSelector", "affinity", "securityContext", "podSecurityContext")
_LISTS = (
    "env",
    "envFrom",
    "volumes",
    "volumeMounts",
    "tolerations",
    "imagePullSecrets",
    "containers",
    "initContainers",
)


def camel(value: Any, plain: bool = False) -> Any:
    """`value` with the keys of its mappings in camel case; those of labels, annotations and quantities stay."""
    if isinstance(value, Mapping):
        found = {}
        for key, one in value.items():
            name = str(key) if plain else _UNDERSCORE.sub(lambda match: match[1].upper(), str(key))
            found[name] = camel(one, not plain and name in _PLAIN_MAPS)
        return found
    if isinstance(value, list | tuple):
        return [camel(one, plain) for one in value]
    return value


def pod_of_tags(kedge: str | None, dagster: str | None, where: str) -> dict[str, Any]:
    """An op's `pod` from its tags `kedge/pod` and `dagster-k8s/config`: field by field, the first counts.

    Raises DagsterInvalidDefinitionError for tags that are no pod settings.
    """
    below = {} if dagster is None else pod_of(_mapping_in(dagster, K8S_TAG, where), f"{where}: tag {K8S_TAG}")
    above = {} if kedge is None else check_pod(_mapping_in(kedge, POD_TAG, where), f"{where}: tag {POD_TAG}")
    return _over(below, above, where)


def _mapping_in(text: str, tag: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DagsterInvalidDefinitionError(f"{where}: tag {tag} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise DagsterInvalidDefinitionError(f"{where}: tag {tag} is {found!r}; give a mapping")
    return found


def _over(below: Mapping[str, Any], above: Mapping[str, Any], where: str) -> dict[str, Any]:
    """One op's settings over others. Raises DagsterInvalidDefinitionError where they are of two shapes."""
    whole = [name for name in ("spec", "containers") if name in above]
    if below and whole:
        raise DagsterInvalidDefinitionError(
            f"{where}: tag {POD_TAG} has {whole[0]}, under which the Kubernetes config from Dagster has no place; "
            f"put all of it into {POD_TAG}"
        )
    return {**below, **above}


def check_pod(pod: Mapping[str, Any], where: str) -> dict[str, Any]:
    """An op's `pod` as a manifest has it. Raises DagsterInvalidDefinitionError for what no pod could have."""
    for name in _OURS:
        if pod.get(name) is not None:
            raise DagsterInvalidDefinitionError(f"{where}: {name} can't be set: the container runs Kedge's worker")
    for names, kind, word in ((_MAPPINGS, Mapping, "a mapping"), (_LISTS, list, "a list")):
        for name in names:
            if pod.get(name) is not None and not isinstance(pod[name], kind):
                raise DagsterInvalidDefinitionError(f"{where}: {name} is {pod[name]!r}; give {word}")
    return dict(pod)


def pod_of(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """An op's `pod` from a `dagster-k8s/config`: settings of the container and of the pod, and its metadata.

    Raises DagsterInvalidDefinitionError for settings of a Kubernetes Job, for Kedge makes pods, and no Jobs; for
    further containers; and for fields that there are not.
    """
    _check_sections(config, where)
    container = camel(config.get("container_config") or {})
    spec = camel(config.get("pod_spec_config") or {})
    if "containers" in spec:
        raise DagsterInvalidDefinitionError(
            f"{where}: pod_spec_config has containers; those of one op go into its tag {POD_TAG}, those of all ops "
            "into podTemplate"
        )
    if "securityContext" in spec:
        spec["podSecurityContext"] = spec.pop("securityContext")  # beside that of the container
    metadata = camel(config.get("pod_template_spec_metadata") or {})
    return check_pod({**container, **spec, **({"metadata": metadata} if metadata else {})}, where)


def _check_sections(config: Mapping[str, Any], where: str) -> None:
    for name, section in config.items():
        if name in _JOB_FIELDS and section:
            raise DagsterInvalidDefinitionError(
                f"{where}: {name} is about a Kubernetes Job, and Kedge makes pods without one; use "
                "ttlSecondsAfterFinished, activeDeadlineSeconds and labels of the OpJob, or pod_template_spec_metadata"
            )
        if name in _SECTIONS and section is not None and not isinstance(section, Mapping):
            raise DagsterInvalidDefinitionError(f"{where}: {name} is {section!r}; give a mapping")
        if name not in (*_SECTIONS, *_JOB_FIELDS, "merge_behavior"):
            raise DagsterInvalidDefinitionError(
                f"{where}: unknown field {name!r}; there are {', '.join(_SECTIONS)}, with Kubernetes' fields in them"
            )


def pod_template_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The `podTemplate` that a config of k8s_job_executor asks for; empty when it asks for nothing."""
    step = config.get("step_k8s_config") or {}
    where = "k8s_job_executor: step_k8s_config"
    _check_sections(step, where)
    container = _container_of(config)
    container.update(check_pod(camel(step.get("container_config") or {}), f"{where}: container_config"))
    spec = _spec_of(config)
    spec.update(camel(step.get("pod_spec_config") or {}))
    metadata: dict[str, Any] = {"labels": dict(config["labels"])} if config.get("labels") else {}
    for name, values in camel(step.get("pod_template_spec_metadata") or {}).items():
        metadata[name] = {**metadata.get(name, {}), **values} if isinstance(values, Mapping) else values
    if container:
        spec["containers"] = [{"name": "step", **container}, *spec.get("containers", ())]
    return {name: part for name, part in (("metadata", metadata), ("spec", spec)) if part}


def _container_of(config: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if config.get("image_pull_policy"):
        found["imagePullPolicy"] = config["image_pull_policy"]
    sources = [{"configMapRef": {"name": one}} for one in config.get("env_config_maps") or ()]
    sources += [{"secretRef": {"name": one}} for one in config.get("env_secrets") or ()]
    if sources:
        found["envFrom"] = sources
    if config.get("env_vars"):
        found["env"] = [_variable(one) for one in config["env_vars"]]
    for name in ("volume_mounts", "resources", "security_context"):
        if config.get(name):
            found.update(camel({name: config[name]}))
    return found


def _variable(text: str) -> dict[str, str]:
    name, given, value = text.partition("=")
    if not given:
        raise DagsterInvalidDefinitionError(
            f"k8s_job_executor: env_vars has {text!r} without a value, which Dagster takes from the process that "
            f"launches the step; write {name}=VALUE, or use env_secrets or env_config_maps"
        )
    return {"name": name, "value": value}


def _spec_of(config: Mapping[str, Any]) -> dict[str, Any]:
    names = ("image_pull_secrets", "service_account_name", "scheduler_name", "volumes")
    found: dict[str, Any] = camel({name: config[name] for name in names if config.get(name)})
    return found


def spec_of(settings: ExecutorSettings) -> dict[str, Any]:
    """The part of a manifest's spec that an executor speaks of."""
    found: dict[str, Any] = {}
    if settings.k8s.get("job_image"):
        found["image"] = settings.k8s["job_image"]
    if settings.max_concurrent is not None:
        found["maxConcurrent"] = settings.max_concurrent
    if settings.tag_limits:
        found["tagConcurrencyLimits"] = [limit.to_json() for limit in settings.tag_limits]
    if not settings.retries:
        found["retries"] = False
    template = pod_template_of(settings.k8s)
    return {**found, "podTemplate": template} if template else found


def with_step_pods(ops: list[dict[str, Any]], settings: ExecutorSettings) -> list[dict[str, Any]]:
    """A manifest's ops with what `per_step_k8s_config` says of single steps, under what the op says itself.

    Raises DagsterInvalidDefinitionError for a step that the job does not have.
    """
    configs = settings.k8s.get("per_step_k8s_config") or {}
    unknown = sorted(set(configs) - {op["name"] for op in ops})
    if unknown:
        raise DagsterInvalidDefinitionError(
            f"k8s_job_executor: per_step_k8s_config names {', '.join(unknown)}; there is no such op"
        )
    found = []
    for op in ops:
        config = configs.get(op["name"])
        pod = {} if config is None else pod_of(config, f"k8s_job_executor: per_step_k8s_config of {op['name']}")
        found.append({**op, "pod": _over(pod, op.get("pod", {}), f"op {op['name']}")} if pod else op)
    return found
