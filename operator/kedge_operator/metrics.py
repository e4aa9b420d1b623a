"""What the operator measures, under Prometheus' naming conventions (base units, `_total`, no labels without bounds)."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, Info

from kedge import __version__
from kedge.core.protocol import PROTOCOL_VERSION
from kedge_operator.observe import EndKind

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LONG = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400)

RUNS = Gauge("kedge_runs", "Runs that have not ended, by phase.", ["phase"])
RUNS_ENDED = Counter("kedge_runs_ended_total", "Runs that have ended, by phase and reason.", ["phase", "reason"])
STEPS = Gauge("kedge_steps", "Steps of runs that have not ended, by state.", ["state"])
STEPS_ENDED = Counter("kedge_steps_ended_total", "Attempts that have ended, by status.", ["status"])
RETRIES = Counter(
    "kedge_step_retries_total", "Attempts that were followed by another, by the class of failure.", ["failure"]
)

QUEUED = Histogram("kedge_step_queued_seconds", "From ready to its pod being created.", buckets=_LONG)
PENDING = Histogram("kedge_step_pending_seconds", "From its pod being created to its container running.", buckets=_LONG)
STARTING = Histogram("kedge_step_starting_seconds", "From its process' start to user code.", buckets=_SHORT)
RUNNING = Histogram("kedge_step_running_seconds", "In user code.", buckets=_LONG)
STORING = Histogram("kedge_step_storing_seconds", "From user code to the stored outcome.", buckets=_SHORT)

API_REQUESTS = Counter("kedge_api_requests_total", "Requests to the API server.", ["verb", "resource", "code"])
API_SECONDS = Histogram(
    "kedge_api_request_duration_seconds", "Time of a request to the API server.", ["verb"], buckets=_SHORT
)
STORE_SECONDS = Histogram(
    "kedge_store_request_duration_seconds", "Time of a request to the store.", ["operation"], buckets=_SHORT
)
STORE_FAILURES = Counter("kedge_store_failures_total", "Requests to the store that failed for its being away.")
REACTION = Histogram(
    "kedge_reaction_seconds", "From an outcome being stored to the next pod being asked for.", buckets=_SHORT
)
WATCH_SILENCE = Gauge(
    "kedge_watch_silence_seconds", "Since the watch of a resource was last answered by the API server.", ["resource"]
)
BACKLOG = Gauge("kedge_actor_backlog", "Messages that the busiest run has not looked at.")
HINTS = Counter("kedge_hints_total", "Announced outcomes, by what became of them.", ["result"])
LEADER = Gauge("kedge_leader", "Whether this replica leads.")
BROKEN = Counter("kedge_unreadable_objects_total", "Objects that could not be read, by kind.", ["kind"])

BUILD = Info("kedge_build", "Which Kedge this is, and the version of tickets and records that it speaks.")
BUILD.info({"version": __version__, "protocol": str(PROTOCOL_VERSION)})

_LOSSES = frozenset([*(kind.value for kind in EndKind), "StoreUnavailable"])


def loss_class(error: str) -> str:
    """The class of a lost attempt by its record's error. Records come from users' pods, and labels must be bounded."""
    return error if error in _LOSSES else "other"
