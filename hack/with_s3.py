"""Run a command with a real S3 server (versitygw) beside it, on loopback, with a bucket and obviously fake credentials.

    python hack/with_s3.py build              build the server into the cache (needs Go; a minute or two once)
    python hack/with_s3.py run COMMAND ...    run the command with the server, or without one if it was not built

With KEDGE_REQUIRE=s3 in the environment a missing server is an error.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
BUCKET = "kedge-test"


def cached() -> Path:
    """Where the built server is, named by its version."""
    found = re.search(r"versity/versitygw (v\S+)", (HERE / "s3" / "go.mod").read_text(encoding="utf-8"))
    assert found is not None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "kedge" / f"versitygw-{found[1]}"


def build() -> int:
    """Build the server unless it is there. Returns an exit code."""
    path = cached()
    if path.exists():
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    command = ["go", "build", "-o", str(partial), "github.com/versity/versitygw/cmd/versitygw"]
    try:
        done = subprocess.run(command, cwd=HERE / "s3", check=False)
    except FileNotFoundError:
        print("There is no Go here; install Go 1.25 or later to build the S3 server.", file=sys.stderr)
        return 1
    if done.returncode == 0:
        partial.replace(path)
    return done.returncode


def run(command: list[str]) -> int:
    """Run `command`, with the server if it can be had. Returns the command's exit code."""
    if not cached().exists():
        if "s3" in os.environ.get("KEDGE_REQUIRE", "").split(","):
            print("KEDGE_REQUIRE asks for the S3 server; build it with `make s3-server`.", file=sys.stderr)
            return 1
        print("No S3 server: its tests are skipped. `make s3-server` builds one (needs Go).", file=sys.stderr)
        return subprocess.run(command, check=False).returncode
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / BUCKET).mkdir()
        port = _free_port()
        keys = {"ROOT_ACCESS_KEY": "test", "ROOT_SECRET_KEY": "not-a-secret"}
        arguments = [str(cached()), "--port", f"127.0.0.1:{port}", "posix", folder]
        server = subprocess.Popen(
            arguments, env={**os.environ, **keys}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(port, server)
            return subprocess.run(command, env={**os.environ, **_client(port)}, check=False).returncode
        finally:
            server.terminate()
            server.wait()


def _client(port: int) -> dict[str, str]:
    endpoint = f"http://127.0.0.1:{port}"
    return {
        "KEDGE_TEST_S3_ENDPOINT": endpoint,
        "KEDGE_TEST_S3_BUCKET": BUCKET,
        "AWS_ENDPOINT": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, server: subprocess.Popen[bytes], seconds: float = 20.0) -> None:
    """Until the server answers. Raises RuntimeError when it ends or stays silent."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the S3 server did not start")


def main() -> int:
    """Do what the first argument says."""
    if sys.argv[1:] == ["build"]:
        return build()
    if sys.argv[1:2] == ["run"] and len(sys.argv) > 2:
        return run(sys.argv[2:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
