"""kubectl, for tests: in one namespace, with answers as data."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from cluster.tools import need

SECONDS = 120


class Kubectl:
    """kubectl, in one namespace; empty: in that of the objects, or the default."""

    def __init__(self, kubeconfig: str, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace

    def __call__(self, *arguments: str, given: Any = None, check: bool = True) -> str:
        """What it prints; without `check`, what it complains of where it fails."""
        done = self._run(arguments, given)
        assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
        return done.stdout if done.returncode == 0 else done.stderr

    def refusal(self, *arguments: str, given: Any = None) -> str:
        """What it complains of; it has to."""
        done = self._run(arguments, given)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def _run(self, arguments: tuple[str, ...], given: Any) -> subprocess.CompletedProcess[str]:
        command = [str(need("kubectl")), f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *arguments]
        text = given if given is None or isinstance(given, str) else json.dumps(given)
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    def get(self, *what: str) -> Any:
        """One object or a list, as data."""
        return json.loads(self("get", *what, "-o", "json"))

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change objects."""
        self("apply", "-f", "-", given=yaml.safe_dump_all(objects))

    def wait(self, what: str, condition: str) -> None:
        """Until an object has a condition; the API server tells, nobody sleeps."""
        self("wait", what, f"--for={condition}", f"--timeout={SECONDS}s")


def soon(holds: Callable[[], Any], seconds: float = SECONDS) -> bool:
    """Whether something comes to hold that nobody announces."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def until(holds: Callable[[], Any], what: str = "what was waited for") -> None:
    """Until something holds that nobody announces."""
    assert soon(holds), f"after {SECONDS} s there is not yet: {what}"


def established(kubectl: Callable[..., str], *which: str) -> None:
    """Until resources just made, as kubectl names them, can be used."""
    # kubectl can't wait for a condition where there are none yet.
    for condition in ("jsonpath={.status.conditions[0].type}", "condition=Established"):
        made = kubectl("wait", *which, f"--for={condition}", f"--timeout={SECONDS}s", "-o", "name")
    # By what a server says that it has, clients find its resources. It says so a moment later.
    for one in made.split():
        _await_resource(kubectl, one.partition("/")[2])


def _await_resource(kubectl: Callable[..., str], name: str) -> None:
    asked = ("api-resources", f"--api-group={name.partition('.')[2]}", "-o", "name")
    until(lambda: name in kubectl(*asked).split(), name)


def make_namespace(kubectl: Kubectl) -> None:
    """Make its namespace, with restricted Pod Security, and wait for the account as whom pods run there."""
    strict = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": kubectl.namespace, "labels": strict}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    await_account(kubectl)


def await_account(kubectl: Kubectl) -> None:
    """Until a namespace just made has the account as whom pods run: without it none is taken."""
    kubectl("wait", "serviceaccount/default", "--for=create", f"--timeout={SECONDS}s")


def await_right(kubectl: Kubectl, who: str, verb: str, resource: str, *more: str) -> None:
    """Until somebody may do what they were just allowed: an API server learns of roles a moment after they are made."""
    asked = ("auth", "can-i", verb, resource, f"--as={who}", *more)
    until(lambda: kubectl(*asked, check=False).strip() == "yes", f"the right of {who} to {verb} {resource}")


def tell(kubectl: Kubectl) -> None:
    """Print pods, events and logs of the namespace of a test that failed."""
    print(kubectl("get", "pods", "-o", "wide", check=False))
    print(kubectl("get", "events", "--sort-by=.lastTimestamp", check=False))
    for pod in kubectl("get", "pods", "-o", "name", check=False).split():
        print(f"--- {pod}\n{kubectl('logs', pod, '--all-containers', check=False)}")


def objects(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """The objects in what a `kubectl ... --watch -o json` prints: JSON texts, one after the other."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("}"):
            yield json.loads(text)
            text = ""
