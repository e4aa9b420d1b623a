"""How this machine reaches its package index, told to a build for its own time: as secrets, which no layer keeps."""

from __future__ import annotations

import ast
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

_KEPT = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout", "retries")
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Where pip looks for certificate authorities beside its own settings."""


@contextlib.contextmanager
def secrets() -> Iterator[list[str]]:
    """The flags of a build, good for the length of the block; none where pip works as it comes."""
    found = settings()
    authority = found.pop("cert", None) or next((os.environ[name] for name in AUTHORITIES if name in os.environ), None)
    kept = {name: value for name, value in found.items() if name in _KEPT}
    flags = []
    if authority:
        kept["cert"] = "/run/secrets/ca"
        flags += ["--secret", f"id=ca,src={Path(authority).resolve()}"]
    if not kept:
        yield flags
        return
    with tempfile.TemporaryDirectory(prefix="kedge-pip-") as folder:
        path = Path(folder, "pip.conf")
        path.write_text(configuration(kept), encoding="utf-8")
        yield [*flags, "--secret", f"id=pip,src={path}"]


def settings() -> dict[str, str]:
    """pip's settings for any command, by name; the environment goes first, as in pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return parse(done.stdout) if done.returncode == 0 else {}


def parse(listing: str) -> dict[str, str]:
    """Read what `pip config list` prints: `global.index-url='...'`, `:env:.timeout='...'`."""
    found: dict[str, str] = {}
    for line in sorted(listing.splitlines(), key=lambda line: line.startswith(":env:")):
        section, _, rest = line.partition(".")
        name, separator, value = rest.partition("=")
        if separator and section in ("global", "install", ":env:"):
            found[name] = str(ast.literal_eval(value))
    return found


def configuration(settings: Mapping[str, str]) -> str:
    """The settings as a file; a value of several lines goes on indented."""
    lines = (f"{name} = {value.strip()}".replace("\n", "\n    ") for name, value in settings.items())
    return "\n".join(["[global]", *lines, ""])
