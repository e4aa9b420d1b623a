"""From a target and what the command line says to an OpJob: for `compile`, and for `submit`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedge.core.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says over what the target says itself."""

    run_config: Mapping[str, Any] = field(default_factory=dict)
    selection: tuple[str, ...] = ()
    image: str | None = None
    name: str | None = None
    entrypoint: str | None = None
    max_concurrent: int | None = None
    partition: str | None = None

    @property
    def spec(self) -> dict[str, Any]:
        """Its fields of the spec, without those that a compiler works out."""
        said = {"image": self.image, "entrypoint": self.entrypoint, "maxConcurrent": self.max_concurrent}
        return {key: value for key, value in said.items() if value is not None}


def compiled(target: str, wanted: Wanted, image: str | None = None) -> dict[str, Any]:
    """The OpJob of a target, with its ops; the target's code is imported. `image` is that of one where nobody says so.

    Raises KedgeError, saying what does not fit.
    """
    from kedge.cli.targets import is_manifest, load, read_manifest
    from kedge.core import spec
    from kedge.worker import compiling

    loaded = load(target, wanted.run_config, wanted.selection, None, wanted.partition)
    given = wanted.spec
    default: dict[str, Any] = {} if image is None else {"image": image}
    if is_manifest(target):
        given = {**read_manifest(target)["spec"], **given}  # with the entrypoint alone it becomes one with its ops, too
    else:
        default["entrypoint"] = target
    found = compiling.compiled(loaded, given, {**default, "maxConcurrent": 10})
    if wanted.partition is not None:
        found.spec["partitionKey"] = wanted.partition
    named = (wanted.name or loaded.document.job).replace("_", "-").lower()
    manifest = spec.manifest(named, found.spec, found.graph_digest)
    if found.namespace:
        manifest["metadata"]["namespace"] = found.namespace
    spec.parse(manifest)
    return manifest


def to_submit(target: str, wanted: Wanted, generate: bool) -> dict[str, Any]:
    """The OpJob to create. A manifest is taken as it is, with what the command line says; no code is imported for it.

    One that names itself keeps its name; else, and with `generate`, the API server makes a name that is not taken.
    """
    from kedge.cli.targets import is_manifest, read_manifest

    if is_manifest(target):
        manifest = completed(read_manifest(target), wanted)
    else:
        manifest = compiled(target, wanted)
        generate = generate or wanted.name is None
    metadata = manifest["metadata"]
    if wanted.name is not None:
        metadata["name"] = wanted.name
    if generate:
        metadata["generateName"] = f"{metadata.pop('name', None) or metadata.get('generateName', 'job').rstrip('-')}-"
    elif "name" not in metadata and "generateName" not in metadata:
        raise ProtocolError("the manifest has neither metadata.name nor metadata.generateName; give --name")
    return manifest


def completed(manifest: Any, wanted: Wanted) -> dict[str, Any]:
    """A manifest with what the command line says; the API server judges the rest.

    Raises ProtocolError for another kind of object.
    """
    from kedge.core.spec import API_VERSION, KIND

    head = manifest if isinstance(manifest, dict) else {}
    if (head.get("apiVersion"), head.get("kind")) != (API_VERSION, KIND):
        raise ProtocolError(f"this is {head.get('apiVersion')} {head.get('kind')}; submit takes {API_VERSION} {KIND}")
    spec = {**(head.get("spec") or {}), **wanted.spec}
    if wanted.run_config:
        spec["runConfig"] = {**(spec.get("runConfig") or {}), **wanted.run_config}
    if wanted.selection:
        spec["opSelection"] = list(wanted.selection)
    if wanted.partition is not None:
        spec["partitionKey"] = wanted.partition
    return {**head, "metadata": dict(head.get("metadata") or {}), "spec": spec}


_OF_ONE_RUN = ("suspend", "cancel", "reexecute")
"""Fields of a spec that say how one run is to go on, and not what it is."""


def again(body: Mapping[str, Any], steps: tuple[str, ...], max_concurrent: int | None = None) -> dict[str, Any]:
    """The OpJob that re-executes another one, from its failure or these steps; the API server makes its name."""
    before = body["metadata"]
    spec = {key: value for key, value in body["spec"].items() if key not in _OF_ONE_RUN}
    if max_concurrent is not None:
        spec["maxConcurrent"] = max_concurrent
    spec["reexecute"] = {"from": before["name"], "steps": list(steps) or "FromFailure"}
    metadata: dict[str, Any] = {
        "generateName": before.get("generateName") or f"{before['name']}-",
        "namespace": before["namespace"],
    }
    kept = {name: value for name, value in (before.get("annotations") or {}).items() if not _is_of_kubectl(name)}
    for name, found in (("labels", before.get("labels")), ("annotations", kept)):
        if found:
            metadata[name] = dict(found)
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata, "spec": spec}


def _is_of_kubectl(annotation: str) -> bool:
    return annotation.startswith("kubectl.kubernetes.io/")
