"""The CustomResourceDefinition of OpJob, from the models in `kedge.core`."""

from __future__ import annotations

from typing import Any

from kedge.core.spec import API_VERSION, KIND, OpJobSpec
from kedge.core.status import OpJobStatus
from manifests import rules
from manifests.schemas import Converter

PLURAL = "opjobs"
GROUP, _, VERSION = API_VERSION.partition("/")

COLUMNS = (
    ("Phase", "string", ".status.phase", "Where the run stands."),
    ("Steps", "string", ".status.progress", "Steps that have ended of those that are known."),
    ("Running", "integer", ".status.steps.running", "Steps with an attempt under way."),
    ("Failed", "integer", ".status.steps.failed", "Steps that ended badly."),
    ("Age", "date", ".metadata.creationTimestamp", "Since the OpJob was made."),
    ("Reason", "string", ".status.reason", "Why the run stands there."),
)
"""What `kubectl get opjobs` shows."""
WIDE = (
    ("Message", "string", ".status.message", "What the reason is about."),
    ("Image", "string", ".spec.image", "The image with the job's code, where it is not the operator's."),
    ("Entrypoint", "string", ".spec.entrypoint", "Where the job is in it."),
)
"""What `-o wide` shows besides."""


def crd() -> dict[str, Any]:
    """The whole definition. Raises LookupError for a rule about a field that no model has."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "kedge"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": "opjob",
                "shortNames": ["oj"],
                "categories": ["all"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        *(_column(*one) for one in COLUMNS),
                        *({**_column(*one), "priority": 1} for one in WIDE),
                    ],
                    "schema": {"openAPIV3Schema": schema()},
                }
            ],
        },
    }


def schema() -> dict[str, Any]:
    """The schema of an OpJob."""
    converter = Converter(rules.EXTRAS, rules.SILENT)
    spec, status = converter.convert(OpJobSpec), converter.convert(OpJobStatus)
    unknown = set(rules.EXTRAS) - converter.used
    if unknown:
        raise LookupError(f"rules.EXTRAS names {', '.join(sorted(unknown))}, which no model of the OpJob has")
    return {
        "type": "object",
        "description": "One run of a job: its op graph, how it is to be run, and how it stands.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": f"The version of the schema of this object: {API_VERSION}.",
            },
            "kind": {"type": "string", "description": f"The kind of this object: {KIND}."},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }


def _column(name: str, kind: str, path: str, description: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "jsonPath": path, "description": description}
