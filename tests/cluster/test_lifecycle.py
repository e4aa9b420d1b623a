"""What people do with runs: resize, suspend, cancel, re-execute, delete; and what is cleaned up after them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cluster_runs import events, fan_out, most_at_once, op
from kedge_installed import SECONDS, Installed, conditions, state_of, steps_of

from kedge.io.errors import ObjectMissing

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("lifecycle")]


def waits(word: str, **more: Any) -> dict[str, Any]:
    return op("waits_for_a_word", pod={"env": [{"name": "WORD", "value": word}]}, **more)


def patch(kedge: Installed, job: str, **spec: Any) -> None:
    kedge.kubectl("patch", "oj", job, "--type=merge", "-p", json.dumps({"spec": spec}))


# -- while it runs ----------------------------------------------------------------------------------------------------


def test_more_steps_start_at_once_when_the_limit_is_raised(kedge: Installed) -> None:
    ops = [fan_out("three")]
    ops.append(op("waits", "waits_with", inputs={"x": {"map": "three"}}, pod=waits("raised")["pod"]))
    job = kedge.submit({"ops": ops, "maxConcurrent": 1})
    kedge.running(job, "waits")
    assert kedge.until(job, lambda status: status["steps"]["running"] > 0)["steps"]["running"] == 1
    patch(kedge, job, maxConcurrent=3)
    kedge.until(job, lambda status: status["steps"]["running"] == 3)
    kedge.store.put("words/raised", b"")
    assert kedge.ended(job)["phase"] == "Succeeded"
    spans = [found[0].times for step, found in kedge.outcomes(job).items() if step.startswith("waits")]
    assert most_at_once([(one.launched, one.ended) for one in spans if one is not None]) == 3


def test_suspending_lets_running_pods_end_and_starts_none_until_it_is_resumed(kedge: Installed) -> None:
    job = kedge.submit({"ops": [waits("suspended"), op("add", "says", inputs={"x": {"from": "waits_for_a_word"}})]})
    kedge.running(job, "waits_for_a_word")
    patch(kedge, job, suspend=True)
    assert conditions(kedge.until(job, lambda status: status["phase"] == "Suspended"))["Suspended"] == "True Suspended"
    kedge.store.put("words/suspended", b"")
    kedge.until(job, lambda status: status["steps"]["succeeded"] == 1)
    assert steps_of(kedge.pods(job)) == ["waits_for_a_word"]
    patch(kedge, job, suspend=False)
    status = kedge.ended(job)
    assert status["phase"] == "Succeeded"
    assert conditions(status)["Suspended"] == "False NotSuspended"


def test_a_run_created_suspended_makes_no_pod(kedge: Installed) -> None:
    job = kedge.submit({"entrypoint": "pod_jobs:doubles", "suspend": True})
    kedge.until(job, lambda status: status["phase"] == "Suspended")
    assert kedge.pods(job) == []
    patch(kedge, job, cancel=True)
    assert kedge.ended(job)["phase"] == "Cancelled"


def test_cancelling_ends_pods_and_then_the_run(kedge: Installed) -> None:
    template = {"spec": {"terminationGracePeriodSeconds": 60}}
    ops = [op("sleeps"), op("add", "add_one", inputs={"x": {"from": "sleeps"}})]
    job = kedge.submit({"ops": ops, "podTemplate": template})
    kedge.said(kedge.running(job, "sleeps")["metadata"]["name"], "sleeping")
    began = time.monotonic()
    patch(kedge, job, cancel=True)
    status = kedge.ended(job)
    assert conditions(status)["Failed"] == "True Cancelled"
    assert status["phase"] == "Cancelled"
    assert time.monotonic() - began < 45, "the step was told to end, and did not have to be killed"
    assert all("terminated" in state_of(pod) for pod in kedge.pods(job))


def test_a_pod_that_does_not_listen_is_killed_after_its_grace(kedge: Installed) -> None:
    template = {"spec": {"terminationGracePeriodSeconds": 2}}
    job = kedge.submit({"ops": [op("ignores_sigterm")], "podTemplate": template})
    pod = kedge.running(job, "ignores_sigterm")["metadata"]["name"]
    kedge.said(pod, "not listening")
    patch(kedge, job, cancel=True)
    assert kedge.ended(job)["phase"] == "Cancelled"
    assert all("terminated" in state_of(pod) for pod in kedge.pods(job))


# -- afterwards -------------------------------------------------------------------------------------------------------


def test_a_new_run_goes_on_from_the_failures_of_an_old_one(kedge: Installed) -> None:
    ops = [
        fan_out("three"),
        op("fails_once", inputs={"x": {"map": "three"}}),
        op("total", inputs={"values": {"collect": "fails_once"}}),
    ]
    first = kedge.submit({"ops": ops})
    assert kedge.ended(first)["phase"] == "Failed"
    kedge.store.put("words/mended", b"")
    second = kedge.submit({"ops": ops, "reexecute": {"from": first}})
    status = kedge.ended(second)
    assert (status["phase"], status["steps"]["cached"]) == ("Succeeded", 3)
    assert steps_of(kedge.pods(second)) == ["fails_once[n2]", "total"]


def test_a_selection_of_steps_runs_again(kedge: Installed) -> None:
    ops = [op("one"), op("add_one", inputs={"x": {"from": "one"}})]
    ops.append(op("more", "add_one", inputs={"x": {"from": "add_one"}}))
    first = kedge.submit({"ops": ops})
    assert kedge.ended(first)["phase"] == "Succeeded"
    second = kedge.submit({"ops": ops, "reexecute": {"from": first, "steps": ["add_one"]}})
    assert kedge.ended(second)["phase"] == "Succeeded"
    assert steps_of(kedge.pods(second)) == ["add_one"]


def test_a_re_execution_is_refused_with_a_reason_when_the_graph_has_changed(kedge: Installed) -> None:
    first = kedge.submit({"ops": [op("raises")]})
    assert kedge.ended(first)["phase"] == "Failed"
    status = kedge.ended(kedge.submit({"ops": [op("raises"), op("one")], "reexecute": {"from": first}}))
    assert conditions(status)["Planned"] == "False PlanRefused"
    assert "another graph" in status["message"]
    nobody = kedge.ended(kedge.submit({"ops": [op("one")], "reexecute": {"from": "nobody"}}))
    assert "nobody is no OpJob here" in nobody["message"]


def test_a_memoized_step_takes_over_an_earlier_success_without_a_pod(kedge: Installed) -> None:
    ops = [op("one", codeVersion="1"), op("add_one", inputs={"x": {"from": "one"}}, codeVersion="7")]
    first = kedge.submit({"ops": ops}, name="memoized")
    assert kedge.ended(first)["phase"] == "Succeeded"
    second = kedge.submit({"ops": ops}, name="memoized-again")
    status = kedge.ended(second)
    assert (status["phase"], status["steps"]["cached"]) == ("Succeeded", 2)
    assert kedge.pods(second) == []


def test_values_go_when_they_are_consumed_or_when_the_run_is_over(kedge: Installed) -> None:
    ops = [op("one"), op("add_one", inputs={"x": {"from": "one"}})]
    left = {}
    for policy in ("Always", "UntilConsumed", "UntilFinished"):
        job = kedge.submit({"ops": ops, "retainValues": policy})
        assert kedge.ended(job)["phase"] == "Succeeded"
        values = kedge.store.list(f"{kedge.paths(job).prefix}/values")
        left[policy] = sorted(info.path.split("/values/")[1].split("/")[0] for info in values)
    assert left == {"Always": ["add_one", "one"], "UntilConsumed": ["add_one"], "UntilFinished": []}


def test_a_finished_run_is_removed_when_its_time_is_over_and_its_values_with_it(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("one")], "ttlSecondsAfterFinished": 1, "suspend": True})
    paths = kedge.paths(job)  # while it is sure to be there
    patch(kedge, job, suspend=False)
    kedge.kubectl("wait", f"oj/{job}", "--for=delete", f"--timeout={SECONDS}s")
    kedge.kubectl("wait", "pods", "-l", f"kedge.dev/job={job}", "--for=delete", f"--timeout={SECONDS}s")
    assert kedge.soon(lambda: not list(kedge.store.list(paths.prefix)))


def test_deleting_a_run_ends_its_pods_and_keeps_its_values_where_the_policy_says(kedge: Installed) -> None:
    url = "s3://kedge"
    job = kedge.submit({"ops": [op("one"), op("sleeps")], "store": {"url": url, "reclaimPolicy": "Retain"}})
    kedge.running(job, "sleeps")
    kedge.until(job, lambda status: status["steps"]["succeeded"] == 1)
    paths = kedge.paths(job)
    kedge.kubectl("delete", "oj", job)
    kedge.kubectl("wait", "pods", "-l", f"kedge.dev/job={job}", "--for=delete", f"--timeout={SECONDS}s")
    assert [info.path for info in kedge.store.list(f"{paths.prefix}/values")]


def test_events_tell_a_person_what_happened(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("raises", retryPolicy={"maxRetries": 1})]})
    kedge.ended(job)
    wanted = ["Planned", "StepFailed", "StepRetried", "StepsFailed"]
    assert kedge.soon(lambda: set(wanted) <= set(dict(events(kedge, job))))
    told = dict(events(kedge, job))
    # A pod that starts slowly is told of, too.
    assert sorted(reason for reason, _ in events(kedge, job) if reason != "NotStarting") == wanted
    assert "raises: ValueError: no luck today" in told["StepFailed"]
    assert "tried again" in told["StepRetried"]


def test_an_event_tells_that_steps_wait_for_a_limit(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("one"), op("two", "one")], "maxConcurrent": 1})
    kedge.ended(job)
    assert kedge.soon(lambda: "WaitingForLimit" in dict(events(kedge, job)))
    assert "maxConcurrent is 1" in dict(events(kedge, job))["WaitingForLimit"]


def test_pods_of_a_run_that_is_deleted_in_the_foreground_are_not_made_again(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("sleeps")], "podTemplate": {"spec": {"terminationGracePeriodSeconds": 1}}})
    kedge.running(job, "sleeps")
    paths = kedge.paths(job)
    kedge.kubectl("delete", "oj", job, "--cascade=foreground", f"--timeout={SECONDS}s")
    kedge.kubectl("wait", "pods", "-l", f"kedge.dev/job={job}", "--for=delete", f"--timeout={SECONDS}s")
    assert kedge.soon(lambda: not list(kedge.store.list(paths.prefix)))
    assert kedge.pods(job) == []


def test_nothing_is_written_on_what_people_own(kedge: Installed) -> None:
    job = kedge.submit({"ops": [op("one")]})
    kedge.ended(job)
    metadata = kedge.get(job)["metadata"]
    assert "finalizers" not in metadata
    assert not metadata.get("annotations")
    keys = [key for pod in kedge.pods(job) for key in pod["metadata"]["annotations"]]
    assert keys == ["kedge.dev/step"]


# -- logs -------------------------------------------------------------------------------------------------------------


def test_a_log_is_in_the_store_even_of_a_pod_that_was_killed(kedge: Installed) -> None:
    ops = [op("one"), op("says", inputs={"x": {"from": "one"}}), op("sleeps")]
    job = kedge.submit({"ops": ops, "infrastructureRetries": 0})
    pod = kedge.running(job, "sleeps")["metadata"]["name"]
    paths = kedge.paths(job)
    assert kedge.soon(lambda: b"sleeping" in log(kedge, paths, "sleeps"))
    kedge.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    assert kedge.ended(job)["phase"] == "Failed"
    assert b"sleeping" in log(kedge, paths, "sleeps")
    said = log(kedge, paths, "says")
    assert b"working on 1" in said
    assert b"plain words" in said
    says = kedge.pod(job, "says", lambda pod: "terminated" in state_of(pod))  # a kubelet tells later than the record
    assert "working on 1" in kedge.kubectl("logs", says["metadata"]["name"])


def log(kedge: Installed, paths: Any, step: str) -> bytes:
    from kedge.core.ids import StepKey

    folder = paths.logs(StepKey.parse(step), 1).rstrip("/")
    try:
        return b"".join(kedge.store.get(path) for path in sorted(info.path for info in kedge.store.list(folder)))
    except ObjectMissing:
        return b""
