"""Images of one program each, written as archives that containerd and Docker import: no builder, no registry."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.places import HACK, cache
from cluster.tools import Missing


def write(path: Path, name: str, files: Mapping[str, Path], entrypoint: Sequence[str]) -> None:
    """An image called `name` with these files (all executable) and nothing else."""
    layer = _tar({target: source.read_bytes() for target, source in files.items()}, mode=0o755)
    layer_digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": _architecture(),
            "os": "linux",
            "config": {"Entrypoint": list(entrypoint), "User": "65532:65532"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    whole = _tar({"layer.tar": layer, config_name: config, "manifest.json": manifest}, mode=0o644)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_bytes(whole)
    partial.replace(path)


def pause() -> Path:
    """The archive of the image that holds a pod's namespaces, made once a machine."""
    source = HACK / "tools" / "pause"
    version = hashlib.sha256((source / "main.go").read_bytes()).hexdigest()[:8]
    path = cache() / "images" / f"pause-{version}.tar"
    if path.exists():
        return path
    program = path.with_suffix(".bin")
    program.parent.mkdir(parents=True, exist_ok=True)
    command = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(program), "."]
    try:
        done = subprocess.run(command, cwd=source, env={**os.environ, "CGO_ENABLED": "0"}, check=False)
    except FileNotFoundError:
        raise Missing("there is no Go here to build the pause program; install Go") from None
    if done.returncode:
        raise Missing("building the pause program failed; see the messages of the compiler above")
    write(path, "localhost/kedge-pause:1", {"pause": program}, ["/pause"])
    program.unlink()
    return path


def _tar(files: Mapping[str, bytes], mode: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
