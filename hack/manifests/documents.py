"""What is written: every file under `manifests/` and `charts/` that is made from Python, as text by its path.

`python -m manifests` writes them, and with `--check` compares them with what is there; tests read them from here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from manifests import admission, chart, crd, deployment, first_store, rbac, values
from manifests.names import Object

ROOT = Path(__file__).resolve().parents[2] / "manifests"
CHART = ROOT.parent / "charts/kedge"
MADE = "# Made by `make generate`: change hack/manifests or what it reads, not this file.\n"
CRD = f"{crd.GROUP}_{crd.PLURAL}.yaml"
STORE_URL, STORE_ENVIRONMENT = "s3://kedge", {"AWS_REGION": "us-east-1"}
"""What stands in the default configuration, for people to change."""


def all_files() -> dict[Path, str]:
    """The text of each generated file of the manifests by its whole path."""
    return {ROOT / name: text_of(documents) for name, documents in {**_objects(), **_kustomizations()}.items()}


def chart_files() -> dict[Path, str]:
    """And of the chart."""
    return {
        CHART / "files/shared.yaml": text_of([chart.shared()]),
        CHART / "files/crd.yaml": text_of([crd.crd()]),
        CHART / "values.schema.json": json.dumps(values.schema(), indent=2) + "\n",
    }


def _objects() -> dict[str, list[Object]]:
    return {
        f"crds/{CRD}": [crd.crd()],
        "rbac/common/service-account.yaml": rbac.service_account(),
        "rbac/common/people.yaml": rbac.people(),
        "rbac/cluster-wide/operator.yaml": rbac.cluster_wide(),
        "rbac/namespaced/operator.yaml": rbac.namespaced(),
        "rbac/optional/job-stores.yaml": rbac.job_stores(),
        "admission/policy.yaml": admission.objects(),
        "operator/namespace.yaml": deployment.namespace(),
        "operator/config.yaml": deployment.configuration(STORE_URL, STORE_ENVIRONMENT),
        "operator/deployment.yaml": deployment.deployment(),
        "store/server.yaml": first_store.server(),
        "store/secrets.yaml": first_store.secrets(),
        "first-steps/config.yaml": deployment.configuration(first_store.URL, first_store.ENVIRONMENT),
    }


def _kustomizations() -> dict[str, list[Object]]:
    parts = ["operator", "crds", "rbac/common"]
    whole = [*parts, "rbac/cluster-wide"]
    made = {
        "crds": _kustomization(CRD),
        "rbac/common": _kustomization("service-account.yaml", "people.yaml"),
        "rbac/cluster-wide": _kustomization("operator.yaml"),
        "rbac/namespaced": _kustomization("operator.yaml"),
        "operator": _kustomization("namespace.yaml", "config.yaml", "deployment.yaml"),
        "store": _kustomization("server.yaml", "secrets.yaml"),
        "admission": _kustomization("policy.yaml"),
        "namespaced": _kustomization(*(f"../{part}" for part in parts)),
        "first-steps": {
            **_kustomization(*(f"../{part}" for part in [*whole, "store"])),
            "patches": [{"path": "config.yaml"}],
        },
        ".": _kustomization(*whole),
    }
    return {f"{folder}/kustomization.yaml": [found] for folder, found in made.items()}


def _kustomization(*resources: str) -> Object:
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(resources)}


def text_of(documents: list[Object]) -> str:
    """Documents as YAML, fields in the order in which they were put."""
    return MADE + yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def write() -> Iterator[Path]:
    """Bring all files up to date, and yield those that have changed."""
    for path in stale():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_made()[path], encoding="utf-8")
        yield path


def _made() -> dict[Path, str]:
    return {**all_files(), **chart_files()}


def stale() -> Iterator[Path]:
    """The files that are not there, or hold something else."""
    for path, text in _made().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, lists set in as people write them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Text of several lines stands in lines."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
