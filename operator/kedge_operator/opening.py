"""From an OpJob to a run that can go on: its document, its history, its pods. Read from the store where it is there.

The actor of the run calls these, in the order in which they stand here. `Refused` is an answer to the author: the run
will not start, and nothing of it was started.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from kedge.core import spec as specs
from kedge.core.document import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG, PlanDocument, Reexecution
from kedge.core.errors import KedgeError, PlanError, ProtocolError, VersionMismatch
from kedge.core.graph import OpGraph
from kedge.core.ids import StepKey
from kedge.core.layout import RUNS, RunPaths
from kedge.core.planning import Planned
from kedge.core.protocol import UNREADABLE, time_in
from kedge.core.selection import select_ops, subset
from kedge.core.spec import OpJob
from kedge.engine import records
from kedge.io.errors import ObjectExists, ObjectMissing, StoreError
from kedge.io.stores import Store
from kedge_operator import pods, templates
from kedge_operator.cluster import Cluster
from kedge_operator.errors import ClusterError, Forbidden, Invalid, NotFound, may_pass
from kedge_operator.labels import Reason
from kedge_operator.policy import Guard
from kedge_operator.settings import Settings
from kedge_operator.stores import AsyncStore

_DRY_RUNS = 50
"""So many different pods are tried at the door; a job with more has its others tried when they start."""


class Refused(KedgeError):
    """A run can't start. `reason` is that of the condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def parse(body: Mapping[str, Any]) -> OpJob:
    """The OpJob in an object of the API. Raises Refused that lists every fault."""
    try:
        return specs.parse({key: value for key, value in body.items() if key != "status"})
    except ProtocolError as error:
        raise Refused(Reason.INVALID, str(error)) from error


def completed(job: OpJob, planned: Planned) -> OpJob:
    """A job that names its entrypoint alone, with what its plan pod found. What the manifest says itself stands.

    Raises Refused with all that the plan pod found wrong.
    """
    if planned.errors or planned.spec is None:
        raise Refused(Reason.PLAN_REFUSED, "\n".join(_fault(one) for one in planned.errors) or "nothing was planned")
    given = job.spec.model_dump(by_alias=True, exclude_unset=True)
    annotations = dict(job.metadata.annotations)
    if planned.graph_digest is not None:
        annotations[specs.GRAPH_HASH] = planned.graph_digest
    metadata = {"name": job.name, "annotations": annotations}
    body = {"apiVersion": specs.API_VERSION, "kind": specs.KIND, "metadata": metadata, "spec": planned.over(given)}
    return parse(body)


def _fault(fault: Any) -> str:
    where = "" if fault.message.startswith(fault.path) else f"{fault.path}: "
    return f"{where}{fault.error}: {fault.message}"


def document_of(job: OpJob, uid: str, again: Reexecution | None, tags: Mapping[str, str]) -> PlanDocument:
    """The document of a new run. Raises Refused for references that can't be, and selections that name nothing."""
    try:
        graph = specs.graph_of(job.spec)
        document = specs.document_of(job, graph, uid)
        chosen: OpGraph = graph
        if document.op_selection:
            chosen = subset(graph, select_ops(graph, document.op_selection))
    except KedgeError as error:
        raise Refused(Reason.PLAN_REFUSED, f"{type(error).__name__}: {error}") from error
    return replace(document, graph=chosen, tags={**tags, **document.tags}, reexecute=again)


def run_pods(job: OpJob, uid: str, namespace: str, settings: Settings) -> pods.RunPods:
    """What the pods of the run have in common. Raises Refused without an image, or for a template that is none.

    Whether the administrator allows them is seen when one is made: see `pods.RunPods.guard`.
    """
    spec = job.spec
    image = spec.image or settings.image
    if not image:
        raise Refused(Reason.NO_IMAGE, "spec.image: give the image with the job's code; the operator has no default")
    try:
        both = (
            templates.of_job(settings.pod_template, "the operator's podTemplate"),
            templates.of_job(spec.pod_template),
        )
        for op in spec.ops or ():
            templates.of_op(op.pod, f"op {op.name}: pod")
    except KedgeError as error:
        raise Refused(Reason.POD_REFUSED, str(error)) from error
    growth = spec.memory_growth
    url = spec.store.url if spec.store is not None and spec.store.url is not None else settings.store.url
    own = url != settings.store.url
    found = pods.RunPods(
        namespace,
        job.name,
        uid,
        image,
        url,
        {} if own else settings.store.environment,
        (spec.store.secret_name if spec.store is not None else None) or (None if own else settings.store.secret_name),
        both,
        None if growth is None else pods.MemoryGrowth(growth.factor, growth.limit),
        settings.allow_pickle,
    )
    usual = replace(found, image=settings.image or "", templates=both[:1])
    return replace(found, guard=Guard(settings.pod_policy, pods.plan_pod(usual, 1, "")))


async def try_pods(cluster: Cluster, job: OpJob, run: pods.RunPods) -> None:
    """Ask whether the pods that the author has shaped would be taken: first by the administrator's rules, then by the
    API server. Raises Refused, with all that those rules do not allow, or in the API server's words.
    """
    shaped = {json.dumps(op.pod, sort_keys=True): op for op in job.spec.ops or () if op.pod}
    made: list[tuple[str, dict[str, Any]]] = []
    faults: list[str] = []
    by_ops = (
        (f"op {op.name}: pod", partial(pods.step_pod, run, StepKey(op.name), 1, "{}", op.pod)) for op in shaped.values()
    )
    for where, make in (("spec.podTemplate", partial(pods.plan_pod, run, 1, "{}")), *by_ops):
        try:
            made.append((where, make()))
        except PlanError as error:
            faults.append(str(error))
    if faults:
        raise Refused(Reason.POD_REFUSED, "\n".join(faults))
    if job.spec.pod_template:  # first, because its faults are those of each op's pod, too
        await _try(cluster, *made[0])
    await asyncio.gather(*(_try(cluster, *one) for one in made[1 : 1 + _DRY_RUNS]))


async def _try(cluster: Cluster, where: str, pod: Mapping[str, Any]) -> None:
    try:
        await cluster.create_pod(pod, dry_run=True)
    except (Forbidden, Invalid) as error:
        if not may_pass(error):
            raise Refused(Reason.POD_REFUSED, f"{where}: {error.message}") from error
    except ClusterError:
        pass  # the pods themselves will be asked for again and again


# -- the store --------------------------------------------------------------------------------------------------------


def stored_document(store: Store, paths: RunPaths) -> PlanDocument | None:
    """The document of a run that was begun before. Raises Refused for one that is damaged.

    One that another release wrote (VersionMismatch) can be read again by that release, and is no reason to end the run.
    """
    try:
        return records.read_document(store, paths)
    except records.NoSuchRun:
        return None
    except VersionMismatch:
        raise
    except ProtocolError as error:
        raise Refused(Reason.PLAN_REFUSED, f"its plan in the store can't be read: {error}") from error


def began(store: Store, paths: RunPaths, now: float) -> float:
    """When the run was begun, in seconds since the epoch."""
    try:
        return min(now, time_in(records.read_json_at(store, paths.run)["created"]))
    except (ObjectMissing, ProtocolError, *UNREADABLE):
        return now


def write_document(store: Store, paths: RunPaths, document: PlanDocument, now: float) -> PlanDocument:
    """Write down what the run is, once. Returns the document that stands, which another operator may have written."""
    entry = {"runId": document.run_id, "job": document.job, "target": document.entrypoint, "created": now}
    store.put(paths.run, json.dumps(entry).encode())
    try:
        store.put(paths.plan, document.to_bytes(), create=True)
    except ObjectExists:
        return records.read_document(store, paths)
    return document


async def reexecution(
    cluster: Cluster, store: AsyncStore, namespace: str, job: OpJob
) -> tuple[Reexecution | None, dict[str, str]]:
    """What the job takes over from an earlier run, and the tags that say so. Raises Refused, saying what is missing."""
    again = job.spec.reexecute
    if again is None:
        return None, {}
    prefix = await _prefix_of(cluster, store, namespace, again.from_)
    steps = None if again.steps == "FromFailure" else tuple(again.steps)
    try:
        parent = await store.call("get", stored_document, RunPaths(prefix))
        result = await store.call("get", _result, RunPaths(prefix))
    except KedgeError as error:
        raise Refused(Reason.PLAN_REFUSED, f"reexecute: {again.from_}: {error}") from error
    if parent is None:
        raise Refused(
            Reason.PLAN_REFUSED, f"reexecute: {again.from_} was never planned, so it has nothing to go on from"
        )
    if result is None:
        raise Refused(Reason.PLAN_REFUSED, f"reexecute: {again.from_} has not ended; wait for its end, or cancel it")
    if steps is None and result.get("status") == "Succeeded":
        raise Refused(
            Reason.PLAN_REFUSED,
            f"reexecute: {again.from_} succeeded, so there is no failure to go on from; name steps to run them again",
        )
    tags = {PARENT_RUN_ID_TAG: parent.run_id, ROOT_RUN_ID_TAG: parent.tags.get(ROOT_RUN_ID_TAG, parent.run_id)}
    return Reexecution(prefix, steps), tags


async def _prefix_of(cluster: Cluster, store: AsyncStore, namespace: str, name: str) -> str:
    """The place of an earlier run in the store: that of the OpJob of this name, or of one that was."""
    try:
        found = await cluster.get_opjob(namespace, name)
        return RunPaths.of(namespace, name, found["metadata"]["uid"]).prefix
    except NotFound:
        pass
    folders = await store.call("list", lambda one: list(one.list_folders(f"{RUNS}/{namespace}")))
    known = [one.rstrip("/") for one in folders if one.rstrip("/").rpartition("/")[2][:-9] == name]
    if len(known) != 1:
        why = "is no OpJob here, and has left nothing" if not known else f"stands for {len(known)} earlier runs"
        raise Refused(Reason.PLAN_REFUSED, f"reexecute: {name} {why} in {store.store.url}")
    return known[0]


def _result(store: Store, paths: RunPaths) -> Mapping[str, Any] | None:
    try:
        return records.read_json_at(store, paths.result)
    except ObjectMissing:
        return None


def history(store: Store, paths: RunPaths, document: PlanDocument) -> Any:
    """All that the store knows of the run. Raises Refused when it takes over from a run of another graph, and what the
    store raises: one that is away for a moment is asked again.
    """
    try:
        return records.history_of(store, paths, document)
    except (records.NoSuchRun, StoreError, VersionMismatch):
        raise
    except KedgeError as error:
        if document.reexecute is None:
            raise
        raise Refused(Reason.PLAN_REFUSED, f"reexecute: {error}") from error
