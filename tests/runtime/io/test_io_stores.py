"""What every store does: one suite, run over each kind."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing import get_context
from pathlib import Path

import pytest

from kedge.io import objects
from kedge.io.errors import ObjectExists, ObjectMissing, ObjectTooLarge, StoreError, StoreUnavailable
from kedge.io.objects import ObjectStore
from kedge.io.stores import Store, open_store

BRACKETS = "outcomes/size[k1,k2]/1.json"


def test_what_was_put_is_got(store: Store) -> None:
    store.put(BRACKETS, b"one")
    assert store.get(BRACKETS) == b"one"
    store.put(BRACKETS, bytearray(b"two"))
    assert store.get(BRACKETS) == b"two"
    store.put("empty", memoryview(b""))
    assert store.get("empty") == b""


def test_no_more_is_got_than_is_asked_for(store: Store) -> None:
    for path, data in (("fits", b"1234"), ("large", b"12345"), ("also", b"1")):
        store.put(path, data)
    assert store.get("fits", most=4) == b"1234"
    assert store.get_many(["fits", "also"], most=4) == [b"1234", b"1"]
    for act in (lambda: store.get("large", most=4), lambda: store.get_many(["also", "large"], most=4)):
        with pytest.raises(ObjectTooLarge, match=r"'large' has 5 bytes; no more than 4 are read"):
            act()
    with pytest.raises(ObjectMissing):
        store.get("nothing", most=4)


def test_paths_come_back_from_a_listing_as_they_were_given(store: Store) -> None:
    paths = {BRACKETS, "outcomes/a b+c=d@e/ü%41.json", "outcomes/x/1.json", "values/s/out/key:1"}
    for path in paths:
        store.put(path, path.encode())
    listed = {info.path: info for info in store.list()}
    assert set(listed) == paths
    for path in paths:
        assert store.get(path) == path.encode()
        assert listed[path].size == len(path.encode())
        assert listed[path].modified == pytest.approx(store.info(path).modified, abs=2)


def test_a_listing_goes_by_whole_folders(store: Store) -> None:
    for path in ("a/1", "a/b/2", "ab/3", "c"):
        store.put(path, b"x")
    assert {info.path for info in store.list("a")} == {"a/1", "a/b/2"}
    assert {info.path for info in store.list("a/")} == {"a/1", "a/b/2"}
    assert list(store.list("nothing")) == []
    assert list(store.list("c")) == []


def test_folders_are_listed_one_level_deep(store: Store) -> None:
    for path in (BRACKETS, "outcomes/a/1.json", "outcomes/a/b/2.json", "outcomes/plain", "other/x"):
        store.put(path, b"x")
    assert list(store.list_folders()) == ["other", "outcomes"]
    assert list(store.list_folders("outcomes")) == ["outcomes/a", "outcomes/size[k1,k2]"]
    assert list(store.list_folders("nothing")) == []


def test_a_deleted_object_is_gone_and_so_is_its_folder(store: Store) -> None:
    store.put("a/b/1", b"x")
    store.put("keep", b"x")
    store.delete(["a/b/1", "never/was"])
    store.delete([])
    assert not store.exists("a/b/1")
    assert store.exists("keep")
    assert list(store.list_folders()) == []
    store.put("a/b/1", b"y")
    assert store.get("a/b/1") == b"y"


def test_a_missing_object_is_an_error_that_names_store_and_path(store: Store) -> None:
    store.put("folder/x", b"x")
    for ask in (store.get, store.info, lambda path: list(store.stream(path))):
        with pytest.raises(ObjectMissing) as caught:
            ask("no/such[1]")
        assert store.url in str(caught.value)
        assert "no/such[1]" in str(caught.value)
    with pytest.raises(ObjectMissing):
        store.get("folder")
    with pytest.raises(ObjectMissing):
        list(store.read_into("no/such[1]", memoryview(bytearray(3))))
    assert not store.exists("folder")


def test_many_are_got_in_the_order_asked(store: Store) -> None:
    paths = [f"many/{n}" for n in range(40)]
    for path in paths:
        store.put(path, path.encode())
    assert store.get_many(paths[::-1]) == [path.encode() for path in paths[::-1]]
    assert store.get_many([]) == []
    with pytest.raises(ObjectMissing):
        store.get_many([*paths, "many/none"])


def test_create_refuses_to_overwrite(store: Store) -> None:
    store.put(BRACKETS, b"first", create=True)
    with pytest.raises(ObjectExists, match=r"size\[k1,k2\]"):
        store.put(BRACKETS, b"second", create=True)
    assert store.get(BRACKETS) == b"first"


def test_of_racing_creators_exactly_one_wins(store: Store) -> None:
    for attempt in range(10):
        path, line = f"race/{attempt}", threading.Barrier(8)

        def create(n: int, path: str = path, line: threading.Barrier = line) -> int | None:
            line.wait()
            try:
                store.put(path, str(n).encode() * 1000, create=True)
            except ObjectExists:
                return None
            return n

        with ThreadPoolExecutor(8) as pool:
            winners = [n for n in pool.map(create, range(8)) if n is not None]
        assert len(winners) == 1
        assert store.get(path) == str(winners[0]).encode() * 1000


def test_a_reader_sees_one_whole_object_during_overwrites(store: Store) -> None:
    contents = [bytes([n]) * 300_000 for n in range(4)]
    store.put("hot", contents[0])
    stop = threading.Event()

    def overwrite(content: bytes) -> None:
        while not stop.is_set():
            store.put("hot", content)

    with ThreadPoolExecutor(3) as pool:
        for content in contents[:3]:
            pool.submit(overwrite, content)
        try:
            seen = [store.get("hot") for _ in range(60)]
        finally:
            stop.set()
    assert all(each in contents for each in seen)


@pytest.mark.parametrize("size", [0, 10, 9 << 20, (25 << 20) + 1])
def test_a_written_stream_is_read_back_in_pieces(store: Store, size: int) -> None:
    data = os.urandom(size)
    store.put_stream("big", (memoryview(data)[at : at + 3_000_000] for at in range(0, size, 3_000_000)))
    assert store.info("big").size == size
    assert b"".join(store.stream("big", 1 << 20)) == data
    buffer = memoryview(bytearray(size + 5))
    assert sum(len(part) for part in store.read_into("big", buffer)) == size
    assert bytes(buffer[:size]) == data
    half = memoryview(bytearray(size // 2))
    list(store.read_into("big", half))
    assert bytes(half) == data[: size // 2]


def half(size: int) -> Iterator[bytes]:
    yield bytes(size)
    raise RuntimeError("half way")


@pytest.mark.parametrize("size", [10, 20 << 20])
def test_a_write_that_fails_half_way_leaves_nothing(store: Store, size: int) -> None:
    store.put("old", b"old")
    for path in ("new", "old"):
        with pytest.raises(RuntimeError, match="half way"):
            store.put_stream(path, half(size))
    assert {info.path for info in store.list()} == {"old"}
    assert store.get("old") == b"old"


@pytest.mark.parametrize("path", ["", "/abs", "a//b", "a/", "../up", "a/../b", "./a", "nul\0"])
def test_a_malformed_path_is_refused(store: Store, path: str) -> None:
    for ask in (store.get, lambda path: store.put(path, b"x"), store.exists, lambda path: store.delete([path])):
        with pytest.raises(StoreError, match="no path"):
            ask(path)


def test_unfinished_writes_are_hidden_and_cannot_be_named(file_store: Store, tmp_path: Path) -> None:
    with file_store.writer("a") as out:
        out.write(b"part")
        assert list(file_store.list()) == []
        assert list(file_store.list_folders()) == []
    assert [info.path for info in file_store.list()] == ["a"]
    assert list((tmp_path / "store" / ".kedge-tmp").iterdir()) == []
    with pytest.raises(StoreError, match="unfinished"):
        file_store.get(".kedge-tmp/x")


def _create_in_process(url: str, n: int) -> int | None:
    try:
        open_store(url).put("race/one", str(n).encode(), create=True)
    except ObjectExists:
        return None
    return n


def test_of_racing_processes_exactly_one_creates(file_store: Store) -> None:
    with ProcessPoolExecutor(8, get_context("spawn")) as pool:
        winners = [n for n in pool.map(_create_in_process, [file_store.url] * 8, range(8)) if n is not None]
    assert len(winners) == 1
    assert file_store.get("race/one") == str(winners[0]).encode()


def test_writers_and_deleters_of_one_folder_do_not_disturb_each_other(file_store: Store) -> None:
    def work(n: int) -> None:
        for _ in range(100):
            file_store.put(f"deep/er/{n}", b"x")
            file_store.delete([f"deep/er/{n}"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert list(file_store.list()) == []


def test_a_folder_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(StoreError, match="plain") as caught:
        open_store(f"file://{tmp_path}/plain/store")
    assert isinstance(caught.value.__cause__, OSError)


def test_the_same_memory_name_is_the_same_store() -> None:
    open_store("memory://shared-name").put("a", b"1")
    assert open_store("memory://shared-name").get("a") == b"1"
    assert not open_store("memory://other-name").exists("a")


@pytest.mark.parametrize("url", ["", "nothing", "ftp://x/y", "s3://", "file://relative/x", "/just/a/path"])
def test_a_url_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(StoreError):
        open_store(url)


def test_options_are_refused_where_they_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="endpoint"):
        open_store(f"file://{tmp_path}", options={"endpoint": "x"})


def test_a_file_url_may_be_percent_encoded(tmp_path: Path) -> None:
    open_store(f"file://{tmp_path}/a%20b").put("x", b"1")
    assert (tmp_path / "a b" / "x").read_bytes() == b"1"


def test_a_store_that_does_not_answer_is_unavailable() -> None:
    def refused() -> object:
        from obstore.store import S3Store

        return S3Store(
            "bucket",
            config={"endpoint": "http://127.0.0.1:9", "access_key_id": "a", "secret_access_key": "b"},
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )

    with pytest.raises(StoreUnavailable, match="endpoint") as caught:
        ObjectStore("s3://bucket", backend=refused).get("a")  # type: ignore[arg-type]
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (403, '{"SecretAccessKey": "planted"}', "status code: 403 Forbidden"),
        (400, "<html>planted</html>", "status code: 400 Bad Request"),
        (
            400,
            "<Error><Code>InvalidName</Code><Message>no &quot;such&quot; name</Message><Key>planted</Key></Error>",
            'status code: 400 Bad Request: InvalidName: no "such" name',
        ),
    ],
)
def test_of_an_answer_that_refuses_only_a_store_s_own_words_are_told(status: int, body: str, told: str) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        options = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "endpoint": endpoint, "allow_http": "true"}
        with pytest.raises(StoreError) as raised:
            open_store("s3://bucket", options=options).get("path")
        server.shutdown()
    assert str(raised.value).endswith(told)


def test_a_token_that_fits_no_request_is_an_error_like_others() -> None:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_session_token": "c\nd"}
    options = {**keys, "endpoint": "http://127.0.0.1:9", "allow_http": "true"}
    for act in (lambda one: one.get("path"), lambda one: one.put("path", b"1"), lambda one: list(one.list())):
        with pytest.raises(StoreError, match="does a key or a token hold a line end"):
            act(open_store("s3://bucket", options=options))


def test_an_object_cannot_be_a_folder_too_in_a_file_store(file_store: Store) -> None:
    file_store.put("a", b"1")
    for create in (False, True):
        with pytest.raises(StoreError, match="itself an object"):
            file_store.put("a/b", b"2", create=create)
    assert not file_store.exists("a/b")


def test_a_store_can_be_pickled(file_store: Store) -> None:
    file_store.put("a", b"1")
    assert pickle.loads(pickle.dumps(file_store)).get("a") == b"1"


FORK = """
import os, sys
from kedge.io.objects import ObjectStore
from kedge.io.stores import open_store

def local():
    from obstore.store import LocalStore
    return LocalStore(sys.argv[1], mkdir=True)

stores = [open_store("file://" + sys.argv[1] + "/f"), ObjectStore("s3://local", backend=local)]
if not (child := os.fork()):
    for store in stores:
        store.put("from/child", b"1", create=True)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
for store in stores:
    assert store.get("from/child") == b"1"
if not (child := os.fork()):
    try:
        stores[1].get("from/child")
    except Exception as error:
        os._exit(7 if "forked" in str(error) else 8)
    os._exit(9)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_store_made_before_a_fork_works_in_the_child_and_one_used_before_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, tmp_path],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "7\n", "")


def test_a_step_with_a_file_store_loads_neither_obstore_nor_asyncio_nor_numpy(tmp_path: Path) -> None:
    code = (
        "import sys; from kedge.io.stores import open_store; from kedge.io.values import *\n"
        "s = open_store('file://' + sys.argv[1]); r = write_value(s, 'v', {'a': [1]}); read_value(s, r)\n"
        "heavy = ('obstore', 'asyncio', 'numpy', 'pandas', 'polars', 'pyarrow', 'typing_extensions')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_process_forked_too_late_is_told_and_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_process_of_first_use", os.getpid() + 1)
    with pytest.raises(StoreError, match="spawn"):
        open_store("s3://bucket").get("x")
