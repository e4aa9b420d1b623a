"""Kedge as the tests of a module have it: an operator under its own service account, with an S3 server, in a namespace.

Jobs run in that same namespace, which enforces restricted Pod Security. Their code (`jobs/`) comes into the pods of the
runtime image by a ConfigMap, so that no image has to be built for them.
"""

from __future__ import annotations

import copy
import json
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from cluster.recipes import RECIPES
from cluster.tools import need
from kedge.core.layout import RunPaths
from kedge.core.protocol import Outcome
from kedge.core.status import Phase
from kedge.io.stores import Store, open_store
from kedge_kubectl import Kubectl, await_right, established, objects, soon
from manifests import deployment, documents, first_store, names, rbac

SECONDS = 240
LEASE_SECONDS = 15
"""An operator that stands still for some seconds, as everything does on a busy machine, goes on leading."""
JOBS = Path(__file__).parent / "jobs"
RUNTIME = RECIPES["kedge-runtime"].reference
EXAMPLES = RECIPES["kedge-examples"].reference
CODE = "job-code"
STORE_URL = f"s3://{first_store.BUCKET}"
Object = dict[str, Any]


class Installed:
    """An operator and a store in one namespace, and what tests do with them."""

    def __init__(self, kubectl: Any, settings: Mapping[str, Any] | None = None) -> None:
        self.kubectl = kubectl
        self.namespace: str = kubectl.namespace
        self._settings = dict(settings or {})
        self._forwarded: tuple[subprocess.Popen[str], Store, str] | None = None

    # -- installing -------------------------------------------------------------------------------------------------

    def install(self) -> None:
        """Bring everything up and wait until it is."""
        self.install_crd()
        objects = [*rbac.service_account(), *rbac.namespaced(), *first_store.secrets()[:1], *first_store.server()]
        objects += deployment.deployment()
        self.kubectl.apply(*(self._placed(one) for one in objects), self._configuration(), self.code())
        self.ready()

    def install_crd(self) -> None:
        """The resource, as this tree has it."""
        crd = documents.all_files()
        text = next(text for path, text in crd.items() if path.name == "kedge.dev_opjobs.yaml")
        # On the server's side, because modules that are installed at the same time would both create it.
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=text)
        established(self.kubectl, "crd/opjobs.kedge.dev")

    def ready(self) -> None:
        """Until store and operator serve."""
        for name in (names.STORE_SECRET, names.OPERATOR):
            self.kubectl("rollout", "status", f"deployment/{name}", f"--timeout={SECONDS}s")

    def configure(self, **settings: Any) -> None:
        """Give the operator other settings; it starts anew with them."""
        self._settings = settings
        self.kubectl.apply(self._configuration())
        self.kubectl("rollout", "restart", f"deployment/{names.OPERATOR}")
        self.ready()

    def allow_job_stores(self) -> None:
        """Let the operator read the Secrets of jobs that name stores of their own."""
        role = {**rbac.job_stores()[0], "kind": "Role", "metadata": {"name": "job-stores"}}
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "job-stores"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "job-stores"},
            "subjects": [{"kind": "ServiceAccount", "name": names.OPERATOR, "namespace": self.namespace}],
        }
        self.kubectl.apply(role, binding)
        await_right(self.kubectl, f"system:serviceaccount:{self.namespace}:{names.OPERATOR}", "get", "secrets")

    def _placed(self, one: Object) -> Object:
        """An object of the manifests, in this namespace."""
        found = copy.deepcopy(one)
        found["metadata"]["namespace"] = self.namespace
        for subject in found.get("subjects", ()):
            subject["namespace"] = self.namespace
        if found["kind"] == "Deployment":
            found["spec"]["strategy"] = {"type": "Recreate"}
        return found

    def _configuration(self) -> Object:
        environment = {
            **first_store.ENVIRONMENT,
            "AWS_ENDPOINT_URL": f"http://{names.STORE_SECRET}.{self.namespace}:7070",
        }
        (found,) = deployment.configuration(STORE_URL, environment)
        told = yaml.safe_load(found["data"][deployment.CONFIG])
        told |= {"namespaces": [self.namespace], "image": RUNTIME, "startGraceSeconds": 10}
        told["podTemplate"] = self.pod_template()
        told["leaderElection"] |= {"leaseSeconds": LEASE_SECONDS}
        for part, given in self._settings.items():
            told[part] = {**told.get(part, {}), **given} if isinstance(given, dict) else given
        found["data"] = {deployment.CONFIG: yaml.safe_dump(told)}
        return self._placed(found)

    def code(self) -> Object:
        """The ConfigMap with the code of the jobs."""
        data = {path.name: path.read_text(encoding="utf-8") for path in JOBS.glob("*.py")}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CODE}, "data": data}

    def pod_template(self) -> Object:
        """What all step pods have here: the code of the jobs."""
        return _with_code()

    # -- jobs -------------------------------------------------------------------------------------------------------

    def submit(self, spec: Mapping[str, Any], name: str | None = None) -> str:
        """Create an OpJob. Returns its name."""
        name = name or f"job-{uuid.uuid4().hex[:6]}"
        metadata: Object = {"name": name}
        body = {"apiVersion": "kedge.dev/v1alpha1", "kind": "OpJob", "metadata": metadata, "spec": dict(spec)}
        self.kubectl("create", "-f", "-", given=json.dumps(body))
        return name

    def get(self, name: str) -> Object:
        """An OpJob."""
        found: Object = self.kubectl.get("oj", name)
        return found

    def status(self, name: str) -> Object:
        """The status of an OpJob."""
        found: Object = self.get(name).get("status", {})
        return found

    def ended(self, name: str, seconds: float = SECONDS) -> Object:
        """The status of an OpJob once it has ended."""
        return self.until(name, lambda status: status.get("phase") in _FINAL, seconds)

    def until(self, name: str, holds: Callable[[Object], bool], seconds: float = SECONDS) -> Object:
        """The status of an OpJob once something holds of it, as the API server tells."""
        for found in self.watch("oj", name, seconds):
            status: Object = {"phase": "", "steps": Counter(), **(found.get("status") or {})}
            if holds(status):
                return status
        raise AssertionError(f"{name}: after {seconds} s its status is {json.dumps(self.status(name), indent=1)}")

    def watch(self, kind: str, name: str, seconds: float = SECONDS) -> Iterator[Object]:
        """The states of an object, or of those that a selector `-l...` finds, from now on.

        An API server ends a watch when it likes, and those of OpJobs whenever their CRD changes: then it begins anew.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            yield from self._watch(kind, name, left)

    def _watch(self, kind: str, name: str, seconds: float) -> Iterator[Object]:
        kubectl = [str(need("kubectl")), f"--kubeconfig={self.kubectl.kubeconfig}", f"--namespace={self.namespace}"]
        # Of one object by its name, kubectl reads the state, watches, and drops the first event, as it takes it for the
        # same state: a change in between is never told. A list is watched from where it was read.
        which = name if name.startswith("-") else f"--field-selector=metadata.name={name}"
        command = [*kubectl, "get", kind, which, "--watch", "-o", "json", f"--request-timeout={int(seconds) + 1}s"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            yield from objects(process)
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def pods(self, job: str, op: str | None = None) -> list[Object]:
        """The pods of a job's steps, in the order in which they were created."""
        selector = f"kedge.dev/job={job}" + (f",kedge.dev/op={op}" if op else "")
        found: list[Object] = self.kubectl.get("pods", "-l", selector)["items"]
        return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def pod(self, job: str, op: str, holds: Callable[[Object], bool] = lambda pod: True) -> Object:
        """A pod of an op, once there is one of which something holds."""
        for pod in self.watch("pods", f"-lkedge.dev/job={job},kedge.dev/op={op}"):
            if holds(pod):
                return pod
        raise AssertionError(f"no such pod of {op}: {self.kubectl('get', 'pods', check=False)}")

    def running(self, job: str, op: str) -> Object:
        """A pod of an op whose container runs."""
        return self.pod(job, op, lambda pod: "running" in state_of(pod))

    def said(self, pod: str, words: str) -> None:
        """Until a pod's step has written a line with these words."""
        assert any(words in line for line in self.lines(pod)), f"{pod} did not say: {words}"

    def lines(self, pod: str) -> Iterator[str]:
        """What a pod's step writes, line by line, while it does."""
        kubectl = [str(need("kubectl")), f"--kubeconfig={self.kubectl.kubeconfig}", f"--namespace={self.namespace}"]
        command = [*kubectl, "logs", "--follow", pod, "-c", "step"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            yield from process.stdout
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    @staticmethod
    def soon(holds: Callable[[], bool], seconds: float = SECONDS) -> bool:
        """Whether something comes to hold that nobody announces: a store tells of no changes."""
        return soon(holds, seconds)

    # -- the store --------------------------------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The run's store, by a port that kubectl forwards."""
        return self._forward()[1]

    @property
    def endpoint(self) -> str:
        """The address of the store's server, by that port."""
        return f"http://127.0.0.1:{self._forward()[2]}"

    def _forward(self) -> tuple[subprocess.Popen[str], Store, str]:
        if self._forwarded is not None and self._forwarded[0].poll() is not None:
            self.close()  # kubectl forwards no more once a connection to the pod was lost
        if self._forwarded is None:
            kubectl = [str(need("kubectl")), f"--kubeconfig={self.kubectl.kubeconfig}", f"--namespace={self.namespace}"]
            command = [*kubectl, "port-forward", f"service/{names.STORE_SECRET}", ":7070"]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Forwarding from "), f"no port is forwarded to the store: {line}"
            port = line.split(":")[1].split()[0]
            options = {name.lower(): value for name, value in first_store.CREDENTIALS.items()}
            options |= {"endpoint": f"http://127.0.0.1:{port}", "region": "us-east-1", "allow_http": "true"}
            self._forwarded = process, open_store(STORE_URL, options=options), port
        return self._forwarded

    def paths(self, name: str) -> RunPaths:
        """Where a run is in the store."""
        return RunPaths.of(self.namespace, name, self.get(name)["metadata"]["uid"])

    def outcomes(self, name: str) -> dict[str, list[Outcome]]:
        """The records of a run by step, in the order of their attempts."""
        found: dict[str, list[Outcome]] = {}
        store = self.store
        for path in sorted(info.path for info in store.list(self.paths(name).outcomes.rstrip("/"))):
            outcome = Outcome.from_json(json.loads(store.get(path)))
            found.setdefault(str(outcome.step), []).append(outcome)
        return found

    # -- the operator -----------------------------------------------------------------------------------------------

    def operator_pods(self) -> list[Object]:
        """The operator's own pods, but for those that are on their way out."""
        return operator_pods(self.kubectl)

    def kill_operator(self) -> None:
        """As a node's crash would: at once, with nothing given back."""
        for pod in self.operator_pods():
            self.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force", "--ignore-not-found")

    def leader(self, but: str | None = None) -> str:
        """The pod that holds the lease, once it does; and is not this one."""
        for lease in self.watch("lease", names.OPERATOR):
            holder = str(lease["spec"].get("holderIdentity") or "")
            if holder and holder != but and holder in [pod["metadata"]["name"] for pod in self.operator_pods()]:
                return holder
        raise AssertionError("nobody leads")

    def metric(self, name: str) -> list[tuple[dict[str, str], float]]:
        """The samples of a metric: labels and value."""
        pod = self.operator_pods()[0]["metadata"]["name"]
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}:8080/proxy/metrics"
        text = self.kubectl("get", "--raw", path)
        families = text_string_to_metric_families(text)
        return [(one.labels, one.value) for family in families for one in family.samples if one.name == name]

    def run_python(self, name: str, code: str) -> None:
        """A pod that runs some Python, to its end."""
        spec = self.restricted_spec()
        spec["containers"][0]["command"] = ["python", "-c", code]
        self.kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
        self.kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", f"--timeout={SECONDS}s")

    @staticmethod
    def restricted_spec() -> Object:
        """The spec of a pod of the runtime image that does nothing, as restricted Pod Security wants it."""
        security = {**deployment.restricted_container()}
        container = {"name": "main", "image": RUNTIME, "args": ["--version"], "securityContext": security}
        pod = deployment.restricted_pod()
        return {"restartPolicy": "Never", "containers": [container], "securityContext": pod}

    def cut_off_store(self) -> None:
        """Nobody in the cluster reaches the store; what is in it stays."""
        self._select_store("nothing")

    def reach_store(self) -> None:
        """The store is reached again."""
        self._select_store(names.STORE_SECRET)

    def _select_store(self, name: str) -> None:
        patch = json.dumps({"spec": {"selector": {"app.kubernetes.io/name": name}}})
        self.kubectl("patch", "service", names.STORE_SECRET, "--type=merge", "-p", patch)

    def operator_log(self) -> str:
        """What the operator wrote."""
        found: str = self.kubectl("logs", f"deployment/{names.OPERATOR}", "--tail=200", check=False)
        return found

    def scale(self, name: str, replicas: int) -> None:
        """Another number of pods of a Deployment: none when they are gone, some when they are ready."""
        self.kubectl("scale", f"deployment/{name}", f"--replicas={replicas}")
        self.kubectl("rollout", "status", f"deployment/{name}", f"--timeout={SECONDS}s")
        if replicas == 0:
            pods = ("pods", "-l", f"app.kubernetes.io/name={name}")
            self.kubectl("wait", *pods, "--for=delete", f"--timeout={SECONDS}s")

    def close(self) -> None:
        """End what was started here. The store may be asked again."""
        if self._forwarded is not None:
            process, self._forwarded = self._forwarded[0], None
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


_FINAL = [phase.value for phase in Phase if phase.is_final]


def _with_code() -> Object:
    """A pod template by which steps find the code of the tests' jobs."""
    mount = {"name": CODE, "mountPath": "/code"}
    container = {"name": "step", "volumeMounts": [mount], "env": [{"name": "PYTHONPATH", "value": "/code"}]}
    return {"spec": {"containers": [container], "volumes": [{"name": CODE, "configMap": {"name": CODE}}]}}


def operator_pods(kubectl: Kubectl) -> list[Object]:
    """The pods of the operator in a namespace, but for those that are on their way out."""
    found: list[Object] = kubectl.get("pods", "-l", "app.kubernetes.io/name=kedge-operator")["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def state_of(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state of a pod's step container."""
    for one in (pod.get("status") or {}).get("containerStatuses") or ():
        if one["name"] == "step":
            found: Mapping[str, Any] = one["state"]
            return found
    return {}


def conditions(status: Mapping[str, Any]) -> dict[str, str]:
    """Conditions by type: status and reason."""
    return {one["type"]: f"{one['status']} {one['reason']}" for one in status.get("conditions", ())}


def steps_of(pods: list[Object]) -> list[str]:
    """The steps of pods, in their order."""
    return [pod["metadata"]["annotations"]["kedge.dev/step"] for pod in pods]
