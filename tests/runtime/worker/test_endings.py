"""How a worker ends: what it tells whom, and what a signal leaves behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from worker_pod import PATHS, SECONDS, Pod

from kedge.core.hints import Announce, Hint
from kedge.core.ids import StepKey
from kedge.core.protocol import OutcomeStatus, Single, SourceRef

QUICKLY = 20.0
"""Before a request that nobody answers is given up by itself."""
FAR = {"far": Single(SourceRef(StepKey("far"), "result"))}


def terminate(process: subprocess.Popen[str]) -> tuple[str, str]:
    """SIGTERM, and what was said; the end must come quickly."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=SECONDS)
    assert time.monotonic() - began < QUICKLY
    assert process.returncode == 130, said
    return said


def test_a_record_is_announced_and_copied_once_it_is_stored(pod: Pod) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(SECONDS)
        to = Announce("localhost", listening.getsockname()[1], "ab" * 16)
        assert pod.run(pod.ticket("small", to).to_text()).returncode == 0
        assert Hint.parse(listening.recv(1024)) == Hint("job-01234567", StepKey("small").digest, 1, "ab" * 16)
    assert pod.message.encode() == pod.store.get(PATHS.outcome(StepKey("small"), 1))


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid", "größe", ""])
def test_nobody_there_to_be_told_is_no_trouble(pod: Pod, host: str) -> None:
    done = pod.run(pod.ticket("small", Announce(host, 9, "ab" * 16)).to_text())
    assert (done.returncode, done.stderr) == (0, "")


def test_of_a_record_that_does_not_fit_it_is_told_where_it_is(pod: Pod) -> None:
    assert pod.run(pod.ticket("large").to_text()).returncode == 0
    assert pod.message == "the record is in the store; it is too long to stand here"


def test_a_worker_that_is_gone_without_a_word_is_known_to_have_begun(pod: Pod) -> None:
    done = pod.run(pod.ticket("vanishes").to_text())
    assert done.returncode == 3
    assert pod.message == "the worker began and left no record"


def test_an_image_that_has_no_worker_leaves_the_message_to_what_is_printed(pod: Pod) -> None:
    (pod.folder / "kedge.py").touch()
    done = pod.run(pod.ticket("small").to_text(), PYTHONPATH=str(pod.folder))
    assert done.returncode == 1
    assert "kedge.worker" in done.stderr
    assert pod.message == ""


@pytest.mark.parametrize("place", ["missing", "folder"])
def test_a_termination_message_that_cannot_be_written_is_no_trouble(pod: Pod, place: str) -> None:
    (pod.folder / "folder").mkdir()
    done = pod.run(pod.ticket("small").to_text(), KEDGE_TERMINATION_LOG=str(pod.folder / place))
    assert (done.returncode, done.stderr) == (0, "")
    assert not (pod.folder / "missing").exists()


@pytest.mark.parametrize(("ticket", "cause"), [("no json", "is no JSON"), ("{}", "no version"), ("null", "ticket")])
def test_a_worker_without_a_ticket_says_so_in_its_message(pod: Pod, ticket: str, cause: str) -> None:
    done = pod.run(ticket)
    assert done.returncode == 4
    assert cause in pod.message
    assert pod.message == done.stderr.strip()


def test_a_terminated_op_has_its_resources_torn_down_and_its_log_shipped(pod: Pod) -> None:
    process = pod.start(pod.ticket("waits").to_text())
    pipe = pod.caught()
    terminate(process)
    os.close(pipe)
    assert pod.notes == ["set up", "waiting", "torn down"]
    assert pod.outcome("waits") is None
    assert "some words" in pod.log
    assert pod.message == "stopped by SIGTERM before its end"


def test_an_op_that_interrupts_itself_is_told_as_such(pod: Pod) -> None:
    assert pod.run(pod.ticket("interrupts").to_text()).returncode == 130
    assert pod.message == "stopped by a KeyboardInterrupt before its end"


@contextmanager
def silent_endpoint() -> Iterator[tuple[str, threading.Event]]:
    """A server that takes requests and never answers; the event says that one has come."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = threading.Event()
        kept = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                with suppress(ConnectionError):
                    if connection.recv(100):
                        asked.set()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()


def test_a_worker_that_waits_for_an_input_is_terminated_at_once(pod: Pod) -> None:
    with silent_endpoint() as (endpoint, asked):
        process = pod.start(pod.ticket("reads", **FAR).to_text(), KEDGE_TEST_ENDPOINT=endpoint)
        assert asked.wait(SECONDS)
        terminate(process)
    assert pod.notes == ["set up", "loading", "torn down"]
    assert pod.outcome("reads") is None


def test_a_worker_that_imports_is_terminated_at_once(pod: Pod) -> None:
    process = pod.start(pod.ticket("small").to_text(), KEDGE_TEST_SLOW_IMPORT="1")
    pipe = pod.caught()
    terminate(process)
    os.close(pipe)
    assert pod.outcome("small") is None


def test_an_input_that_its_store_does_not_give_loses_the_attempt_and_is_not_the_ops_fault(pod: Pod) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # so that nobody else can; who does not listen refuses all connections
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        done = pod.run(pod.ticket("reads", **FAR).to_text(), KEDGE_TEST_ENDPOINT=endpoint)
    assert done.returncode == 1
    outcome = pod.outcome("reads")
    assert outcome is not None
    assert outcome.status is OutcomeStatus.LOST
    assert outcome.failure is not None
    assert "loading input 'far' failed" in outcome.failure.message
    assert pod.notes == ["set up", "loading", "torn down"]
