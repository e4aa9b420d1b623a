"""What an operator is told: one YAML file, checked as a whole at its start. See docs/operator.md for its fields."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from kedge.core.errors import KedgeError, PlanError
from kedge_operator import templates
from kedge_operator.policy import PodPolicy


class SettingsError(KedgeError):
    """The operator's configuration can't be used."""


Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class StoreSettings(_Part):
    """The store of jobs that name none. The operator's own credentials come from its environment."""

    url: str
    environment: dict[str, str] = Field(default_factory=dict)
    """For the operator and for step pods: endpoint, region and the like; nothing secret."""
    secret_name: str | None = None
    """A Secret in the namespace of each job, with the credentials of its step pods as environment variables."""
    patience_seconds: float = Field(600, gt=0)
    """How long a run waits for a store that is away before it fails."""


class JobStoreSettings(_Part):
    """Stores that jobs name themselves."""

    urls: list[Annotated[str, Field(pattern=r"^(s3|gs|az)://[^/]")]] = Field(default_factory=list)
    """Those that jobs may name without a Secret, with all below them: the operator opens them by its own identity."""


class AnnounceSettings(_Part):
    """Where step pods announce stored outcomes: one UDP datagram each, to the leader's own address."""

    enabled: bool = True
    port: int = Field(8091, ge=0, le=65535)
    host: str | None = None
    """The address that step pods are told; default $POD_IP."""


class LeaderSettings(_Part):
    """Which of several replicas works."""

    enabled: bool = True
    name: str = "kedge-operator"
    namespace: str | None = None
    """Where the Lease is; default $POD_NAMESPACE."""
    lease_seconds: float = Field(10, gt=1)


class HttpSettings(_Part):
    """Where metrics and probes are served."""

    host: str = "0.0.0.0"
    port: int = Field(8080, ge=0, le=65535)


class LogSettings(_Part):
    """The operator's own log."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(_Part):
    """All of it."""

    store: StoreSettings
    namespaces: list[Namespace] = Field(default_factory=list)
    """Where OpJobs are looked for; empty: everywhere."""
    image: str | None = None
    """For jobs that name none."""
    pod_template: dict[str, Any] = Field(default_factory=dict)
    """What all step pods have, under what their jobs say."""
    pod_policy: PodPolicy = PodPolicy()
    """What jobs may say of their pods."""
    job_stores: JobStoreSettings = JobStoreSettings()
    allow_pickle: bool = True
    """Whether steps may store pickles, which run code when they are loaded. False: none, whatever jobs say."""
    announce: AnnounceSettings = AnnounceSettings()
    leader_election: LeaderSettings = LeaderSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    start_grace_seconds: float = Field(20, ge=0)
    """How long a missing Secret, ConfigMap, service account or image may be missing."""
    resync_seconds: float = Field(30, gt=0)
    """How often the pods of a run are listed, and its OpJob is looked for, in case the watch has missed something."""


def load(path: str | Path) -> Settings:
    """Read a file. Raises SettingsError that lists every fault with its path."""
    import yaml

    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can't be read: {error}") from error
    try:
        found = Settings.model_validate({} if data is None else data)
        templates.of_job(found.pod_template)
    except ValidationError as error:
        faults = "".join(f"\n    {_fault(one)}" for one in error.errors())
        raise SettingsError(f"{path} is no configuration of the operator:{faults}") from error
    except PlanError as error:
        raise SettingsError(f"{path} is no configuration of the operator:\n    {error}") from error
    return found


def _fault(error: Any) -> str:
    where = ".".join(map(str, error["loc"])) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no such field"
    return f"{where}: {error['msg']}, not {error['input']!r}" if error["type"] != "missing" else f"{where}: is missing"


def pod_name() -> str:
    """This replica's name."""
    return os.environ.get("POD_NAME") or os.uname().nodename
