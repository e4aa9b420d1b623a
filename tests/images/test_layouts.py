"""Images as blobs: what an archive holds, and what stays when an image is replaced."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cluster.layouts import Layout

NAME = "org.opencontainers.image.ref.name"


class Filled:
    """A layout, filled as skopeo fills it."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder)
        (folder / "blobs" / "sha256").mkdir(parents=True)

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        (self.layout.folder / "blobs" / "sha256" / digest).write_bytes(data)
        return f"sha256:{digest}"

    def image(self, user: str, *layers: bytes) -> dict[str, Any]:
        config = self.put(json.dumps({"config": {"User": user}}).encode())
        blobs = [{"digest": self.put(layer), "size": len(layer)} for layer in layers]
        return {"digest": self.put(json.dumps({"config": {"digest": config}, "layers": blobs}).encode())}

    def index(self, *named: tuple[dict[str, Any], str | None]) -> None:
        manifests = [one if name is None else one | {"annotations": {NAME: name}} for one, name in named]
        (self.layout.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))

    @property
    def blobs(self) -> set[str]:
        return {f"sha256:{path.name}" for path in (self.layout.folder / "blobs" / "sha256").iterdir()}


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    return Filled(tmp_path / "layout")


def names_in(path: Path) -> set[str]:
    with tarfile.open(path) as archive:
        return set(archive.getnames())


def test_an_image_is_found_by_its_name(filled: Filled) -> None:
    made = filled.image("1:1", b"base", b"more")
    filled.index((made, "localhost/a:dev"))
    assert filled.layout.digest("localhost/a:dev") == made["digest"]
    assert filled.layout.config("localhost/a:dev") == {"User": "1:1"}
    assert filled.layout.size("localhost/a:dev") == 8


def test_no_image_has_no_digest_and_no_configuration(filled: Filled) -> None:
    assert filled.layout.digest("localhost/a:dev") is None
    assert Layout(filled.layout.folder / "nowhere").config("localhost/a:dev") is None


def test_an_archive_holds_one_image_whole(filled: Filled, tmp_path: Path) -> None:
    filled.index((filled.image("1", b"base", b"a"), "localhost/a:dev"))
    of_a = {f"blobs/{digest.replace(':', '/')}" for digest in filled.blobs}
    filled.index(
        (filled.image("1", b"base", b"a"), "localhost/a:dev"), (filled.image("2", b"base", b"b"), "localhost/b:dev")
    )
    filled.layout.archive("localhost/a:dev", tmp_path / "a.tar")
    assert names_in(tmp_path / "a.tar") == {"oci-layout", "index.json", *of_a}


def test_an_archive_leaves_out_what_the_other_side_has(filled: Filled, tmp_path: Path) -> None:
    base = filled.put(b"base")
    filled.index((filled.image("1", b"base", b"a"), "localhost/a:dev"))
    filled.layout.archive("localhost/a:dev", tmp_path / "a.tar", without={base})
    assert f"blobs/{base.replace(':', '/')}" not in names_in(tmp_path / "a.tar")
    assert len(names_in(tmp_path / "a.tar")) == 2 + 3


def test_an_archive_of_no_image_is_refused(filled: Filled, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="localhost/a:dev is not in"):
        filled.layout.archive("localhost/a:dev", tmp_path / "a.tar")


def test_what_lost_its_name_is_removed_and_shared_layers_stay(filled: Filled) -> None:
    kept = filled.image("1", b"base", b"new")
    needed = filled.blobs
    filled.index((filled.image("2", b"base", b"old"), None), (kept, "localhost/a:dev"))
    filled.layout.prune()
    assert filled.blobs == needed
    assert filled.layout.digest("localhost/a:dev") == kept["digest"]
