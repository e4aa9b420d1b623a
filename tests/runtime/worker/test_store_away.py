"""A real S3 server that goes away under a worker, and comes back, or doesn't."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from worker_pod import PATHS, SECONDS, Pod

from cluster import processes, s3
from cluster.tools import need
from kedge.core.ids import StepKey
from kedge.core.protocol import OutcomeStatus
from kedge.io.stores import open_store

pytestmark = pytest.mark.s3


class Server:
    """An S3 server that can be stopped, and started again at the same address with what it had."""

    def __init__(self, folder: Path) -> None:
        (folder / s3.BUCKET).mkdir(parents=True)
        (port,) = processes.free_ports(1)
        self.environment = s3.client(f"http://127.0.0.1:{port}")
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run until it takes connections."""
        keys = {"ROOT_ACCESS_KEY": s3.ACCESS_KEY, "ROOT_SECRET_KEY": s3.SECRET_KEY}
        command = [str(need("versitygw")), "--port", f"127.0.0.1:{self._port}", "posix", str(self._folder)]
        null = subprocess.DEVNULL
        self._process = subprocess.Popen(command, env={**os.environ, **keys}, stdout=null, stderr=null)
        s3._wait_for("127.0.0.1", self._port, self._process)

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that runs."""
    made = Server(tmp_path / "server")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def pod(tmp_path: Path, server: Server) -> Pod:
    """A pod whose store is in the server's bucket."""
    made = server.environment
    options = {
        "endpoint": made["AWS_ENDPOINT"],
        "allow_http": "true",
        "region": made["AWS_REGION"],
        "access_key_id": s3.ACCESS_KEY,
        "secret_access_key": s3.SECRET_KEY,
    }
    return Pod(tmp_path, open_store(f"s3://{s3.BUCKET}/kedge", options=options), dict(made))


def said(process: subprocess.Popen[str], words: str) -> str:
    """What came on stderr up to a line with these words."""
    assert process.stderr is not None
    found = ""
    while words not in found:
        line = process.stderr.readline()
        assert line, found
        found += line
    return found


@pytest.mark.parametrize("step", ["waits", "gives"])
def test_a_value_and_its_record_are_stored_once_the_store_is_back(pod: Pod, server: Server, step: str) -> None:
    """What was computed is kept; the step is not run again."""
    process = pod.start(pod.ticket(step).to_text())
    pipe = pod.caught()
    server.stop()
    os.close(pipe)
    said(process, "has to wait, for 180 s at most")
    server.start()
    _, rest = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, rest
    assert rest.count("kedge.worker:") == 1
    assert "the store is back after" in rest
    outcome = pod.outcome(step)
    assert outcome is not None
    assert outcome.status is OutcomeStatus.SUCCEEDED
    assert ("some words" in pod.log) is (step == "waits")
    record = pod.store.get(PATHS.outcome(StepKey(step), 1))
    assert pod.message == (record.decode() if len(record) <= 4000 else "")


def test_a_store_that_stays_away_leaves_no_record_but_a_cause(pod: Pod, server: Server) -> None:
    process = pod.start(pod.ticket("waits").to_text(), KEDGE_STORE_PATIENCE="1")
    pipe = pod.caught()
    server.stop()
    os.close(pipe)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 4
    assert err.count("has to wait, for 1 s at most") == 1
    assert err.count("given up after") == 1
    assert "its record could not be stored" in pod.message


def test_a_worker_starts_when_its_store_does(pod: Pod, server: Server) -> None:
    ticket = pod.ticket("small").to_text()
    server.stop()
    process = pod.start(ticket)
    said(process, "reading the plan has to wait")
    server.start()
    _, rest = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, rest


def test_a_worker_that_cannot_read_its_plan_leaves_a_cause(pod: Pod, server: Server) -> None:
    ticket = pod.ticket("small").to_text()
    server.stop()
    done = pod.run(ticket, KEDGE_STORE_PATIENCE="1")
    assert done.returncode == 4, done.stderr
    assert pod.message.startswith("the plan could not be read")


def test_without_patience_there_is_one_try(pod: Pod, server: Server) -> None:
    ticket = pod.ticket("small").to_text()
    server.stop()
    done = pod.run(ticket, KEDGE_STORE_PATIENCE="0")
    assert done.returncode == 4
    assert "has to wait" not in done.stderr


def test_a_worker_that_waits_for_its_store_is_terminated_at_once(pod: Pod, server: Server) -> None:
    process = pod.start(pod.ticket("waits").to_text())
    pipe = pod.caught()
    server.stop()
    os.close(pipe)
    said(process, "has to wait")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert time.monotonic() - began < 15
    assert pod.message == "stopped by SIGTERM before its end"
    server.start()
    assert pod.outcome("waits") is None
