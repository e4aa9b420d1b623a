"""StorePath: pathlib's interface over a store."""

import csv

import pytest

from kedge.io.paths import StorePath
from kedge.io.stores import Store, open_store


@pytest.fixture(params=["file", "memory"])
def base(request: pytest.FixtureRequest, tmp_path) -> StorePath:
    store: Store = open_store(f"file://{tmp_path}" if request.param == "file" else f"memory://{tmp_path.name}")
    return StorePath(store) / "base"


def test_a_path_has_the_names_of_pathlib(base: StorePath) -> None:
    path = base / "folder" / "data.tar.gz"
    assert (path.name, path.stem, path.suffix) == ("data.tar.gz", "data.tar", ".gz")
    assert path.parent == base / "folder"
    assert path.with_suffix(".txt").name == "data.tar.txt"
    assert path.with_name("x").key == "base/folder/x"
    assert path.parts == ("base", "folder", "data.tar.gz")
    assert str(path) == f"{base.store.url.rstrip('/')}/base/folder/data.tar.gz"
    assert path in {base.joinpath("folder", "data.tar.gz")}


def test_bytes_and_text_come_back(base: StorePath) -> None:
    path = base / "a"
    assert not path.exists()
    assert path.write_bytes(b"\x00\x01") == 2
    assert path.read_bytes() == b"\x00\x01"
    path.write_text("grüße")
    assert path.read_text() == "grüße"
    assert path.is_file()
    assert base.is_dir()
    assert not path.is_dir()


def test_an_open_file_is_stored_when_it_is_closed(base: StorePath) -> None:
    path = base / "table.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["a", 1], ["b", 2]])
        assert not path.exists()
    with path.open() as file:
        assert list(csv.reader(file)) == [["a", "1"], ["b", "2"]]
    with (base / "raw").open("wb") as file:
        file.write(b"x")
    assert (base / "raw").open("rb").read() == b"x"


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_a_block_that_raises_leaves_nothing(base: StorePath, mode: str) -> None:
    path = base / "a"

    def write() -> None:
        with path.open(mode) as file:
            file.write(b"part" if "b" in mode else "part")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert not path.exists()


def test_a_folder_lists_what_is_one_level_below(base: StorePath) -> None:
    (base / "a").write_text("1")
    (base / "b" / "c").write_text("2")
    base.mkdir(parents=True, exist_ok=True)
    assert [path.name for path in base.iterdir()] == ["a", "b"]


def test_what_is_not_there_is_said_as_pathlib_says_it(base: StorePath) -> None:
    with pytest.raises(FileNotFoundError):
        (base / "gone").read_bytes()
    with pytest.raises(FileNotFoundError):
        (base / "gone").unlink()
    (base / "gone").unlink(missing_ok=True)
    (base / "there").write_text("x")
    with pytest.raises(FileExistsError), (base / "there").open("x") as file:
        file.write("y")
    (base / "there").unlink()
    assert not (base / "there").exists()


def test_a_file_in_a_store_can_not_be_changed_in_place(base: StorePath) -> None:
    with pytest.raises(ValueError, match="mode 'a' is none of r, w, x"):
        (base / "a").open("a")
