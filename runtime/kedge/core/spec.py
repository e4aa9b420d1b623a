"""The OpJob, as a custom resource and as users write it: pydantic models, the source of the CRD.

Every field is described for `kubectl explain`. Unknown fields are refused. The models check shapes; whether the ops
fit together is the plan's business. Sizes are bounded, so that an API server can tell beforehand what its rules may
cost; `make generate` writes the CRD, and adds what an API server alone can judge, such as what may change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from kedge.core.document import PlanDocument, limit_from_json
from kedge.core.errors import ProtocolError
from kedge.core.graph import PARTITION_TAG, OpGraph
from kedge.core.layout import NOT_IN_A_URL, is_plain_url
from kedge.core.retry import RetryPolicy
from kedge.core.settings import Retain, RunSettings

API_VERSION: Final = "kedge.dev/v1alpha1"
KIND: Final = "OpJob"
GRAPH_HASH = "kedge.dev/graph-hash"

MAX_OPS: Final = 5_000
"""Ops of one graph; an object of a cluster can't be much larger. Clones of a mapped op don't count."""
MAX_INPUTS: Final = 100
MAX_LEVELS: Final = 100
"""Of lists and mappings inside each other; an API server takes 10,000, which nothing else is made for."""
MAX_NAMED: Final = 256
"""Entries of any other map or list of names."""
FAULTS_TOLD: Final = 200
"""Of those that a spec has."""
FAULTS_LOOKED_AT: Final = 10_000
YEAR: Final = 31_536_000
"""Seconds."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$", max_length=200)]
Entrypoint = Annotated[str, Field(pattern=r"^[^:]+:[A-Za-z_][A-Za-z0-9_.]*$", max_length=500)]
Reference = Annotated[str, Field(min_length=1, max_length=500)]
"""`op` or `op.output`, or a selection of ops."""
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", min_length=1, max_length=253)]
"""Of an object of the cluster, as it stands in the path of a request."""
Label = Annotated[str, Field(max_length=10_000)]
"""The value of a tag; Dagster's hold whole configs."""
Tags = Annotated[dict[str, Label], Field(max_length=MAX_NAMED)]
Levels = Annotated[int, Field(ge=1, le=100)]
Seconds = Annotated[float, Field(ge=0, le=YEAR)]


class Model(BaseModel):
    """Base of all parts: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class OutputModel(Model):
    """An output of an op."""

    name: str = Field("result", max_length=200, description="Name of the output.")
    dynamic: bool = Field(False, description="The op gives any number of values, each under a mapping key.")
    required: bool = Field(True, description="The op must give it. What reads an optional output not given is skipped.")


class RetryPolicyModel(Model):
    """When a failed op is tried again."""

    max_retries: int = Field(1, ge=0, le=1000, description="Retries after the first attempt.")
    delay_seconds: Seconds | None = Field(None, description="Seconds before a retry.")
    backoff: Literal["Linear", "Exponential"] | None = Field(None, description="How the delay grows.")
    jitter: Literal["Full", "PlusMinus"] | None = Field(None, description="How the delay is spread.")


class CollectModel(Model):
    """A collected member of a fan-in list."""

    collect: Reference = Field(description="op or op.output.")
    levels: Levels = Field(1, description="How many maps to close.")


class MapModel(Model):
    """A member of a fan-in list that is the element of a map."""

    map: Reference = Field(description="op or op.output: a dynamic output.")


class InputModel(Model):
    """Where an input comes from: exactly one of the kinds."""

    from_: Reference | None = Field(
        None, alias="from", description="The value of op or op.output; in a map, the same clone's."
    )
    value: Any = Field(
        None,
        description="A constant: any JSON. Client-side `kubectl apply` takes null out of what it sends; to give that, "
        "use --server-side.",
    )
    each: Annotated[list[Reference | CollectModel | MapModel], Field(max_length=MAX_OPS)] | None = Field(
        None, description="A fan-in list: op, op.output, {map: ...} or {collect: ..., levels: ...}."
    )
    map: Reference | None = Field(None, description="A dynamic output: one clone of this op for each of its values.")
    collect: Reference | None = Field(None, description="The list of all clones' values, in the order of their keys.")
    levels: Levels | None = Field(None, description="With collect: how many maps to close; default 1.")

    @model_validator(mode="after")
    def _one_kind(self) -> InputModel:
        kinds = self.model_fields_set - {"levels"}
        if len(kinds) != 1:
            raise ValueError("give exactly one of from, value, each, map and collect")
        if "levels" in self.model_fields_set and kinds != {"collect"}:
            raise ValueError("levels goes with collect")
        return self


class OpModel(Model):
    """One op of the graph."""

    name: Name = Field(description="Unique name; ops of nested graphs are called outer.inner.")
    entrypoint: Entrypoint | None = Field(None, description="module:attribute of an op, or of a plain function.")
    config: Any = Field(None, description="Config of the op.")
    inputs: dict[str, InputModel] = Field(
        default_factory=dict, max_length=MAX_INPUTS, description="Where each input comes from."
    )
    outputs: list[OutputModel] = Field(
        default_factory=lambda: [OutputModel()],
        max_length=MAX_NAMED,
        description="Outputs; default one called result.",
    )
    after: list[Reference] = Field(
        default_factory=list,
        max_length=MAX_OPS,
        description="Ops that must have ended before: order without data.",
    )
    tags: Tags = Field(default_factory=dict, description="Tags; kedge/priority orders the steps.")
    retry_policy: RetryPolicyModel | None = Field(None, description="Retries of this op; beats the job's.")
    timeout_seconds: Annotated[float, Field(gt=0, le=YEAR)] | None = Field(
        None, description="Longest time an attempt may take."
    )
    pod: dict[str, Any] | None = Field(None, description="Pod settings, merged over the job's podTemplate.")
    code_version: str | None = Field(
        None,
        max_length=200,
        description="Memoizes the op: a step takes over the outputs of an earlier success with the same code version, "
        "config and inputs.",
    )


class TagLimitModel(Model):
    """A limit on steps with a tag."""

    key: str = Field(min_length=1, max_length=500, description="The tag.")
    value: Label | dict[str, bool] | None = Field(
        None,
        description="Only steps whose tag has this value; {applyLimitPerUniqueValue: true} limits each value apart.",
    )
    limit: int = Field(ge=1, le=100_000, description="Steps unfinished at once.")


class ResourceModel(Model):
    """A resource or an I/O manager of a job whose ops name their own code."""

    entrypoint: Entrypoint = Field(description="module:attribute of a resource.")
    config: Any = Field(None, description="Its config.")


def _plain(url: str) -> str:
    if not is_plain_url(url):
        raise ValueError("no part of a store's URL is . or ..")
    return url


StoreUrl = Annotated[
    str, Field(pattern=rf"^[a-z][a-z0-9]*://[^{NOT_IN_A_URL}]*$", max_length=1_000), AfterValidator(_plain)
]


class StoreModel(Model):
    """Where values, outcomes and logs go."""

    url: StoreUrl | None = Field(
        None, description="s3://bucket/prefix, gs://..., az://... or file:///...; default the operator's own."
    )
    secret_name: ObjectName | None = Field(
        None, description="With url: Secret with the store's credentials as environment variables."
    )
    reclaim_policy: Literal["Delete", "Retain"] = Field(
        "Delete", description="Whether what the run has stored is deleted with its OpJob."
    )

    @model_validator(mode="after")
    def _secret_of_a_url(self) -> StoreModel:
        if self.secret_name is not None and self.url is None:
            raise ValueError("secretName goes with url: the operator's own store has its credentials")
        return self


class ReexecuteModel(Model):
    """Take over the values of an earlier run."""

    from_: ObjectName = Field(alias="from", description="Name of the earlier OpJob.")
    steps: Literal["FromFailure"] | Annotated[list[Reference], Field(max_length=MAX_OPS)] = Field(
        "FromFailure", description="What to run again: FromFailure, or a list of selections of steps."
    )


class MemoryGrowthModel(Model):
    """How the memory of a step grows after it was OOMKilled."""

    factor: float = Field(gt=1, le=100, description="By which the memory is multiplied.")
    limit: str = Field(
        pattern=r"^[0-9.]+([eE][0-9]+|[numkKMGTPE]i?)?$", max_length=50, description="No more than this."
    )


class OpJobSpec(Model):
    """What one run is."""

    image: Annotated[str, Field(min_length=1, max_length=1_000)] | None = Field(
        None, description="Image with the user's code, on top of the Kedge runtime image; default the operator's."
    )
    entrypoint: Entrypoint | None = Field(None, description="module:attribute of a JobDefinition.")
    ops: Annotated[list[OpModel], Field(max_length=MAX_OPS)] | None = Field(
        None, description="The op graph, as `kedge compile` prints it or written by hand."
    )
    run_config: dict[str, Any] = Field(
        default_factory=dict, description="Dagster's run config: ops, resources, execution, loggers, inputs."
    )
    resources: dict[str, ResourceModel] = Field(
        default_factory=dict, max_length=MAX_NAMED, description="Resources by key, for ops that name their own code."
    )
    tags: Tags = Field(default_factory=dict, description="Tags of the run.")
    max_concurrent: int = Field(10, ge=1, le=100_000, description="Steps unfinished at once; may change.")
    tag_concurrency_limits: list[TagLimitModel] = Field(
        default_factory=list, max_length=MAX_NAMED, description="Limits by tag."
    )
    op_selection: list[Reference] = Field(
        default_factory=list,
        max_length=MAX_OPS,
        description="Run only these ops; `*a`, `a+` and the like select others.",
    )
    partition_key: Annotated[str, Field(max_length=1_000)] | None = Field(
        None, description="The partition that the run is for."
    )
    retry_policy: RetryPolicyModel | None = Field(None, description="Retries of ops that have no policy of their own.")
    fail_fast: bool = Field(False, description="Stop the run at the first failed step.")
    infrastructure_retries: int = Field(
        3, ge=0, le=1000, description="How often a step that was lost is started again."
    )
    memory_growth: MemoryGrowthModel | None = Field(None, description="More memory after an OOM kill.")
    active_deadline_seconds: Seconds | None = Field(None, description="Longest time the run may take.")
    pending_deadline_seconds: Seconds = Field(600, description="Longest time a pod may stay Pending.")
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        None, description="Remove the OpJob so long after its end; may change."
    )
    suspend: bool = Field(False, description="Start no more steps; may change.")
    cancel: bool = Field(False, description="Stop the run; may change to true, and not back.")
    store: StoreModel | None = Field(None, description="The store; default the operator's.")
    retain_values: Retain = Field(Retain.ALWAYS, description="How long values are kept.")
    cache: bool = Field(True, description="Take over outputs of earlier runs for ops with a codeVersion.")
    retries: bool = Field(True, description="Try failed steps again as their policies say.")
    allow_pickle: bool = Field(
        True,
        description="Whether values may be stored as pickles, which run code when they are loaded. The operator's "
        "administrator may forbid them for all jobs.",
    )
    reexecute: ReexecuteModel | None = Field(None, description="Re-execute an earlier run.")
    pod_template: dict[str, Any] | None = Field(None, description="core/v1 PodTemplateSpec for the steps' pods.")

    @model_validator(mode="after")
    def _some_code(self) -> OpJobSpec:
        if self.ops is None and self.entrypoint is None:
            raise ValueError("give ops, entrypoint, or both")
        if self.entrypoint is None and any(op.entrypoint is None for op in self.ops or ()):
            raise ValueError("give the job's entrypoint, or each op its own")
        return self


class Metadata(BaseModel):
    """Kubernetes metadata; only the name is looked at."""

    model_config = ConfigDict(extra="allow")
    name: str | None = None
    generateName: str | None = None  # noqa: N815 - Kubernetes' own spelling
    annotations: dict[str, str] = Field(default_factory=dict)


class OpJob(Model):
    """One run of a job."""

    api_version: Literal["kedge.dev/v1alpha1"] = Field(API_VERSION, alias="apiVersion")
    kind: Literal["OpJob"] = KIND
    metadata: Metadata
    spec: OpJobSpec
    status: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        return self.metadata.name or (self.metadata.generateName or "job").rstrip("-")


def parse(data: Any) -> OpJob:
    """Read a manifest. Raises ProtocolError that lists every fault with its path, the first 200 of very many."""
    if _is_deeper(data, MAX_LEVELS):
        raise ProtocolError(f"this is no valid {KIND}: it is nested in more than {MAX_LEVELS} levels")
    try:
        return OpJob.model_validate(data)
    except ValidationError as error:
        if error.error_count() > FAULTS_LOOKED_AT:
            raise ProtocolError(f"this is no valid {KIND}: it has {error.error_count()} faults") from error
        found = error.errors(include_url=False, include_context=False, include_input=False)
        faults = "".join(f"\n    {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:FAULTS_TOLD])
        more = f"\n    and {len(found) - FAULTS_TOLD} more" if len(found) > FAULTS_TOLD else ""
        raise ProtocolError(f"this is no valid {KIND}:{faults}{more}") from error


def _is_deeper(data: Any, most: int) -> bool:
    """Whether lists and mappings in data are nested in more than `most` levels."""
    level = [data]
    for _ in range(most):
        level = [one for inner in level for one in _inside(inner) if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def _inside(data: Any) -> Iterable[Any]:
    return data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()


def graph_of(spec: OpJobSpec) -> OpGraph:
    """The op graph of a spec that carries one. Raises ProtocolError for references that can't be."""
    assert spec.ops is not None
    return OpGraph.from_json([op.model_dump(by_alias=True, exclude_unset=True) for op in spec.ops])


def settings_of(spec: OpJobSpec, run_id: str) -> RunSettings:
    """What the spec says about how to run."""
    retry = None
    if spec.retry_policy is not None:
        retry = RetryPolicy.from_json(spec.retry_policy.model_dump(by_alias=True, exclude_none=True))
    return RunSettings(
        run_id,
        spec.max_concurrent,
        spec.fail_fast,
        retry,
        spec.infrastructure_retries,
        spec.active_deadline_seconds,
        spec.retain_values,
        spec.cache,
        spec.retries,
        spec.allow_pickle,
    )


def document_of(job: OpJob, graph: OpGraph, run_id: str) -> PlanDocument:
    """The plan document of a manifest with this graph."""
    spec = job.spec
    tags = dict(spec.tags)
    if spec.partition_key is not None:
        tags[PARTITION_TAG] = spec.partition_key
    limits = [limit_from_json(one.model_dump(by_alias=True)) for one in spec.tag_concurrency_limits]
    resources = {key: one.model_dump(exclude_unset=True) for key, one in spec.resources.items()}
    return PlanDocument(
        run_id,
        job.name,
        graph,
        spec.entrypoint,
        job.metadata.annotations.get(GRAPH_HASH),
        spec.run_config,
        resources,
        tags,
        tuple(spec.op_selection),
        settings_of(spec, run_id),
        tuple(limits),
    )


def manifest(name: str, spec: dict[str, Any], graph_hash: str | None = None) -> dict[str, Any]:
    """An OpJob as plain data, fields in the order in which people read them."""
    metadata: dict[str, Any] = {"name": name}
    if graph_hash is not None:
        metadata["annotations"] = {GRAPH_HASH: graph_hash}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
