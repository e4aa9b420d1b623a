"""An OCI image layout: a folder of blobs by digest, and an index of names.

A layer is in it once, however many images have it. The archive of an image can leave out the blobs
that the cluster has: after a change of source that is all but a few MB.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NAME = "org.opencontainers.image.ref.name"
_MARK = json.dumps({"imageLayoutVersion": "1.0.0"}).encode()


@dataclass(frozen=True)
class Layout:
    """The layout in a folder, as skopeo fills it."""

    folder: Path

    def digest(self, reference: str) -> str | None:
        """The digest of an image's manifest. None: there is no such image."""
        found = self._descriptor(reference)
        return str(found["digest"]) if found else None

    def config(self, reference: str) -> dict[str, Any] | None:
        """How containers of the image run. None: there is no such image."""
        digest = self.digest(reference)
        if digest is None:
            return None
        config: dict[str, Any] = self._json(self._json(digest)["config"]["digest"])["config"]
        return config

    def size(self, reference: str) -> int:
        """Bytes of an image's layers, unpacked."""
        return sum(layer["size"] for layer in self._json(str(self.digest(reference)))["layers"])

    def archive(self, reference: str, path: Path, without: Collection[str] = ()) -> None:
        """Write one image as a tar file. Its manifest and config are always in it."""
        descriptor = self._descriptor(reference)
        if descriptor is None:
            raise FileNotFoundError(f"{reference} is not in {self.folder}")
        name = {"annotations": {"io.containerd.image.name": reference, _NAME: reference.rpartition(":")[2]}}
        index = json.dumps({"schemaVersion": 2, "manifests": [descriptor | name]}).encode()
        partial = path.with_suffix(f".{os.getpid()}")
        with tarfile.open(partial, "w") as out:
            _add(out, "oci-layout", _MARK)
            _add(out, "index.json", index)
            for digest in self._blobs(descriptor["digest"]):
                if digest not in without:
                    out.add(self._path(digest), f"blobs/{digest.replace(':', '/')}")
        partial.replace(path)

    def prune(self) -> None:
        """Remove what no name leads to."""
        index = self._index()
        index["manifests"] = [one for one in index["manifests"] if _NAME in one.get("annotations", {})]
        partial = self.folder / f"index.{os.getpid()}"
        partial.write_text(json.dumps(index), encoding="utf-8")
        partial.replace(self.folder / "index.json")
        kept = {blob for one in index["manifests"] for blob in self._blobs(one["digest"])}
        for path in (self.folder / "blobs" / "sha256").iterdir():
            if f"sha256:{path.name}" not in kept:
                path.unlink()

    def _blobs(self, digest: str) -> Iterator[str]:
        manifest = self._json(digest)
        yield digest
        yield manifest["config"]["digest"]
        yield from (layer["digest"] for layer in manifest["layers"])

    def _descriptor(self, reference: str) -> dict[str, Any] | None:
        named = (one for one in self._index()["manifests"] if one.get("annotations", {}).get(_NAME) == reference)
        return next(named, None)

    def _index(self) -> dict[str, Any]:
        path = self.folder / "index.json"
        found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {"manifests": []}
        return found

    def _json(self, digest: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._path(digest).read_bytes())
        return found

    def _path(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")


def _add(out: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    out.addfile(info, io.BytesIO(data))
