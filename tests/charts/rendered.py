"""The chart as Helm renders it, as data: `test_chart` and `test_values` look at it."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from cluster import plane as planes
from cluster.tools import TOOLS, need
from kedge_kubectl import established
from manifests import documents, names

RELEASE = "kedge"
Object = dict[str, Any]
SCHEMA: Object = json.loads((documents.CHART / "values.schema.json").read_text(encoding="utf-8"))


def helm(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """What Helm says of the chart, as if on the Kubernetes that is tested with."""
    command = [
        str(need("helm")),
        *arguments,
        f"--kube-version={TOOLS['kubernetes'].version}",
        f"--namespace={names.NAMESPACE}",
    ]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def text(values: Mapping[str, Any]) -> str:
    """The manifests for some values, each by its path: `{"image.tag": "1"}`."""
    return _text(json.dumps(nested(values)))


@functools.cache
def _text(values: str) -> str:
    done = helm("template", RELEASE, str(documents.CHART), "-f", "-", given=values)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(values: Mapping[str, Any]) -> str:
    """What Helm says against some values."""
    done = helm("template", RELEASE, str(documents.CHART), "-f", "-", given=json.dumps(nested(values)))
    assert done.returncode != 0, done.stdout
    return done.stderr


def objects(values: Mapping[str, Any]) -> list[Object]:
    """The objects for some values."""
    return [one for one in yaml.safe_load_all(text(values)) if one is not None]


def named(found: list[Object], kind: str, name: str, namespace: str | None = None) -> Object:
    """The one object of this kind and name, in any namespace if none is given."""
    (one,) = [
        one
        for one in found
        if (one["kind"], one["metadata"]["name"]) == (kind, name)
        and namespace in (None, one["metadata"].get("namespace"))
    ]
    return one


def nested(values: Mapping[str, Any]) -> Object:
    """Values by their paths, as a values file has them."""
    made: Object = {}
    for path, value in values.items():
        *above, name = path.split(".")
        place = made
        for one in above:
            place = place.setdefault(one, {})
        place[name] = value
    return made


def ours(schema: Mapping[str, Any] = SCHEMA, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every object of the values whose shape is ours, by its path."""
    yield path, schema
    for name, found in schema["properties"].items():
        one = SCHEMA["$defs"][found["$ref"].rsplit("/", 1)[-1]] if "$ref" in found else found
        if "properties" in one:
            yield from ours(one, f"{path}.{name}".lstrip("."))


def taken(plane: planes.Running, manifests: str) -> int:
    """How many objects an API server would take, each exactly as it is written; fails when there is one that it won't.

    As Helm does: a field that the API server doesn't know is an error, not left out.
    """
    done = kubectl(plane, "create", "--dry-run=server", "--validate=strict", "-f", "-", given=manifests)
    assert done.stderr == ""
    return len(done.stdout.splitlines())


def kubectl(plane: planes.Running, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """What kubectl says of a plane."""
    command = [str(need("kubectl")), f"--kubeconfig={plane.kubeconfig}", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def prepare(plane: planes.Running, *namespaces: str) -> None:
    """Namespaces that warn of what isn't restricted, and the resources of the Prometheus Operator."""
    for name in (names.NAMESPACE, *namespaces):
        kubectl(plane, "create", "namespace", name)
        kubectl(plane, "label", "namespace", name, "pod-security.kubernetes.io/warn=restricted")
    for name in TOOLS["prometheus-operator"].files:
        kubectl(plane, "create", "-f", str(need(name)))
    established(lambda *asked: kubectl(plane, *asked).stdout, "crd", "--all")
