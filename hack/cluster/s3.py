"""A real S3 server (versitygw) on loopback, with a bucket and obviously fake credentials."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cluster import processes
from cluster.tools import Missing, need

ENDPOINT = "KEDGE_TEST_S3_ENDPOINT"
BUCKET = "kedge-test"
ACCESS_KEY, SECRET_KEY = "test", "not-a-secret"
START_SECONDS = 60.0


@contextlib.contextmanager
def running(address: str = "127.0.0.1") -> Iterator[dict[str, str]]:
    """The server for the length of a block; what clients put into their environment. Raises Missing without it."""
    program = need("versitygw")
    with tempfile.TemporaryDirectory(prefix="kedge-s3-") as folder:
        (Path(folder) / BUCKET).mkdir()
        (port,) = processes.free_ports(1, address)
        server = subprocess.Popen(
            [str(program), "--port", f"{address}:{port}", "posix", folder],
            env={**os.environ, "ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(address, port, server)
            yield client(f"http://{address}:{port}")
        finally:
            server.terminate()
            server.wait()


def client(endpoint: str) -> dict[str, str]:
    """The environment with which tests and steps find the server."""
    return {
        ENDPOINT: endpoint,
        "KEDGE_TEST_S3_BUCKET": BUCKET,
        "AWS_ENDPOINT": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }


def _wait_for(address: str, port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.05)
    raise Missing("the S3 server did not start")
