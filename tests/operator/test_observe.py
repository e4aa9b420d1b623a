"""What is read from a pod's status, situation by situation; the statuses are those of real pods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kedge.core.errors import ProtocolError
from kedge.core.ids import StepKey
from kedge_operator import labels, observe
from kedge_operator.observe import End, EndKind, PodView, Stuck, StuckKind, held_up

SITUATIONS: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[1] / "data/pod-statuses.yaml").read_text(encoding="utf-8")
)
STEP = StepKey.parse("size[a_txt]")
METADATA: dict[str, Any] = {
    "name": "sizes-size-1",
    "uid": "pod-uid",
    "creationTimestamp": "2026-11-25T19:35:10Z",
    "labels": labels.of_step("sizes", "run-uid", STEP, 2),
}
CREATED = 1_795_635_310.0

WAITS: dict[str, tuple[StuckKind, str]] = {
    "no node takes it": (StuckKind.UNSCHEDULABLE, "0/1 nodes are available"),
    "pull failed": (StuckKind.IMAGE, "ErrImagePull: failed to pull"),
    "pull backs off": (StuckKind.IMAGE, "ImagePullBackOff: Back-off pulling image"),
    "image is not on the node": (StuckKind.BAD_IMAGE, "ErrImageNeverPull: Container image"),
    "image name is none": (StuckKind.BAD_IMAGE, "InvalidImageName: Failed to apply default image tag"),
    "secret is missing": (StuckKind.CONFIG, 'CreateContainerConfigError: secret "none" not found'),
    "image of a sidecar is not on the node": (StuckKind.BAD_IMAGE, "container proxy: ErrImageNeverPull: Container"),
}
GOES_ON = (
    "just created",
    "container is being created",
    "ConfigMap is not known to the node yet",
    "volume's ConfigMap is missing",
    "running",
    "being evicted by the API",
    "being deleted",
    "node does not answer",
    "no status at all",
)
ENDS: dict[str, tuple[EndKind, str, int | None]] = {
    "init container failed": (EndKind.EXITED, "its init container fetch failed: it exited with code 4", None),
    "program is not in the image": (EndKind.START_ERROR, "its container could not be started: failed to create", 128),
    "refused by its node": (EndKind.REJECTED, "its pod was refused by its node (OutOfcpu): ", None),
    "completed": (EndKind.EXITED, "its container exited with code 0", 0),
    "completed, pod not yet told so": (EndKind.EXITED, "its container exited with code 0", 0),
    "step ended, sidecar runs": (EndKind.EXITED, "its container exited with code 0", 0),
    "exit code and message": (EndKind.EXITED, "its container exited with code 3: x", 3),
    "crashed": (EndKind.EXITED, "its container was ended by signal 11", 139),
    "out of memory": (EndKind.OUT_OF_MEMORY, "its container was killed for using more memory than its limit", 137),
    "evicted by the API": (EndKind.EVICTED, "its pod was evicted (EvictionByEvictionAPI: Eviction API: evicting)", 137),
    "deleted while running": (EndKind.DELETED, "its pod was deleted: its container was ended by signal 9", 137),
    "deleted while running, and gone": (EndKind.DELETED, "its pod was deleted: its container was ended by", 137),
    "deleted while pending, and gone": (EndKind.DELETED, "its pod was deleted", None),
    "its own deadline": (EndKind.DEADLINE, "its pod ran into its deadline: Pod was active on the node longer", 137),
    "evicted by its kubelet for the node's memory": (
        EndKind.EVICTED,
        "its pod was evicted (TerminationByKubelet:",
        137,
    ),
    "evicted by its kubelet for a full emptyDir": (EndKind.EVICTED, "its pod was evicted: Usage of EmptyDir", 137),
    "node shuts down": (EndKind.EVICTED, "its pod was evicted: Pod was terminated in response to imminent", 137),
    "preempted by a pod of higher priority": (EndKind.EVICTED, "its pod was evicted (PreemptionByScheduler:", 137),
    "node did not answer, and the pod was removed": (EndKind.NODE_LOST, "its pod was evicted (DeletionByTaint", None),
    "node is gone": (EndKind.NODE_LOST, "its pod was evicted (DeletionByPodGC: PodGC: node no longer", None),
    "node lost, as old clusters tell": (EndKind.NODE_LOST, "its node was lost: Node n which", None),
    "failed, and nothing more is told": (EndKind.EXITED, "its pod failed: nothing more is told", None),
}


def look(situation: str) -> PodView:
    found = SITUATIONS[situation]
    metadata = {**METADATA, **{key: found[key] for key in ("deletionTimestamp",) if key in found}}
    pod = {"metadata": metadata} | ({"status": found["status"]} if "status" in found else {})
    return observe.view(pod, gone=found.get("gone", False))


def test_every_situation_is_in_one_table() -> None:
    assert sorted([*WAITS, *GOES_ON, *ENDS]) == sorted(SITUATIONS)


@pytest.mark.parametrize("situation", WAITS)
def test_a_container_that_does_not_start_says_why(situation: str) -> None:
    found, (kind, cause) = look(situation), WAITS[situation]
    assert found.stuck is not None
    assert (found.stuck.kind, found.end, found.started) == (kind, None, None)
    assert found.stuck.cause.startswith(cause)


def test_how_long_no_node_took_it_is_told() -> None:
    found = look("no node takes it")
    assert found.stuck is not None
    assert found.stuck.since is not None
    assert CREATED - 60 < found.stuck.since < CREATED + 60


@pytest.mark.parametrize("situation", GOES_ON)
def test_a_pod_that_may_still_leave_a_record_is_waited_for(situation: str) -> None:
    found = look(situation)
    assert (found.end, found.stuck, found.is_over) == (None, None, False)


@pytest.mark.parametrize("situation", ENDS)
def test_an_end_says_how_and_why(situation: str) -> None:
    found, (kind, cause, code) = look(situation), ENDS[situation]
    assert found.is_over
    assert found.end is not None
    assert (found.end.kind, found.end.exit_code) == (kind, code)
    assert found.end.cause.startswith(cause), found.end.cause


def test_a_pod_says_whose_it_is_and_when_things_happened() -> None:
    found = look("deleted while running")
    assert (found.name, found.uid, found.run, found.digest, found.attempt) == (
        "sizes-size-1",
        "pod-uid",
        "run-uid",
        STEP.digest,
        2,
    )
    assert found.created == CREATED
    assert found.started is not None
    assert found.ended is not None
    assert found.deleting is not None
    assert CREATED < found.started < found.ended < CREATED + 60


def test_a_container_that_never_ran_has_no_start() -> None:
    assert look("program is not in the image").started is None


def test_a_record_in_the_termination_message_is_not_repeated() -> None:
    state = {"terminated": {"exitCode": 1, "message": '{"version":1}'}}
    status = {"phase": "Failed", "containerStatuses": [{"name": "step", "state": state}]}
    found = observe.view({"metadata": METADATA, "status": status})
    assert found.end is not None
    assert found.end.cause == "its container exited with code 1"


NO_KEDGE = (
    "/usr/local/bin/python: Error while finding module specification for 'kedge.worker' "
    "(ModuleNotFoundError: No module named 'kedge')"
)
NO_PYTHON = 'runc create failed: exec: "python": executable file not found in $PATH: unknown'


@pytest.mark.parametrize(
    ("reason", "message"), [("Error", NO_KEDGE), ("Error", "python: No module named kedge"), ("StartError", NO_PYTHON)]
)
def test_of_an_image_that_can_run_no_step_it_is_told_what_it_needs(reason: str, message: str) -> None:
    end = ended(reason, message)
    assert end.cause.endswith(
        f"{message}; a step's image needs Python and kedge, such as one made from the kedge-runtime image"
    )


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("Error", "ModuleNotFoundError: No module named 'pandas'"),
        ("StartError", 'exec: "/tini": no such file or directory'),
    ],
)
def test_of_other_ends_no_image_is_blamed(reason: str, message: str) -> None:
    assert ended(reason, message).cause.endswith(message)


def test_of_a_container_out_of_memory_it_is_told_what_gives_it_more() -> None:
    end = look("out of memory").end
    assert end is not None
    assert end.cause.endswith("; resources.limits.memory gives it more, memoryGrowth from attempt to attempt")


def test_a_worker_that_was_told_to_stop_is_not_said_to_have_had_another_signal() -> None:
    terminated = {"exitCode": 130, "reason": "Error", "message": "stopped by SIGTERM before its end"}
    status = {"phase": "Failed", "containerStatuses": [{"name": "step", "state": {"terminated": terminated}}]}
    found = observe.view({"metadata": METADATA, "status": status})
    assert found.end is not None
    assert found.end.cause == "its container exited with code 130: stopped by SIGTERM before its end"


def test_of_a_long_last_log_the_last_whole_lines_are_told() -> None:
    lines = [f"line {number} of what it said" for number in range(90)]
    told = ended("Error", "\n".join(lines)).cause.removeprefix("its container exited with code 1: ").split("\n")
    assert told == lines[-len(told) :]
    assert 400 < len("\n".join(told)) <= 500


def test_of_a_long_last_line_its_end_is_told() -> None:
    assert ended("Error", "x" * 600 + "y").cause == "its container exited with code 1: " + "x" * 499 + "y"


def ended(reason: str, message: str) -> End:
    """The end of a step's container."""
    state = {"terminated": {"exitCode": 1, "reason": reason, "message": message}}
    status = {"phase": "Failed", "containerStatuses": [{"name": "step", "state": state}]}
    found = observe.view({"metadata": METADATA, "status": status})
    assert found.end is not None
    return found.end


def test_a_sidecars_end_is_not_the_steps() -> None:
    statuses = [{"name": "proxy", "state": {"terminated": {"exitCode": 1}}}, {"name": "step", "state": {"running": {}}}]
    assert not observe.view(
        {"metadata": METADATA, "status": {"phase": "Running", "containerStatuses": statuses}}
    ).is_over


@pytest.mark.parametrize("missing", [labels.RUN, labels.STEP_HASH, labels.ATTEMPT])
def test_a_pod_that_does_not_say_whose_it_is_is_refused(missing: str) -> None:
    marks = {key: value for key, value in METADATA["labels"].items() if key != missing}
    with pytest.raises(ProtocolError, match="pod sizes-size-1: its labels do not say whose it is"):
        observe.view({"metadata": {**METADATA, "labels": marks}})


@pytest.mark.parametrize("attempt", ["", "one", "0", "-1", None, [], "1" * 5000])
def test_an_attempt_is_a_number_from_one(attempt: Any) -> None:
    marks = {**METADATA["labels"], labels.ATTEMPT: attempt}
    with pytest.raises(ProtocolError):
        observe.view({"metadata": {**METADATA, "labels": marks}})


# -- pods that are none -----------------------------------------------------------------------------------------

FIELDS = st.sampled_from(
    [
        *("metadata", "status", "name", "uid", "labels", "creationTimestamp", "deletionTimestamp", "phase", "reason"),
        *("message", "conditions", "type", "state", "containerStatuses", "initContainerStatuses", "waiting", "running"),
        *("terminated", "startedAt", "exitCode", "signal"),
    ]
)
WORDS = ["step", "Failed", "True", "DisruptionTarget", "PodScheduled", "False", "x", "0001-01-01T00:00:00Z"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-300, 300)
    | st.sampled_from(
        ["step", "Failed", "True", "DisruptionTarget", "PodScheduled", "False", "x", "0001-01-01T00:00:00Z"]
    )
)
GARBAGE = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4), max_leaves=25
)
STATES = st.dictionaries(st.sampled_from(["waiting", "running", "terminated"]), GARBAGE, max_size=2)
CONTAINERS = st.lists(st.fixed_dictionaries({"name": st.just("step"), "state": STATES | GARBAGE}) | GARBAGE, max_size=2)
STATUSES = st.fixed_dictionaries(
    {},
    optional={
        "phase": st.sampled_from(["Failed", "Running"]) | GARBAGE,
        "reason": GARBAGE,
        "conditions": GARBAGE,
        "containerStatuses": CONTAINERS | GARBAGE,
        "initContainerStatuses": CONTAINERS | GARBAGE,
    },
)
METADATAS = st.fixed_dictionaries({"labels": st.just(METADATA["labels"]), "name": SCALARS, "uid": SCALARS}) | GARBAGE


@given(
    GARBAGE | st.fixed_dictionaries({"metadata": st.just(METADATA) | METADATAS, "status": STATUSES | GARBAGE}),
    st.booleans(),
)
def test_what_is_no_pod_is_refused_and_breaks_nothing(pod: Any, gone: bool) -> None:
    try:
        found = observe.view(pod, gone)
    except ProtocolError:
        return
    assert isinstance(found.name, str)
    assert found.attempt >= 1
    assert all(isinstance(one.cause, str) for one in (found.end, found.stuck) if one is not None)


# -- events -----------------------------------------------------------------------------------------------------------


def warning(reason: str, note: str, at: int = 0) -> dict[str, Any]:
    """An event as a kubelet's looks by way of `events.k8s.io/v1`."""
    return {"type": "Warning", "reason": reason, "note": note, "deprecatedLastTimestamp": f"2026-01-01T00:00:{at:02}Z"}


@pytest.mark.parametrize(
    ("note", "kind"),
    [
        ('MountVolume.SetUp failed for volume "v" : configmap "x" not found', StuckKind.CONFIG),
        ('MountVolume.SetUp failed for volume "v" : secret "x" not found', StuckKind.CONFIG),
        ('MountVolume.SetUp failed for volume "v" : references non-existent secret key: k', StuckKind.CONFIG),
        ('MountVolume.SetUp failed for volume "v" : object "ns"/"x" not registered', StuckKind.HELD_UP),
        ('MountVolume.SetUp failed for volume "v" : mount failed: exit status 32\nOutput: x', StuckKind.HELD_UP),
    ],
)
def test_a_volume_that_is_missing_is_told_from_one_that_may_come(note: str, kind: StuckKind) -> None:
    found = held_up([warning("FailedMount", note)])
    assert found == Stuck(kind, f"FailedMount: {' '.join(note.split())}")


def test_of_many_warnings_the_last_that_names_a_cause_counts() -> None:
    found = held_up(
        [
            warning("FailedMount", "the first", 1),
            warning("FailedMount", "the second", 2),
            warning("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[v]", 3),
            warning("FailedToRetrieveImagePullSecret", "of no consequence", 4),
        ]
    )
    assert found == Stuck(StuckKind.HELD_UP, "FailedMount: the second")


def test_where_no_warning_is_of_a_hold_up_there_is_none() -> None:
    assert held_up([]) is None
    assert held_up([warning("BackOff", "restarting")]) is None
