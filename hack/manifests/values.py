"""The schema of the Helm chart's values, by which Helm refuses what is misspelt. `documents` writes it.

Where the shape is ours, nothing else is taken. Where it is Kubernetes', the API server checks it. The operator's own
settings have the schema of the model that reads them.
"""

from __future__ import annotations

from typing import Any

from kedge_operator.settings import Settings

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$", "maxLength": 63}
NAMESPACE: Schema = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}
FLAG: Schema = {"type": "boolean"}
SECONDS: Schema = {"type": "number", "exclusiveMinimum": 0}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
DURATION: Schema = {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))*$"}
AMOUNT: Schema = {"type": ["integer", "string"], "pattern": "^([0-9]+%?)?$", "minimum": 0}
WORDS: Schema = {"type": "object", "additionalProperties": TEXT}
OBJECT: Schema = {"type": "object"}
OBJECTS: Schema = {"type": "array", "items": OBJECT}
PULL: Schema = {"enum": ["Always", "IfNotPresent", "Never"]}
ELSEWHERE = ("store", "namespaces")
"""Settings of the operator that the chart says by its own values."""


def schema() -> Schema:
    """The schema, after draft 7, which every Helm 3 reads."""
    config, definitions = _config()
    properties = {
        **_naming(),
        "image": _image(digest=TEXT),
        "imagePullSecrets": _list_of(_part(name=TEXT)),
        **_pod(),
        "scope": {"oneOf": [{"const": "cluster"}, {**_namespaces(), "minItems": 1}]},
        "store": _store(),
        "config": config,
        "steps": _part(namespaces=_namespaces(), serviceAccount=_part(create=FLAG, name=NAME, annotations=WORDS)),
        "serviceAccount": _part(create=FLAG, name=NAME, annotations=WORDS),
        "rbac": _part(create=FLAG, people=FLAG, jobStores=_part(enabled=FLAG, namespaces=_namespaces())),
        "crds": _part(install=FLAG, keep=FLAG, annotations=WORDS),
        "metrics": _metrics(),
        "networkPolicy": _network_policy(),
        "podDisruptionBudget": _part(enabled=FLAG, minAvailable=AMOUNT, maxUnavailable=AMOUNT),
        "admission": _part(enabled=FLAG, actions={**_list_of({"enum": ["Deny", "Warn", "Audit"]}), "minItems": 1}),
        "extraObjects": OBJECTS,
        "global": OBJECT,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart kedge",
        **_part(**properties),
        "$defs": definitions,
    }


def _part(**properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _namespaces() -> Schema:
    return {**_list_of(NAMESPACE), "uniqueItems": True}


def _image(**more: Schema) -> Schema:
    return _part(repository={"type": "string", "minLength": 1}, tag=TEXT, **more, pullPolicy=PULL)


def _resources() -> Schema:
    amounts = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
    return _part(requests=amounts, limits=amounts, claims=OBJECTS)


def _naming() -> dict[str, Schema]:
    return {"nameOverride": NAME, "fullnameOverride": NAME, "commonLabels": WORDS, "commonAnnotations": WORDS}


def _pod() -> dict[str, Schema]:
    return {
        "replicas": {"type": "integer", "minimum": 0},
        "strategy": OBJECT,
        "revisionHistoryLimit": {"type": "integer", "minimum": 0},
        "resources": _resources(),
        "podLabels": WORDS,
        "podAnnotations": WORDS,
        "podSecurityContext": OBJECT,
        "securityContext": OBJECT,
        "priorityClassName": TEXT,
        "nodeSelector": WORDS,
        "affinity": OBJECT,
        "tolerations": OBJECTS,
        "topologySpreadConstraints": OBJECTS,
        "extraEnv": OBJECTS,
        "extraEnvFrom": OBJECTS,
        "extraVolumes": OBJECTS,
        "extraVolumeMounts": OBJECTS,
    }


def _store() -> Schema:
    persistence = _part(
        enabled=FLAG,
        existingClaim=NAME,
        size=TEXT,
        storageClassName=TEXT,
        accessModes=_list_of(TEXT),
        annotations=WORDS,
    )
    embedded = _part(
        enabled=FLAG,
        image=_image(),
        accessKeyId=TEXT,
        secretAccessKey=TEXT,
        sizeLimit=TEXT,
        persistence=persistence,
        resources=_resources(),
    )
    return _part(
        url={"type": "string", "pattern": "^(s3|gs|az)://[^/]"},
        endpoint={"type": "string", "pattern": "^(https?://.+)?$"},
        region=TEXT,
        environment=WORDS,
        existingSecret=NAME,
        patienceSeconds=SECONDS,
        embedded=embedded,
    )


def _config() -> tuple[Schema, Schema]:
    """The schema of the operator's settings, but for what the chart says elsewhere, and what it refers to."""
    found = Settings.model_json_schema(by_alias=True)
    definitions = {name: one for name, one in found["$defs"].items() if name != "StoreSettings"}
    properties = {name: one for name, one in found["properties"].items() if name not in ELSEWHERE}
    return _untitled(_part(**properties)), _untitled(definitions)


def _untitled(found: Any) -> Any:
    if isinstance(found, list):
        return [_untitled(one) for one in found]
    if not isinstance(found, dict):
        return found
    return {key: _untitled(one) for key, one in found.items() if not (key == "title" and isinstance(one, str))}


def _metrics() -> Schema:
    monitor = _part(
        enabled=FLAG,
        interval=DURATION,
        scrapeTimeout=DURATION,
        labels=WORDS,
        relabelings=OBJECTS,
        metricRelabelings=OBJECTS,
    )
    return _part(
        service=_part(enabled=FLAG, port=PORT, annotations=WORDS),
        serviceMonitor=monitor,
        podMonitor=monitor,
        prometheusRule=_part(enabled=FLAG, labels=WORDS, disabled=_list_of(TEXT), rules=OBJECTS),
        dashboard=_part(enabled=FLAG, namespace=NAME, labels=WORDS, annotations=WORDS),
    )


def _network_policy() -> Schema:
    return _part(
        enabled=FLAG,
        dns=_part(to=OBJECTS, ports=_list_of(PORT)),
        apiServer=_part(to=OBJECTS, ports=_list_of(PORT)),
        store=_part(to=OBJECTS, ports=_list_of(PORT)),
        metrics={"type": "object", "additionalProperties": False, "properties": {"from": OBJECTS}},
        steps=_part(enabled=FLAG, extraEgress=OBJECTS),
        operator=_part(extraIngress=OBJECTS, extraEgress=OBJECTS),
    )
