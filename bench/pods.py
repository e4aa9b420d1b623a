"""What running steps as pods costs, beside the floor: the very same pods, created directly by a minimal client.

    make cluster-up images && python bench/pods.py [--rounds 3] [--only one,chain,wide]

The floor creates pods that run the same steps of a prepared run, with the same image, command and ticket: one after
the last was reported finished (`one`, `chain`), or with ten in flight (`wide`). Kedge gets the same ops as an OpJob,
with announcements and without. Floor and Kedge run in turns; all times are wall clock, as a client at the API server
sees them. Besides: requests by the operator, its reactions, and what it costs when idle.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import statistics
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
os.environ["KUBECONFIG"] = os.environ.get("KEDGE_KUBECONFIG") or str(HERE.parent / ".cluster/kubeconfig")
sys.path[:0] = [str(HERE.parent / name) for name in ("hack", "tests", "tests/cluster")]

from kedge_installed import RUNTIME, STORE_URL, Installed  # noqa: E402 - found by the line above
from turns import turn  # noqa: E402

from cluster import images  # noqa: E402
from kedge.core import spec  # noqa: E402
from kedge.core.actions import Start  # noqa: E402
from kedge.core.bindings import bind  # noqa: E402
from kedge.core.document import digest_of  # noqa: E402
from kedge.core.events import Begin, Ended  # noqa: E402
from kedge.core.layout import RunPaths  # noqa: E402
from kedge.core.plan import build  # noqa: E402
from kedge.core.protocol import Outcome, Ticket  # noqa: E402
from kedge.core.run import Run  # noqa: E402
from kedge.io.stores import Store  # noqa: E402
from kedge.io.tickets import ticket_text, with_indexes  # noqa: E402
from kedge_kubectl import Kubectl  # noqa: E402
from kedge_operator import pods, templates  # noqa: E402
from kedge_operator.cluster import Cluster, configuration  # noqa: E402
from manifests import first_store, names  # noqa: E402

Object = dict[str, Any]
CHAIN, WIDE, AT_ONCE = 10, 50, 10
SETTLING = 45.0  # seconds until what an operator does when it starts is over
GROUPS = {"one": 1, "chain": CHAIN, "wide": WIDE}


def ops_of(group: str) -> list[Object]:
    """The ops of a group: one, a chain, or many that know nothing of each other."""
    first: Object = {"name": "op_0", "entrypoint": "pod_ops:one"}
    if group == "wide":
        return [{**first, "name": f"op_{i}"} for i in range(WIDE)]
    rest = range(1, GROUPS[group])
    inputs = [{"x": {"from": f"op_{i - 1}"}} for i in rest]
    return [first, *({"name": f"op_{i}", "entrypoint": "pod_ops:add_one", "inputs": inputs[i - 1]} for i in rest)]


# -- the floor --------------------------------------------------------------------------------------------------------


class Floor:
    """A run whose pods are created by hand: the core says which, and its records are read for what comes next."""

    def __init__(self, kedge: Installed, cluster: Cluster, group: str) -> None:
        self.kedge, self.cluster = kedge, cluster
        uid = str(uuid.uuid4())
        name = f"floor-{uid[:6]}"
        body = spec.manifest(name, {"ops": ops_of(group), "maxConcurrent": AT_ONCE, "image": RUNTIME})
        job = spec.parse(body)
        self.document = spec.document_of(job, spec.graph_of(job.spec), uid)
        self.paths = RunPaths.of(kedge.namespace, name, uid)
        self.run = Run(build(self.document.graph), self.document.settings)
        environment = {**first_store.ENVIRONMENT}
        environment["AWS_ENDPOINT_URL"] = f"http://{names.STORE_SECRET}.{kedge.namespace}:7070"
        template = templates.of_job(kedge.pod_template())
        self.pods = pods.RunPods(
            kedge.namespace, name, uid, RUNTIME, STORE_URL, environment, names.STORE_SECRET, (template,)
        )
        kedge.store.put(self.paths.plan, self.document.to_bytes())

    async def drive(self) -> float:
        """Seconds from the first create to the last report."""
        steps: dict[str, Any] = {}
        async with watched(self.cluster, self.kedge.namespace, self.pods.uid) as ends:
            began = time.perf_counter()
            await self._carry_out(self.run.apply(Begin(0.0)), steps)
            async for name in ends:
                outcome = self._record(steps[name])
                await self._carry_out(self.run.apply(Ended(outcome, 0.0)), steps)
                if self.run.finished:
                    return time.perf_counter() - began
        raise SystemExit("the watch ended before the run")

    def _record(self, step: Any) -> Outcome:
        return Outcome.from_json(json.loads(self.kedge.store.get(self.paths.outcome(step, 1))))

    async def _carry_out(self, actions: list[Any], steps: dict[str, Any]) -> None:
        starts = [action for action in actions if isinstance(action, Start)]
        made = await asyncio.gather(*(self._start(action) for action in starts))
        steps.update(zip(made, (action.step for action in starts), strict=True))

    async def _start(self, action: Start) -> str:
        bindings = bind(self.run.state, self.run.state.steps[action.step])
        store: Store = self.kedge.store
        inputs = with_indexes(store, self.paths, action.step, bindings, 20)
        digest = digest_of(self.document.to_bytes())
        ticket = Ticket(self.document.run_id, self.paths.prefix, digest, action.step, action.attempt, 0, inputs)
        pod = pods.step_pod(self.pods, action.step, action.attempt, ticket_text(store, self.paths, ticket))
        del pod["metadata"]["ownerReferences"]
        await self.cluster.create_pod(pod)
        return str(pod["metadata"]["name"])


@asynccontextmanager
async def watched(cluster: Cluster, namespace: str, uid: str) -> AsyncIterator[AsyncIterator[str]]:
    """The names of a run's pods as they are reported to have succeeded."""
    import aiohttp

    config = cluster.config
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=cluster._client.ssl_context), read_bufsize=2**21)
    url = f"{config.host}/api/v1/namespaces/{namespace}/pods"
    response = await session.get(url, params={"watch": "true", "labelSelector": f"kedge.dev/run={uid}"})
    try:

        async def ends() -> AsyncIterator[str]:
            seen = set()
            async for line in response.content:
                pod = json.loads(line)["object"]
                if pod["status"].get("phase") == "Failed":
                    raise SystemExit(f"a pod of the floor failed: {pod['status']}")
                if pod["status"].get("phase") == "Succeeded" and pod["metadata"]["name"] not in seen:
                    seen.add(pod["metadata"]["name"])
                    yield pod["metadata"]["name"]

        yield ends()
    finally:
        response.close()
        await session.close()


# -- Kedge ------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Measured:
    """One run of Kedge. Seconds; None where it does not apply."""

    total: float
    first_pod: float
    completed: float
    reactions: list[float]
    writes: float


async def kedge_run(kedge: Installed, cluster: Cluster, group: str) -> Measured:
    """From create to the condition Complete, as a client at the API server sees it."""
    name = f"job-{uuid.uuid4().hex[:6]}"
    body = spec.manifest(name, {"ops": ops_of(group), "maxConcurrent": AT_ONCE})
    before = writes(kedge)
    path = f"{cluster.config.host}/apis/kedge.dev/v1alpha1/namespaces/{kedge.namespace}/opjobs"
    async with events(cluster, kedge.namespace, name) as seen:
        began, wall = time.perf_counter(), time.time()
        await cluster._request("POST", path.removeprefix(cluster.config.host), f"opjob {name}", body)
        first_pod = None
        async for kind, found in seen:
            if kind == "pods" and first_pod is None:
                first_pod = time.time() - wall
            if kind == "opjobs" and (found.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                total, ended = time.perf_counter() - began, time.time()
                assert found["status"]["phase"] == "Succeeded", found["status"]
                break
        else:
            raise SystemExit("the watch ended before the run")
    records = [found[0] for found in kedge.outcomes(name).values()]
    ends = {str(one.step): one.times.ended for one in records}
    reactions = [
        one.times.launched - ends[f"op_{int(str(one.step)[3:]) - 1}"]
        for one in records
        if group == "chain" and str(one.step) != "op_0"
    ]
    assert first_pod is not None
    return Measured(total, first_pod, ended - max(ends.values()), reactions, (writes(kedge) - before) / len(records))


@asynccontextmanager
async def events(cluster: Cluster, namespace: str, job: str) -> AsyncIterator[AsyncIterator[tuple[str, Object]]]:
    """What happens to an OpJob and its pods, as two watches tell."""
    import aiohttp

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=cluster._client.ssl_context), read_bufsize=2**21)
    queue: asyncio.Queue[tuple[str, Object]] = asyncio.Queue()
    base = f"{cluster.config.host}/apis/kedge.dev/v1alpha1/namespaces/{namespace}/opjobs"
    where = {
        "opjobs": (base, {"fieldSelector": f"metadata.name={job}"}),
        "pods": (
            f"{cluster.config.host}/api/v1/namespaces/{namespace}/pods",
            {"labelSelector": f"kedge.dev/job={job}"},
        ),
    }

    async def follow(kind: str, response: aiohttp.ClientResponse) -> None:
        async for line in response.content:
            queue.put_nowait((kind, json.loads(line)["object"]))

    async def told() -> AsyncIterator[tuple[str, Object]]:
        while True:
            yield await asyncio.wait_for(queue.get(), 300)

    tasks: list[asyncio.Task[None]] = []
    responses: list[aiohttp.ClientResponse] = []
    try:
        for kind, (url, params) in where.items():
            response = await session.get(url, params={"watch": "true", **params})
            responses.append(response)
            tasks.append(asyncio.create_task(follow(kind, response)))
        yield told()
    finally:
        for task in tasks:
            task.cancel()
        for response in responses:
            response.close()
        await session.close()


def writes(kedge: Installed) -> float:
    """Write requests that the operator made so far, but for its lease and events."""
    found = kedge.metric("kedge_api_requests_total")
    return sum(
        value for labels, value in found if labels["verb"] != "GET" and labels["resource"] not in ("lease", "event")
    )


# -- the whole --------------------------------------------------------------------------------------------------------


@contextmanager
def installed() -> Iterator[Installed]:
    """Kedge in a namespace of its own on the running test cluster."""
    for built in images.build():
        images.bring(built)
    kubectl = Kubectl(os.environ["KUBECONFIG"], f"bench-{uuid.uuid4().hex[:6]}")
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": kubectl.namespace}})
    kedge = Installed(kubectl)
    try:
        with turn():
            kedge.install()
            yield kedge
    finally:
        kedge.close()
        kubectl("delete", "namespace", kubectl.namespace, "--wait=false")


async def measure(kedge: Installed, groups: list[str], rounds: int) -> None:
    """All groups, floor and Kedge in turns."""
    cluster = Cluster(await configuration())
    await kedge_run(kedge, cluster, "one")  # the first one of all finds cold caches
    for group in groups:
        floors, with_hints, without = [], [], []
        for _ in range(rounds):
            floors.append(await Floor(kedge, cluster, group).drive())
            with_hints.append(await kedge_run(kedge, cluster, group))
        kedge.configure(announce={"enabled": False})
        for _ in range(rounds):
            floors.append(await Floor(kedge, cluster, group).drive())
            without.append(await kedge_run(kedge, cluster, group))
        kedge.configure()
        show(group, floors, with_hints, without)
    await cluster.close()


def show(group: str, floors: list[float], with_hints: list[Measured], without: list[Measured]) -> None:
    """One line a figure."""
    floor = statistics.median(floors)
    print(f"{group}: {GROUPS[group]} step(s)")
    line("floor", f"{floor:6.2f} s   ({min(floors):.2f} to {max(floors):.2f})")
    for label, found in (("announced", with_hints), ("not announced", without)):
        times = [one.total for one in found]
        middle = statistics.median(times)
        spread = f"({min(times):.2f} to {max(times):.2f})"
        line(f"kedge, {label}", f"{middle:6.2f} s   {spread}   {middle / floor:.2f} of the floor")
    both = with_hints + without
    line("create to first pod", in_ms([one.first_pod for one in both]))
    line("last outcome to Complete", in_ms([one.completed for one in with_hints]) + ", announced")
    reactions = [one for found in with_hints for one in found.reactions]
    if reactions:
        line("outcome stored to next create", in_ms(reactions) + ", announced")
    line("write requests a step", f"{statistics.median(one.writes for one in both):6.2f}")


def line(label: str, text: str) -> None:
    """Print one figure."""
    print(f"  {label:<31} {text}", flush=True)


def in_ms(seconds: list[float]) -> str:
    """The median and the greatest, in milliseconds."""
    return f"{1000 * statistics.median(seconds):6.0f} ms (at most {1000 * max(seconds):.0f})"


def idle(kedge: Installed, seconds: float) -> None:
    """What the operator costs when nothing happens: by default settings, and some time after it began."""

    def sample(name: str) -> float:
        return kedge.metric(name)[0][1]

    kedge.configure(leaderElection={"leaseSeconds": 10}, startGraceSeconds=20)
    time.sleep(SETTLING)
    before, began = sample("process_cpu_seconds_total"), time.monotonic()
    time.sleep(seconds)
    share = (sample("process_cpu_seconds_total") - before) / (time.monotonic() - began)
    ended = len(kedge.kubectl.get("oj")["items"])
    memory = sample("process_resident_memory_bytes") / 1e6
    print(f"idle beside {ended} OpJobs that have ended: {memory:.0f} MB, {100 * share:.2f} % of a core")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(GROUPS))
    parser.add_argument("--idle-seconds", type=float, default=60)
    given = parser.parse_args()
    with installed() as kedge:
        asyncio.run(measure(kedge, given.only.split(","), given.rounds))
        idle(kedge, given.idle_seconds)


if __name__ == "__main__":
    main()
